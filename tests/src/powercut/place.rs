//! Where everything of a world lies. The paths are the same in every world, since journals and configurations hold them.

use std::path::{Path, PathBuf};

/// The top: a file system in memory of the world's own. What is not below [`disks`] outlives a power cut, as a harness must.
pub(super) const TOP: &str = "/run/surefoot-world";

fn below(name: &str) -> PathBuf {
    Path::new(TOP).join(name)
}

/// What the power is cut from.
pub(super) fn disks() -> PathBuf {
    below("disks")
}

/// The agent's root: its configuration, its state, the backups of files.
pub(super) fn state() -> PathBuf {
    disks().join("state")
}

/// What the agent remembers of the instance.
pub(super) fn instance() -> PathBuf {
    state().join("var/lib/surefoot/ledger")
}

/// Where the application's directory lies.
pub(super) fn srv() -> PathBuf {
    disks().join("srv")
}

/// The application's directory: a link to a release once it is managed.
pub(super) fn application() -> PathBuf {
    srv().join("ledger")
}

/// What lies beside it.
pub(super) fn home() -> PathBuf {
    srv().join("ledger.surefoot")
}

/// What the database server keeps on the disk.
pub(super) fn cluster() -> PathBuf {
    disks().join("postgres/cluster")
}

/// Where the database server listens.
pub(super) fn socket() -> PathBuf {
    below("socket")
}

/// The files that the disks are.
pub(super) fn images() -> PathBuf {
    below("images")
}

/// The directory that releases are published into.
pub(super) fn releases() -> PathBuf {
    below("vendor/releases")
}

/// The vendor's place.
pub(super) fn vendor() -> PathBuf {
    below("vendor")
}

/// The files of each release, as the vendor committed them.
pub(super) fn trees() -> PathBuf {
    below("trees")
}

/// The agent's program with the places where it can be stopped.
pub(super) fn program() -> PathBuf {
    below("bin/surefoot-faults")
}

/// What takes the place of the kernel's identity of this boot.
pub(super) fn boot_id() -> PathBuf {
    below("boot_id")
}

/// Logs and traces of the harness.
pub(super) fn scratch() -> PathBuf {
    below("scratch")
}
