//! The one place where the publisher changes the disk.
//!
//! A file appears complete and durable under its final name, or not at all: it is written under a temporary name beside
//! it, synced, renamed, and its directory is synced. Knows nothing of releases.
#![allow(clippy::disallowed_methods, reason = "this is the one writer that the other modules use instead")]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What failed, on which file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}", path.display())]
pub struct DiskError {
    /// What was tried, as in `read`.
    pub verb: &'static str,
    /// The file.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

/// Names the file and the verb of an I/O error, for `map_err`.
pub fn failed<'a>(verb: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> DiskError + 'a {
    move |source| DiskError { verb, path: path.to_owned(), source }
}

/// Opens a file to read it.
///
/// # Errors
/// When it is not there or not readable.
pub fn open(path: &Path) -> Result<File, DiskError> {
    File::open(path).map_err(failed("open", path))
}

/// The whole of a small file; `None` where there is none.
///
/// # Errors
/// When it cannot be read, or has more than `cap` bytes.
pub fn read(path: &Path, cap: u64) -> Result<Option<Vec<u8>>, DiskError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(cap + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > cap {
        let error = io::Error::other(format!("it has more than {cap} bytes"));
        return Err(failed("read", path)(error));
    }
    Ok(Some(bytes))
}

/// The whole of a text file; `None` where there is none.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, cap: u64) -> Result<Option<String>, DiskError> {
    let Some(bytes) = read(path, cap)? else {
        return Ok(None);
    };
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| failed("read", path)(io::Error::new(io::ErrorKind::InvalidData, error)))
}

/// What is in a directory, in the order of the names; nothing where there is none.
///
/// # Errors
/// When it cannot be listed.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", path)(error)),
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(failed("list", path))?;
    paths.sort();
    Ok(paths)
}

/// Makes a directory and those above it, where they are missing.
///
/// # Errors
/// When one cannot be made.
pub fn make_dirs(path: &Path) -> Result<(), DiskError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(failed("make directory", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes a directory that only its owner can enter. One that exists keeps its mode.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_dir(path: &Path) -> Result<(), DiskError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make directory", path))
}

/// Removes everything in a directory of working files.
///
/// # Errors
/// When something stays.
pub fn empty_dir(path: &Path) -> Result<(), DiskError> {
    fs::remove_dir_all(path).and_then(|()| fs::create_dir(path)).map_err(failed("empty", path))
}

/// A new, empty file for working on; one that was left there is emptied.
///
/// # Errors
/// When it cannot be made.
pub fn create(path: &Path) -> Result<File, DiskError> {
    File::create(path).map_err(failed("create", path))
}

/// Writes a new file with these permissions. One that exists is left as it is, and that is an error.
///
/// # Errors
/// When it exists or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DiskError> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write", path))?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Writes a working file: neither atomic nor durable, for the staging directory.
///
/// # Errors
/// When it cannot be written.
pub fn write_working(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    fs::write(path, bytes).map_err(failed("write", path))
}

/// Puts a copy of `from` at `to`, replacing what is there. A reader of `to` sees the old file or the new one.
///
/// # Errors
/// When either cannot be read or written.
pub fn place(from: &Path, to: &Path) -> Result<(), DiskError> {
    let partial = beside(to);
    let mut source = open(from)?;
    let mut file = File::create(&partial).map_err(failed("create", &partial))?;
    io::copy(&mut source, &mut file).and_then(|_| file.sync_all()).map_err(failed("write", &partial))?;
    rename(&partial, to)
}

/// Gives `existing` a second name, replacing what has that name. Already being the same file is success.
///
/// # Errors
/// When the file system cannot.
pub fn link(existing: &Path, name: &Path) -> Result<(), DiskError> {
    if same_file(existing, name) {
        return remove_partial(name);
    }
    let partial = beside(name);
    remove(&partial)?;
    fs::hard_link(existing, &partial).map_err(failed("link", &partial))?;
    rename(&partial, name)
}

/// Writes `bytes` to `path`, replacing what is there.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let partial = beside(path);
    let mut file = File::create(&partial).map_err(failed("create", &partial))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write", &partial))?;
    rename(&partial, path)
}

/// Removes a file; one that is not there is fine.
fn remove(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes what an interrupted run left of preparing `path`.
///
/// # Errors
/// When it is there and stays.
pub fn remove_partial(path: &Path) -> Result<(), DiskError> {
    remove(&beside(path))
}

/// The hidden name next to `path` under which it is prepared. No server lists it among targets, and a rerun reuses it.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.partial"))
}

fn rename(from: &Path, to: &Path) -> Result<(), DiskError> {
    fs::rename(from, to).map_err(failed("rename to", to))?;
    to.parent().map_or(Ok(()), sync_dir)
}

fn sync_dir(path: &Path) -> Result<(), DiskError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|directory| directory.sync_all()).map_err(failed("sync", path))
}

/// rename(2) does nothing, and leaves the first name there, when both names are the same file.
fn same_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        (Ok(_) | Err(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}
