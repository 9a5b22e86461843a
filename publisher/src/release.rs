//! From a checkout that is ready to publications that are complete in the staging directory.
//!
//! Packs, describes and signs. The same commit and options give the same archives and the same manifest; the metadata
//! also holds when it expires, which follows from one reading of the clock.

use std::path::{Path, PathBuf};

use manifest_schema::manifest::{Manifest, ManifestError, Platforms, Rollout, Severity};
use manifest_schema::path::Name;
use manifest_schema::tuf::TargetPath;
use manifest_schema::version::ReleaseVersion;

use crate::config::Config;
use crate::disk::{self, DiskError};
use crate::metadata::{Advance, Current, Ground, MetadataError, MetadataFile, Proposal, Standing, Waiting};
use crate::pack::PackError;
use crate::preflight::Ready;
use crate::progress::Progress;
use crate::publication::{Asset, Publication};
use crate::sign::Signers;

mod describe;
mod stage;

pub use stage::{Staged, Target};

/// What the vendor decides for one release.
#[derive(Clone, Debug)]
pub struct Decisions {
    /// How much it matters.
    pub severity: Severity,
    /// The channels that carry it.
    pub channels: Vec<Name>,
    /// The lowest version that may go to it directly.
    pub minimum_version: Option<ReleaseVersion>,
    /// Whether clients must change something by hand.
    pub breaking: bool,
    /// Whether going back from it is possible.
    pub rollback_supported: bool,
    /// Where people find `v1.1.0/NAME-v1.1.0.tar.gz`.
    pub targets_url: Option<String>,
    /// The machines that it is for; all, where nothing is said.
    pub platforms: Option<Platforms>,
    /// Which installations it goes to, and when; to all at once, where nothing is said.
    pub rollout: Option<Rollout>,
    /// Below which version nothing is installed any more.
    pub security_floor: Option<ReleaseVersion>,
}

/// Why a release cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The files cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The manifest would be refused by every client.
    #[error("this release cannot be described")]
    Manifest(#[source] ManifestError),
    /// The commit's time is no time.
    #[error("the commit's time, {0} s after 1970, cannot be written into an archive")]
    CommitTime(i64),
    /// The version is published with other content.
    #[error(
        "{repository} already has {version} with other content ({what} differs), and a published release never changes: \
         release a higher version"
    )]
    Published {
        /// The repository.
        repository: String,
        /// The version.
        version: ReleaseVersion,
        /// The first target that differs.
        what: String,
    },
    /// One repository is ahead of another by more than this release.
    #[error("{0} lacks earlier releases that another repository has: copy the other one over it first")]
    Behind(String),
    /// A bundle of another release.
    #[error(
        "the bundle does not hold what this checkout makes of {version} ({what} differs): sign only what you have looked at; where it was made on another commit or with other options, begin it again"
    )]
    OtherBundle {
        /// The version.
        version: ReleaseVersion,
        /// The first target that differs.
        what: String,
    },
    /// Metadata cannot be made.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A file cannot be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A release for one repository.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What goes there.
    pub publication: Publication,
    /// Whether its metadata already names the release.
    pub already: bool,
    /// The version of its timestamp, which grows with every change of the repository.
    pub version: u64,
}

/// The target path of a release's manifest.
pub fn manifest_path(version: &ReleaseVersion) -> TargetPath {
    target_path(version, "manifest.json")
}

fn target_path(version: &ReleaseVersion, name: &str) -> TargetPath {
    format!("{}/{name}", version.tag()).parse().expect("a tag and one of our names are a legal path")
}

/// Packs and describes the release in `staging`.
///
/// # Errors
/// When the files cannot be packed, or what comes out would be refused by every client.
pub fn stage(
    ready: &Ready,
    config: &Config,
    version: &ReleaseVersion,
    decisions: &Decisions,
    staging: &Path,
    progress: &mut dyn Progress,
) -> Result<Staged, ReleaseError> {
    stage::stage(ready, config, version, decisions, staging, progress)
}

/// A release, as far as it could be signed here.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What goes to each repository, in their order.
    Signed(Vec<Prepared>),
    /// Others must sign.
    Begun(Proposal, Waiting),
}

/// What a release is signed with, and where it lies meanwhile.
pub struct Desk<'a> {
    /// Who signs.
    pub signers: &'a mut Signers,
    /// How long it is valid.
    pub expiry: crate::config::Expiry,
    /// The one reading of the clock.
    pub now: jiff::Timestamp,
    /// The staging directory.
    pub staging: &'a Path,
}

/// Signs the release, going on from `begun` where others have signed already. `names` are those of the repositories.
///
/// Where one of them has the release already, from a run that was interrupted between two of them, the others get its
/// metadata; otherwise all get the same new one.
///
/// # Errors
/// When the release is published with other content, the bundle is of another one, or it cannot be signed.
pub fn prepare(
    staged: &Staged,
    ready: &Ready,
    names: &[String],
    desk: &mut Desk<'_>,
    begun: Option<Proposal>,
) -> Result<Outcome, ReleaseError> {
    let has = |current: &&Current| current.targets().contains_key(&manifest_path(&staged.version));
    for (current, name) in ready.published.iter().zip(names) {
        current.as_ref().filter(has).map_or(Ok(()), |current| staged.same_as(current, name))?;
        current.as_ref().map_or(Ok(()), |current| goes_on(current, has(&current), name))?;
    }
    let complete = ready.published.iter().flatten().find(has);
    let (next, version) = match complete {
        Some(current) => (current.files().to_vec(), current.version()),
        None => match signed(staged, ready, desk, begun)? {
            (proposal, Advance::Complete(files)) => {
                (files, proposal.timestamp.map_or(0, |timestamp| timestamp.metadata().version))
            }
            (proposal, Advance::Waiting(waiting)) => return Ok(Outcome::Begun(proposal, waiting)),
        },
    };
    let mut prepared = Vec::new();
    for (index, (current, name)) in ready.published.iter().zip(names).enumerate() {
        let already = current.as_ref().filter(has);
        if let (None, Some(complete)) = (already, complete) {
            staged.leads_to(current.as_ref(), complete, name)?;
        }
        let files = already.map_or(next.as_slice(), Current::files);
        let metadata = write_metadata(&desk.staging.join(format!("metadata-{index}")), files)?;
        let publication = staged.publication(metadata);
        let version = already.map_or(version, Current::version);
        prepared.push(Prepared { publication, already: already.is_some(), version });
    }
    Ok(Outcome::Signed(prepared))
}

/// Whether a release can be built on what is published: not on the word of a targets key that was replaced; and what is
/// there already is not brought again with signatures that no longer count.
fn goes_on(current: &Current, has_it: bool, name: &str) -> Result<(), MetadataError> {
    match current.standing {
        Standing::Sound => Ok(()),
        Standing::StaleFreshness if !has_it && current.hidden().is_none() => Ok(()),
        Standing::StaleFreshness | Standing::ReplacedTargets => Err(MetadataError::RefreshFirst(name.to_owned())),
    }
}

fn signed(
    staged: &Staged,
    ready: &Ready,
    desk: &mut Desk<'_>,
    begun: Option<Proposal>,
) -> Result<(Proposal, Advance), ReleaseError> {
    let current = ready.published.first().and_then(Option::as_ref);
    let ground = Ground { roots: &ready.roots, current, expiry: desk.expiry, now: desk.now };
    let mut targets = current.map(|current| current.targets().clone()).unwrap_or_default();
    targets.extend(staged.descriptions());
    let mut proposal = match begun {
        None => Proposal::of_targets(&ground, targets)?,
        Some(mut proposal) => {
            proposal.check(&ground)?;
            staged.is_proposed(&targets, &proposal)?;
            proposal
        }
    };
    let advance = proposal.advance(&ground, desk.signers)?;
    Ok((proposal, advance))
}

/// Writes metadata files into a new directory, for a repository to take them from.
///
/// # Errors
/// When one cannot be written.
pub fn write_metadata(directory: &Path, files: &[MetadataFile]) -> Result<Vec<Asset>, DiskError> {
    disk::make_dirs(directory)?;
    let write = |file: &MetadataFile| {
        let path: PathBuf = directory.join(&file.name);
        disk::write_working(&path, &file.bytes)?;
        Ok(stage::asset(&file.name, &path, &file.bytes))
    };
    files.iter().map(write).collect()
}

/// The manifest as an agent would read it.
fn sound(manifest: &Manifest) -> Result<Vec<u8>, ReleaseError> {
    let bytes = manifest.write();
    Manifest::read(&bytes).map_err(ReleaseError::Manifest)?;
    Ok(bytes)
}
