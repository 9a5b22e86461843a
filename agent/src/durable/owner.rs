//! Whose a file is: giving away what the agent made, and refusing what somebody else could have put there.
//!
//! Nothing here follows a link, and what is given away is held by a descriptor: the application's user can rename
//! whatever lies in the directories that are theirs, at any instant.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use super::place::{Held, hold};
use super::{Attempt, Error, Result};

/// A user and a group that own files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Owner {
    pub(super) fn uid(self) -> Uid {
        Uid::from_raw(self.uid)
    }

    pub(super) fn gid(self) -> Gid {
        Gid::from_raw(self.gid)
    }
}

/// Why a directory is not the agent's own.
#[derive(Debug, thiserror::Error)]
pub(super) enum Foreign {
    /// Others own it or can write in it.
    #[error(
        "it belongs to somebody else: its owner is user {uid}, its mode is {mode:04o}; it must be a directory of user \
         {agent}'s in which nobody else can write"
    )]
    Directory { uid: u32, mode: u32, agent: u32 },
    /// A link or a file bears the name.
    #[error("it belongs to somebody else: it is a link or a file, where the agent had made a directory of its own")]
    NoDirectory,
    /// A link on the way that others have made.
    #[error("the way there belongs to somebody else: it leads through the link {name:?} of user {uid}'s")]
    Link { name: std::ffi::OsString, uid: u32 },
    /// A link on the way that others can have renamed or given this name.
    #[error(
        "the way there belongs to somebody else: it leads through the link {name:?}, which lies where user {uid} or others can \
         have put it, and not further down"
    )]
    Moved { name: std::ffi::OsString, uid: u32 },
    /// A name that others can have given to a file of somebody else's.
    #[error("it belongs to user {uid} and has {names} names: somebody else may have given it this one")]
    Names { uid: u32, names: u64 },
}

/// Refuses a directory that is not the agent's own: a link, another user's, or one in which others can write. That it is
/// not there is fine.
///
/// This is a look, not a hold. Who owns the directory above can still put something else there between this look and
/// the act that relies on it; but no act goes through a link of theirs (see `place`), so that it stays within what is theirs.
///
/// # Errors
/// When it is somebody else's ([`Error::is_foreign`]), or cannot be looked at.
pub fn own_dir(path: &Path) -> Result<()> {
    match open_own_dir(path) {
        Err(error) if error.is(Errno::NOENT) => Ok(()),
        opened => opened.map(drop),
    }
}

/// Opens a directory that must be the agent's own.
pub(super) fn open_own_dir(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let foreign = |why| Error::new("use", path, std::io::Error::other(why));
    let held = hold(path).map_err(|error| Error::new("use", path, error))?;
    let dir = match rustix::fs::openat(&held.above, held.name, flags, Mode::empty()) {
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(foreign(Foreign::NoDirectory)),
        opened => opened.attempt("open directory", path)?,
    };
    let is = rustix::fs::fstat(&dir).attempt("look at", path)?;
    let (agent, mode) = (rustix::process::geteuid().as_raw(), is.st_mode & 0o7777);
    if is.st_uid == agent && mode & 0o022 == 0 {
        Ok(dir)
    } else {
        Err(foreign(Foreign::Directory { uid: is.st_uid, mode, agent }))
    }
}

/// A name in a directory that is held open, and what a message calls it.
pub(super) struct Entry<'a> {
    pub(super) above: BorrowedFd<'a>,
    pub(super) name: &'a Path,
    pub(super) path: &'a Path,
}

impl<'a> Entry<'a> {
    /// The top of a tree.
    pub(super) fn top(held: &'a Held<'a>, path: &'a Path) -> Self {
        Self { above: held.above.as_fd(), name: Path::new(held.name), path }
    }

    /// A name in a directory.
    pub(super) fn of(above: &'a OwnedFd, name: &'a Path, path: &'a Path) -> Self {
        Self { above: above.as_fd(), name, path }
    }

    /// What bears the name now: a hint, until it is held open.
    pub(super) fn look(&self) -> rustix::io::Result<Stat> {
        rustix::fs::statat(self.above, self.name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Holds it open for reading. That a pipe took its place does not hang, and no link is followed.
    pub(super) fn open(&self, flags: OFlags) -> Result<(OwnedFd, Stat)> {
        self.opened(flags).attempt("open", self.path)
    }

    /// The same, and no point at which a test can stop the machine.
    pub(super) fn opened(&self, flags: OFlags) -> rustix::io::Result<(OwnedFd, Stat)> {
        let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(self.above, self.name, flags, Mode::empty())?;
        let is = rustix::fs::fstat(&opened)?;
        Ok((opened, is))
    }
}

/// Calls `act` with each entry of a directory that is held open.
pub(super) fn each_entry(dir: &OwnedFd, path: &Path, mut act: impl FnMut(&Entry<'_>) -> Result<()>) -> Result<()> {
    for entry in Dir::read_from(dir).attempt("list", path)? {
        let entry: DirEntry = entry.attempt("list", path)?;
        let name = Path::new(std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()));
        if name != Path::new(".") && name != Path::new("..") {
            act(&Entry { above: dir.as_fd(), name, path: &path.join(name) })?;
        }
    }
    Ok(())
}

/// Gives a tree to its owner, links included, none followed. The top goes last: from then on the owner can put whatever they
/// like in it, under hard links even what is not theirs (link(2), where `fs.protected_hardlinks` is off).
///
/// # Errors
/// When the system refuses, or a file in it has another name elsewhere.
pub fn give_tree(path: &Path, owner: Owner) -> Result<()> {
    let held = hold(path).map_err(|error| Error::new("give away", path, error))?;
    give(&Entry::top(&held, path), owner)
}

fn give(entry: &Entry<'_>, owner: Owner) -> Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::openat(entry.above, entry.name, flags, Mode::empty()).attempt("look at", entry.path)?;
    let is = rustix::fs::fstat(&held).attempt("look at", entry.path)?;
    if FileType::from_raw_mode(is.st_mode) == FileType::Directory {
        let (dir, _) = entry.open(OFlags::DIRECTORY)?;
        each_entry(&dir, entry.path, |below| give(below, owner))?;
        return rustix::fs::fchown(&dir, Some(owner.uid()), Some(owner.gid())).attempt("give away", entry.path);
    }
    if is.st_nlink > 1 && is.st_uid != owner.uid {
        let why = Foreign::Names { uid: is.st_uid, names: is.st_nlink };
        return Err(Error::new("give away", entry.path, std::io::Error::other(why)));
    }
    rustix::fs::chownat(&held, c"", Some(owner.uid()), Some(owner.gid()), AtFlags::EMPTY_PATH)
        .attempt("give away", entry.path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::durable::{make_dir, replace_link, write_atomic};

    #[test]
    fn only_a_directory_that_nobody_else_can_write_in_is_the_agents_own() {
        let dir = tempfile::tempdir().unwrap();
        let (own, open, link) = (dir.path().join("own"), dir.path().join("open"), dir.path().join("link"));
        make_dir(&own, 0o755).unwrap();
        make_dir(&open, 0o775).unwrap();
        replace_link(&link, &own).unwrap();
        own_dir(&own).unwrap();
        own_dir(&dir.path().join("absent")).unwrap();
        for foreign in [&open, &link] {
            let error = own_dir(foreign).unwrap_err();
            assert!(
                error.is_foreign() && crate::exit::chain(&error).contains("belongs to somebody else: "),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_directory_of_another_user_is_not_the_agents_own() {
        assert!(rustix::process::geteuid().is_root(), "this test gives a directory away, which only root can");
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        make_dir(&home, 0o755).unwrap();
        give_tree(&home, Owner { uid: 65534, gid: 65534 }).unwrap();
        assert!(own_dir(&home).unwrap_err().is_foreign());
    }

    #[test]
    fn giving_a_tree_away_gives_nothing_outside_it() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("tree"), dir.path().join("outside"));
        make_dir(&tree, 0o755).unwrap();
        make_dir(&outside, 0o755).unwrap();
        write_atomic(&outside.join("shadow"), b"x", 0o600).unwrap();
        replace_link(&tree.join("out"), &outside).unwrap();
        replace_link(&tree.join("shadow"), &outside.join("shadow")).unwrap();
        let before = [&outside, &outside.join("shadow")].map(|path| std::fs::metadata(path).unwrap().uid());
        assert!(rustix::process::geteuid().is_root(), "this test gives a tree away, which only root can");
        give_tree(&tree, Owner { uid: 65534, gid: 65534 }).unwrap();
        assert_eq!(std::fs::symlink_metadata(tree.join("out")).unwrap().uid(), 65534);
        assert_eq!([&outside, &outside.join("shadow")].map(|path| std::fs::metadata(path).unwrap().uid()), before);
    }

    #[test]
    fn another_name_of_somebody_elses_file_is_not_given_away() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, shadow) = (dir.path().join("tree"), dir.path().join("shadow"));
        make_dir(&tree, 0o755).unwrap();
        write_atomic(&shadow, b"x", 0o600).unwrap();
        rustix::fs::link(&shadow, tree.join("mine")).unwrap();
        assert!(rustix::process::geteuid().is_root(), "this test gives a tree away, which only root can");
        let error = give_tree(&tree, Owner { uid: 65534, gid: 65534 }).unwrap_err();
        assert!(crate::exit::chain(&error).contains("has 2 names"), "{error:?}");
        assert_eq!(std::fs::metadata(&shadow).unwrap().uid(), 0);
        assert_eq!(std::fs::metadata(&tree).unwrap().uid(), 0, "the top goes last");
    }
}
