//! JSON read strictly: one text, one meaning.
//!
//! What is signed must not mean two things to two readers, so whatever parsers disagree on
//! is refused: a key twice, floats and large integers, control characters, deep nesting, a
//! byte order mark, bytes after the end. The grammar itself is `serde_json`'s. Knows nothing of
//! signatures or of what the documents say.

mod reader;

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Serialize, Serializer};

use self::reader::{Reader, Text};

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 16;

/// The largest integer, 2^53 − 1: beyond it readers that use floats lose digits.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// A JSON value with one meaning: no floats, each key once, keys in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from −(2^53 − 1) to 2^53 − 1.
    Integer(i64),
    /// Text; without control characters where [`parse`] read it.
    String(String),
    /// Values in the order of the document.
    Array(Vec<Value>),
    /// Values by key.
    Object(BTreeMap<String, Value>),
}

impl Value {
    /// The value as a `T`, by the rules of serde.
    ///
    /// # Errors
    /// When the value has not the shape of a `T`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(serde_json::to_value(self)?)
    }
}

/// Why a text is not read. Line and column count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StrictError {
    /// More bytes than the caller allows; none of them was looked at.
    #[error("it has {length} bytes, and at most {cap} are read")]
    TooLong {
        /// Bytes there are.
        length: u64,
        /// Bytes allowed.
        cap: u64,
    },
    /// Not UTF-8.
    #[error("it is not valid UTF-8")]
    NotUtf8(#[source] std::str::Utf8Error),
    /// Starts with U+FEFF.
    #[error("it starts with a byte order mark")]
    ByteOrderMark,
    /// Not JSON, cut short, or followed by more.
    #[error("it is not one complete JSON value")]
    Syntax(#[source] serde_json::Error),
    /// JSON, but not of one meaning.
    #[error("line {line}, column {column}: {fault}")]
    Ambiguous {
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
        /// What is wrong there.
        fault: Fault,
    },
    /// Strict JSON, but not of the expected shape.
    #[error("it has not the expected shape")]
    Shape(#[source] serde_json::Error),
}

/// What JSON allows and this reader does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// An object has a key twice.
    #[error("the key {0:?} appears twice")]
    DuplicateKey(String),
    /// A number with a fraction or exponent, or beyond 64 bits.
    #[error("a number is not a whole number below 2^53")]
    NotAnInteger,
    /// An integer beyond ±(2^53 − 1).
    #[error("the number {0} is beyond 2^53 - 1")]
    IntegerTooLarge(i128),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("arrays and objects nest deeper than {MAX_DEPTH}")]
    TooDeep,
    /// A control character in a string, written out or escaped.
    #[error("a string has the control character U+{:04X}", u32::from(*.0))]
    ControlCharacter(char),
}

/// Reads `bytes` as one JSON value; no string may have a control character, not even escaped.
///
/// # Errors
/// [`StrictError`], whenever the text is longer than `cap` bytes or could be read in two ways.
pub fn parse(bytes: &[u8], cap: u64) -> Result<Value, StrictError> {
    read(bytes, cap, Text::OneLine)
}

/// Reads `bytes` as [`parse`] does, but strings may have line feeds and tabs, as release notes do.
///
/// # Errors
/// As [`parse`].
pub fn parse_document(bytes: &[u8], cap: u64) -> Result<Value, StrictError> {
    read(bytes, cap, Text::ManyLines)
}

/// Reads `bytes` as [`parse_document`] does and makes a `T` of them.
///
/// # Errors
/// As [`parse`], and [`StrictError::Shape`] when it is not a `T`.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8], cap: u64) -> Result<T, StrictError> {
    // The text has one meaning now, so that reading it a second time cannot find another; and
    // reading the text instead of the value gives errors with line and column.
    parse_document(bytes, cap)?;
    serde_json::from_slice(bytes).map_err(StrictError::Shape)
}

fn read(bytes: &[u8], cap: u64, text: Text) -> Result<Value, StrictError> {
    let length = bytes.len() as u64;
    if length > cap {
        return Err(StrictError::TooLong { length, cap });
    }
    let json = std::str::from_utf8(bytes).map_err(StrictError::NotUtf8)?;
    if json.starts_with('\u{feff}') {
        return Err(StrictError::ByteOrderMark);
    }
    let fault = RefCell::new(None);
    let reader = Reader { depth: 0, text, fault: &fault };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = reader.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| explain(error, fault.into_inner()))
}

/// Our own refusals leave their reason in `fault`; any other error is one of grammar.
fn explain(error: serde_json::Error, fault: Option<Fault>) -> StrictError {
    match fault {
        Some(fault) => StrictError::Ambiguous { line: error.line(), column: error.column(), fault },
        None => StrictError::Syntax(error),
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(entries) => serializer.collect_map(entries),
        }
    }
}
