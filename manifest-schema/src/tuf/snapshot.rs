//! The snapshot role: which targets metadata is current (TUF 4.4). It keeps anyone from mixing
//! metadata of different times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::meta_file::MetaFile;
use super::role::{self, Role, RoleName};

/// Snapshot metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version, from 1.
    #[serde(deserialize_with = "role::version")]
    pub version: u64,
    /// The first moment at which it is no longer valid; whole seconds.
    #[serde(with = "super::expires")]
    pub expires: jiff::Timestamp,
    /// What it lists.
    pub meta: SnapshotMeta,
}

impl Snapshot {
    /// The snapshot that lists this targets metadata.
    #[must_use]
    pub const fn new(version: u64, expires: jiff::Timestamp, targets: MetaFile) -> Self {
        Self { version, expires, meta: SnapshotMeta { targets, delegated: BTreeMap::new() } }
    }
}

/// The metadata files that a snapshot lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMeta {
    /// The current targets metadata.
    #[serde(rename = "targets.json")]
    pub targets: MetaFile,
    /// Delegated targets metadata by file name. It is never followed; what is listed is kept
    /// because it may not go back or vanish (TUF 5.5.5).
    #[serde(flatten)]
    pub delegated: BTreeMap<String, DelegatedFile>,
}

/// What a snapshot says of delegated targets metadata, as far as we look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedFile {
    /// The version that metadata has.
    #[serde(deserialize_with = "role::version")]
    pub version: u64,
}

impl Role for Snapshot {
    const NAME: RoleName = RoleName::Snapshot;

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> jiff::Timestamp {
        self.expires
    }
}
