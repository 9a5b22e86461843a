//! What preflight asks of the checkout itself.

use std::collections::BTreeMap;
use std::path::Path;

use super::{PreflightError, Subject};
use crate::contents::ReleaseFile;
use crate::git::{EntryKind, Git, TreeEntry};
use crate::problem::Problem;

/// Changes that are named; more are counted.
const NAMED: usize = 8;

/// The commit to release: the tag's, which must be checked out and clean. Where the tag is wrong, the one that is
/// checked out, so that everything else can be looked at in the same run.
pub(super) fn commit(
    git: &Git,
    subject: &Subject<'_>,
    problems: &mut Vec<Problem>,
) -> Result<Option<String>, PreflightError> {
    let tag = subject.version.tag();
    let Some(head) = git.head()? else {
        problems.push(Problem::NoCommit { tag });
        return Ok(None);
    };
    match git.tag(&tag)? {
        None => problems.push(Problem::NoTag { tag }),
        Some(tagged) if tagged == head => {}
        Some(tagged) => problems.push(Problem::TagElsewhere { tag, tagged, head: head.clone() }),
    }
    let outputs = subject.outputs.iter().filter_map(|path| inside(subject.directory, path));
    let mut changes = git.changes(&outputs.map(Into::into).collect::<Vec<_>>())?;
    if !changes.is_empty() {
        let more = changes.len().saturating_sub(NAMED);
        changes.truncate(NAMED);
        if more > 0 {
            changes.push(format!("and {more} more"));
        }
        problems.push(Problem::Dirty { changes });
    }
    Ok(Some(head))
}

/// A small text file of the commit.
pub(super) fn text(git: &Git, tree: &[TreeEntry], path: &str) -> Result<Option<String>, PreflightError> {
    let Some(entry) = tree.iter().find(|entry| entry.path == path.as_bytes()) else {
        return Ok(None);
    };
    let failed = |source| PreflightError::Content { path: path.to_owned(), source };
    let bytes = git.blobs()?.read(&entry.object).map_err(failed)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// `path` from `directory`, where it lies below it. One that climbs (`../releases`) does not, whatever it begins with.
pub(super) fn inside(directory: &Path, path: &Path) -> Option<String> {
    let directory = std::path::absolute(directory).ok()?;
    let path = std::path::absolute(path).ok()?;
    let relative = path.strip_prefix(directory).ok()?;
    let climbs = relative.components().any(|part| part == std::path::Component::ParentDir);
    (!climbs && !relative.as_os_str().is_empty()).then(|| relative.display().to_string())
}

/// Private keys that git knows.
pub(super) fn committed_keys(tree: &[TreeEntry], keys: Option<&str>) -> Vec<Problem> {
    let Some(keys) = keys else { return Vec::new() };
    let is_key = |entry: &&TreeEntry| {
        let path = String::from_utf8_lossy(&entry.path);
        entry.kind != EntryKind::Submodule
            && path.strip_prefix(keys).is_some_and(|rest| rest.starts_with('/') && rest.ends_with(".pem"))
    };
    let name = |entry: &TreeEntry| String::from_utf8_lossy(&entry.path).into_owned();
    tree.iter().filter(is_key).map(|entry| Problem::KeyCommitted(name(entry))).collect()
}

/// Paths that are one on a file system that folds case.
pub(super) fn collisions(files: &[ReleaseFile]) -> Vec<Problem> {
    let mut seen = BTreeMap::new();
    let mut problems = Vec::new();
    for file in files {
        if let Some(other) = seen.insert(file.path.as_str().to_lowercase(), &file.path) {
            problems.push(Problem::Case(other.clone(), file.path.clone()));
        }
    }
    problems
}

/// Pointers of Git LFS: below 1 KiB, with this first line (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).
pub(super) fn lfs_pointers(git: &Git, files: &[ReleaseFile]) -> Result<Vec<Problem>, PreflightError> {
    let mut blobs = git.blobs()?;
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| (120..1024).contains(&file.size)) {
        let failed = |source| PreflightError::Content { path: file.path.to_string(), source };
        let content = blobs.read(&file.object).map_err(failed)?;
        if content.starts_with(b"version https://git-lfs.github.com/spec/") {
            problems.push(Problem::LfsPointer(file.path.clone()));
        }
    }
    Ok(problems)
}
