//! A small disk of a test's own: a tmpfs (tmpfs(5)) that ends where the test says, and refuses what the test says.
//!
//! It is mounted in a mount namespace of the test's thread: whatever becomes of the test, nothing stays mounted.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

/// More than any scenario needs.
const ROOMY: &str = "size=64m,nr_inodes=20000,mode=755";

/// A disk.
#[derive(Debug)]
pub(super) struct Disk(PathBuf);

impl Disk {
    pub(super) fn mount(at: &Path) -> Self {
        let why = "this test mounts a small disk of its own, for which it must be root";
        unshare(CloneFlags::CLONE_NEWNS).unwrap_or_else(|error| panic!("{why}: unshare: {error}"));
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap_or_else(|error| panic!("{why}: {error}"));
        mount(Some("disk"), at, Some("tmpfs"), MsFlags::empty(), Some(ROOMY))
            .unwrap_or_else(|error| panic!("{why}: mount: {error}"));
        Self(at.to_owned())
    }

    /// It ends at the last byte that is used.
    pub(super) fn fill(&self) {
        let is = rustix::fs::statvfs(&self.0).unwrap();
        self.remount(MsFlags::empty(), &format!("size={}", (is.f_blocks - is.f_bfree) * is.f_frsize)).unwrap();
    }

    /// It has no more files than there are.
    pub(super) fn use_up_inodes(&self) {
        let is = rustix::fs::statvfs(&self.0).unwrap();
        self.remount(MsFlags::empty(), &format!("nr_inodes={}", is.f_files - is.f_ffree)).unwrap();
    }

    /// Nothing can be written to it any more; not while a file is open for writing (mount(2), `EBUSY`).
    pub(super) fn is_read_only_now(&self) -> bool {
        self.remount(MsFlags::MS_RDONLY, "").is_ok()
    }

    /// There is room again, and it can be written.
    pub(super) fn mend(&self) {
        self.remount(MsFlags::empty(), ROOMY).unwrap();
    }

    fn remount(&self, flags: MsFlags, data: &str) -> nix::Result<()> {
        mount(None::<&str>, &self.0, None::<&str>, flags | MsFlags::MS_REMOUNT, Some(data))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It goes with the thread in any case.
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}
