//! The path of a target: legal as part of a URL and of a file name, everywhere, or not at all.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::digest::Sha256;

/// The longest path, in bytes.
const MAX_LENGTH: usize = 255;

/// A target's path in a repository, such as `v1.1.0/manifest.json`.
///
/// Components are separated by single `/`; each starts with a letter or digit and goes on with
/// letters, digits, `.`, `_`, `+` and `-`. So there is nothing to escape in a URL, nothing that
/// leaves a directory and nothing hidden.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TargetPath(String);

/// A text that is not a target's path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetPathError {
    /// Too long to be a file's name everywhere.
    #[error("a target's path of {0} bytes is longer than {MAX_LENGTH}")]
    TooLong(usize),
    /// Has a component that is empty, hidden, climbs, or has odd characters.
    #[error(
        "{0:?} is not a target's path: each part between slashes starts with a letter or digit \
         and has only letters, digits and . _ + -"
    )]
    Illegal(String),
}

impl TargetPath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component: `manifest.json` of `v1.1.0/manifest.json`.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.as_str(), |(_, name)| name)
    }

    /// Where a repository with consistent snapshots keeps the file with this digest: the hash goes
    /// before the last component, `v1.1.0/<sha256>.manifest.json` (TUF 6.2).
    #[must_use]
    pub fn hashed(&self, sha256: &Sha256) -> String {
        match self.0.rsplit_once('/') {
            Some((directory, name)) => format!("{directory}/{sha256}.{name}"),
            None => format!("{sha256}.{}", self.0),
        }
    }
}

impl FromStr for TargetPath {
    type Err = TargetPathError;

    fn from_str(text: &str) -> Result<Self, TargetPathError> {
        if text.len() > MAX_LENGTH {
            return Err(TargetPathError::TooLong(text.len()));
        }
        if !text.split('/').all(is_legal) {
            return Err(TargetPathError::Illegal(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_legal(component: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-');
    component.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && component.bytes().all(legal)
}

impl fmt::Display for TargetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for TargetPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_goes_before_the_file_name() {
        let digest = Sha256::of(b"");
        let path: TargetPath = "v1.1.0/manifest.json".parse().unwrap();
        assert_eq!(path.hashed(&digest), format!("v1.1.0/{digest}.manifest.json"));
        let path: TargetPath = "manifest.json".parse().unwrap();
        assert_eq!(path.hashed(&digest), format!("{digest}.manifest.json"));
    }

    #[test]
    fn paths_that_climb_hide_or_need_escaping_are_refused() {
        for path in [
            "", "/", "/abs", "../x", "a/../x", "a/..", ".", "..", "a//b", "a/", "%2e%2e/x", "a\\b", "a b", "a\nb",
            "a\0b", "é", ".env", "a/.git", "-rf", "a?b", "a#b", "a:b", "~x",
        ] {
            assert!(matches!(path.parse::<TargetPath>(), Err(TargetPathError::Illegal(_))), "{path:?}");
        }
        assert_eq!("a".repeat(256).parse::<TargetPath>(), Err(TargetPathError::TooLong(256)));
        assert!("a".repeat(255).parse::<TargetPath>().is_ok());
    }
}
