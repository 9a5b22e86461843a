//! What was the matter with the machine while a step failed: asked afterwards, since a failed command leaves an exit status and
//! a health check a sentence, and neither says whether the database was there.

use std::time::Duration;

use super::blame::Around;
use super::{Walk, with_store};

/// The beginning of a step, to be compared with its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    at: Duration,
    killed_for_memory: u64,
}

impl Walk<'_, '_> {
    /// A step begins.
    pub(super) fn began(&self) -> Began {
        Began { at: self.world.clock.elapsed(), killed_for_memory: killed_for_memory() }
    }

    /// Looks around after a step that failed.
    pub(super) fn around(&mut self, began: Began) -> Around {
        Around {
            database: self.missing_database(began),
            manager: self.missing_manager(),
            memory: missing_memory(began),
        }
    }

    /// A server that is away, or was away since the step began.
    fn missing_database(&self, began: Began) -> Option<String> {
        let took = self.world.clock.elapsed().saturating_sub(began.at);
        self.plan.to.profile.databases.iter().find_map(|database| {
            let name = &database.name;
            match with_store(database, &self.vendor, &self.app, |store| store.up_for()) {
                Err(error) if error.is_passing() => {
                    Some(format!("database {name} was not there: {}", self.told(&error)))
                }
                Ok(Some(up)) if up < took => {
                    Some(format!("the server of database {name} was started anew {} s ago", up.as_secs()))
                }
                Ok(_) | Err(_) => None,
            }
        })
    }

    fn missing_manager(&mut self) -> Option<String> {
        let error =
            self.plan.to.profile.services.iter().find_map(|service| self.world.services.observe(service).err())?;
        Some(format!("the service manager does not answer: {}", self.told(&error)))
    }
}

fn missing_memory(began: Began) -> Option<String> {
    (killed_for_memory() > began.killed_for_memory)
        .then(|| "this machine ran out of memory, and the kernel killed processes".to_owned())
}

/// How many processes the kernel has killed for their memory since the boot (`oom_kill` in /proc/vmstat, Linux 4.13).
fn killed_for_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).unwrap_or(0)
}
