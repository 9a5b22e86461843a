//! A copy of all that is published, to be put back after an attack.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::World;

/// The copy.
pub struct Kept {
    releases: PathBuf,
    copy: PathBuf,
}

impl Kept {
    /// Copies what is published now.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn of(world: &World) -> Result<Self> {
        let kept = Self { releases: world.vendor.releases().to_owned(), copy: world.directory().join("kept") };
        copy(&kept.releases, &kept.copy)?;
        Ok(kept)
    }

    /// Puts it back; what was added since is gone.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn put_back(&self) -> Result<()> {
        for folder in ["metadata", "targets"] {
            fs::remove_dir_all(self.releases.join(folder))?;
        }
        copy(&self.copy, &self.releases)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
