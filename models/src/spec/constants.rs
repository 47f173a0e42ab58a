//! The constants of a TLC configuration, so that the code's world is set up from the very file that TLC reads.

use super::value::{Value, ValueError};
use std::collections::BTreeMap;

/// Constants by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constants {
    values: BTreeMap<String, Value>,
}

/// Why constants cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstantsError {
    /// A value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A constant refers to a definition that its module does not have.
    #[error("{0} is not defined by the module")]
    Undefined(String),
    /// A constant is not there.
    #[error("{0} is not given")]
    Missing(&'static str),
    /// A constant is of another kind than the code's world needs.
    #[error("{name} is {given}, which is no {expected}")]
    Kind {
        /// Which.
        name: &'static str,
        /// What it is.
        given: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The code refuses a configuration that is made of them.
    #[error("the code refuses them: {0}")]
    Refused(String),
}

impl Constants {
    /// Reads the constants of `configuration`; those that are given by name are looked up in `module`.
    ///
    /// # Errors
    /// The first constant that cannot be read.
    pub fn read(configuration: &str, module: &str) -> Result<Self, ConstantsError> {
        let lines = configuration.lines().skip_while(|line| line.trim() != "CONSTANTS").skip(1);
        let constants = lines.take_while(|line| line.starts_with(' ') || line.trim().is_empty());
        let values = constants.filter_map(|line| read_constant(line, module)).collect::<Result<_, _>>()?;
        Ok(Self { values })
    }

    fn get(&self, name: &'static str) -> Result<&Value, ConstantsError> {
        self.values.get(name).ok_or(ConstantsError::Missing(name))
    }

    /// A number.
    ///
    /// # Errors
    /// If it is none.
    pub fn number(&self, name: &'static str) -> Result<u32, ConstantsError> {
        let value = self.get(name)?;
        as_number(value).ok_or_else(|| wrong_kind(name, value, "number"))
    }

    /// Yes or no.
    ///
    /// # Errors
    /// If it is neither.
    pub fn is(&self, name: &'static str) -> Result<bool, ConstantsError> {
        let value = self.get(name)?;
        if let Value::Boolean(is) = value { Ok(*is) } else { Err(wrong_kind(name, value, "Boolean")) }
    }

    /// Text.
    ///
    /// # Errors
    /// If it is none.
    pub fn text(&self, name: &'static str) -> Result<&str, ConstantsError> {
        let value = self.get(name)?;
        if let Value::Text(text) = value { Ok(text) } else { Err(wrong_kind(name, value, "text")) }
    }

    /// A sequence of numbers, or a set of them in their order.
    ///
    /// # Errors
    /// If it is neither.
    pub fn numbers(&self, name: &'static str) -> Result<Vec<u32>, ConstantsError> {
        let value = self.get(name)?;
        let numbers = match value {
            Value::Sequence(items) => items.iter().map(as_number).collect(),
            Value::Set(items) => items.iter().map(as_number).collect(),
            _ => None,
        };
        numbers.ok_or_else(|| wrong_kind(name, value, "sequence or set of numbers"))
    }

    /// A set of records: the fields of each.
    ///
    /// # Errors
    /// If it is none.
    pub fn records(&self, name: &'static str) -> Result<Vec<&BTreeMap<String, Value>>, ConstantsError> {
        let value = self.get(name)?;
        let records = if let Value::Set(items) = value { items.iter().map(as_record).collect() } else { None };
        records.ok_or_else(|| wrong_kind(name, value, "set of records"))
    }

    /// A set of texts, in alphabetical order.
    ///
    /// # Errors
    /// If it is none.
    pub fn texts(&self, name: &'static str) -> Result<Vec<&str>, ConstantsError> {
        let value = self.get(name)?;
        let texts = if let Value::Set(items) = value { items.iter().map(as_text).collect() } else { None };
        texts.ok_or_else(|| wrong_kind(name, value, "set of texts"))
    }
}

/// `Callers = 3`, or `OpenWaits <- Waits` with `Waits == <<1, 2>>` in the module.
fn read_constant(line: &str, module: &str) -> Option<Result<(String, Value), ConstantsError>> {
    let read = |name: &str, text: &str| Ok((name.trim().to_owned(), Value::parse(text)?));
    if let Some((name, definition)) = line.split_once("<-") {
        let text = definition_of(definition.trim(), module);
        let text = text.ok_or_else(|| ConstantsError::Undefined(definition.trim().to_owned()));
        return Some(text.and_then(|text| read(name, text)));
    }
    let (name, text) = line.split_once('=')?;
    Some(read(name, text))
}

fn definition_of<'a>(name: &str, module: &'a str) -> Option<&'a str> {
    module.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix("=="))
}

fn as_number(value: &Value) -> Option<u32> {
    if let Value::Integer(number) = value { u32::try_from(*number).ok() } else { None }
}

fn as_text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn as_record(value: &Value) -> Option<&BTreeMap<String, Value>> {
    if let Value::Record(fields) = value { Some(fields) } else { None }
}

fn wrong_kind(name: &'static str, value: &Value, expected: &'static str) -> ConstantsError {
    ConstantsError::Kind { name, given: value.to_string(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str =
        "SPECIFICATION Spec\nCONSTANTS\n    Callers = 3\n    Timed = TRUE\n    Waits <- MCWaits\nINVARIANT Right\n";

    #[test]
    fn constants_come_from_the_configuration_and_its_module() {
        let constants = Constants::read(CONFIGURATION, "MCWaits == <<1, 2>>\n").unwrap();
        assert_eq!(constants.number("Callers"), Ok(3));
        assert_eq!(constants.is("Timed"), Ok(true));
        assert_eq!(constants.numbers("Waits"), Ok(vec![1, 2]));
        assert_eq!(constants.number("Right"), Err(ConstantsError::Missing("Right")));
        assert_eq!(constants.text("Callers").unwrap_err().to_string(), "Callers is 3, which is no text");
    }

    #[test]
    fn a_definition_that_is_not_there_is_named() {
        let error = Constants::read(CONFIGURATION, "Waits == <<1>>\n").unwrap_err();
        assert_eq!(error, ConstantsError::Undefined("MCWaits".to_owned()));
    }
}
