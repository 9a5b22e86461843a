//! One writer at a time: an flock(2) that ends with its process, however that ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

/// The right to change things, until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the right was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("another update is running on this machine")]
    Busy,
    /// The file cannot be opened or locked.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Lock {
    /// Takes the lock, waiting for it for a while: a worker that was killed holds it until the kernel has ended it.
    ///
    /// # Errors
    /// [`LockError::Busy`] when another process still holds it after `patience`.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let deadline = Instant::now() + patience;
        loop {
            match Self::try_take(path) {
                Err(LockError::Busy) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
                outcome => return outcome,
            }
        }
    }

    fn try_take(path: &Path) -> Result<Self, LockError> {
        let io = |source: Errno| LockError::Io { path: path.to_owned(), source: source.into() };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::open(path, flags, Mode::from_raw_mode(0o600)).map_err(io)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: File::from(file) }),
            Err(Errno::WOULDBLOCK) => Err(LockError::Busy),
            Err(error) => Err(io(error)),
        }
    }
}
