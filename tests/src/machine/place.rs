//! Where images and machines lie on the host's disk, and who is using them.
//!
//! Images are a cache (`.cache/machine`, or `SUREFOOT_CACHE`); machines are rubbish of the build (`target/machines`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

/// The folder of the image cache: `SUREFOOT_CACHE/machine`, or `.cache/machine` in the workspace.
pub(super) fn images() -> PathBuf {
    let cache = std::env::var_os("SUREFOOT_CACHE").map_or_else(|| workspace().join(".cache"), PathBuf::from);
    cache.join("machine")
}

/// The folder of all machines' disks.
pub(super) fn machines() -> PathBuf {
    workspace().join("target/machines")
}

fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests crate lies in the workspace").to_path_buf()
}

/// Twelve hex digits that stand for `parts`.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..6])
}

/// Fails with a sentence unless the process is root: mounts and namespaces need it.
pub(super) fn require_root() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "the test machine needs root (it mounts file systems and boots a container); run the same command as root, for example with sudo -E"
        );
    }
    Ok(())
}

/// A lock file that is held as long as the value lives; flock(2), so a killed process lets go too.
#[derive(Debug)]
pub(super) struct Hold {
    _file: File,
}

impl Hold {
    /// Waits until nobody else builds or removes what `path` guards.
    pub(super) fn alone(path: &Path) -> Result<Hold> {
        Hold::take(path, FlockOperation::LockExclusive).with_context(|| format!("cannot lock {}", path.display()))
    }

    /// Waits until nobody builds or removes it; others may use it at the same time.
    pub(super) fn shared(path: &Path) -> Result<Hold> {
        Hold::take(path, FlockOperation::LockShared).with_context(|| format!("cannot lock {}", path.display()))
    }

    /// Does not wait; `None` when somebody uses it.
    pub(super) fn if_free(path: &Path) -> Option<Hold> {
        Hold::take(path, FlockOperation::NonBlockingLockExclusive).ok()
    }

    fn take(path: &Path, how: FlockOperation) -> Result<Hold> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        flock(&file, how)?;
        Ok(Hold { _file: file })
    }
}
