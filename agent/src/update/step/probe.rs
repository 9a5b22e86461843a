//! Probe: health until it is good, then the soak.

use std::time::Duration;

use manifest_schema::profile::Health;

use super::StepError;
use crate::event::{Event, Unit};
use crate::health::{self, Verdict, Watch};
use crate::journal::Record;
use crate::plan::Side;
use crate::update::Walk;

/// The pause between two looks while it is starting: a short one, since what is waited for ends any moment.
const WHILE_STARTING: Duration = Duration::from_millis(200);
/// Healthy seconds between two records, so that a restart of the agent costs no more than these.
const RECORD_EVERY: u64 = 10;

/// The whole of it.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    soak(walk, Duration::ZERO)
}

/// Probing changes nothing.
pub(super) fn revert(_walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    Ok(())
}

/// Watches until the release has stood the test, or has not. `done` was watched before a restart of the agent.
pub(in crate::update) fn soak(walk: &mut Walk<'_, '_>, done: Duration) -> Result<(), StepError> {
    let to = walk.plan.to.clone();
    let health = to.profile.health.clone();
    let mut watch = Watch::new(&health, done);
    let mut recorded = done.as_secs();
    let is_new = done.is_zero() && !walk.journal.records().any(|record| matches!(record, Record::Soaking));
    loop {
        let (problem, restarts) = look(walk, &to);
        let mut pause = Duration::from_secs(health.interval_seconds);
        match watch.take(walk.world.clock.elapsed(), problem.as_deref(), restarts) {
            Verdict::Passed => return Ok(()),
            Verdict::Failed(reason) => return Err(StepError::Unhealthy(reason)),
            Verdict::Starting => pause = pause.min(WHILE_STARTING),
            Verdict::FirstHealthy if is_new => walk.record(Record::Soaking)?,
            Verdict::FirstHealthy => {}
            Verdict::Soaking(healthy) => {
                tell(walk, healthy, health.soak_seconds);
                if healthy.as_secs() >= recorded + RECORD_EVERY {
                    recorded = healthy.as_secs();
                    walk.record(Record::Soaked { seconds: recorded })?;
                }
            }
        }
        walk.world.clock.pause(pause);
    }
}

/// What is wrong with a release that was put back, if it does not become healthy in its time. Nothing is done about it: there
/// is nothing older to go back to, and people must know.
pub(in crate::update) fn problem_after(walk: &mut Walk<'_, '_>, side: &Side) -> Option<String> {
    let health = Health { soak_seconds: 0, ..side.profile.health.clone() };
    let mut watch = Watch::new(&health, Duration::ZERO);
    loop {
        let (problem, restarts) = look(walk, side);
        match watch.take(walk.world.clock.elapsed(), problem.as_deref(), restarts) {
            Verdict::Failed(reason) => return Some(reason),
            Verdict::Starting => walk.world.clock.pause(WHILE_STARTING),
            Verdict::Passed | Verdict::FirstHealthy | Verdict::Soaking(_) => return None,
        }
    }
}

fn look(walk: &mut Walk<'_, '_>, side: &Side) -> (Option<String>, u32) {
    let directory = walk.app.current().to_owned();
    let sample =
        health::sample(&side.profile, &mut *walk.world.services, &mut *walk.world.ask, &walk.vendor, &directory);
    walk.diary.note(&side.version, &sample, walk.world.clock.now(), &walk.vendor.redactor);
    (sample.problem(&walk.plan.already_failing), sample.restarts)
}

fn tell(walk: &mut Walk<'_, '_>, healthy: Duration, total: u64) {
    (walk.world.tell)(Event::Progress { done: healthy.as_secs().min(total), total, unit: Unit::Seconds });
}
