//! What metadata says about a file: its length and digest, and of other metadata also the version.

use serde::{Deserialize, Serialize};

use super::role::{self, RoleName};
use crate::digest::Sha256;
use crate::strict::MAX_INTEGER;

/// What timestamp says of snapshot, and snapshot of targets (TUF 4.4, METAFILES). Length and digest may be missing, since the
/// version is signed as well; what is said of them must be so. We always say both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaFile {
    /// The version that metadata has.
    #[serde(deserialize_with = "role::version")]
    pub version: u64,
    /// The file's length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some_length")]
    pub length: Option<u64>,
    /// The file's digest.
    #[serde(rename = "hashes", default, skip_serializing_if = "Option::is_none", with = "hashes::optional")]
    pub sha256: Option<Sha256>,
}

impl MetaFile {
    /// Describes the metadata file `bytes` of `version`.
    #[must_use]
    pub fn of(version: u64, bytes: &[u8]) -> Self {
        Self { version, length: Some(bytes.len() as u64), sha256: Some(Sha256::of(bytes)) }
    }

    /// How much of the file may be read, in bytes.
    #[must_use]
    pub fn cap(&self, role: RoleName) -> u64 {
        self.length.map_or(role.cap(), |length| length.min(role.cap()))
    }

    /// Whether `bytes` have the digest, if one is signed.
    #[must_use]
    pub fn is_digest_of(&self, bytes: &[u8]) -> bool {
        self.sha256.is_none_or(|signed| signed == Sha256::of(bytes))
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

fn some_length<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    length(deserializer).map(Some)
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

    /// The same, of a field that may be missing.
    pub(crate) mod optional {
        use serde::{Deserializer, Serializer};

        use crate::digest::Sha256;

        #[expect(clippy::ref_option, reason = "serde's signature")]
        pub(crate) fn serialize<S: Serializer>(sha256: &Option<Sha256>, to: S) -> Result<S::Ok, S::Error> {
            match sha256 {
                Some(sha256) => super::serialize(sha256, to),
                None => to.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Sha256>, D::Error> {
            super::deserialize(from).map(Some)
        }
    }
}
