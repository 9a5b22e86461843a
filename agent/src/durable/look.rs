//! Reading where the application's user can put something else at any instant.
//!
//! What is read as root must not be what the user could not have read: no link of theirs is followed (see `place`), and a
//! pipe or a device in a file's place is not even opened, since that alone may wait for ever, or do something.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use manifest_schema::digest::{Hasher, Sha256};
use rustix::fs::{Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::owner::Entry;
use super::place::{hold, reach};

/// What opening a directory says that is not there any more.
const GONE: [Errno; 3] = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP];

/// Opens a regular file to be read.
///
/// # Errors
/// When it is anything else, the way to it leads through a link of somebody else's, or it cannot be opened.
pub fn open_file(path: &Path) -> Result<File> {
    let held = reach(path)?;
    let is = rustix::fs::fstat(&held)?;
    match FileType::from_raw_mode(is.st_mode) {
        FileType::RegularFile => reopen(&held),
        FileType::Directory => Err(ErrorKind::IsADirectory.into()),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Err(Error::other("it is not a regular file")),
    }
}

/// By what is held, not by its name.
fn reopen(held: &OwnedFd) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(format!("/proc/self/fd/{}", held.as_raw_fd()), flags, Mode::empty())?))
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// As [`open_file`], and when it is longer.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Error::other(format!("it is longer than {most} bytes")));
    }
    Ok(bytes)
}

/// What [`walk`] has come to. Nothing is open yet.
pub struct Found<'a> {
    entry: &'a Entry<'a>,
    top: &'a Path,
    is: Stat,
}

impl Found<'_> {
    /// Its path below the top; empty for the top itself.
    pub fn below(&self) -> &Path {
        self.entry.path.strip_prefix(self.top).unwrap_or(self.entry.path)
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        FileType::from_raw_mode(self.is.st_mode) == FileType::Directory
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        FileType::from_raw_mode(self.is.st_mode) == FileType::RegularFile
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        u64::try_from(self.is.st_size).unwrap_or(0)
    }

    /// SHA-256 of the file's content, and how many bytes that is.
    ///
    /// # Errors
    /// When something else has its name meanwhile, or it cannot be read.
    pub fn hash(&self) -> super::Result<(Sha256, u64)> {
        let (opened, is) = open(self.entry, OFlags::empty())?;
        if FileType::from_raw_mode(is.st_mode) != FileType::RegularFile {
            return Err(super::Error::new("read", self.entry.path, Error::other("it is not a regular file")));
        }
        let mut hasher = Hasher::new();
        let length = std::io::copy(&mut File::from(opened), &mut hasher).or_tell("read", self.entry.path)?;
        Ok((hasher.finish(), length))
    }
}

/// Visits `top` and all that lies below it, each directory before what lies in it and that in the order of the names; `visit`
/// says whether to go into a directory. No link is followed; what vanishes below `top` meanwhile is left out.
///
/// # Errors
/// When something cannot be read, and those of `visit`.
pub fn walk(top: &Path, visit: &mut dyn FnMut(&Found<'_>) -> super::Result<bool>) -> super::Result<()> {
    let held = hold(top).map_err(|error| super::Error::new("look at", top, error))?;
    visit_one(&Entry::top(&held, top), top, visit)
}

fn visit_one(
    entry: &Entry<'_>,
    top: &Path,
    visit: &mut dyn FnMut(&Found<'_>) -> super::Result<bool>,
) -> super::Result<()> {
    let is = match entry.look() {
        Err(Errno::NOENT) if entry.path != top => return Ok(()),
        looked => looked.or_tell("look at", entry.path)?,
    };
    let found = Found { entry, top, is };
    let is_dir = found.is_dir();
    if !visit(&found)? || !is_dir {
        return Ok(());
    }
    let dir = match open(entry, OFlags::DIRECTORY) {
        // Something else has its name by now.
        Err(error) if entry.path != top && GONE.into_iter().any(|gone| error.is(gone)) => return Ok(()),
        opened => opened?.0,
    };
    let mut names = names_in(&dir, entry.path)?;
    names.sort();
    names.iter().try_for_each(|name| visit_one(&Entry::of(&dir, name, &entry.path.join(name)), top, visit))
}

fn open(entry: &Entry<'_>, flags: OFlags) -> super::Result<(OwnedFd, Stat)> {
    entry.opened(flags).or_tell("open", entry.path)
}

fn names_in(dir: &OwnedFd, path: &Path) -> super::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir).or_tell("list", path)? {
        let entry = entry.or_tell("list", path)?;
        let name = Path::new(OsStr::from_bytes(entry.file_name().to_bytes()));
        if name != Path::new(".") && name != Path::new("..") {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// As [`super::Attempt`], without a fault point: reading changes nothing, and there is no crash in it to be lived through.
trait OrTell<T> {
    fn or_tell(self, act: &'static str, path: &Path) -> super::Result<T>;
}

impl<T, E: Into<Error>> OrTell<T> for std::result::Result<T, E> {
    fn or_tell(self, act: &'static str, path: &Path) -> super::Result<T> {
        self.map_err(|source| super::Error::new(act, path, source))
    }
}

#[cfg(test)]
mod tests;
