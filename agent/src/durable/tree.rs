//! Directories and what lies in them.
//!
//! A tree is written through a descriptor of its top with `openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)`
//! (openat2(2)): whatever the application's user does below it meanwhile, nothing is written outside. A whole tree
//! is made durable by one `syncfs`; an fsync a file would take ten times as long.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::owner::open_own_dir;
use super::place::{Held, hold};
use super::{Attempt, Error, Owner, Result, open_dir, parent_of, remove_file, sync_dir, sync_parent};
use crate::fault;

/// Makes a directory with exactly this mode. That it is there already is fine; its mode is then left alone.
///
/// # Errors
/// When it cannot be made, or something else has the name.
pub fn make_dir(path: &Path, mode: u32) -> Result<()> {
    let wanted = Mode::from_raw_mode(mode);
    // With its mode from the first instant: a crash before the chmod would leave one that its users cannot enter, for good.
    let made = hold(path).and_then(|held| {
        rustix::fs::mkdirat(&held.above, held.name, wanted)?;
        Ok(held)
    });
    match made {
        Ok(held) => {
            Ok::<(), Errno>(()).attempt("make directory", path)?;
            keep_mode(&held, path, wanted)?;
        }
        // It may be the work of an attempt that was cut off before it was durable.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) => return Err(Error::new("make directory", path, error)),
    }
    sync_parent(path)
}

/// The umask may have cut it.
fn keep_mode(held: &Held<'_>, path: &Path, wanted: Mode) -> Result<()> {
    let made = rustix::fs::statat(&held.above, held.name, AtFlags::SYMLINK_NOFOLLOW).attempt("look at", path)?;
    if Mode::from_raw_mode(made.st_mode) == wanted {
        return Ok(());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(&held.above, held.name, flags, Mode::empty())
        .and_then(|made| rustix::fs::fchmod(made, wanted))
        .attempt("set the mode of", path)?;
    sync_dir(path)
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

/// Makes a directory that takes so many inodes of the disk, to be removed with [`remove_tree`] when it has no others.
///
/// # Errors
/// When there are not as many.
pub fn reserve_inodes(path: &Path, count: usize) -> Result<()> {
    make_dir(path, 0o700)?;
    for name in (1..count).map(|number| path.join(number.to_string())) {
        match rustix::fs::mkdir(&name, Mode::from_raw_mode(0o700)) {
            Err(Errno::EXIST) => {}
            made => made.attempt("make directory", &name)?,
        }
    }
    sync_dir(path)
}

/// Removes a directory with all that lies in it. Links in it, and one that took its place, are removed, never followed. That
/// it is not there is fine.
///
/// # Errors
/// When something in it stays.
#[expect(clippy::disallowed_methods, reason = "the one writer")]
pub fn remove_tree(path: &Path) -> Result<()> {
    if path.is_symlink() {
        return remove_file(path);
    }
    fault::halfway(path).map_err(|source| Error::new("remove directory", path, source))?;
    // Relative to descriptors, none of them a link's: std's way on Linux, also when a name is swapped meanwhile.
    let removed = hold(path).and_then(|held| {
        let above = Path::new("/proc/self/fd").join(held.above.as_raw_fd().to_string());
        std::fs::remove_dir_all(above.join(held.name))
    });
    match removed {
        // Perhaps removed by an attempt that was cut off before it was durable.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        removed => removed.attempt("remove directory", path)?,
    }
    if parent_of(path).is_dir() { sync_parent(path) } else { Ok(()) }
}

/// Makes everything on the file system of `path` durable (syncfs(2)).
///
/// # Errors
/// When the system reports that something was not written.
pub fn sync_tree(path: &Path) -> Result<()> {
    rustix::fs::syncfs(open_dir(path)?).attempt("make durable the file system of", path)
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
    /// When it exists or cannot be made, or the directory above it is not the agent's own.
    pub fn create(path: &Path, owner: Option<Owner>) -> Result<Self> {
        // By its name in a directory that is held open and in which nobody else can write: what is given away is what was made.
        let above = open_own_dir(parent_of(path))?;
        let name = last_of(path, path)?;
        rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o755)).attempt("make directory", path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let top = rustix::fs::openat(&above, name, flags, Mode::empty()).attempt("open directory", path)?;
        // The umask may have cut it.
        rustix::fs::fchmod(&top, Mode::from_raw_mode(0o755)).attempt("set the mode of", path)?;
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
        fault::changed("make", &whole);
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
    fn a_top_that_became_a_link_is_removed_and_what_it_leads_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (elsewhere, top) = (dir.path().join("elsewhere"), dir.path().join("top"));
        make_dirs(&elsewhere.join("below"), 0o755).unwrap();
        crate::durable::replace_link(&top, &elsewhere).unwrap();
        remove_tree(&top).unwrap();
        assert!(!top.is_symlink() && elsewhere.join("below").is_dir());
    }

    #[test]
    fn a_tree_is_not_begun_where_others_can_write() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        make_dir(&open, 0o777).unwrap();
        assert!(TreeWriter::create(&open.join("tree"), None).is_err_and(|error| error.is_foreign()));
        assert!(!open.join("tree").exists());
    }
}
