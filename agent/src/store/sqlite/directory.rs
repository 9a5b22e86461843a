//! The directory that the live file lies in, held by a descriptor.
//!
//! It belongs to the application, whose user can put a link in its place at any moment. What the agent does in it goes through
//! the descriptor, and only where that user may do the same himself: no name leads elsewhere then.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::super::error::{Reading, StoreError};
use super::Sqlite;

/// The held directory.
pub(super) struct Directory {
    held: OwnedFd,
    /// Its path when it was opened.
    path: PathBuf,
    /// The live file's name in it.
    name: OsString,
}

impl Directory {
    /// Opens the directory of the live file; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be opened, or the application's user may not write in it.
    pub(super) fn of(store: &Sqlite) -> Result<Option<Self>, StoreError> {
        let path = store.live.parent().expect("a path below a directory").to_owned();
        let name = store.live.file_name().expect("a path that names a file").to_owned();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let held = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(held) => held,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error).reading("open the directory", &path),
        };
        let here = Self { held, path, name };
        here.refuse_foreign(store)?;
        Ok(Some(here))
    }

    fn refuse_foreign(&self, store: &Sqlite) -> Result<(), StoreError> {
        let own = rustix::process::geteuid().as_raw();
        let Some(user) = store.user.as_ref().filter(|user| user.uid != own) else { return Ok(()) };
        let stat = rustix::fs::fstat(&self.held).reading("look at", &self.path)?;
        let of_group = stat.st_gid == user.gid && stat.st_mode & 0o020 != 0;
        if stat.st_uid == user.uid || of_group {
            return Ok(());
        }
        let path = self.path.display();
        let reason = format!("{path} is not a directory of {}, as whom SQLite must write there", user.name);
        Err(StoreError::NotPossible { database: store.name.to_string(), reason })
    }

    /// The live file, by a path that stays in this directory for as long as this value lives.
    pub(super) fn live(&self) -> PathBuf {
        Path::new("/proc/self/fd").join(self.held.as_raw_fd().to_string()).join(&self.name)
    }

    /// The path of a file of this directory as a person finds it.
    pub(super) fn shown(&self, path: &Path) -> PathBuf {
        path.file_name().map_or_else(|| self.path.clone(), |name| self.path.join(name))
    }

    /// Owner of the directory.
    pub(super) fn owner(&self) -> Result<crate::durable::Owner, StoreError> {
        let stat = rustix::fs::fstat(&self.held).reading("look at", &self.path)?;
        Ok(crate::durable::Owner { uid: stat.st_uid, gid: stat.st_gid })
    }
}

/// Whether something has this name, a link that leads nowhere included.
pub(super) fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Opens a file to read, where it is one: no link is followed, and a pipe keeps nobody waiting. `None`: it is something else.
pub(super) fn open_regular(path: &Path) -> Result<Option<File>, StoreError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        // A link; a socket or a device with nothing behind it.
        Err(Errno::LOOP | Errno::NXIO) => return Ok(None),
        Err(error) => return Err(error).reading("open", path),
    };
    let meta = file.metadata().reading("look at", path)?;
    Ok(meta.is_file().then_some(file))
}

/// The owner of an open file.
pub(super) fn uid_of(file: &File, path: &Path) -> Result<u32, StoreError> {
    Ok(file.metadata().reading("look at", path)?.uid())
}
