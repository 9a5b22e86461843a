//! Release versions: semver without build metadata, so that two different releases never compare equal.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest version that is accepted, in bytes. It becomes a file name, a tag and a column in a table.
const LONGEST: usize = 64;

/// The version of a release, such as `2.1.0` or `2.2.0-rc.1`.
///
/// Ordered as semver §11 orders. Build metadata (`+…`) is refused because semver ignores it when ordering.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseVersion(semver::Version);

impl ReleaseVersion {
    /// The git tag of this release: `v` and the version.
    pub fn tag(&self) -> String {
        format!("v{}", self.0)
    }

    /// Reads a tag such as `v2.1.0`.
    ///
    /// # Errors
    /// When the `v` is missing or the rest is no version.
    pub fn from_tag(tag: &str) -> Result<Self, VersionError> {
        tag.strip_prefix('v').ok_or_else(|| VersionError::NotATag(tag.to_owned()))?.parse()
    }

    /// Whether this is a pre-release such as `2.2.0-rc.1`.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }

    /// The major number: a change of it may break what clients rely on.
    pub fn major(&self) -> u64 {
        self.0.major
    }

    /// Whether this version lies in `range`, a semver requirement such as `2.x`.
    pub fn matches(&self, range: &semver::VersionReq) -> bool {
        range.matches(&self.0)
    }
}

impl fmt::Display for ReleaseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ReleaseVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > LONGEST {
            return Err(VersionError::TooLong(text.len()));
        }
        let version =
            semver::Version::parse(text).map_err(|source| VersionError::NotSemver { text: text.to_owned(), source })?;
        if version.build.is_empty() { Ok(Self(version)) } else { Err(VersionError::BuildMetadata(text.to_owned())) }
    }
}

/// Why a text is not the version of a release.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// A tag without its `v`.
    #[error("{0:?} is not the tag of a release: expected v and a version, such as v2.1.0")]
    NotATag(String),
    /// More than 64 bytes.
    #[error("a version of {0} bytes is too long: at most {LONGEST} are allowed")]
    TooLong(usize),
    /// Not semver.
    #[error("{text:?} is not a version such as 2.1.0")]
    NotSemver {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: semver::Error,
    },
    /// Semver with build metadata.
    #[error("version {0:?} has build metadata (+…), which does not order releases")]
    BuildMetadata(String),
}

impl Serialize for ReleaseVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ReleaseVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ReleaseVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReleaseVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Semver without build metadata.",
            "maxLength": LONGEST,
            "pattern": r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_versions_survive_a_round_trip() {
        for text in ["0.0.1", "1.1.0", "2.2.0-rc.1"] {
            let version: ReleaseVersion = text.parse().unwrap();
            assert_eq!(version.to_string(), text);
            assert_eq!(ReleaseVersion::from_tag(&version.tag()).unwrap(), version);
        }
    }

    #[test]
    fn odd_versions_are_refused() {
        let long = format!("1.0.0-{}", "a".repeat(10_000));
        for text in ["v2.1", "2.1", "02.1.0", "2.1.0+build", "", " 1.0.0", &long] {
            assert!(text.parse::<ReleaseVersion>().is_err(), "{text}");
        }
        assert!(ReleaseVersion::from_tag("2.1.0").is_err());
    }

    #[test]
    fn a_prerelease_comes_before_its_release() {
        let candidate: ReleaseVersion = "2.1.0-rc.2".parse().unwrap();
        let release: ReleaseVersion = "2.1.0".parse().unwrap();
        assert!(candidate < release);
        assert!(candidate.is_prerelease() && !release.is_prerelease());
    }
}
