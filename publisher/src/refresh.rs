//! `publish refresh`: snapshot and timestamp signed anew, and after a key was replaced whatever its signature was on.
//!
//! What is published is read and judged first; what is written is read back. It may be run again after any interruption: it
//! begins from what is visible.

use std::path::Path;

use manifest_schema::tuf::RoleName;
use manifest_schema::version::ReleaseVersion;

use crate::metadata::{Current, MetadataError, MetadataFile, Roots, Standing};
use crate::progress::Progress;
use crate::publication::{Published, Repository, RepositoryError};
use crate::release::write_metadata;

/// Why a repository cannot be refreshed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Nothing there.
    #[error("nothing is published in {0} yet: there is nothing to refresh")]
    Nothing(String),
    /// They name different releases.
    #[error("{first} and {second} do not name the same releases: copy the one that is right over the other")]
    Diverged {
        /// A repository.
        first: String,
        /// Another.
        second: String,
    },
    /// The word of keys that no longer suffice.
    #[error(
        "the targets keys have changed, and what is published is still the old ones' word: {}. Compare these with your tags, then run this again with --sign-targets, and --without vX.Y.Z for each that is not yours",
        releases.join(", ")
    )]
    OldWord {
        /// The releases that are named.
        releases: Vec<String>,
    },
    /// Targets that nobody names.
    #[error(
        "{repository} names older targets than it holds: version {version} is signed as well, with {}. If these are yours, whoever had the snapshot key has hidden them: say --newest-targets. If not, somebody has the targets key: remove {version}.targets.json there, and rotate that key",
        if releases.is_empty() { "the same releases".to_owned() } else { releases.join(", ") }
    )]
    Hidden {
        /// The repository.
        repository: String,
        /// The version of the targets.
        version: u64,
        /// The releases that they add or change.
        releases: Vec<String>,
    },
    /// Nothing of that name to leave out.
    #[error("there is no release {0} that could be left out")]
    NoSuchRelease(ReleaseVersion),
    /// What is there afterwards is not what was written.
    #[error("{0} does not serve the new metadata: run the same command again")]
    NotTaken(String),
    /// Metadata cannot be loaded or built.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The repository cannot be reached or refuses.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// What all repositories have, and whether they have the same.
pub struct Found {
    /// The version that each has, by its name.
    pub versions: Vec<(String, u64)>,
    /// The newest metadata.
    pub current: Current,
    /// Whether one of them lacks it, or lacks the newest root.
    pub uneven: bool,
}

/// Which targets are gone on from, where a snapshot key was replaced and newer ones are there than are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HiddenTargets {
    /// A person has said that they are the right ones.
    Take,
    /// Nobody has said anything.
    Refuse,
}

/// Looks at what is published.
///
/// # Errors
/// When nothing is, it does not verify, or two repositories name different releases.
pub fn look(
    roots: &Roots,
    repositories: &mut [Box<dyn Repository>],
    hidden: HiddenTargets,
) -> Result<Found, RefreshError> {
    let mut found: Vec<(String, Current)> = Vec::new();
    let mut uneven = false;
    for repository in repositories.iter_mut() {
        let name = repository.name();
        let current = Current::load(roots, &mut **repository)?.ok_or_else(|| RefreshError::Nothing(name.clone()))?;
        let current = match (current.hidden(), hidden) {
            (None, _) => current,
            (Some(_), HiddenTargets::Take) => current.with_hidden(),
            (Some((version, releases)), HiddenTargets::Refuse) => {
                return Err(RefreshError::Hidden { repository: name, version, releases });
            }
        };
        uneven |= !current.has_newest_root;
        found.push((name, current));
    }
    // Where a run was interrupted between two, the one that has been written is what goes on.
    let newest = |(_, current): &&(String, Current)| (current.standing == Standing::Sound, current.version());
    let (first, current) = found.iter().max_by_key(newest).cloned().expect("the caller names at least one");
    for (second, other) in &found {
        if other.targets() != current.targets() {
            return Err(RefreshError::Diverged { first, second: second.clone() });
        }
        uneven |= other.files().last() != current.files().last();
    }
    let versions = found.iter().map(|(name, current)| (name.clone(), current.version())).collect();
    Ok(Found { versions, current, uneven })
}

impl Found {
    /// Whether something has to be done now, where metadata that lasts `days` more is good enough.
    pub fn is_due(&self, now: jiff::Timestamp, days: u16) -> bool {
        let until = crate::metadata::days(now, days);
        let expires = [RoleName::Snapshot, RoleName::Timestamp].map(|role| self.current.of(role).1);
        self.uneven || self.current.standing != Standing::Sound || expires.iter().any(|expiry| *expiry <= until)
    }

    /// The releases that are published.
    pub fn releases(&self) -> Vec<ReleaseVersion> {
        let tag = |path: &str| ReleaseVersion::from_tag(path.strip_suffix("/manifest.json")?).ok();
        let mut releases: Vec<ReleaseVersion> =
            self.current.targets().keys().filter_map(|path| tag(path.as_str())).collect();
        releases.sort();
        releases
    }
}

/// Brings signed metadata to every repository, and reads it back.
///
/// # Errors
/// When one cannot be reached, refuses, or serves something else afterwards.
pub fn bring(
    roots: &Roots,
    files: &[MetadataFile],
    repositories: &mut [Box<dyn Repository>],
    staging: &Path,
    progress: &mut dyn Progress,
) -> Result<Vec<Published>, RefreshError> {
    let assets = write_metadata(&staging.join("metadata"), files).map_err(RepositoryError::from)?;
    let mut published = Vec::new();
    for repository in repositories.iter_mut() {
        published.push(repository.renew(&assets, progress)?);
        let served = Current::load(roots, &mut **repository)?;
        let timestamp = served.as_ref().and_then(|served| served.files().last());
        if timestamp != files.last() {
            return Err(RefreshError::NotTaken(repository.name()));
        }
    }
    Ok(published)
}
