//! What can be wrong with metadata: one thing at a time.

use serde_json::{Value, json};

use super::chance::Chance;
use super::vendor::{Document, Files};

/// Changes what is signed, or who signs.
pub(crate) fn document(document: &mut Document, chance: &mut Chance) -> String {
    if chance.one_in(4) { signers(document, chance) } else { signed(&mut document.signed, chance) }
}

fn signers(document: &mut Document, chance: &mut Chance) -> String {
    let last = document.signers.len() - 1;
    match chance.below(4) {
        0 => drop(document.signers.remove(chance.below(last + 1))),
        1 => document.signers.push(document.signers[last]),
        2 => document.signers.push(u8::try_from(1 + chance.below(9)).unwrap()),
        _ => document.signers[last] = u8::try_from(1 + chance.below(9)).unwrap(),
    }
    if document.signers.is_empty() {
        document.signers.push(9);
    }
    format!("signed by {:?}", document.signers)
}

fn signed(signed: &mut Value, chance: &mut Chance) -> String {
    let mut paths = Vec::new();
    collect(signed, "", &mut paths);
    let path = chance.of(&paths).clone();
    let what = match chance.below(5) {
        0 => remove(signed, &path),
        1 => nudge(signed.pointer_mut(&path).unwrap(), chance),
        2 => copy(signed, &path, &chance.of(&paths).clone()),
        // Of digests by other algorithms python-tuf asks that it knows them, and we look at SHA-256 alone. And it forgets what else
        // a timestamp lists before it counts the signatures. And a root's role that it does not know must have keys.
        3 if !path.ends_with("/hashes") && !["/meta", "/roles"].contains(&path.as_str()) => {
            add(signed.pointer_mut(&path).unwrap(), chance)
        }
        _ => replace(signed.pointer_mut(&path).unwrap(), chance),
    };
    format!("{path} {what}")
}

fn collect(value: &Value, path: &str, into: &mut Vec<String>) {
    let mut below = |name: &str, value: &Value| {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        into.push(path.clone());
        collect(value, &path, into);
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| below(&at.to_string(), value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn remove(signed: &mut Value, path: &str) -> String {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match signed.pointer_mut(parent) {
        Some(Value::Object(entries)) => drop(entries.remove(&name)),
        Some(Value::Array(items)) => drop(items.remove(name.parse().unwrap())),
        other => panic!("{path} is in {other:?}"),
    }
    "removed".to_owned()
}

fn copy(signed: &mut Value, path: &str, from: &str) -> String {
    let copied = signed.pointer(from).unwrap().clone();
    *signed.pointer_mut(path).unwrap() = copied;
    format!("copied from {from}")
}

/// A little more, a little less, another letter.
fn nudge(value: &mut Value, chance: &mut Chance) -> String {
    let nudged = match &*value {
        Value::Number(number) => json!(number.as_i64().unwrap_or(0) + chance.of(&[-1, 1])),
        Value::String(text) => json!(respelt(text, chance)),
        Value::Bool(is) => json!(!is),
        Value::Array(items) => items.iter().rev().cloned().collect(),
        Value::Null | Value::Object(_) => json!({}),
    };
    *value = nudged;
    format!("became {value}")
}

fn respelt(text: &str, chance: &mut Chance) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.is_empty() {
        return "x".to_owned();
    }
    let at = chance.below(letters.len());
    letters[at] = *chance.of(&['0', '1', 'a', 'F', 'Z', '.', '-', ' ', '/', 'é', '\n']);
    letters.into_iter().collect()
}

/// A field nobody knows, or another member.
fn add(value: &mut Value, chance: &mut Chance) -> String {
    let new = interesting(chance);
    match value {
        Value::Object(entries) => drop(entries.insert("x-unknown".to_owned(), new)),
        Value::Array(items) => items.push(items.first().cloned().unwrap_or(new)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => *value = new,
    }
    format!("became {value}")
}

fn replace(value: &mut Value, chance: &mut Chance) -> String {
    *value = interesting(chance);
    format!("became {value}")
}

fn interesting(chance: &mut Chance) -> Value {
    let deep = (0..20).fold(json!(1), |value, _| json!([value]));
    let all = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(100),
        json!(9_007_199_254_740_991_i64),
        json!(9_007_199_254_740_992_i64),
        json!(u64::MAX),
        json!(1.5),
        json!(""),
        json!("1"),
        json!("x"),
        json!([]),
        json!({}),
        json!("2020-01-01T00:00:00Z"),
        json!("2099-01-01T00:00:00Z"),
        json!("2099-02-30T00:00:00Z"),
        json!("2099-01-01T00:00:00+00:00"),
        json!("2099-01-01T00:00:00.5Z"),
        json!("1.0"),
        json!("1.1.0"),
        json!("2.0.0"),
        json!("../x"),
        json!("sha512"),
        json!("ecdsa"),
        deep,
    ];
    chance.of(&all).clone()
}

/// Changes a file after it was signed.
pub(crate) fn bytes(files: &mut Files, chance: &mut Chance) -> String {
    let names: Vec<String> = files.keys().cloned().collect();
    let name = chance.of(&names);
    let bytes = files.get_mut(name).unwrap();
    let at = chance.below(bytes.len());
    let did = match chance.below(5) {
        0 => {
            bytes[at] ^= 1 << chance.below(8);
            "a bit flipped"
        }
        1 => {
            bytes.truncate(at);
            "cut"
        }
        2 => {
            bytes.extend_from_slice(chance.of(&[" ", "\n", "{}", "\0", "x"]).as_bytes());
            "more at its end"
        }
        3 => {
            bytes.insert(at, *chance.of(b" \n0\"{}[],:\\"));
            "a byte put in"
        }
        _ => {
            files.remove(name);
            "gone"
        }
    };
    format!("{name} {did}")
}
