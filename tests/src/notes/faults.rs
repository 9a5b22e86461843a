//! An agent that can be stopped at a place that a test chooses: the program `surefoot-faults`, which is never shipped.

use std::path::PathBuf;

use super::{Client, open_to_all, program};

/// Where and whether the agent stops.
pub struct Faults {
    chosen: PathBuf,
    trace: PathBuf,
}

impl Client {
    /// Starts the daemon anew with the program that can be stopped. It passes every place until one is chosen.
    ///
    /// # Errors
    /// When that program is missing, or the daemon does not come back.
    pub fn with_faults(&mut self) -> anyhow::Result<Faults> {
        crate::xtask::test::build_faults()?;
        self.stop()?;
        let program_of_client = self.root().join("surefoot");
        std::fs::remove_file(&program_of_client)?;
        std::fs::copy(program("surefoot-faults")?, &program_of_client)?;
        let directory = self.root().join("faults");
        std::fs::create_dir(&directory)?;
        self.give_to_its_user(&directory)?;
        open_to_all(&directory)?;
        let faults = Faults { chosen: directory.join("chosen"), trace: directory.join("trace") };
        self.set_environment("SUREFOOT_FAULT", format!("@{}", faults.chosen.display()));
        self.set_environment("SUREFOOT_FAULT_TRACE", faults.trace.display().to_string());
        self.start()?;
        Ok(faults)
    }
}

impl Faults {
    /// The next one who comes to this place stops there.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn park_at(&self, place: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(&self.chosen, format!("{place}:park"))?)
    }

    /// Nobody stops any more.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn none(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(&self.chosen)?)
    }

    /// The boundaries that have been passed so far, each at its first place: `begun stop`, `soaking`.
    ///
    /// # Errors
    /// When the trace cannot be read.
    pub fn boundaries(&self) -> anyhow::Result<Vec<String>> {
        const WORDS: [&str; 8] =
            ["planned", "begun", "applied", "reverted", "failed", "soaking", "committed", "left_aside"];
        let mut found: Vec<String> = Vec::new();
        for line in std::fs::read_to_string(&self.trace)?.lines() {
            let is_boundary = WORDS.contains(&line.split(' ').next().unwrap_or_default());
            if is_boundary && !found.iter().any(|known| known == line) {
                found.push(line.to_owned());
            }
        }
        Ok(found)
    }
}
