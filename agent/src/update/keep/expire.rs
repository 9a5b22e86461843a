//! Expiry: backups and what rollbacks left aside go after the client's days, and so do the traces of attempts that came to nothing.
//!
//! Nothing here knows whether the clock can be believed; who calls it has looked ([`crate::clock::steady`]). Each removal can be
//! cut off anywhere and is taken up again by the next call.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::durable;
use crate::journal::{Journal, REMOVING, history};
use crate::layout::{AppLayout, InstanceLayout};
use crate::store::BackupTag;
use crate::update::{StepError, find_database, vendor, with_store};

/// So many attempts that failed before anything was touched stay in the history, however old they are.
const KEPT_ATTEMPTS: usize = 20;

/// Until when the backup of an update, and what its rollback left aside, are kept. `None`: until a person has dealt with it,
/// since the update is neither finished nor undone, or was abandoned so.
pub fn kept_until(journal: &Journal, days: u32) -> Option<Timestamp> {
    if journal.is_open() || history::status(journal) == history::Status::Abandoned {
        return None;
    }
    Some(days_after(journal.entries().last()?.at, days))
}

/// So many days after a moment, or the end of time.
pub fn days_after(moment: Timestamp, days: u32) -> Timestamp {
    moment.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}

/// Whether the update's backup, and what was left aside, were removed after their days.
pub fn is_expired(journal: &Journal) -> bool {
    mark(journal).exists()
}

/// A mark and no record: the journal is over.
fn mark(journal: &Journal) -> std::path::PathBuf {
    journal.directory().join("expired")
}

/// Removes backups, and what was left aside, of updates that ended more than `days` ago. With its
/// backup an update can no longer be taken back where it had migrated. Called between updates.
///
/// # Errors
/// With the first that cannot be removed. It stays for the next call, and the others go all the same.
pub fn expire(journals: &[Journal], here: &InstanceLayout, days: u32, now: Timestamp) -> Result<(), StepError> {
    let mut first = Ok(());
    for journal in journals {
        if kept_until(journal, days).is_some_and(|until| until < now) && !is_expired(journal) {
            first = first.and(remove(journal, here));
        }
    }
    first.and(thin(journals, here))
}

fn remove(journal: &Journal, here: &InstanceLayout) -> Result<(), StepError> {
    discard(journal, here)?;
    durable::remove_tree(&here.backup(journal.plan().id))?;
    Ok(durable::write_atomic(&mark(journal), b"", 0o640)?)
}

fn discard(journal: &Journal, here: &InstanceLayout) -> Result<(), StepError> {
    let plan = journal.plan();
    let app = AppLayout::new(&plan.instance.directory);
    let vendor = vendor(plan, here, journal.directory());
    let (tag, directory) = (BackupTag::of_update(plan.id), here.backup(plan.id));
    for name in plan.backups().map(|backup| backup.database.clone()) {
        let sides = std::iter::once(&plan.to).chain(&plan.from);
        let Some(database) = find_database(sides, &name) else { continue };
        with_store(&database, &vendor, &app, |store| {
            store.discard(&tag, &directory)?;
            store.forget_left(&tag, &directory)?;
            store.forget_left(&BackupTag::of_restore(plan.id), &directory)
        })
        .map_err(|source| StepError::Store { database: name, source: Box::new(source) })?;
    }
    Ok(())
}

/// Removes what is left of old attempts that failed before anything was touched: a source that is away for a year would leave
/// thousands. The newest stay, and with them the highest number, so that none is given twice.
fn thin(journals: &[Journal], here: &InstanceLayout) -> Result<(), StepError> {
    sweep(&here.updates())?;
    let attempts = journals.iter().rev().filter(|journal| history::status(journal) == history::Status::Failed);
    // What a first install left aside is found by its journal only: that stays until all else is gone.
    for journal in attempts.skip(KEPT_ATTEMPTS).filter(|journal| is_expired(journal)) {
        // Half a directory must not be read as an update: it loses its name first.
        durable::rename(journal.directory(), &durable::beside(journal.directory(), REMOVING))?;
    }
    sweep(&here.updates())
}

fn sweep(updates: &Path) -> Result<(), StepError> {
    let entries = std::fs::read_dir(updates).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.to_str().is_some_and(|path| path.ends_with(REMOVING)) {
            durable::remove_tree(&path)?;
        }
    }
    Ok(())
}
