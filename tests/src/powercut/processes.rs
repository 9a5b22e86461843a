//! The end of every process of a world at once, as when the power goes.

use std::fs;
use std::time::Duration;

use anyhow::ensure;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

use super::world;
use crate::machine::wait_until;

/// Kills everything in the world but this process, and waits until nothing is left. Whoever holds a `Child` must wait for it
/// afterwards no more.
///
/// # Errors
/// Outside of a world: there the others are not ours.
pub(super) fn end_all() -> anyhow::Result<()> {
    ensure!(world::is_inside(), "the processes of the host are not ours to end");
    wait_until("all processes of the world are gone", Duration::from_secs(30), || {
        let others = others();
        for pid in &others {
            let _ = kill_process(*pid, Signal::KILL);
        }
        reap();
        others.is_empty()
    });
    Ok(())
}

/// Orphans are the first process's to bury.
fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

fn others() -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != 1).filter_map(Pid::from_raw).collect()
}
