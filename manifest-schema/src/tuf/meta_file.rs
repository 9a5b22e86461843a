//! What metadata says about a file: its length and digest, and of other metadata also the version.

use serde::{Deserialize, Serialize};

use super::role;
use crate::digest::Sha256;
use crate::strict::MAX_INTEGER;

/// What timestamp says of snapshot, and snapshot of targets. The profile makes all three mandatory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaFile {
    /// The version that metadata has.
    #[serde(deserialize_with = "role::version")]
    pub version: u64,
    /// The file's length in bytes.
    #[serde(deserialize_with = "length")]
    pub length: u64,
    /// The file's digest.
    #[serde(rename = "hashes", with = "hashes")]
    pub sha256: Sha256,
}

impl MetaFile {
    /// Describes the metadata file `bytes` of `version`.
    #[must_use]
    pub fn of(version: u64, bytes: &[u8]) -> Self {
        Self { version, length: bytes.len() as u64, sha256: Sha256::of(bytes) }
    }
}

/// Reads a length in bytes.
pub(super) fn length<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let length = u64::deserialize(deserializer)?;
    if length <= MAX_INTEGER.unsigned_abs() {
        return Ok(length);
    }
    Err(serde::de::Error::custom(format_args!("length {length} is beyond 2^53 - 1")))
}

/// `{"sha256": …}`; digests of other algorithms may stand beside it and are not looked at.
pub(super) mod hashes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::digest::Sha256;

    #[derive(Serialize, Deserialize)]
    struct Hashes {
        sha256: Sha256,
    }

    pub(crate) fn serialize<S: Serializer>(sha256: &Sha256, to: S) -> Result<S::Ok, S::Error> {
        Hashes { sha256: *sha256 }.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sha256, D::Error> {
        Hashes::deserialize(from).map(|hashes| hashes.sha256)
    }
}
