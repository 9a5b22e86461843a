//! Why metadata or a target is not trusted. Whoever shows an error also shows its sources.

use jiff::Timestamp;

use super::key::KeyId;
use super::role::RoleName;
use super::target_path::TargetPath;
use crate::digest::Sha256;
use crate::strict::StrictError;

/// Why metadata or a target is not trusted. After any of these the repository trusts what it
/// trusted before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not strict JSON, or too many.
    #[error("the {role} metadata cannot be read")]
    Unreadable {
        /// Whose metadata.
        role: RoleName,
        /// What is wrong with the bytes.
        source: StrictError,
    },
    /// Strict JSON, but not metadata of this role in our profile.
    #[error("the {role} metadata has not the form it must have")]
    Malformed {
        /// Whose metadata.
        role: RoleName,
        /// Where the form is broken.
        source: serde_json::Error,
    },
    /// Metadata of another role.
    #[error("the {role} metadata says that it is of type {found:?}")]
    WrongType {
        /// The role that was asked for.
        role: RoleName,
        /// `_type` of the metadata.
        found: String,
    },
    /// Written for another major version of the specification.
    #[error("the {role} metadata follows version {found:?} of the TUF specification, only 1 is known")]
    SpecVersion {
        /// Whose metadata.
        role: RoleName,
        /// `spec_version` of the metadata.
        found: String,
    },
    /// The signatures name one key twice, which TUF 4.2 forbids.
    #[error("the {role} metadata has two signatures of the key {key}")]
    SignedTwice {
        /// Whose metadata.
        role: RoleName,
        /// The key's id.
        key: String,
    },
    /// Not enough different keys of the role have signed.
    #[error("the {role} metadata has {valid} valid signatures of the {threshold} that root version {root} asks for")]
    TooFewSignatures {
        /// Whose metadata.
        role: RoleName,
        /// Different keys of the role with a valid signature.
        valid: usize,
        /// Different keys that must have signed.
        threshold: u32,
        /// The version of the root metadata that says so.
        root: u64,
    },
    /// The pinned root has other bytes.
    #[error("the root metadata has the fingerprint {found}, and {expected} is expected")]
    Fingerprint {
        /// The fingerprint that was pinned.
        expected: Sha256,
        /// The SHA-256 of the file.
        found: Sha256,
    },
    /// The file's length is not the one its parent signed.
    #[error("the {role} metadata has {found} bytes, and {expected} are signed")]
    MetadataLength {
        /// Whose metadata.
        role: RoleName,
        /// The signed length.
        expected: u64,
        /// The file's length.
        found: u64,
    },
    /// The file's digest is not the one its parent signed.
    #[error("the {role} metadata has the SHA-256 {found}, and {expected} is signed")]
    MetadataDigest {
        /// Whose metadata.
        role: RoleName,
        /// The signed digest.
        expected: Sha256,
        /// The file's digest.
        found: Sha256,
    },
    /// Not the version that its parent names, or that comes next.
    #[error("the {role} metadata has version {found}, and must have {expected}")]
    Version {
        /// Whose metadata.
        role: RoleName,
        /// The version it must have.
        expected: u64,
        /// The version it has.
        found: u64,
    },
    /// Older than what was trusted before.
    #[error("the {role} metadata goes back from version {trusted} to {found}")]
    Rollback {
        /// Whose metadata.
        role: RoleName,
        /// The version trusted before.
        trusted: u64,
        /// The version offered.
        found: u64,
    },
    /// A delegated targets file that the snapshot listed before is gone or older.
    #[error("the snapshot metadata no longer lists {file} at version {trusted} or higher")]
    DelegatedRollback {
        /// The name of the delegated file.
        file: String,
        /// The version listed before.
        trusted: u64,
    },
    /// Expired. Nothing is installed; better metadata may come with the next cycle.
    #[error("the {role} metadata has expired at {expired_at}")]
    Expired {
        /// Whose metadata.
        role: RoleName,
        /// The first moment at which it was no longer valid.
        expired_at: Timestamp,
    },
    /// Another role must be trusted in this cycle first (TUF 5.3 to 5.6).
    #[error("the {role} metadata cannot be checked before current {needs} metadata is trusted")]
    Early {
        /// The role that was offered.
        role: RoleName,
        /// The role that comes first.
        needs: RoleName,
    },
    /// Root can only change at the start of a cycle.
    #[error("the root metadata cannot change any more in this cycle: the timestamp is already trusted")]
    LateRoot,
    /// Targets cannot be checked yet.
    #[error("no target can be checked before current targets metadata is trusted")]
    NoTargets,
    /// No such target is signed.
    #[error("{path} is not in the signed targets metadata")]
    UnknownTarget {
        /// The path asked for.
        path: TargetPath,
    },
    /// The target's length is not the signed one.
    #[error("{path} has {found} bytes, and {expected} are signed")]
    TargetLength {
        /// The target.
        path: TargetPath,
        /// The signed length.
        expected: u64,
        /// The file's length.
        found: u64,
    },
    /// The target's digest is not the signed one.
    #[error("{path} has the SHA-256 {found}, and {expected} is signed")]
    TargetDigest {
        /// The target.
        path: TargetPath,
        /// The signed digest.
        expected: Sha256,
        /// The file's digest.
        found: Sha256,
    },
}

/// Why metadata is not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Nobody to sign.
    #[error("the {role} metadata cannot be signed without a key")]
    NoKey {
        /// Whose metadata.
        role: RoleName,
    },
    /// It has what canonical JSON has no form for.
    #[error("the {role} metadata cannot be written")]
    Canonical {
        /// Whose metadata.
        role: RoleName,
        /// What has no form.
        source: crate::canonical::CanonicalError,
    },
    /// A role has a threshold of 0 or one that its keys cannot reach.
    #[error("the {role} role has threshold {threshold} with {keys} different keys")]
    Threshold {
        /// The role.
        role: RoleName,
        /// Its threshold.
        threshold: u32,
        /// Its different keys.
        keys: usize,
    },
    /// What was written would not be accepted by a client.
    #[error("the {role} metadata would be refused by every client")]
    Refused {
        /// Whose metadata.
        role: RoleName,
        /// Why a client would refuse it.
        source: Box<Error>,
    },
    /// Signing with one key failed its own check, as a faulty machine may.
    #[error("the signature of key {key} does not verify")]
    BadSignature {
        /// The key's id.
        key: KeyId,
    },
}
