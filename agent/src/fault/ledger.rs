//! The ledger: what this thread has changed on the disk and is not yet durable.
//!
//! A name is durable once its directory is synced, a content once its file is, and all there is once the file system is
//! (fsync(2), syncfs(2)). A machine that lost its power could have forgotten whatever is written here: nothing may be when a
//! journal says that something was done, or that something else is about to be.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What of a path a power cut could take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// That the name is there, gone, or stands for something else.
    Name,
    /// What is in it, whose it is, or its mode.
    Content,
}

/// What is in doubt, by the act that left it so.
pub(crate) type Dirty = BTreeMap<(PathBuf, Part), &'static str>;

thread_local! {
    static DIRTY: RefCell<Dirty> = const { RefCell::new(Dirty::new()) };
    static FOUND: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// The records that are a promise: what is written before them has happened, for good.
const PROMISES: [&str; 7] = ["begun", "applied", "reverted", "soaking", "committed", "finished", "rolled_back"];

/// Enters what the disk's one writer did, in the words of its errors.
pub(crate) fn changed(act: &'static str, path: &Path) {
    let path = real(path);
    DIRTY.with_borrow_mut(|dirty| enter(dirty, act, path));
}

fn enter(dirty: &mut Dirty, act: &'static str, path: PathBuf) {
    let mut stain = |part| {
        dirty.insert((path.clone(), part), act);
    };
    match act {
        "make" => [Part::Name, Part::Content].into_iter().for_each(stain),
        "make directory" | "make link" | "exchange" | "rename from" => stain(Part::Name),
        "write" | "append to" | "cut" | "set bytes aside in" | "set the mode of" | "give away" => stain(Part::Content),
        // With what had the name, and what lay below it, goes all doubt about it.
        "rename to" | "remove" | "remove directory" => {
            dirty.retain(|(other, _), _| !other.starts_with(&path));
            dirty.insert((path, Part::Name), act);
        }
        "make durable" => dirty.retain(|(other, part), _| *part == Part::Name || *other != path),
        "make durable the directory" => dirty.retain(|(other, part), _| match part {
            Part::Name => other.parent() != Some(&path),
            Part::Content => *other != path,
        }),
        "make durable the file system of" => dirty.clear(),
        // Looking changes nothing.
        "open" | "open directory" | "look at" | "list" | "read" | "read link" | "seek in" | "use" => {}
        other => panic!("{other}: the ledger must know whether this changes the disk"),
    }
}

/// The directory of a database is known by a descriptor that is held open.
fn real(path: &Path) -> PathBuf {
    let mut parts = path.components();
    let held: PathBuf = parts.by_ref().take(5).collect();
    if !held.starts_with("/proc/self/fd") {
        return path.to_owned();
    }
    std::fs::read_link(&held).map_or_else(|_| path.to_owned(), |held| held.join(parts.as_path()))
}

/// A journal is about to say something.
pub(crate) fn says(record: &'static str) {
    if !PROMISES.contains(&record) {
        return;
    }
    let dirty = DIRTY.with_borrow(|dirty| {
        let words = |((path, part), act): (&(PathBuf, Part), &&str)| format!("{part:?} of {} ({act})", path.display());
        let doubtful = dirty.iter().filter(|((path, _), _)| !may_be_forgotten(dirty, path, record));
        doubtful.map(words).collect::<Vec<_>>().join(", ")
    });
    if !dirty.is_empty() {
        FOUND.with_borrow_mut(|found| found.insert(format!("'{record}' is written before this is durable: {dirty}")));
    }
}

/// What need not be durable, each with its reason.
fn may_be_forgotten(dirty: &Dirty, path: &Path, record: &str) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // What the vendor's commands said, and what is kept as evidence, is for people to read: no step rests on it.
    let is_log = name.ends_with(".log") || name.ends_with(".log.partial");
    let is_log = is_log || path.components().any(|part| part.as_os_str() == "evidence");
    // A step that was undone may leave a directory or not: whoever needs it makes it, and that is durable then.
    let is_undone = matches!(record, "reverted" | "rolled_back");
    let is_new_directory = dirty.get(&(path.to_owned(), Part::Name)) == Some(&"make directory");
    // Each block of an artifact that came in part is checked before the next attempt goes on after it.
    let is_part = path.parent().is_some_and(|above| above.ends_with("fetch")) && name.ends_with(".partial");
    // A reserve that was given up on the way and comes back is given up once more, by the revert of the step that made it or by
    // whoever finishes; with the last record it is gone for good. That it is there, though, is a promise: the way back needs it.
    let is_last = matches!(record, "finished" | "rolled_back");
    let is_reserve = name == "reserve" || name == "inodes" || name.ends_with(".reserve");
    let is_removed = matches!(dirty.get(&(path.to_owned(), Part::Name)), Some(&("remove" | "remove directory")));
    is_log || (is_undone && (is_new_directory || is_part)) || (is_reserve && is_removed && !is_last)
}

/// What was said too early since this was last asked.
pub(crate) fn too_early() -> Result<(), String> {
    let found = FOUND.take();
    if found.is_empty() { Ok(()) } else { Err(found.into_iter().collect::<Vec<_>>().join("; ")) }
}

/// Nothing is in doubt any more, since the disk has shown what it still knows; answers what was.
pub(crate) fn settle() -> Dirty {
    DIRTY.take()
}

/// This is in doubt, and nothing else.
pub(crate) fn doubt(dirty: Dirty) {
    DIRTY.set(dirty);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable;

    #[test]
    fn what_the_disks_writer_leaves_is_durable() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        durable::make_dirs(&path("a/b"), 0o777).unwrap();
        durable::write_atomic(&path("a/file"), b"x", 0o644).unwrap();
        durable::append_line(&path("a/lines"), "x").unwrap();
        durable::rename(&path("a/file"), &path("a/b/file")).unwrap();
        durable::replace_link(&path("link"), Path::new("a")).unwrap();
        durable::exchange(&path("link"), &path("a/b/file")).unwrap();
        durable::remove_tree(&path("a/b")).unwrap();
        says("begun");
        assert_eq!(too_early(), Ok(()));
    }

    #[test]
    fn what_is_not_synced_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        durable::create_partial(&file, 0o644).unwrap().write(b"x").unwrap();
        says("resumed");
        assert_eq!(too_early(), Ok(()), "that promises nothing");
        says("applied");
        let told = too_early().unwrap_err();
        assert!(told.contains("Content of") && told.contains("Name of"), "{told}");
        durable::sync_tree(&file).unwrap_err();
        durable::sync_tree(dir.path()).unwrap();
        says("applied");
        assert_eq!(too_early(), Ok(()));
    }
}
