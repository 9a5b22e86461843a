//! Looks at everything before anything is packed, and lists all that is wrong at once.
//!
//! What it hands over is ready to be packed and signed; it changes nothing.

use std::path::{Path, PathBuf};

use manifest_schema::tuf::{RoleName, SigningKey};
use manifest_schema::version::ReleaseVersion;

use crate::changelog::{self, Section};
use crate::config::{self, Config};
use crate::contents::{self, IGNORE_FILE, ReleaseFile, Rules};
use crate::git::{Git, GitError, TreeEntry};
use crate::keys;
use crate::metadata::{Current, ReleaseKeys, Roots};
use crate::passphrase::Passphrases;
use crate::problem::Problem;
use crate::publication::Repository;

mod checkout;
mod description;
mod published;

/// What is looked at.
pub struct Subject<'a> {
    /// The checkout's directory.
    pub directory: &'a Path,
    /// What `publish.toml` says.
    pub config: &'a Config,
    /// The directory of the keys.
    pub keys: PathBuf,
    /// The release's version.
    pub version: &'a ReleaseVersion,
    /// The lowest version that may go to it directly.
    pub minimum_version: Option<&'a ReleaseVersion>,
    /// Directories that are published to: they do not count as part of the tree.
    pub outputs: Vec<PathBuf>,
    /// The time at which metadata must be valid.
    pub now: jiff::Timestamp,
}

/// A release that can be packed.
pub struct Ready {
    /// The checkout.
    pub git: Git,
    /// When the commit was made, in seconds since 1970.
    pub commit_time: i64,
    /// Its section of the changelog.
    pub section: Section,
    /// Its files.
    pub files: Vec<ReleaseFile>,
    /// The roots that it is signed under.
    pub roots: Roots,
    /// The keys that sign it.
    pub keys: ReleaseKeys,
    /// What each repository has published, in their order.
    pub published: Vec<Option<Current>>,
}

/// Why a release cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// Reasons that the vendor can do something about, all of them.
    #[error("the release cannot be made yet")]
    Problems(Vec<Problem>),
    /// git cannot be asked.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A content cannot be read.
    #[error("cannot read {path} from the commit")]
    Content {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// Looks at the checkout, the keys and the repositories.
///
/// # Errors
/// With everything that is wrong.
pub fn preflight(
    subject: &Subject<'_>,
    passphrases: &mut Passphrases,
    repositories: &mut [Box<dyn Repository>],
) -> Result<Ready, PreflightError> {
    let git = Git::open(subject.directory)?;
    let mut problems = Vec::new();
    let commit = checkout::commit(&git, subject, &mut problems)?;
    let tree = commit.as_deref().map_or(Ok(Vec::new()), |commit| git.tree(commit))?;
    let section = commit.is_some().then(|| texts(&git, &tree, subject, &mut problems)).transpose()?.flatten();
    let files = if commit.is_some() { files(&git, &tree, subject, &mut problems)? } else { Vec::new() };
    description::check(&files, subject, commit.is_some(), &mut problems);
    let roots = noted(Roots::read(&subject.directory.join(config::ROOTS)), Problem::Metadata, &mut problems);
    let keys = roots.as_ref().and_then(|roots| keys(roots, subject, passphrases, &mut problems));
    let published = roots.as_ref().map(|roots| published::all(roots, subject.version, repositories, &mut problems));
    match (commit, section, roots, keys, published) {
        (Some(commit), Some(section), Some(roots), Some(keys), Some(published)) if problems.is_empty() => {
            let commit_time = git.commit_time(&commit)?;
            Ok(Ready { git, commit_time, section, files, roots, keys, published })
        }
        (..) => Err(PreflightError::Problems(problems)),
    }
}

/// The value, or nothing and the problem noted.
fn noted<T, E>(result: Result<T, E>, problem: impl FnOnce(E) -> Problem, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|error| problems.push(problem(error))).ok()
}

/// VERSION and CHANGELOG.md, as committed.
fn texts(
    git: &Git,
    tree: &[TreeEntry],
    subject: &Subject<'_>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Section>, PreflightError> {
    let version = subject.version;
    match checkout::text(git, tree, "VERSION")? {
        None => problems.push(Problem::NoVersionFile { version: version.clone() }),
        Some(found) if found.trim() == version.to_string() => {}
        Some(found) => {
            let found = found.trim().chars().take(80).collect();
            problems.push(Problem::VersionFile { found, version: version.clone() });
        }
    }
    let Some(text) = checkout::text(git, tree, "CHANGELOG.md")? else {
        problems.push(Problem::NoChangelog);
        return Ok(None);
    };
    Ok(noted(changelog::section(&text, version), Problem::Changelog, problems))
}

fn files(
    git: &Git,
    tree: &[TreeEntry],
    subject: &Subject<'_>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<ReleaseFile>, PreflightError> {
    let ignored = checkout::text(git, tree, IGNORE_FILE)?.unwrap_or_default();
    let keys = checkout::inside(subject.directory, &subject.keys);
    problems.extend(checkout::committed_keys(tree, keys.as_deref()));
    let Some(rules) = noted(Rules::read(&ignored, keys), Problem::Contents, problems) else {
        return Ok(Vec::new());
    };
    let (files, refused) = contents::select(tree, &rules);
    problems.extend(refused.into_iter().map(Problem::Contents));
    problems.extend(checkout::collisions(&files));
    problems.extend(checkout::lfs_pointers(git, &files)?);
    Ok(files)
}

fn keys(
    roots: &Roots,
    subject: &Subject<'_>,
    passphrases: &mut Passphrases,
    problems: &mut Vec<Problem>,
) -> Option<ReleaseKeys> {
    let root = roots.newest();
    if root.expires <= subject.now {
        problems.push(Problem::RootExpired(root.expires));
    }
    let mut key = |role| -> Option<SigningKey> {
        let key = noted(keys::read(&subject.keys, role, passphrases), Problem::Key, problems)?;
        let id = key.public().id();
        if !root.role(role).key_ids.contains(&id) {
            problems.push(Problem::ForeignKey { role, id, directory: subject.keys.clone() });
        }
        Some(key)
    };
    // All three are read before one that is missing counts: all problems in one run.
    let found = (key(RoleName::Targets), key(RoleName::Snapshot), key(RoleName::Timestamp));
    Some(ReleaseKeys { targets: found.0?, snapshot: found.1?, timestamp: found.2? })
}
