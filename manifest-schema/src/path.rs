//! Paths inside a release, and the names of things: legal by construction, so that no later code has to ask.
//!
//! The rules are those of the archive and of the forge at once: what passes here can be a tar entry, a file on any
//! Linux file system and a line of `checksums.txt`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest path inside a release, in bytes: what a `ustar` header holds (name 100, prefix 155; POSIX.1-1988).
const LONGEST_PATH: usize = 255;

/// A path inside a release: relative, plain components, `/` between them, UTF-8, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleasePath(String);

impl ReleasePath {
    /// The path as text, with `/` between components.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components from the top.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether this path is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl AsRef<Path> for ReleasePath {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for ReleasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ReleasePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let refuse = |reason| Err(PathError { path: text.chars().take(80).collect(), reason });
        if text.is_empty() || text.len() > LONGEST_PATH {
            return refuse("it must have 1 to 255 bytes");
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return refuse("it holds a control character or a backslash");
        }
        if text.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return refuse("it must be relative, without empty, . or .. components");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why a text is not a path inside a release.
#[derive(Debug, thiserror::Error)]
#[error("path {path:?} is not allowed in a release: {reason}")]
pub struct PathError {
    path: String,
    reason: &'static str,
}

/// A name that becomes part of file names, unit names and database names: `[a-z0-9][a-z0-9-]*`, at most 40 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=40).contains(&text.len()) && !text.starts_with('-') && text.chars().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError(text.chars().take(80).collect()))
        }
    }
}

/// Why a text is not a name.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a legal name: use 1 to 40 of a-z, 0-9 and -, not starting with -")]
pub struct NameError(String);

macro_rules! text_in_json {
    ($type:ident, $schema:tt) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text_in_json!(ReleasePath, {
    "type": "string",
    "description": "A relative path with / between its components.",
    "minLength": 1,
    "maxLength": LONGEST_PATH,
    "pattern": r"^[^/\\]"
});
text_in_json!(Name, {
    "type": "string",
    "maxLength": 40,
    "pattern": "^[a-z0-9][a-z0-9-]*$"
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_pass() {
        for text in [".env", "app/main.py", "a b/ü.txt", "..a/b..", "-x"] {
            assert_eq!(text.parse::<ReleasePath>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        let long = "a".repeat(256);
        for text in ["", "/abs", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "a\nb", "a\0b", &long] {
            assert!(text.parse::<ReleasePath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn within_is_by_component() {
        let path = |text: &str| text.parse::<ReleasePath>().unwrap();
        assert!(path("uploads/a.png").is_within(&path("uploads")));
        assert!(path("uploads").is_within(&path("uploads")));
        assert!(!path("uploads2/a.png").is_within(&path("uploads")));
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!("kkt-test".parse::<Name>().is_ok());
        for text in ["", "-a", "A", "a_b", "a/b", "ä", &"a".repeat(41)] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
    }
}
