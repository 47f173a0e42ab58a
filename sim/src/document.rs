//! JSON that keeps its order: what a plan carries without knowing what it means.

use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;
use std::fmt;

/// A JSON value whose fields stand in the order in which they were written, so that equal values give equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Document>),
    /// An object.
    Fields(Vec<(String, Document)>),
}

impl Document {
    /// What `value` looks like in JSON.
    ///
    /// # Panics
    /// If `value` cannot be written as JSON, which is a fault of its `Serialize`.
    pub fn of(value: &impl Serialize) -> Self {
        let text = serde_json::to_string(value).expect("it writes itself as JSON");
        serde_json::from_str(&text).expect("what was written as JSON is JSON")
    }

    /// The value that this stands for.
    ///
    /// # Errors
    /// Why it stands for none, with the path of the field from here.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
        let text = self.to_string();
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text))
    }
}

impl fmt::Display for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => list(items, serializer),
            Self::Fields(fields) => object(fields, serializer),
        }
    }
}

fn list<S: Serializer>(items: &[Document], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(items.len()))?;
    items.iter().try_for_each(|item| list.serialize_element(item))?;
    list.end()
}

fn object<S: Serializer>(fields: &[(String, Document)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(fields.len()))?;
    fields.iter().try_for_each(|(name, value)| object.serialize_entry(name, value))?;
    object.end()
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Document, E> {
        Ok(Document::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Document, E> {
        Ok(Document::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Document, E> {
        Ok(Document::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Document, E> {
        Number::from_f64(number).map(Document::Number).ok_or_else(|| E::custom("JSON has no such number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Document, E> {
        Ok(Document::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Document, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Document::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Document, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = object.next_entry()? {
            fields.push(field);
        }
        Ok(Document::Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"zebra":[1,-2,0.5],"ant":{"is_small":true,"wings":null},"name":"ox"}"#;

    #[test]
    fn the_order_of_fields_survives() {
        let document: Document = serde_json::from_str(JSON).unwrap();
        assert_eq!(document.to_string(), JSON);
        assert_eq!(Document::of(&document), document);
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_path() {
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "only its shape matters")]
        struct Herd {
            ant: Ant,
        }
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "only its shape matters")]
        struct Ant {
            wings: u32,
        }
        let document: Document = serde_json::from_str(JSON).unwrap();
        let error = document.read::<Herd>().unwrap_err();
        assert_eq!(error.path().to_string(), "ant.wings");
    }
}
