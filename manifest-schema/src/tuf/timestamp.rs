//! The timestamp role: which snapshot is current (TUF 4.6). Short-lived and signed often, so that
//! nobody can pass off an old state as the newest.

use serde::{Deserialize, Serialize};

use super::meta_file::MetaFile;
use super::role::{self, Role, RoleName};

/// Timestamp metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    /// The version, from 1.
    #[serde(deserialize_with = "role::version")]
    pub version: u64,
    /// The first moment at which it is no longer valid; whole seconds.
    #[serde(with = "super::expires")]
    pub expires: jiff::Timestamp,
    /// When it was signed; whole seconds. Not a field of the specification: it is how a client notices that its clock was set
    /// back.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::expires::optional")]
    pub signed_at: Option<jiff::Timestamp>,
    /// The current snapshot metadata.
    #[serde(rename = "meta", with = "meta")]
    pub snapshot: MetaFile,
}

impl Role for Timestamp {
    const NAME: RoleName = RoleName::Timestamp;

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> jiff::Timestamp {
        self.expires
    }
}

/// `{"snapshot.json": …}`.
mod meta {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::tuf::MetaFile;

    #[derive(Serialize, Deserialize)]
    struct Meta {
        #[serde(rename = "snapshot.json")]
        snapshot: MetaFile,
    }

    pub(crate) fn serialize<S: Serializer>(snapshot: &MetaFile, to: S) -> Result<S::Ok, S::Error> {
        Meta { snapshot: *snapshot }.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<MetaFile, D::Error> {
        Meta::deserialize(from).map(|meta| meta.snapshot)
    }
}
