//! What journals tell when they are folded: what is installed, and what happened. Pure.

use manifest_schema::manifest::Severity;
use serde::Serialize;

use super::{Blame, Journal, Record, Stands};
use crate::plan::{Act, Plan, Side};

/// How an update stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Planned, nothing begun.
    Pending,
    /// Under way, soaking included.
    InProgress,
    /// The release stayed.
    Completed,
    /// It failed before the old release was stopped.
    Failed,
    /// It was put back, by itself or by an admin.
    RolledBack,
    /// A person is needed.
    Stuck,
    /// A person has put things right by hand.
    Abandoned,
}

impl Status {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Stuck => "stuck",
            Self::Abandoned => "abandoned",
        }
    }
}

/// One line of the history; the members are the columns of the vendors' table `system_updates`, and a few more.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the vendors' own column names")]
pub struct Row {
    pub id: u32,
    pub act: Act,
    pub from: Option<String>,
    pub version: String,
    pub severity: Severity,
    pub status: Status,
    pub started_at: jiff::Timestamp,
    pub completed_at: Option<jiff::Timestamp>,
    pub error_message: Option<String>,
    pub blame: Option<Blame>,
    pub applied_by: String,
}

/// The history, oldest first.
pub fn rows(journals: &[Journal]) -> Vec<Row> {
    journals.iter().map(|journal| row(journal, journals)).collect()
}

fn row(journal: &Journal, all: &[Journal]) -> Row {
    let plan = journal.plan();
    Row {
        id: plan.id,
        act: plan.act,
        from: plan.from.as_ref().map(|side| side.version.to_string()),
        version: plan.to.version.to_string(),
        severity: plan.severity,
        status: if was_taken_back(plan, all) { Status::RolledBack } else { status(journal) },
        started_at: plan.planned_at,
        completed_at: completed_at(journal),
        error_message: error(journal),
        blame: blame(journal),
        applied_by: plan.applied_by.clone(),
    }
}

/// How one update stands, later rollbacks left out of account.
pub fn status(journal: &Journal) -> Status {
    if stands(journal).is_some() {
        return Status::Abandoned;
    }
    // What is left to do after the commit is tidying up, however often that is taken up.
    if is_good(journal) {
        return Status::Completed;
    }
    match journal.records().next_back() {
        Some(Record::Planned { .. }) | None => Status::Pending,
        Some(Record::RolledBack) if touched_the_service(journal) => Status::RolledBack,
        Some(Record::RolledBack) => Status::Failed,
        Some(Record::Stuck { .. }) => Status::Stuck,
        Some(
            Record::Begun { .. }
            | Record::Applied { .. }
            | Record::Soaking
            | Record::Watched { .. }
            | Record::Soaked { .. }
            | Record::Failed { .. }
            | Record::Reverted { .. }
            | Record::RevertFailed { .. }
            | Record::LeftAside { .. }
            | Record::Committed
            | Record::Finished
            | Record::Resumed
            | Record::Abandoned { .. },
        ) => Status::InProgress,
    }
}

/// Whether the update came as far as stopping the old release.
pub fn touched_the_service(journal: &Journal) -> bool {
    journal.records().any(|record| matches!(record, Record::Begun { step } if journal.plan().is_past_stop(*step)))
}

/// When it was decided how the update ended: its commit, the end of its way back, or a person's word.
pub fn completed_at(journal: &Journal) -> Option<jiff::Timestamp> {
    let is_end = |record: &Record| matches!(record, Record::Committed | Record::RolledBack | Record::Abandoned { .. });
    journal.entries().iter().rev().find(|entry| is_end(&entry.record)).map(|entry| entry.at)
}

fn error(journal: &Journal) -> Option<String> {
    journal.records().find_map(|record| {
        if let Record::Failed { error, .. } | Record::Stuck { reason: error } = record {
            Some(error.clone())
        } else {
            None
        }
    })
}

/// Whether a later, good rollback took this update back.
fn was_taken_back(plan: &Plan, all: &[Journal]) -> bool {
    taken_back(all).any(|id| id == plan.id)
}

fn taken_back(all: &[Journal]) -> impl Iterator<Item = u32> + '_ {
    all.iter().filter_map(|journal| what_it_took_back(journal, all)).map(|update| update.plan().id)
}

/// The update that this good rollback took back.
pub fn what_it_took_back<'a>(rollback: &Journal, all: &'a [Journal]) -> Option<&'a Journal> {
    let plan = rollback.plan();
    let left = plan.from.as_ref().filter(|_| took_effect(rollback) && plan.act == Act::Rollback)?;
    all.iter().rev().find(|update| {
        update.plan().id < plan.id
            && took_effect(update)
            && update.plan().act != Act::Rollback
            && update.plan().to.version == left.version
    })
}

/// Whether the update's release stayed.
pub fn is_good(journal: &Journal) -> bool {
    journal.records().any(|record| matches!(record, Record::Committed))
}

/// What a person said who abandoned the update, if one did.
pub fn stands(journal: &Journal) -> Option<Stands> {
    if let Some(Record::Abandoned { stands, .. }) = journal.records().next_back() { Some(*stands) } else { None }
}

/// Whether the update's release is what it left installed: it stayed, or a person who abandoned the update says so.
pub fn took_effect(journal: &Journal) -> bool {
    match stands(journal) {
        Some(stands) => stands == Stands::New,
        None => is_good(journal),
    }
}

/// What is installed: the release of the last update that has a word on it. After `release` nothing is.
pub fn installed(journals: &[Journal]) -> Option<Side> {
    journals.iter().rev().find_map(left_installed)?
}

/// What an update left installed; `None` where that is what was installed before it.
fn left_installed(journal: &Journal) -> Option<Option<Side>> {
    let plan = journal.plan();
    match stands(journal) {
        Some(Stands::Old) => Some(plan.from.clone()),
        Some(Stands::Nothing) => Some(None),
        Some(Stands::New) | None if took_effect(journal) => match plan.act {
            Act::Release => Some(None),
            Act::Install | Act::Adopt | Act::Update | Act::Rollback => Some(Some(plan.to.clone())),
        },
        Some(Stands::New | Stands::Other) | None => None,
    }
}

/// The update that brought what is installed. Where its journal is lost: the one that tells of it.
pub fn bringer(journals: &[Journal]) -> Option<&Journal> {
    let installed = installed(journals)?;
    let brought = |journal: &&Journal| took_effect(journal) && journal.plan().to.version == installed.version;
    journals.iter().rfind(brought).or_else(|| journals.iter().rfind(|journal| left_installed(journal).is_some()))
}

/// The good update that brought what is installed and can be taken back: its previous release is kept. What a person
/// left after an abandoned update is nobody's to take back but theirs.
pub fn can_be_taken_back(journals: &[Journal]) -> Option<&Journal> {
    let last = journals.iter().rfind(|journal| left_installed(journal).is_some())?;
    (last.plan().act == Act::Update && stands(last).is_none()).then_some(last)
}

/// Whether a person left something else installed than the update was to bring.
pub fn was_given_up(journal: &Journal) -> bool {
    journal.plan().act == Act::Update && matches!(stands(journal), Some(Stands::Old | Stands::Nothing))
}

/// Whose fault the first failure was.
pub fn blame(journal: &Journal) -> Option<Blame> {
    journal.records().find_map(|record| if let Record::Failed { blame, .. } = record { Some(*blame) } else { None })
}

/// Whether it was not a step that failed: the agent or the machine was ended in the middle.
pub fn was_cut_off(journal: &Journal) -> bool {
    let first = journal.records().find(|record| matches!(record, Record::Failed { .. }));
    matches!(first, Some(Record::Failed { step: None, .. }))
}

/// The update that still needs something done.
pub fn open(journals: &[Journal]) -> Option<&Journal> {
    journals.iter().rfind(|journal| journal.is_open())
}

/// The number of the next update.
pub fn next_id(journals: &[Journal]) -> u32 {
    journals.last().map_or(1, |journal| journal.plan().id.saturating_add(1))
}
