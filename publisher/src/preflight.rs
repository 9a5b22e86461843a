//! Looks at everything before anything is packed, and lists all that is wrong at once.
//!
//! What it hands over is ready to be packed and signed; it changes nothing.

use std::path::{Path, PathBuf};

use manifest_schema::tuf::RoleName;
use manifest_schema::version::ReleaseVersion;

use crate::changelog::{self, Section};
use crate::config::{self, Config};
use crate::contents::{self, IGNORE_FILE, ReleaseFile, Rules};
use crate::git::{Git, GitError, TreeEntry};
use crate::keys::KeyFileError;
use crate::metadata::{Current, Roots};
use crate::problem::Problem;
use crate::publication::Repository;
use crate::sign::Signers;

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
    /// Whether others may sign what the keys here cannot.
    pub others_sign: bool,
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
    signers: &mut Signers,
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
    if let Some(roots) = &roots {
        keys(roots, subject, signers, &mut problems);
    }
    let published = roots.as_ref().map(|roots| published::all(roots, subject.version, repositories, &mut problems));
    match (commit, section, roots, published) {
        (Some(commit), Some(section), Some(roots), Some(published)) if problems.is_empty() => {
            let commit_time = git.commit_time(&commit)?;
            Ok(Ready { git, commit_time, section, files, roots, published })
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

/// All three roles are looked at before one that is missing counts: all problems in one run.
fn keys(roots: &Roots, subject: &Subject<'_>, signers: &mut Signers, problems: &mut Vec<Problem>) {
    let root = roots.newest();
    if root.expires <= subject.now {
        problems.push(Problem::RootExpired(root.expires));
    }
    for role in [RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp] {
        let ids = root.role(role).key_ids.iter();
        let found: Result<Vec<_>, _> = ids.map(|id| signers.ring.find(role, *id)).collect();
        let Some(found) = noted(found, Problem::Key, problems) else { continue };
        let have = found.iter().flatten().count();
        let threshold = root.role(role).threshold;
        if have < threshold as usize && signers.commands.is_empty() && !subject.others_sign {
            problems.push(lacking(role, have, threshold, subject, signers));
        }
    }
}

/// Why the keys here do not suffice for a role.
fn lacking(role: RoleName, have: usize, threshold: u32, subject: &Subject<'_>, signers: &mut Signers) -> Problem {
    if have > 0 {
        return Problem::TooFewKeys { role, have, threshold };
    }
    match signers.ring.usual(role) {
        Ok(key) => Problem::ForeignKey { role, id: key.public().id(), directory: subject.keys.clone() },
        Err(KeyFileError::Missing(path)) => Problem::NoKey { role, path },
        Err(error) => Problem::Key(error),
    }
}
