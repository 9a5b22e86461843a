//! What the four roles have in common: a name, a version, a date of expiry, and the head of
//! their metadata.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::error::Error;
use crate::strict::MAX_INTEGER;

/// The specification that we write, and whose major version we read.
pub(super) const SPEC_VERSION: &str = "1.0.34";

/// The highest version metadata can have, 2^53 − 1.
pub const MAX_VERSION: u64 = MAX_INTEGER.unsigned_abs();

/// The four top-level roles (TUF 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleName {
    /// Says which keys the roles have.
    Root,
    /// Says which target files there are.
    Targets,
    /// Says which version of the targets metadata is current.
    Snapshot,
    /// Says which version of the snapshot metadata is current.
    Timestamp,
}

impl RoleName {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Root, Self::Targets, Self::Snapshot, Self::Timestamp];

    /// The name as metadata spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        }
    }

    /// The most bytes that are read of this role's metadata, whatever other metadata says.
    #[must_use]
    pub const fn cap(self) -> u64 {
        match self {
            Self::Timestamp => 64 * 1024,
            Self::Root => 512 * 1024,
            Self::Targets | Self::Snapshot => 8 * 1024 * 1024,
        }
    }

    /// The name of the file with this role's metadata in a repository with consistent
    /// snapshots: `3.snapshot.json`, but always `timestamp.json` (TUF 6.2).
    #[must_use]
    pub fn file_name(self, version: u64) -> String {
        match self {
            Self::Timestamp => "timestamp.json".to_owned(),
            Self::Root | Self::Targets | Self::Snapshot => format!("{version}.{self}.json"),
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Metadata of one of the four roles. Sealed: there are no others.
pub trait Role: sealed::Sealed + Clone + Serialize + DeserializeOwned {
    /// The role's name.
    const NAME: RoleName;

    /// The version, from 1 to [`MAX_VERSION`].
    fn version(&self) -> u64;

    /// The first moment at which the metadata is no longer valid.
    fn expires(&self) -> jiff::Timestamp;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::super::Root {}
    impl Sealed for super::super::Targets {}
    impl Sealed for super::super::Snapshot {}
    impl Sealed for super::super::Timestamp {}
}

/// The metadata of role `R` whose canonical form is `signed`. Only for verified bytes.
pub(super) fn read<R: Role>(signed: &[u8]) -> Result<R, Error> {
    let malformed = |source| Error::Malformed { role: R::NAME, source };
    let head: Head = serde_json::from_slice(signed).map_err(malformed)?;
    if head.kind != R::NAME.as_str() {
        return Err(Error::WrongType { role: R::NAME, found: head.kind });
    }
    if !is_readable(&head.spec_version) {
        return Err(Error::SpecVersion { role: R::NAME, found: head.spec_version });
    }
    serde_json::from_slice(signed).map_err(malformed)
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "_type")]
    kind: String,
    spec_version: String,
}

/// Major version 1, whatever follows: minor versions change nothing that a client relies on (TUF
/// 4.3).
fn is_readable(spec_version: &str) -> bool {
    let parts: Vec<&str> = spec_version.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.len(), 2 | 3) && parts.iter().all(number) && parts[0] == "1"
}

/// Metadata with its head, as it is written.
#[derive(Serialize)]
pub(super) struct Outgoing<'a, R: Role> {
    #[serde(rename = "_type")]
    kind: &'static str,
    spec_version: &'static str,
    #[serde(flatten)]
    role: &'a R,
}

impl<'a, R: Role> Outgoing<'a, R> {
    pub(super) const fn new(role: &'a R) -> Self {
        Self { kind: R::NAME.as_str(), spec_version: SPEC_VERSION, role }
    }
}

/// Reads a version: 1 to [`MAX_VERSION`].
pub(super) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let version = u64::deserialize(deserializer)?;
    if (1..=MAX_VERSION).contains(&version) {
        return Ok(version);
    }
    Err(de::Error::custom(format_args!("version {version} is not from 1 to 2^53 - 1")))
}
