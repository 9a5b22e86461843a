//! A machine: its disks, its database server and its application, switched on from a base image.

use std::fs;
use std::time::Instant;

use anyhow::Context;

use super::act::Base;
use super::cluster::Cluster;
use super::disk::{Kind, Switch};
use super::recovery::Recovery;
use super::{agent, application, base, place, processes, world};

/// A machine that is on.
pub(super) struct Machine {
    kind: Kind,
    cluster: Option<Cluster>,
}

impl Machine {
    /// Switches a machine on that is as a base image has it; its application is not started yet.
    pub(super) fn on(kind: Kind, base: Base) -> anyhow::Result<Self> {
        kind.copy(&base::images(kind, base)?, &place::images())?;
        let mut machine = Self { kind, cluster: None };
        machine.mount()?;
        machine.cluster = Some(Cluster::start()?);
        Ok(machine)
    }

    /// A machine with these disks, mounted, and nothing that runs.
    pub(super) fn bare(kind: Kind) -> anyhow::Result<Self> {
        let machine = Self { kind, cluster: None };
        machine.mount()?;
        Ok(machine)
    }

    fn mount(&self) -> anyhow::Result<()> {
        self.kind.mount().context("the disks cannot be mounted")
    }

    /// A hand on its switch: from now on a cut takes no longer than the system calls.
    pub(super) fn switch(&self) -> anyhow::Result<Switch> {
        Switch::of(self.kind)
    }

    /// After the power was cut: everything ends, the disks come back as they are, and the database server recovers. Answers how
    /// long the two took.
    pub(super) fn come_back(&mut self) -> anyhow::Result<Recovery> {
        processes::end_all()?;
        self.cluster = None;
        forget_shared_memory();
        world::boot_anew()?;
        self.kind.unmount()?;
        let began = Instant::now();
        self.mount()?;
        let disks = began.elapsed();
        self.cluster = Some(Cluster::start()?);
        Ok(Recovery { disks, database: began.elapsed() - disks, ..Recovery::default() })
    }

    /// What happens at boot: the door is minded, then the application starts by itself where the door lets it. Answers the version
    /// that came up.
    pub(super) fn boot(&self) -> anyhow::Result<Option<String>> {
        agent::guard()?;
        let is_there = place::application().join("bin/start").exists();
        if place::instance().join("closed").exists() || !is_there {
            return Ok(None);
        }
        application::boot()?;
        application::wait_until_healthy()
            .map(Some)
            .context("what started by itself at boot does not agree with its data")
    }

    /// Switches it off in good order, and looks at its disks.
    pub(super) fn off(mut self) -> anyhow::Result<()> {
        if let Some(cluster) = self.cluster.take() {
            cluster.stop()?;
        }
        processes::end_all()?;
        self.kind.unmount()?;
        self.kind.check().context("a file system is not sound")
    }
}

/// Memory does not outlive a power cut.
fn forget_shared_memory() {
    for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        let _ = fs::remove_file(entry.path());
    }
}

/// Whatever happened, the next machine finds nothing of this one.
impl Drop for Machine {
    fn drop(&mut self) {
        if processes::end_all().is_ok() {
            let _ = self.kind.unmount();
        }
    }
}
