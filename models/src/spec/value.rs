//! TLA+ values, read from text and written in one canonical form.
//!
//! TLC prints the fields of a record in the order in which it first met their names, so text alone cannot be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A value as TLC prints it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `TRUE`, `FALSE`.
    Boolean(bool),
    /// `-3`.
    Integer(i64),
    /// `"closed"`.
    Text(String),
    /// A model value: a bare name.
    Name(String),
    /// `<<1, 2>>`.
    Sequence(Vec<Self>),
    /// `{1, 2}`.
    Set(BTreeSet<Self>),
    /// `[calls |-> 1]`.
    Record(BTreeMap<String, Self>),
    /// `(0 :> 1 @@ 1 :> 0)`.
    Function(BTreeMap<Self, Self>),
}

/// A state of a specification, or of the code as the specification sees it: the value of each variable.
pub type View = BTreeMap<String, Value>;

impl Value {
    /// Text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// A record of `fields`.
    pub fn record<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// A whole number, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// Text, if it is that.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A function from `0..` to `values`, in their order.
    pub fn function_from_zero(values: impl IntoIterator<Item = Self>) -> Self {
        Self::Function((0..).map(Self::Integer).zip(values).collect())
    }

    /// Reads the whole of `text`.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value()?;
        reader.end()?;
        Ok(value)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Self {
        Self::Boolean(is)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(true) => write!(out, "TRUE"),
            Self::Boolean(false) => write!(out, "FALSE"),
            Self::Integer(number) => write!(out, "{number}"),
            Self::Text(text) => write!(out, "\"{text}\""),
            Self::Name(name) => write!(out, "{name}"),
            Self::Sequence(items) => enclosed(out, "<<", items, ", ", ">>"),
            Self::Set(items) => enclosed(out, "{", items, ", ", "}"),
            Self::Record(fields) => {
                enclosed(out, "[", fields.iter().map(|(name, value)| format!("{name} |-> {value}")), ", ", "]")
            }
            Self::Function(pairs) => {
                enclosed(out, "(", pairs.iter().map(|(key, value)| format!("{key} :> {value}")), " @@ ", ")")
            }
        }
    }
}

fn enclosed<T: fmt::Display>(
    out: &mut fmt::Formatter<'_>,
    open: &str,
    items: impl IntoIterator<Item = T>,
    between: &str,
    close: &str,
) -> fmt::Result {
    out.write_str(open)?;
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.write_str(between)?;
        }
        write!(out, "{item}")?;
    }
    out.write_str(close)
}

/// A state in one line: `clock = 0, left = 2, …`.
pub fn view_in_words(view: &View) -> String {
    let fields: Vec<_> = view.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    fields.join(", ")
}

/// Text that is no TLA+ value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at} of `{text}`")]
pub struct ValueError {
    /// What should have come.
    pub expected: &'static str,
    /// Where.
    pub at: usize,
    /// In what.
    pub text: String,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_spaces();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &'static str) -> Result<(), ValueError> {
        if self.take(token) { Ok(()) } else { Err(self.error(token)) }
    }

    fn end(&mut self) -> Result<(), ValueError> {
        self.skip_spaces();
        if self.rest().is_empty() { Ok(()) } else { Err(self.error("the end")) }
    }

    fn error(&self, expected: &'static str) -> ValueError {
        ValueError { expected, at: self.at, text: self.text.to_owned() }
    }

    fn value(&mut self) -> Result<Value, ValueError> {
        if self.take("<<") {
            Ok(Value::Sequence(self.items(">>", ",", Self::value)?))
        } else if self.take("{") {
            Ok(Value::Set(self.items("}", ",", Self::value)?.into_iter().collect()))
        } else if self.take("[") {
            Ok(Value::Record(self.items("]", ",", Self::field)?.into_iter().collect()))
        } else if self.take("(") {
            Ok(Value::Function(self.items(")", "@@", Self::pair)?.into_iter().collect()))
        } else if self.take("\"") {
            self.quoted()
        } else {
            self.word()
        }
    }

    fn items<T>(
        &mut self,
        close: &'static str,
        between: &'static str,
        item: fn(&mut Self) -> Result<T, ValueError>,
    ) -> Result<Vec<T>, ValueError> {
        let mut items = Vec::new();
        if self.take(close) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.take(close) {
                return Ok(items);
            }
            self.expect(between)?;
        }
    }

    fn field(&mut self) -> Result<(String, Value), ValueError> {
        let name = self.name()?;
        self.expect("|->")?;
        Ok((name, self.value()?))
    }

    fn pair(&mut self) -> Result<(Value, Value), ValueError> {
        let key = self.value()?;
        self.expect(":>")?;
        Ok((key, self.value()?))
    }

    fn quoted(&mut self) -> Result<Value, ValueError> {
        let length = self.rest().find('"').ok_or_else(|| self.error("a closing quote"))?;
        let text = self.rest()[..length].to_owned();
        self.at += length + 1;
        Ok(Value::Text(text))
    }

    fn word(&mut self) -> Result<Value, ValueError> {
        let word = self.name()?;
        match word.as_str() {
            "TRUE" => Ok(Value::Boolean(true)),
            "FALSE" => Ok(Value::Boolean(false)),
            _ => Ok(word.parse().map_or(Value::Name(word), Value::Integer)),
        }
    }

    fn name(&mut self) -> Result<String, ValueError> {
        self.skip_spaces();
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
        let length = self.rest().find(|letter| !is_part(letter)).unwrap_or(self.rest().len());
        if length == 0 {
            return Err(self.error("a value or a name"));
        }
        let name = self.rest()[..length].to_owned();
        self.at += length;
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_fields_are_printed_does_not_matter() {
        let one = Value::parse("<<[failed |-> 1, calls |-> 2]>>").unwrap();
        let other = Value::parse("<< [calls |-> 2,failed |-> 1] >>").unwrap();
        assert_eq!(one, other);
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_value() {
        for text in ["<<>>", "{}", "(0 :> 1 @@ 1 :> 0)", "[a |-> {1, 2}, b |-> <<\"x\", TRUE>>]", "-3", "server"] {
            assert_eq!(Value::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn broken_text_is_refused_with_its_place() {
        assert_eq!(Value::parse("<<1, 2").unwrap_err().to_string(), "expected , at byte 6 of `<<1, 2`");
        assert_eq!(Value::parse("1 2").unwrap_err().expected, "the end");
        assert_eq!(Value::parse("\"open").unwrap_err().expected, "a closing quote");
        assert_eq!(Value::parse("").unwrap_err().expected, "a value or a name");
    }
}
