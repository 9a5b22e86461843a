//! The walk through a JSON value that refuses what could be read in two ways.
//!
//! `serde_json` reads the text and calls the visitor here for each value it meets. A serde error is
//! only a text, so the reason of a refusal is also left beside it, as a [`Fault`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Fault, MAX_DEPTH, MAX_INTEGER, Value};

/// Which control characters a string may have.
#[derive(Clone, Copy)]
pub(super) enum Text {
    /// None.
    OneLine,
    /// Line feed and tab.
    ManyLines,
}

/// Reads one value at a depth; the reason of a refusal is left in `fault`.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) depth: usize,
    pub(super) text: Text,
    pub(super) fault: &'a RefCell<Option<Fault>>,
}

impl Reader<'_> {
    fn refuse<T, E: serde::de::Error>(self, fault: Fault) -> Result<T, E> {
        let error = E::custom(&fault);
        self.fault.replace(Some(fault));
        Err(error)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return self.refuse(Fault::TooDeep);
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn integer<E: serde::de::Error>(self, number: i128) -> Result<Value, E> {
        match i64::try_from(number) {
            Ok(small) if (-MAX_INTEGER..=MAX_INTEGER).contains(&small) => Ok(Value::Integer(small)),
            Ok(_) | Err(_) => self.refuse(Fault::IntegerTooLarge(number)),
        }
    }

    fn string<E: serde::de::Error>(self, string: String) -> Result<String, E> {
        let refused = |c: &char| match self.text {
            Text::OneLine => c.is_control(),
            Text::ManyLines => c.is_control() && !matches!(c, '\n' | '\t'),
        };
        match string.chars().find(refused) {
            Some(control) => self.refuse(Fault::ControlCharacter(control)),
            None => Ok(string),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.integer(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.integer(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
        self.refuse(Fault::NotAnInteger)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.string(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            let key = self.string(key)?;
            if object.contains_key(&key) {
                return self.refuse(Fault::DuplicateKey(key));
            }
            object.insert(key, entries.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fault = RefCell::new(None);
        Reader { depth: 0, text: Text::ManyLines, fault: &fault }.deserialize(deserializer).map_err(D::Error::custom)
    }
}
