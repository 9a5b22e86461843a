//! A world with the application `notes`: a vendor's checkout, a place where releases are published, and a client with an
//! agent of its own, all below one directory, without root.

mod client;
mod disk;
mod faults;
mod forger;
mod kept;
mod park;
pub mod refusal;
mod resign;
mod thief;
mod vendor;
mod world;

use std::path::{Path, PathBuf};

pub use client::{Answer, Client, wait};
pub use disk::SmallDisk;
pub use faults::Faults;
pub use forger::{Forger, Hand};
pub use kept::Kept;
pub use park::Park;
pub use resign::Packed;
pub use thief::Thief;
pub use vendor::{Change, Vendor};
pub use world::{PATIENCE, World};

/// The directory with the programs of this build: beside the running one.
///
/// # Errors
/// When the running program's path cannot be read.
pub fn programs() -> anyhow::Result<PathBuf> {
    let mut directory = std::env::current_exe()?;
    directory.pop();
    if directory.ends_with("deps") {
        directory.pop();
    }
    Ok(directory)
}

/// The path of a program of this build.
///
/// # Errors
/// When it has not been built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = programs()?.join(name);
    anyhow::ensure!(path.exists(), "{} is missing: run cargo build --workspace first", path.display());
    Ok(path)
}

/// Lets other users into a directory that was made for one.
///
/// # Errors
/// When its mode cannot be set.
pub fn open_to_all(directory: &Path) -> anyhow::Result<()> {
    set_mode(directory, 0o755)
}

fn set_mode(path: &Path, mode: u32) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}
