//! The signed metadata of a repository: the published one is loaded through verification, the next one is built on it.
//!
//! Knows TUF's roles and versions. Never starts afresh where there is something that does not verify.

use std::path::PathBuf;

use manifest_schema::tuf::{self, Expiry, RoleName, SignError};

use crate::config;
use crate::disk::DiskError;
use crate::publication::{Repository, RepositoryError};
use crate::sign::SignerError;

mod check;
mod current;
mod proposal;
mod roots;

pub use check::{ProposalError, valid_for};
pub use current::{Current, Standing};
pub use proposal::{Advance, Ground, Proposal, Waiting};
pub use roots::{Roots, install};

/// Why metadata cannot be built on, or built.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The roots are not there.
    #[error("{} does not exist: run `publish init`, or bring the directory from the vendor's repository", .0.display())]
    NoRoot(PathBuf),
    /// The repository has other metadata than ours.
    #[error("the metadata in {repository} does not verify with the root of this checkout ({})", config::ROOTS)]
    NotTrusted {
        /// The repository.
        repository: String,
        /// What does not verify.
        source: Box<tuf::Error>,
    },
    /// A file that signed metadata names is not there.
    #[error("{repository} is incomplete: {name} is missing; restore it from a copy, it cannot be made again")]
    Incomplete {
        /// The repository.
        repository: String,
        /// The missing file.
        name: String,
    },
    /// A root of this checkout is broken.
    #[error("{} is not the root metadata that follows the one before", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<tuf::Error>,
    },
    /// The repository knows a root that this checkout does not.
    #[error(
        "{repository} has root version {version}, and this checkout does not: bring {} up to date (git pull)",
        config::ROOTS
    )]
    Behind {
        /// The repository.
        repository: String,
        /// The newer root's version.
        version: u64,
    },
    /// The repository has another root than this checkout.
    #[error(
        "{repository} has another root of version {version} than this checkout ({}): the keys were changed twice, and clients follow the published one. Bring that one here, and make your change again on top of it",
        config::ROOTS
    )]
    OtherRoot {
        /// The repository.
        repository: String,
        /// The version that both have.
        version: u64,
    },
    /// Nobody can use these versions any more.
    #[error(
        "the {role} metadata has version {version}, and there is hardly one above: whoever has a {role} key did this; `publish keys rotate snapshot timestamp` ends it"
    )]
    UsedUp {
        /// Whose metadata.
        role: RoleName,
        /// Its version.
        version: u64,
    },
    /// A proposal that cannot be signed.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// A key was replaced since this was published.
    #[error("a key was replaced since {0} was last published to: run `publish refresh` first")]
    RefreshFirst(String),
    /// A key or a command that signs.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// Signing failed.
    #[error("cannot sign the metadata")]
    Sign(#[source] Box<SignError>),
    /// What was signed would be refused: a key that the root does not name, or an expired root.
    #[error("the new metadata would be refused by every client")]
    Refused(#[source] Box<tuf::Error>),
    /// The repository cannot be asked.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A metadata file: its name as served, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataFile {
    /// Such as `3.targets.json`.
    pub name: String,
    /// The file as signed.
    pub bytes: Vec<u8>,
}

/// A time at which nothing has expired.
const EVER: Expiry = Expiry::Enforce(jiff::Timestamp::MIN);

fn file(repository: &mut dyn Repository, role: RoleName, version: u64) -> Result<Option<MetadataFile>, MetadataError> {
    let name = role.file_name(version);
    Ok(repository.metadata(&name)?.map(|bytes| MetadataFile { name, bytes }))
}

/// So many days after `now`, in whole seconds.
pub fn days(now: jiff::Timestamp, days: u16) -> jiff::Timestamp {
    let seconds = now.as_second().saturating_add(i64::from(days) * 86_400);
    jiff::Timestamp::from_second(seconds).unwrap_or(now)
}
