//! After a crash: what is to be done, read from the records alone. Pure, so that every prefix of every journal can be
//! tried in a test.

use std::time::Duration;

use crate::journal::{Entry, Journal, Record};

/// More resumptions than this, and the machine itself is the trouble.
const MOST_RESUMPTIONS: usize = 10;

/// What is to be done with an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is over.
    Nothing,
    /// It is committed: clean up.
    FinishForward,
    /// The new release was up and healthy: go on soaking, with so much already done.
    GoOnSoaking(Duration),
    /// Everything else: put everything back.
    Unwind,
    /// A person is needed.
    Stuck(String),
}

/// The one rule of recovery.
pub fn next(journal: &Journal) -> Next {
    if !journal.is_open() {
        return Next::Nothing;
    }
    let has = |wanted: fn(&Record) -> bool| journal.records().any(wanted);
    if has(|record| matches!(record, Record::Committed)) {
        return Next::FinishForward;
    }
    if let Some(Record::Stuck { reason }) = journal.records().next_back() {
        return Next::Stuck(reason.clone());
    }
    if resumptions(journal).count() > MOST_RESUMPTIONS {
        return Next::Stuck(too_often(journal));
    }
    if has(|record| matches!(record, Record::Failed { .. })) {
        return Next::Unwind;
    }
    if has(|record| matches!(record, Record::Soaking)) {
        return Next::GoOnSoaking(soaked(journal));
    }
    Next::Unwind
}

/// Since a person last took the update up again, or since its plan.
fn resumptions(journal: &Journal) -> impl Iterator<Item = &Entry> {
    let since = journal.entries().iter().rev().take_while(|entry| !matches!(entry.record, Record::Stuck { .. }));
    since.filter(|entry| matches!(entry.record, Record::Resumed))
}

/// What a person needs to know who finds the update stuck like that: since when, and in the middle of what.
fn too_often(journal: &Journal) -> String {
    let count = resumptions(journal).count();
    let first = resumptions(journal).last().map(|entry| entry.at.strftime(" since %Y-%m-%d %H:%M UTC").to_string());
    let words = |step: usize| journal.plan().steps.get(step).map_or("a step", |step| step.words());
    let middle = match (to_revert(journal).first(), journal.is_soaking()) {
        (_, true) => "while the new release was watched".to_owned(),
        (Some((step, _)), false) => format!("with '{}' still to be undone", words(*step)),
        (None, false) => "with nothing left to be undone".to_owned(),
    };
    let hindered = |record: &Record| {
        if let Record::RevertFailed { error, .. } = record {
            Some(format!("; what failed last: {error}"))
        } else {
            None
        }
    };
    let error = journal.records().rev().find_map(hindered).unwrap_or_default();
    format!(
        "taken up again {count} times{} without coming to an end (no more than {MOST_RESUMPTIONS} are tried): \
         each time the agent or the machine stopped or had to wait, the last time {middle}{error}",
        first.unwrap_or_default()
    )
}

/// For how long the release was healthy, as far as it was written down.
pub fn soaked(journal: &Journal) -> Duration {
    let seconds = journal
        .records()
        .rev()
        .find_map(|record| if let Record::Soaked { seconds } = record { Some(*seconds) } else { None });
    Duration::from_secs(seconds.unwrap_or(0))
}

/// The steps that are still to be reverted, the last one first, each with whether it had been applied to its end.
pub fn to_revert(journal: &Journal) -> Vec<(usize, bool)> {
    let mut begun: Vec<(usize, bool)> = Vec::new();
    for record in journal.records() {
        match record {
            Record::Begun { step } => begun.push((*step, false)),
            Record::Applied { step } => {
                begun.iter_mut().filter(|(number, _)| number == step).for_each(|(_, applied)| *applied = true);
            }
            Record::Reverted { step } => begun.retain(|(number, _)| number != step),
            Record::Planned { .. }
            | Record::Soaking
            | Record::Watched { .. }
            | Record::Soaked { .. }
            | Record::Failed { .. }
            | Record::RevertFailed { .. }
            | Record::LeftAside { .. }
            | Record::Committed
            | Record::Finished
            | Record::RolledBack
            | Record::Stuck { .. }
            | Record::Resumed
            | Record::Abandoned { .. } => {}
        }
    }
    begun.reverse();
    begun
}

/// Whether the application must not start by itself: its services were stopped for this update and are not up again,
/// neither the new ones for good nor the old ones.
pub fn door_is_closed(journal: &Journal) -> bool {
    // A release that is soaking serves, even where a person is needed to say what becomes of it.
    if journal.is_soaking() || !matches!(next(journal), Next::Unwind | Next::Stuck(_)) {
        return false;
    }
    // Where nothing after the stop is left to be undone, old code and old data agree: the old release may start.
    let stop = journal.plan().steps.iter().position(|step| matches!(step, crate::plan::Step::Stop));
    stop.is_some_and(|stop| to_revert(journal).iter().any(|(step, _)| *step > stop))
}

/// Whether the application is down because of this update, or may be: from the beginning of its stop until the new release was
/// healthy, or the old one was started again. Where a person is needed nothing is under way.
pub fn is_down(journal: &Journal) -> bool {
    if journal.is_soaking() || next(journal) != Next::Unwind {
        return false;
    }
    let stops = |step: usize| matches!(journal.plan().steps.get(step), Some(crate::plan::Step::Stop));
    to_revert(journal).iter().any(|(step, _)| stops(*step))
}

#[cfg(test)]
mod tests;
