//! Directories and what lies in them.
//!
//! A tree is written through a descriptor of its top with `openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)`
//! (openat2(2)): whatever the application's user does below it meanwhile, nothing is written outside. A whole tree
//! is made durable by one `syncfs`; an fsync a file would take ten times as long.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;

use super::{Attempt, Error, Result, gone_is_fine, open_dir, remove_file, sync_parent};

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

/// Makes a directory with exactly this mode. That it is there already is fine; its mode is then left alone.
///
/// # Errors
/// When it cannot be made, or something else has the name.
pub fn make_dir(path: &Path, mode: u32) -> Result<()> {
    // With its mode from the first instant: a crash before the chmod would leave one that its users cannot enter, for good.
    match rustix::fs::mkdir(path, Mode::from_raw_mode(mode)) {
        Ok(()) => {
            Ok::<(), Errno>(()).attempt("make directory", path)?;
            // The umask may have cut it.
            rustix::fs::chmod(path, Mode::from_raw_mode(mode)).attempt("set the mode of", path)?;
            sync_parent(path)
        }
        Err(Errno::EXIST) if path.is_dir() => Ok(()),
        Err(error) => Err(Error::new("make directory", path, error)),
    }
}

/// Makes a directory and those above it, each with this mode where it is new.
///
/// # Errors
/// As [`make_dir`].
pub fn make_dirs(path: &Path, mode: u32) -> Result<()> {
    if let Some(parent) = path.parent()
        && !parent.as_os_str().is_empty()
        && !parent.is_dir()
    {
        make_dirs(parent, mode)?;
    }
    make_dir(path, mode)
}

/// Removes a directory with all that lies in it. Links in it are removed, never followed. That it is not there is fine.
///
/// # Errors
/// When something in it stays.
#[expect(clippy::disallowed_methods, reason = "the one writer")]
pub fn remove_tree(path: &Path) -> Result<()> {
    gone_is_fine(std::fs::remove_dir_all(path)).attempt("remove directory", path)?;
    if super::parent_of(path).is_dir() { sync_parent(path) } else { Ok(()) }
}

/// Makes everything on the file system of `path` durable (syncfs(2)).
///
/// # Errors
/// When the system reports that something was not written.
pub fn sync_tree(path: &Path) -> Result<()> {
    rustix::fs::syncfs(open_dir(path)?).attempt("make durable the file system of", path)
}

/// Copies a file or a directory with all that lies in it: modes, owners, and links as links. Content is shared with the
/// original where the file system can (reflink), copied where it cannot, never hard-linked: an application that
/// rewrites a file in place must not spoil its own backup. Sockets, pipes and devices are left out, and so is what vanishes
/// below `from` while it is copied.
///
/// # Errors
/// When something cannot be read or written.
pub fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let meta = std::fs::symlink_metadata(from).attempt("look at", from)?;
    if meta.is_symlink() {
        let target = std::fs::read_link(from).attempt("read link", from)?;
        rustix::fs::symlink(target, to).attempt("make link", to)?;
    } else if meta.is_dir() {
        copy_dir(from, to)?;
        set_mode(to, meta.mode())?;
    } else if meta.is_file() {
        copy_file(from, to)?;
        set_mode(to, meta.mode())?;
    } else {
        return Ok(());
    }
    keep_owner(to, &meta)
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    make_dir(to, 0o700)?;
    for entry in std::fs::read_dir(from).attempt("list", from)? {
        let entry = entry.attempt("list", from)?;
        let (original, copy) = (entry.path(), to.join(entry.file_name()));
        match copy_tree(&original, &copy) {
            // Its owner goes on working meanwhile: what is gone is no part of the copy any more.
            Err(_) if is_gone(&original) && copy.is_dir() => remove_tree(&copy)?,
            Err(_) if is_gone(&original) => remove_file(&copy)?,
            copied => copied?,
        }
    }
    Ok(())
}

fn is_gone(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let source = File::open(from).attempt("open", from)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let copy = rustix::fs::open(to, flags, Mode::from_raw_mode(0o600)).attempt("make", to)?;
    if rustix::fs::ioctl_ficlone(&copy, &source).is_ok() {
        return Ok(());
    }
    // std's copy uses copy_file_range(2) between two files.
    std::io::copy(&mut &source, &mut File::from(copy)).attempt("write", to)?;
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    rustix::fs::chmod(path, Mode::from_raw_mode(mode & 0o7777)).attempt("set the mode of", path)
}

fn keep_owner(path: &Path, like: &std::fs::Metadata) -> Result<()> {
    let owner = Owner { uid: like.uid(), gid: like.gid() };
    let now = std::fs::symlink_metadata(path).attempt("look at", path)?;
    if (now.uid(), now.gid()) == (owner.uid, owner.gid) {
        return Ok(());
    }
    give(path, owner)
}

/// Gives a tree to its owner, links included, none followed.
///
/// # Errors
/// When the system refuses.
pub fn give_tree(path: &Path, owner: Owner) -> Result<()> {
    give(path, owner)?;
    if std::fs::symlink_metadata(path).attempt("look at", path)?.is_dir() {
        for entry in std::fs::read_dir(path).attempt("list", path)? {
            give_tree(&entry.attempt("list", path)?.path(), owner)?;
        }
    }
    Ok(())
}

fn give(path: &Path, owner: Owner) -> Result<()> {
    let (uid, gid) = (Some(owner.uid()), Some(owner.gid()));
    rustix::fs::chownat(CWD, path, uid, gid, AtFlags::SYMLINK_NOFOLLOW).attempt("give away", path)
}

/// Writes the files of a release below one directory and cannot leave it.
pub struct TreeWriter {
    top: OwnedFd,
    path: PathBuf,
    owner: Option<Owner>,
    made: std::collections::HashSet<PathBuf>,
}

impl TreeWriter {
    /// Makes the directory, which must not exist, and opens it. What is written is given to `owner`, if one is named.
    ///
    /// # Errors
    /// When it exists or cannot be made.
    pub fn create(path: &Path, owner: Option<Owner>) -> Result<Self> {
        rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)).attempt("make directory", path)?;
        set_mode(path, 0o755)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let top = rustix::fs::open(path, flags, Mode::empty()).attempt("open directory", path)?;
        let tree = Self { top, path: path.to_owned(), owner, made: std::collections::HashSet::new() };
        tree.own(&tree.top, path)?;
        Ok(tree)
    }

    /// Makes a file below the top, with the directories above it.
    ///
    /// # Errors
    /// When the name is taken, leads out of the tree or through a link, or the file cannot be made.
    pub fn create_file(&mut self, path: &Path, mode: u32) -> Result<TreeFile> {
        self.make_parents(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = self.open(path, flags, Mode::from_raw_mode(0o600))?;
        let whole = self.path.join(path);
        self.own(&file, &whole)?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).attempt("set the mode of", &whole)?;
        Ok(TreeFile { file: File::from(file), path: whole })
    }

    /// Makes a link below the top, with the directories above it.
    ///
    /// # Errors
    /// As [`Self::create_file`].
    pub fn create_link(&mut self, path: &Path, target: &Path) -> Result<()> {
        self.make_parents(path)?;
        let whole = self.path.join(path);
        let name = last_of(path, &whole)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let above = match path.parent() {
            Some(above) if !above.as_os_str().is_empty() => &self.open(above, flags, Mode::empty())?,
            Some(_) | None => &self.top,
        };
        rustix::fs::symlinkat(target, above, name).attempt("make link", &whole)?;
        let Some(owner) = self.owner else { return Ok(()) };
        rustix::fs::chownat(above, name, Some(owner.uid()), Some(owner.gid()), AtFlags::SYMLINK_NOFOLLOW)
            .attempt("give away", &whole)
    }

    fn make_parents(&mut self, path: &Path) -> Result<()> {
        let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
            return Ok(());
        };
        if self.made.contains(parent) {
            return Ok(());
        }
        self.make_parents(parent)?;
        self.make_one(parent)?;
        self.made.insert(parent.to_owned());
        Ok(())
    }

    fn make_one(&self, dir: &Path) -> Result<()> {
        let whole = self.path.join(dir);
        let name = last_of(dir, &whole)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let above = match dir.parent() {
            Some(above) if !above.as_os_str().is_empty() => &self.open(above, flags, Mode::empty())?,
            Some(_) | None => &self.top,
        };
        rustix::fs::mkdirat(above, name, Mode::from_raw_mode(0o755)).attempt("make directory", &whole)?;
        let made = self.open(dir, flags, Mode::empty())?;
        // Set apart from mkdirat, whose mode the umask cuts.
        rustix::fs::fchmod(&made, Mode::from_raw_mode(0o755)).attempt("set the mode of", &whole)?;
        self.own(&made, &whole)
    }

    fn open(&self, path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        rustix::fs::openat2(&self.top, path, flags, mode, resolve).attempt("open", &self.path.join(path))
    }

    fn own(&self, file: &OwnedFd, path: &Path) -> Result<()> {
        let Some(owner) = self.owner else { return Ok(()) };
        rustix::fs::fchown(file, Some(owner.uid()), Some(owner.gid())).attempt("give away", path)
    }
}

/// The last component, to be made by its name alone.
fn last_of<'a>(path: &'a Path, whole: &Path) -> Result<&'a std::ffi::OsStr> {
    path.file_name().ok_or_else(|| Error::new("make", whole, Errno::INVAL))
}

/// A file of a [`TreeWriter`].
pub struct TreeFile {
    file: File,
    path: PathBuf,
}

impl TreeFile {
    /// Writes more bytes.
    ///
    /// # Errors
    /// When they cannot all be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).attempt("write", &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_cannot_be_left_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = TreeWriter::create(&dir.path().join("tree"), None).unwrap();
        tree.create_file(Path::new("a/b.txt"), 0o755).unwrap().write(b"x").unwrap();
        crate::durable::replace_link(&dir.path().join("tree/out"), Path::new("/tmp")).unwrap();
        assert!(tree.create_file(Path::new("out/evil"), 0o644).is_err());
        assert!(tree.create_file(Path::new("../evil"), 0o644).is_err());
        assert!(tree.create_file(Path::new("a/b.txt"), 0o644).is_err(), "a name is used once");
    }

    #[test]
    fn a_copy_has_the_modes_and_links_of_the_original() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        let mut tree = TreeWriter::create(&from, None).unwrap();
        tree.create_file(Path::new("bin/run"), 0o755).unwrap().write(b"#!").unwrap();
        crate::durable::replace_link(&from.join("dangling"), Path::new("nowhere")).unwrap();
        let to = dir.path().join("to");
        copy_tree(&from, &to).unwrap();
        assert_eq!(std::fs::read(to.join("bin/run")).unwrap(), b"#!");
        assert_eq!(std::fs::metadata(to.join("bin/run")).unwrap().mode() & 0o777, 0o755);
        assert_eq!(std::fs::read_link(to.join("dangling")).unwrap(), Path::new("nowhere"));
        remove_tree(&to).unwrap();
        remove_tree(&to).unwrap();
        assert!(!to.exists());
    }
}
