//! The control group of one machine: all its processes, and only these, so that they can be ended at one instant.
//!
//! Hosts without systemd as PID 1 may mount cgroup2 beside the old hierarchies; systemd-nspawn wants its own group in `systemd` there too,
//! or two machines would share `/payload`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::wait_until;

const NAME_PREFIX: &str = "surefoot-";

/// A control group below the host's root; removed when dropped, and what runs in it is ended before.
#[derive(Debug)]
pub(super) struct Cgroup {
    unified: PathBuf,
    named: Option<PathBuf>,
}

impl Cgroup {
    /// Makes an empty group; ends what an earlier process left in it.
    pub(super) fn create(name: &str) -> Result<Cgroup> {
        let (unified, named) = hierarchies()?;
        let folder = format!("{NAME_PREFIX}{name}");
        let group = Cgroup { unified: unified.join(&folder), named: named.map(|root| root.join(&folder)) };
        group.kill();
        for path in group.paths() {
            fs::create_dir_all(path).with_context(|| format!("cannot create the control group {}", path.display()))?;
        }
        Ok(group)
    }

    /// Its folders, one per hierarchy.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.unified.as_path()).chain(self.named.as_deref())
    }

    /// The folder of the group for commands that the harness runs inside. PID 1 of the machine knows nothing of it and leaves it alone.
    pub(super) fn for_commands(&self) -> Result<PathBuf> {
        let folder = self.unified.join("payload/harness");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create the control group {}", folder.display()))?;
        Ok(folder)
    }

    /// Kills every process in it at one instant and waits until none is left.
    pub(super) fn kill(&self) {
        let _ = fs::write(self.unified.join("cgroup.kill"), "1");
        wait_until("all processes of the machine are gone", Duration::from_secs(20), || !populated(&self.unified));
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        self.kill();
        for path in self.paths() {
            remove(path);
        }
    }
}

fn populated(group: &Path) -> bool {
    fs::read_to_string(group.join("cgroup.events")).is_ok_and(|events| events.contains("populated 1"))
}

/// Groups are removed from the leaves up; their files cannot and need not be removed.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

/// The mount point of cgroup2, and that of the old `systemd` hierarchy where there is one.
fn hierarchies() -> Result<(PathBuf, Option<PathBuf>)> {
    let root = Path::new("/sys/fs/cgroup");
    if root.join("cgroup.procs").exists() {
        return Ok((root.to_path_buf(), None));
    }
    let unified = root.join("unified");
    if !unified.join("cgroup.procs").exists() {
        bail!("the test machine needs cgroup2, mounted at {} or {}", root.display(), unified.display());
    }
    Ok((unified, Some(root.join("systemd")).filter(|path| path.exists())))
}
