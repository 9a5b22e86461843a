//! The one writer: every change that the agent itself makes to the disk goes through this room.
//!
//! Each function leaves its change durable before it returns, names the path and the act when it fails, and passes
//! a fault point between any two system calls, so that a test can stop the machine there. It knows files and
//! directories; it does not know what they mean.
//!
//! Databases write their own files, and the vendor's commands write theirs; neither happens in this process's code.

mod copy;
mod file;
mod link;
mod look;
mod owner;
mod place;
mod secret;
mod tree;

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

pub use copy::copy_tree;
pub use file::{
    Partial, append_line, create_partial, remove_file, remove_made, reserve, resume_partial, truncate, write_atomic,
    write_once, write_over,
};
pub use link::{exchange, rename, replace_link};
pub use look::{Found, open_file, read_file, walk};
pub use owner::{Owner, give_tree, own_dir};
pub use secret::{Readers, SecretError, open_secret};
pub use tree::{TreeWriter, make_dir, make_dirs, remove_tree, reserve_inodes, sync_tree};

use crate::fault;

/// A change that did not happen, or of which it is not known that it will outlive a power cut.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} {}", path.display())]
pub struct Error {
    act: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

impl Error {
    fn new(act: &'static str, path: &Path, source: impl Into<std::io::Error>) -> Self {
        Self { act, path: path.to_owned(), source: source.into() }
    }

    fn is(&self, errno: Errno) -> bool {
        self.source.raw_os_error() == Some(errno.raw_os_error())
    }

    /// Whether the cause is a directory that is not the agent's own (see [`own_dir`]).
    pub fn is_foreign(&self) -> bool {
        self.source.get_ref().is_some_and(|source| source.is::<owner::Foreign>())
    }

    /// Whether the cause is that something of this name is there already.
    pub fn is_there_already(&self) -> bool {
        self.is(Errno::EXIST)
    }

    /// Whether the cause is a full disk, inodes included, or a quota.
    pub fn is_no_space(&self) -> bool {
        matches!(self.source.raw_os_error().map(Errno::from_raw_os_error), Some(Errno::NOSPC | Errno::DQUOT))
    }
}

/// What every function here answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Adds what was attempted and where to an error of the system.
trait Attempt<T> {
    fn attempt(self, act: &'static str, path: &Path) -> Result<T>;
}

impl<T, E: Into<std::io::Error>> Attempt<T> for std::result::Result<T, E> {
    fn attempt(self, act: &'static str, path: &Path) -> Result<T> {
        if self.is_ok() {
            fault::changed(act, path);
        }
        fault::point(act).map_err(|source| Error::new(act, path, source))?;
        self.map_err(|source| Error::new(act, path, fault::as_felt(source.into())))
    }
}

/// Makes the entries of the directory that holds `path` durable (fsync(2): a file's own fsync does not).
fn sync_parent(path: &Path) -> Result<()> {
    sync_dir(parent_of(path))
}

/// Makes durable which names a directory holds, and its own mode and owner.
///
/// # Errors
/// When that is not known.
pub fn sync_dir(path: &Path) -> Result<()> {
    open_dir(path)?.sync_all().attempt("make durable the directory", path)
}

fn open_dir(path: &Path) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = place::reach_dir(path).and_then(|held| Ok(rustix::fs::openat(&held, ".", flags, Mode::empty())?));
    Ok(File::from(opened.attempt("open directory", path)?))
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// `path` with `suffix` appended to its last component.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
