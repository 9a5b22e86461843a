//! The bytes that are signed: OLPC canonical JSON.
//!
//! One value has one encoding: no white space, keys in order, only `"` and `\` escaped. It is the
//! form securesystemslib signs (<http://wiki.laptop.org/go/Canonical_JSON>), so that python-tuf
//! verifies what we sign. A value without control characters, as [`strict::parse`] returns it,
//! encodes to bytes that are JSON themselves.

use serde::Serialize;

use crate::strict::{self, StrictError, Value};

/// The canonical encoding of `value`.
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, value);
    out
}

/// The canonical encoding of what serde makes of `value`.
///
/// # Errors
/// When `value` cannot be JSON, or has what [`strict::parse`] refuses: a float, an integer beyond
/// 2^53 − 1, a control character.
pub fn to_canonical<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let json = serde_json::to_vec(value).map_err(CanonicalError::Serialize)?;
    let value = strict::parse(&json, u64::MAX).map_err(CanonicalError::Strict)?;
    Ok(encode(&value))
}

/// Why a value has no canonical encoding.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// Serde could not write it.
    #[error("it cannot be written as JSON")]
    Serialize(#[source] serde_json::Error),
    /// It has what canonical JSON has no form for.
    #[error("it has no canonical JSON form")]
    Strict(#[source] StrictError),
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::String(string) => write_string(out, string),
        Value::Array(items) => write_between(out, b'[', b']', items, write),
        Value::Object(entries) => write_between(out, b'{', b'}', entries, |out, (key, value)| {
            write_string(out, key);
            out.push(b':');
            write(out, value);
        }),
    }
}

fn write_between<I: IntoIterator>(
    out: &mut Vec<u8>,
    open: u8,
    close: u8,
    items: I,
    mut write_item: impl FnMut(&mut Vec<u8>, I::Item),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_item(out, item);
    }
    out.push(close);
}

fn write_string(out: &mut Vec<u8>, string: &str) {
    out.push(b'"');
    for byte in string.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(json: &str) -> String {
        let value = strict::parse(json.as_bytes(), 1000).unwrap();
        String::from_utf8(encode(&value)).unwrap()
    }

    #[test]
    fn keys_are_in_order_of_code_points_and_white_space_is_gone() {
        let json = r#" { "b" : [ 1 , -2, null ], "a": {"é": true, "z": false, "😀": 0, "￿": 0} } "#;
        assert_eq!(canonical(json), r#"{"a":{"z":false,"é":true,"￿":0,"😀":0},"b":[1,-2,null]}"#);
    }

    #[test]
    fn only_quote_and_backslash_are_escaped() {
        assert_eq!(canonical(r#""\u00e9\/\"\\""#), r#""é/\"\\""#);
    }

    #[test]
    fn the_canonical_form_of_a_canonical_form_is_itself() {
        let once = canonical(r#"{"k\\\"":["x",{"y":[]}],"":{}}"#);
        assert_eq!(canonical(&once), once);
    }

    #[test]
    fn a_value_with_a_float_has_no_canonical_form() {
        assert!(matches!(to_canonical(&1.5), Err(CanonicalError::Strict(_))));
    }
}
