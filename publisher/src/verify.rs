//! Reads a published repository back, from the pinned root, with the same code that decides on a client.
//!
//! Metadata that does not verify ends the walk. What is wrong with a target is noted and the walk goes on, so that one
//! run finds all of it.

use manifest_schema::tuf::{
    self, Expiry, MAX_ROOT_STEPS, MetaFile, RoleName, TargetDescription, TargetPath, TrustedRepository,
};
use manifest_schema::version::ReleaseVersion;

use crate::exit::Exit;
use crate::metadata::MetadataFile;
use crate::progress::{Amount, Progress};

mod archive;
mod finding;
mod http;
mod release;
mod source;
mod target;

pub use finding::Finding;
pub use http::Http;
pub use source::{DirectorySource, Source, SourceError};

/// What was read and found good.
#[derive(Clone, Debug)]
pub struct Report {
    /// The releases, lowest first.
    pub releases: Vec<ReleaseVersion>,
    /// Targets read.
    pub targets: usize,
    /// When the timestamp metadata expires, which is the first to do so.
    pub expires: jiff::Timestamp,
}

/// Why a repository is not good.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is no metadata.
    #[error("nothing is published in {0}: it has no timestamp.json")]
    Nothing(String),
    /// Metadata that other metadata names is missing.
    #[error("{source_name} has no {file}, which its signed metadata names")]
    Missing {
        /// The repository.
        source_name: String,
        /// The file.
        file: String,
    },
    /// Metadata does not verify.
    #[error("{source_name} cannot be trusted")]
    NotTrusted {
        /// The repository.
        source_name: String,
        /// What is wrong.
        source: Box<tuf::Error>,
    },
    /// The release is not there.
    #[error("{source_name} has no release {version} in its signed metadata")]
    NoRelease {
        /// The repository.
        source_name: String,
        /// The version.
        version: ReleaseVersion,
    },
    /// Targets are wrong.
    #[error("{source_name} serves what a client would refuse")]
    Findings {
        /// The repository.
        source_name: String,
        /// All of it.
        findings: Vec<Finding>,
    },
}

impl VerifyError {
    /// The code for scripts.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Source(_) | Self::Nothing(_) => Exit::Unreachable,
            Self::NotTrusted { source, .. } if matches!(**source, tuf::Error::Expired { .. }) => Exit::Stale,
            Self::Missing { .. } | Self::NotTrusted { .. } | Self::NoRelease { .. } | Self::Findings { .. } => {
                Exit::NotTrusted
            }
        }
    }
}

/// Reads everything that `source` serves, or one release of it. `root` is the file that clients pin.
///
/// # Errors
/// When a client would refuse any of it.
pub fn verify(
    source: &mut dyn Source,
    root: &MetadataFile,
    version: Option<&ReleaseVersion>,
    now: jiff::Timestamp,
    progress: &mut dyn Progress,
) -> Result<Report, VerifyError> {
    let trusted = metadata(source, root, now)?;
    let timestamp = trusted.timestamp().expect("metadata() ends with all roles");
    let expires = timestamp.expires;
    let targets = targets(&trusted, version);
    let releases = releases(&targets);
    if let Some(version) = version.filter(|version| !releases.contains(version)) {
        let (source_name, version) = (source.name(), version.clone());
        return Err(VerifyError::NoRelease { source_name, version });
    }
    let mut findings = Vec::new();
    let bytes = targets.iter().map(|(_, target)| target.length).sum();
    progress.begin(&format!("reading {}", source.name()), Amount::Bytes(bytes));
    for (path, description) in &targets {
        findings.extend(target::check(source, path, description)?);
        progress.advance(description.length);
    }
    progress.done();
    // What is missing or altered was found above; a manifest and its archives are worth reading only when they are whole.
    if findings.is_empty() {
        for version in &releases {
            findings.extend(release::check(source, &trusted, version)?);
        }
    }
    if findings.is_empty() {
        Ok(Report { releases, targets: targets.len(), expires })
    } else {
        Err(VerifyError::Findings { source_name: source.name(), findings })
    }
}

/// The client workflow of TUF 5.3 to 5.6.
fn metadata(
    source: &mut dyn Source,
    root: &MetadataFile,
    now: jiff::Timestamp,
) -> Result<TrustedRepository, VerifyError> {
    let name = source.name();
    let untrusted = |error| VerifyError::NotTrusted { source_name: name.clone(), source: Box::new(error) };
    let mut trusted = TrustedRepository::from_root(&root.bytes, None).map_err(untrusted)?;
    for _ in 0..MAX_ROOT_STEPS {
        let next = RoleName::Root.file_name(trusted.root().version + 1);
        let Some(bytes) = source.metadata(&next, RoleName::Root.cap())? else {
            break;
        };
        let _ = trusted.update_root(&bytes).map_err(untrusted)?;
    }
    let expiry = Expiry::Enforce(now);
    let timestamp = RoleName::Timestamp;
    let bytes =
        source.metadata(&timestamp.file_name(0), timestamp.cap())?.ok_or_else(|| VerifyError::Nothing(name.clone()))?;
    let _ = trusted.update_timestamp(&bytes, expiry).map_err(untrusted)?;
    let bytes = wanted(source, RoleName::Snapshot, trusted.wanted_snapshot())?;
    trusted.update_snapshot(&bytes, expiry).map_err(untrusted)?;
    let bytes = wanted(source, RoleName::Targets, trusted.wanted_targets())?;
    trusted.update_targets(&bytes, expiry).map_err(untrusted)?;
    Ok(trusted)
}

fn wanted(source: &mut dyn Source, role: RoleName, signed: Option<MetaFile>) -> Result<Vec<u8>, VerifyError> {
    let signed = signed.expect("the parent was trusted just before");
    let file = role.file_name(signed.version);
    source.metadata(&file, signed.cap(role))?.ok_or_else(|| VerifyError::Missing { source_name: source.name(), file })
}

fn targets(trusted: &TrustedRepository, version: Option<&ReleaseVersion>) -> Vec<(TargetPath, TargetDescription)> {
    let directory = version.map(|version| format!("{}/", version.tag()));
    let all = &trusted.targets().expect("metadata() ends with all roles").targets;
    all.iter()
        .filter(|(path, _)| directory.as_ref().is_none_or(|directory| path.as_str().starts_with(directory)))
        .map(|(path, description)| (path.clone(), description.clone()))
        .collect()
}

fn releases(targets: &[(TargetPath, TargetDescription)]) -> Vec<ReleaseVersion> {
    let version = |(path, _): &(TargetPath, TargetDescription)| {
        ReleaseVersion::from_tag(path.as_str().strip_suffix("/manifest.json")?).ok()
    };
    let mut releases: Vec<_> = targets.iter().filter_map(version).collect();
    releases.sort();
    releases
}
