//! The signed metadata of a repository: the published one is loaded through verification, the next one is built on it.
//!
//! Knows TUF's roles and versions. Never starts afresh where there is something that does not verify.

use std::collections::BTreeMap;
use std::path::PathBuf;

use manifest_schema::tuf::{
    self, Expiry, MetaFile, Role, RoleName, SignError, SigningKey, Snapshot, TargetDescription, TargetPath, Targets,
    Timestamp, TrustedRepository,
};

use crate::config;
use crate::disk::DiskError;
use crate::publication::{Repository, RepositoryError};

mod roots;

pub use roots::Roots;

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

/// What a repository has published, verified.
#[derive(Clone, Debug)]
pub struct Current {
    trusted: TrustedRepository,
    files: Vec<MetadataFile>,
}

impl Current {
    /// Loads the metadata of `repository`; `None` where nothing was published yet. That it has expired is no reason
    /// against going on from it: it is replaced by fresh one.
    ///
    /// # Errors
    /// When anything does not verify from the roots, or a file that is named is missing.
    pub fn load(roots: &Roots, repository: &mut dyn Repository) -> Result<Option<Self>, MetadataError> {
        let Some(timestamp) = file(repository, RoleName::Timestamp, 0)? else {
            return Ok(None);
        };
        let name = repository.name();
        let untrusted = |error| MetadataError::NotTrusted { repository: name.clone(), source: Box::new(error) };
        let mut current = Self { trusted: roots.trusted.clone(), files: roots.files.clone() };
        let _ = current.trusted.update_timestamp(&timestamp.bytes, EVER).map_err(untrusted)?;
        let snapshot = wanted(repository, RoleName::Snapshot, current.trusted.wanted_snapshot())?;
        current.trusted.update_snapshot(&snapshot.bytes, EVER).map_err(untrusted)?;
        let targets = wanted(repository, RoleName::Targets, current.trusted.wanted_targets())?;
        current.trusted.update_targets(&targets.bytes, EVER).map_err(untrusted)?;
        current.files.extend([targets, snapshot, timestamp]);
        Ok(Some(current))
    }

    /// All targets that are published.
    pub fn targets(&self) -> &BTreeMap<TargetPath, TargetDescription> {
        &self.trusted.targets().expect("load ends with the targets").targets
    }

    /// The files in the order in which they must appear.
    pub fn files(&self) -> &[MetadataFile] {
        &self.files
    }

    /// The version that grows with every change of the repository.
    pub fn version(&self) -> u64 {
        version(&self.trusted, RoleName::Timestamp)
    }
}

/// A time at which nothing has expired.
const EVER: Expiry = Expiry::Enforce(jiff::Timestamp::MIN);

fn file(repository: &mut dyn Repository, role: RoleName, version: u64) -> Result<Option<MetadataFile>, MetadataError> {
    let name = role.file_name(version);
    Ok(repository.metadata(&name)?.map(|bytes| MetadataFile { name, bytes }))
}

fn wanted(
    repository: &mut dyn Repository,
    role: RoleName,
    signed: Option<MetaFile>,
) -> Result<MetadataFile, MetadataError> {
    let version = signed.expect("the parent was trusted just before").version;
    file(repository, role, version)?
        .ok_or_else(|| MetadataError::Incomplete { repository: repository.name(), name: role.file_name(version) })
}

/// The keys that a release needs; the root key stays where it is.
#[derive(Clone, Debug)]
pub struct ReleaseKeys {
    /// Signs what there is.
    pub targets: SigningKey,
    /// Signs which version of that is current.
    pub snapshot: SigningKey,
    /// Signs that it is still current.
    pub timestamp: SigningKey,
}

/// The metadata that follows `current` and also holds `added`, in the order in which it must appear.
///
/// # Errors
/// When it cannot be signed, or a client would refuse it.
pub fn next(
    roots: &Roots,
    current: Option<&Current>,
    added: BTreeMap<TargetPath, TargetDescription>,
    keys: &ReleaseKeys,
    expiry: config::Expiry,
    now: jiff::Timestamp,
) -> Result<Vec<MetadataFile>, MetadataError> {
    let mut targets = current.map(|current| current.targets().clone()).unwrap_or_default();
    targets.extend(added);
    let version = |role| current.map_or(1, |current| version(&current.trusted, role) + 1);
    let targets = Targets { version: version(RoleName::Targets), expires: days(now, expiry.targets_days), targets };
    let (targets, meta) = signed(&targets, &keys.targets)?;
    let snapshot = Snapshot::new(version(RoleName::Snapshot), days(now, expiry.snapshot_days), meta);
    let (snapshot, meta) = signed(&snapshot, &keys.snapshot)?;
    let timestamp =
        Timestamp { version: version(RoleName::Timestamp), expires: days(now, expiry.timestamp_days), snapshot: meta };
    let (timestamp, _) = signed(&timestamp, &keys.timestamp)?;
    let trusted = current.map_or(&roots.trusted, |current| &current.trusted);
    accept(trusted.clone(), [&timestamp, &snapshot, &targets], now)
        .map_err(|error| MetadataError::Refused(Box::new(error)))?;
    Ok(roots.files.iter().cloned().chain([targets, snapshot, timestamp]).collect())
}

fn signed<R: Role>(role: &R, key: &SigningKey) -> Result<(MetadataFile, MetaFile), MetadataError> {
    let bytes = tuf::sign(role, &[key]).map_err(|error| MetadataError::Sign(Box::new(error)))?;
    let meta = MetaFile::of(role.version(), &bytes);
    Ok((MetadataFile { name: R::NAME.file_name(role.version()), bytes }, meta))
}

/// What a client that knows the metadata before would do with the new one.
fn accept(
    mut client: TrustedRepository,
    [timestamp, snapshot, targets]: [&MetadataFile; 3],
    now: jiff::Timestamp,
) -> Result<(), tuf::Error> {
    let expiry = Expiry::Enforce(now);
    let _ = client.update_timestamp(&timestamp.bytes, expiry)?;
    client.update_snapshot(&snapshot.bytes, expiry)?;
    client.update_targets(&targets.bytes, expiry)
}

fn version(trusted: &TrustedRepository, role: RoleName) -> u64 {
    trusted.known(role).map_or(0, |(version, _)| version)
}

/// So many days after `now`, in whole seconds.
pub fn days(now: jiff::Timestamp, days: u16) -> jiff::Timestamp {
    let seconds = now.as_second().saturating_add(i64::from(days) * 86_400);
    jiff::Timestamp::from_second(seconds).unwrap_or(now)
}
