//! Probe: health until it is good, then the soak.

use std::time::Duration;

use manifest_schema::profile::Health;

use super::StepError;
use crate::event::{Event, Unit};
use crate::health::{self, Before, Lives, Verdict, Watch};
use crate::journal::{Journal, Record};
use crate::plan::Side;
use crate::update::{Walk, resume};

/// The pause between two looks while it is starting: a short one, since what is waited for ends any moment.
const WHILE_STARTING: Duration = Duration::from_millis(200);
/// Healthy seconds between two records, so that a restart of the agent costs no more than these.
const RECORD_EVERY: u64 = 10;

/// The whole of it.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    soak(walk)
}

/// Probing changes nothing.
pub(super) fn revert(_walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    Ok(())
}

/// Watches until the release has stood the test, or has not. What was watched before a restart of the agent counts.
pub(in crate::update) fn soak(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    let to = walk.plan.to.clone();
    let health = to.profile.health.clone();
    let before = before(walk.journal, &walk.world.clock.boot());
    let mut recorded = before.healthy.as_secs();
    let mut told = (before.lives.clone(), before.falls);
    let mut watch = Watch::new(&health, before);
    loop {
        let (problem, lives) = look(walk, &to);
        let mut pause = Duration::from_secs(health.interval_seconds);
        match watch.take(walk.world.clock.elapsed(), problem.as_deref(), &lives) {
            Verdict::Passed => return Ok(()),
            Verdict::Failed(reason) => return Err(StepError::Unhealthy(reason)),
            Verdict::Starting => pause = pause.min(WHILE_STARTING),
            Verdict::FirstHealthy => {
                tell_of(walk, &watch, &mut told)?;
                if !walk.journal.records().any(|record| matches!(record, Record::Soaking)) {
                    walk.record(Record::Soaking)?;
                }
            }
            Verdict::Soaking(healthy) => {
                tell_of(walk, &watch, &mut told)?;
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

/// What the records tell of an earlier watch. After a reboot every service is another run, and rightly so.
fn before(journal: &Journal, boot: &str) -> Before {
    let last = journal.records().rev().find_map(|record| {
        if let Record::Watched { boot, lives, falls } = record { Some((boot, lives, *falls)) } else { None }
    });
    Before {
        healthy: resume::soaked(journal),
        falls: last.map_or(0, |(_, _, falls)| falls),
        lives: last.filter(|(before, ..)| !boot.is_empty() && *before == boot).map(|(_, lives, _)| lives.clone()),
    }
}

/// Writes down what is watched, where that is news.
fn tell_of(walk: &mut Walk<'_, '_>, watch: &Watch, told: &mut (Option<Lives>, u32)) -> Result<(), StepError> {
    let now = (watch.lives().cloned(), watch.falls());
    if now != *told {
        let boot = walk.world.clock.boot();
        walk.record(Record::Watched { boot, lives: now.0.clone().unwrap_or_default(), falls: now.1 })?;
        *told = now;
    }
    Ok(())
}

/// What is wrong with a release that was put back, if it does not become healthy in its time. Nothing is done about it: there
/// is nothing older to go back to, and people must know.
pub(in crate::update) fn problem_after(walk: &mut Walk<'_, '_>, side: &Side) -> Option<String> {
    let health = Health { soak_seconds: 0, ..side.profile.health.clone() };
    let mut watch = Watch::new(&health, Before::default());
    loop {
        let (problem, lives) = look(walk, side);
        match watch.take(walk.world.clock.elapsed(), problem.as_deref(), &lives) {
            Verdict::Failed(reason) => return Some(reason),
            Verdict::Starting => walk.world.clock.pause(WHILE_STARTING),
            Verdict::Passed | Verdict::FirstHealthy | Verdict::Soaking(_) => return None,
        }
    }
}

fn look(walk: &mut Walk<'_, '_>, side: &Side) -> (Option<String>, Lives) {
    let directory = walk.app.current().to_owned();
    let sample =
        health::sample(&side.profile, &mut *walk.world.services, &mut *walk.world.ask, &walk.vendor, &directory);
    walk.diary.note(&side.version, &sample, walk.world.clock.now(), &walk.vendor.redactor);
    (sample.problem(&walk.plan.already_failing), sample.lives)
}

fn tell(walk: &mut Walk<'_, '_>, healthy: Duration, total: u64) {
    (walk.world.tell)(Event::Progress { done: healthy.as_secs().min(total), total, unit: Unit::Seconds });
}
