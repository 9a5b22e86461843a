//! A place in the middle of an update where it waits for a test: a script of the vendor's says that it is there and goes on
//! when it may.

use std::path::{Path, PathBuf};

use super::{PATIENCE, set_mode, wait};

/// Where an update waits.
pub struct Park {
    directory: PathBuf,
}

impl Park {
    /// A place below `directory`. Nobody waits there yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(directory: &Path) -> anyhow::Result<Self> {
        let park = Self { directory: directory.join("park") };
        std::fs::create_dir(&park.directory)?;
        // The vendor's script runs as the application's user, whoever that is.
        set_mode(&park.directory, 0o777)?;
        Ok(park)
    }

    /// The lines of a shell script that wait here. They give up when the place is gone, as it is after the test.
    pub fn script(&self) -> String {
        let place = self.directory.display();
        format!("echo $$ > {place}/here\nwhile [ -d {place} ] && [ ! -e {place}/go ]; do sleep 0.05; done")
    }

    /// Waits until somebody waits here.
    ///
    /// # Errors
    /// When nobody comes.
    pub fn wait(&self) -> anyhow::Result<()> {
        wait(PATIENCE, || self.directory.join("here").exists())
    }

    /// The process that waits here.
    ///
    /// # Errors
    /// When nobody does.
    pub fn process(&self) -> anyhow::Result<u32> {
        Ok(std::fs::read_to_string(self.directory.join("here"))?.trim().parse()?)
    }

    /// Lets whoever waits go on, now and later.
    ///
    /// # Errors
    /// When the sign cannot be set.
    pub fn open(&self) -> anyhow::Result<()> {
        Ok(std::fs::write(self.directory.join("go"), "")?)
    }
}
