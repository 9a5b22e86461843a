//! The Update Framework, specification 1.0.34, in a narrow profile and without I/O.
//!
//! Four roles (root, targets, snapshot, timestamp), Ed25519 only, SHA-256 and length of targets
//! mandatory, consistent snapshots, delegations never followed. Nothing here opens a file, asks a clock or
//! the network: bytes and the time come from the caller, and the caller stores what was accepted,
//! byte for byte as it was received.
//!
//! The one who publishes uses [`sign`], or [`Partial`] where several people sign one after the
//! other; the one who installs uses [`TrustedRepository`], and what it lets through is [`Verified`].
//! Both load what is published through verification.

mod checks;
mod envelope;
mod error;
mod expires;
mod key;
mod meta_file;
mod partial;
mod role;
mod root;
mod sign;
mod slot;
mod snapshot;
mod target_path;
mod targets;
mod timestamp;
mod trusted;
mod verified;

pub use error::{Error, SignError};
pub use key::{KeyError, KeyId, PublicKey, SigningKey};
pub use meta_file::MetaFile;
pub use partial::Partial;
pub use role::{MAX_VERSION, Role, RoleName};
pub use root::{RoleKeys, Root};
pub use sign::sign;
pub use snapshot::{DelegatedFile, Snapshot, SnapshotMeta};
pub use target_path::{TargetPath, TargetPathError};
pub use targets::{TargetDescription, Targets};
pub use timestamp::Timestamp;
pub use trusted::{Expiry, MAX_ROOT_STEPS, RootUpdate, TrustedRepository, Update};
pub use verified::Verified;
