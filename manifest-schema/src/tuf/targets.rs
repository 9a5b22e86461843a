//! The targets role: which files there are, and what the vendor decided about each (TUF 4.5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::meta_file;
use super::role::{self, Role, RoleName};
use super::target_path::TargetPath;
use crate::digest::Sha256;
use crate::strict::Value;

/// Targets metadata. Delegations in it are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// The version, from 1.
    #[serde(deserialize_with = "role::version")]
    pub version: u64,
    /// The first moment at which it is no longer valid; whole seconds.
    #[serde(with = "super::expires")]
    pub expires: jiff::Timestamp,
    /// The target files by path.
    pub targets: BTreeMap<TargetPath, TargetDescription>,
}

/// What is signed of a target file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetDescription {
    /// The file's length in bytes.
    #[serde(deserialize_with = "meta_file::length")]
    pub length: u64,
    /// The file's digest.
    #[serde(rename = "hashes", with = "meta_file::hashes")]
    pub sha256: Sha256,
    /// What the vendor says about the file, in a shape this module does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Value>,
}

impl TargetDescription {
    /// Describes the file `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len() as u64, sha256: Sha256::of(bytes), custom: None }
    }
}

impl Role for Targets {
    const NAME: RoleName = RoleName::Targets;

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> jiff::Timestamp {
        self.expires
    }
}
