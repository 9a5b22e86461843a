//! A copy of the workspace to make mistakes in, with a target directory of its own. Built dependencies are hard-linked from the
//! workspace's: they are the same, and cargo writes none of them anew.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, ensure};

use super::below;
use crate::xtask::test::{cargo_command, workspace};

/// Crates of this workspace: what is built of them depends on where they lie.
const OWN: [&str; 6] = ["surefoot", "publisher", "publish", "manifest", "xtask", "notes"];

/// The copy.
pub(super) struct Copy {
    sources: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Copies every file that is not ignored.
    pub(super) fn make() -> anyhow::Result<Self> {
        let copy = Self { sources: below(workspace(), "workspace"), target: below(workspace(), "target") };
        let listed = Command::new("git")
            .current_dir(workspace())
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .context("cannot run git")?;
        ensure!(listed.status.success(), "git ls-files ended with {}", listed.status);
        for name in listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            copy.take(Path::new(std::ffi::OsStr::from_bytes(name)))?;
        }
        copy.link_dependencies()?;
        Ok(copy)
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.sources.join(file)
    }

    /// Only what differs is written, or cargo would build everything anew.
    fn take(&self, file: &Path) -> anyhow::Result<()> {
        let (from, to) = (workspace().join(file), self.sources.join(file));
        let Ok(content) = std::fs::read(&from) else { return Ok(()) };
        if std::fs::read(&to).is_ok_and(|there| there == content) {
            return Ok(());
        }
        std::fs::create_dir_all(to.parent().context("a file lies in a directory")?)?;
        std::fs::copy(&from, &to).with_context(|| to.display().to_string())?;
        Ok(())
    }

    fn link_dependencies(&self) -> anyhow::Result<()> {
        for room in ["deps", ".fingerprint", "build"] {
            let (from, to) = (workspace().join("target/debug").join(room), self.target.join("debug").join(room));
            if !from.is_dir() {
                continue;
            }
            std::fs::create_dir_all(&to)?;
            for entry in std::fs::read_dir(&from)? {
                let name = entry?.file_name();
                let bare = name.to_string_lossy().trim_start_matches("lib").to_owned();
                // What was linked or built before stays: cargo knows it.
                if !OWN.iter().any(|own| bare.starts_with(own)) && !to.join(&name).exists() {
                    link(&from.join(&name), &to.join(&name))?;
                }
            }
        }
        Ok(())
    }

    /// Runs cargo in the copy; what it says is answered.
    pub(super) fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = cargo_command(arguments);
        command.current_dir(&self.sources).env("CARGO_TARGET_DIR", &self.target);
        // The same cases each time, and the first that breaks is enough.
        command.env("SUREFOOT_FAULTS_SEED", "0").env("SUREFOOT_FAULTS_FIRST", "1");
        command.output().with_context(|| format!("cannot run {command:?}"))
    }

    /// Runs cargo in the copy; it must end well.
    pub(super) fn cargo(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let ran = self.run(arguments)?;
        ensure!(ran.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        Ok(())
    }
}

/// A directory with all that lies in it, each file linked.
fn link(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !from.is_dir() {
        return std::fs::hard_link(from, to).with_context(|| to.display().to_string());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let name = entry?.file_name();
        link(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}
