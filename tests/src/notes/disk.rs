//! A disk that is too small, or full.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// A small file system in memory, owned by the client's user. It ends with the value.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at `place`, which is made.
    ///
    /// # Errors
    /// When this process is not root: nobody else can mount anything.
    pub fn mount(place: &Path, megabytes: u32) -> anyhow::Result<Self> {
        std::fs::create_dir_all(place)?;
        mount(&["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=0755,uid=65534,gid=65534"), "none"], place)?;
        Ok(Self(place.to_owned()))
    }

    /// Makes it larger or smaller.
    ///
    /// # Errors
    /// When it holds more than that.
    pub fn resize(&self, megabytes: u32) -> anyhow::Result<()> {
        mount(&["-o", &format!("remount,size={megabytes}m")], &self.0)
    }

    /// A line of a shell script that fills it to the last byte with a file of this name.
    pub fn filling(&self, name: &str) -> String {
        format!("cat /dev/zero > {} 2> /dev/null", self.0.join(name).display())
    }

    /// The same, with so many megabytes left.
    pub fn filling_all_but(&self, name: &str, megabytes: u32) -> String {
        format!("{}\ntruncate -s -{megabytes}M {}", self.filling(name), self.0.join(name).display())
    }

    /// The size of the file that filled it; 0 where there is none.
    pub fn filled(&self, name: &str) -> u64 {
        std::fs::metadata(self.0.join(name)).map_or(0, |meta| meta.len())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        // The world could not remove its directory with the disk in it.
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap_or(&self.0));
    }
}

fn mount(arguments: &[&str], place: &Path) -> anyhow::Result<()> {
    let status = Command::new("mount").args(arguments).arg(place).status().context("mount")?;
    ensure!(status.success(), "a small disk can be mounted by root only: run this test as root");
    Ok(())
}
