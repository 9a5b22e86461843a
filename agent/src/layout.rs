//! Every path that the agent uses, from one root: `/` on a client, a directory of its own in a test or the demo.

use std::path::{Path, PathBuf};

use manifest_schema::path::Name;
use manifest_schema::version::ReleaseVersion;

/// The agent's own places on a machine (file-hierarchy(7)).
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The places below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The root itself, for a child process of the same program.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// One file an instance, and its drop-ins.
    pub fn config(&self) -> PathBuf {
        self.root.join("etc/surefoot")
    }

    /// Unit files and drop-ins that the agent installs.
    pub fn units(&self) -> PathBuf {
        self.root.join("etc/systemd/system")
    }

    /// All that must outlive a power cut.
    pub fn state(&self) -> PathBuf {
        self.root.join("var/lib/surefoot")
    }

    /// Held while anything is changed: one update at a time on a host.
    pub fn lock(&self) -> PathBuf {
        self.state().join("lock")
    }

    /// What the agent has seen of the machine's clock.
    pub fn clock(&self) -> PathBuf {
        self.state().join("clock.json")
    }

    /// Who asked for what, and what was done. With the state and not in `/var/log`: it is the same file system as the journals',
    /// and no program that rotates logs cuts the chain.
    pub fn audit(&self) -> PathBuf {
        self.state().join("audit.jsonl")
    }

    /// Gone after a reboot.
    pub fn run(&self) -> PathBuf {
        self.root.join("run/surefoot")
    }

    /// Where the daemon listens.
    pub fn socket(&self) -> PathBuf {
        self.run().join("api.sock")
    }

    /// Where the unit of the fetch process listens. Not below [`Self::run`], which goes when the daemon is stopped
    /// (systemd.exec(5), `RuntimeDirectory=`).
    pub fn fetch_socket(&self) -> PathBuf {
        self.root.join("run/surefoot-fetch.sock")
    }

    /// The places of one instance.
    pub fn instance(&self, name: &Name) -> InstanceLayout {
        InstanceLayout { state: self.state().join(name.as_str()) }
    }

    /// The places of each instance that has a state, configured or not.
    ///
    /// # Errors
    /// When the directory of all states cannot be read.
    pub fn instances(&self) -> std::io::Result<Vec<InstanceLayout>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.state())? {
            let entry = entry?;
            let name: Option<Name> = entry.file_name().to_str().and_then(|name| name.parse().ok());
            found.extend(name.filter(|_| entry.path().is_dir()).map(|name| self.instance(&name)));
        }
        Ok(found)
    }
}

/// What the agent remembers of one instance.
#[derive(Clone, Debug)]
pub struct InstanceLayout {
    state: PathBuf,
}

impl InstanceLayout {
    /// The directory that holds the rest.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Signed metadata as it was received, and the manifests that it names.
    pub fn trust(&self) -> PathBuf {
        self.state.join("trust")
    }

    /// Artifacts on their way.
    pub fn fetch(&self) -> PathBuf {
        self.state.join("fetch")
    }

    /// One directory an update.
    pub fn updates(&self) -> PathBuf {
        self.state.join("updates")
    }

    /// The directory of one update, such as `0007-2.1.0`.
    pub fn update(&self, id: u32, to: &ReleaseVersion) -> PathBuf {
        self.updates().join(format!("{id:04}-{to}"))
    }

    /// One directory a backup, named as its update.
    pub fn backups(&self) -> PathBuf {
        self.state.join("backups")
    }

    /// The backup that update `id` made.
    pub fn backup(&self, id: u32) -> PathBuf {
        self.backups().join(format!("{id:04}"))
    }

    /// What admins decided.
    pub fn approvals(&self) -> PathBuf {
        self.state.join("approvals.jsonl")
    }

    /// By what this installation has its place in rollouts.
    pub fn installation(&self) -> PathBuf {
        self.state.join("installation")
    }

    /// How the last check ended.
    pub fn last_check(&self) -> PathBuf {
        self.state.join("last-check.json")
    }

    /// What is remembered of the sources between two checks.
    pub fn sources(&self) -> PathBuf {
        self.state.join("sources.json")
    }

    /// The closed door: while this file exists, no unit of the application starts.
    pub fn closed(&self) -> PathBuf {
        self.state.join("closed")
    }

    /// Files of one run, such as a password file for a database's client.
    pub fn scratch(&self) -> PathBuf {
        self.state.join("scratch")
    }
}

/// Where the application lives: the directory that its units name, and what lies beside it on the same file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppLayout {
    directory: PathBuf,
}

impl AppLayout {
    /// The places of the application whose units name `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The link to the current release.
    pub fn current(&self) -> &Path {
        &self.directory
    }

    /// Beside it: releases and what survives them.
    pub fn home(&self) -> PathBuf {
        crate::durable::beside(&self.directory, ".surefoot")
    }

    /// One directory a release.
    pub fn releases(&self) -> PathBuf {
        self.home().join("releases")
    }

    /// The tree of one release.
    pub fn release(&self, version: &ReleaseVersion) -> PathBuf {
        self.releases().join(version.to_string())
    }

    /// What survives an update.
    pub fn shared(&self) -> PathBuf {
        self.home().join("shared")
    }

    /// What [`Self::current`] holds when `version` is current: relative, so that a whole home can be moved.
    pub fn link_to(&self, version: &ReleaseVersion) -> PathBuf {
        let home = self.home();
        let name = home.file_name().expect("a directory's own name and a suffix");
        Path::new(name).join("releases").join(version.to_string())
    }

    /// The version that is current: what the link says, not what anybody remembers.
    pub fn current_version(&self) -> Option<ReleaseVersion> {
        let target = std::fs::read_link(&self.directory).ok()?;
        target.file_name()?.to_str()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_leads_to_the_release() {
        let app = AppLayout::new("/srv/kkt-system");
        let version = "1.1.0".parse().unwrap();
        assert_eq!(app.release(&version), Path::new("/srv/kkt-system.surefoot/releases/1.1.0"));
        assert_eq!(Path::new("/srv").join(app.link_to(&version)), app.release(&version));
    }
}
