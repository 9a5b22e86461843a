//! Single files: whole or not there at all.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags};
use rustix::io::Errno;

use super::place::hold;
use super::{Attempt, Result, beside, parent_of, rename, sync_parent};

/// Replaces the content of `path`, or makes it. A reader sees the old content or the new one, whole.
///
/// # Errors
/// When the file or its directory cannot be written; the old content is then still there.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let pending = beside(path, ".partial");
    write_new(&pending, bytes, mode).and_then(|made| rename(&made, path)).inspect_err(|_| {
        // Half a file is of no use to anybody, least of all on a disk that is full. The error that counts is the first.
        let _ = remove_file(&pending);
    })
}

/// Writes what can be made anew over whatever is there, even a directory.
///
/// # Errors
/// As [`write_atomic`], and when a directory of that name stays.
pub fn write_over(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) {
        super::remove_tree(path)?;
    }
    write_atomic(path, bytes, mode)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<PathBuf> {
    let mut partial = create_partial(path, mode)?;
    partial.write(bytes)?;
    partial.finish()
}

/// Makes a new file for a person, under a name that nobody may have. Half of it is removed again.
///
/// # Errors
/// When something of this name is there already, or the file cannot be written.
#[expect(clippy::disallowed_methods, reason = "the one writer")]
pub fn write_once(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(path, flags, Mode::from_raw_mode(mode)).attempt("make", path)?;
    let mut partial = Partial { file: File::from(file), path: path.to_owned() };
    let written = partial.write(bytes).and_then(|()| partial.finish()).and_then(|path| sync_parent(&path));
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })
}

/// Appends one line (a newline is added) and makes it durable: the commit of everything that has a journal. A last line
/// without newline never happened; it is cut off first, or this line would become a part of it.
///
/// # Errors
/// When the line is not known to be durable. It may be there in part; a reader ignores a last line without newline.
pub fn append_line(path: &Path, line: &str) -> Result<()> {
    let new = !path.exists();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let act = if new { "make" } else { "open" };
    let file = open(path, flags, Mode::from_raw_mode(0o644)).attempt(act, path)?;
    let mut file = File::from(file);
    if !new {
        cut_to_last_line(path, &file)?;
    }
    file.write_all(format!("{line}\n").as_bytes()).attempt("append to", path)?;
    file.sync_all().attempt("make durable", path)?;
    if new { sync_parent(path) } else { Ok(()) }
}

fn cut_to_last_line(path: &Path, file: &File) -> Result<()> {
    let bytes = std::fs::read(path).attempt("read", path)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    if whole == bytes.len() { Ok(()) } else { file.set_len(whole as u64).attempt("cut", path) }
}

/// Makes a file that takes `bytes` of the disk and holds nothing, to be removed when the disk is full (fallocate(2)). Where
/// the file system cannot set bytes aside it stays empty. The name is durable, too: after a power cut, whoever goes back finds
/// the room that was promised, and nobody else has taken it meanwhile.
///
/// # Errors
/// When there is no room for it. What was set aside until then is free again.
pub fn reserve(path: &Path, bytes: u64) -> Result<()> {
    let partial = create_partial(path, 0o600)?;
    let set_aside = match rustix::fs::fallocate(&partial.file, FallocateFlags::empty(), 0, bytes) {
        Err(Errno::OPNOTSUPP) => Ok(()),
        tried => tried,
    };
    let made = set_aside.attempt("set bytes aside in", path).and_then(|()| partial.finish());
    made.and_then(|path| sync_parent(&path)).inspect_err(|_| {
        // Of no use to anybody on a disk that is full. The error that counts is the first.
        let _ = remove_file(path);
    })
}

fn open(path: &Path, flags: OFlags, mode: Mode) -> std::io::Result<OwnedFd> {
    let held = hold(path)?;
    Ok(rustix::fs::openat(&held.above, held.name, flags, mode)?)
}

/// Cuts `path` to its first `length` bytes: what follows never happened.
///
/// # Errors
/// When the file cannot be written.
pub fn truncate(path: &Path, length: u64) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(path, flags, Mode::empty()).attempt("open", path)?;
    let file = File::from(file);
    file.set_len(length).attempt("cut", path)?;
    file.sync_all().attempt("make durable", path)
}

/// Removes a file or a link. That it is not there is fine; that may be the work of an attempt that was cut off before it was
/// durable.
///
/// # Errors
/// When it is there and stays, or may come back.
pub fn remove_file(path: &Path) -> Result<()> {
    unlink(path)?;
    if parent_of(path).is_dir() { sync_parent(path) } else { Ok(()) }
}

/// Removes a name that is about to be made again: that makes both durable.
pub(super) fn unlink(path: &Path) -> Result<()> {
    let removed = hold(path).and_then(|held| Ok(rustix::fs::unlinkat(&held.above, held.name, AtFlags::empty())?));
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.attempt("remove", path),
    }
}

/// Removes what [`write_atomic`] or [`super::replace_link`] makes under this name, and what an attempt that was cut off left
/// beside it. That neither is there is fine.
///
/// # Errors
/// When one of them is there and stays.
pub fn remove_made(path: &Path) -> Result<()> {
    remove_file(path)?;
    remove_file(&beside(path, ".partial"))
}

/// A file that is being made under a name that nobody reads.
pub struct Partial {
    file: File,
    path: PathBuf,
}

/// Makes a new file of this name, replacing a left-over one.
///
/// # Errors
/// When it cannot be made.
pub fn create_partial(path: &Path, mode: u32) -> Result<Partial> {
    unlink(path)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(path, flags, Mode::from_raw_mode(0o600)).attempt("make", path)?;
    // Set apart from open, whose mode the umask cuts.
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).attempt("set the mode of", path)?;
    Ok(Partial { file: File::from(file), path: path.to_owned() })
}

/// Opens a partial file to go on after its first `length` bytes.
///
/// # Errors
/// When it is not there or cannot be written.
pub fn resume_partial(path: &Path, length: u64) -> Result<Partial> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(path, flags, Mode::empty()).attempt("open", path)?;
    let mut file = File::from(file);
    file.set_len(length).attempt("cut", path)?;
    file.seek(SeekFrom::End(0)).attempt("seek in", path)?;
    Ok(Partial { file, path: path.to_owned() })
}

impl Partial {
    /// Writes more bytes.
    ///
    /// # Errors
    /// When they cannot all be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).attempt("write", &self.path)
    }

    /// Gives the file to its owner.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn give(&self, owner: super::Owner) -> Result<()> {
        rustix::fs::fchown(&self.file, Some(owner.uid()), Some(owner.gid())).attempt("give away", &self.path)
    }

    /// Makes the content durable and answers the path, to be renamed by the caller.
    ///
    /// # Errors
    /// When the content is not known to be durable.
    pub fn finish(self) -> Result<PathBuf> {
        self.file.sync_all().attempt("make durable", &self.path)?;
        Ok(self.path)
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
