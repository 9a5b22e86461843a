//! What journals tell when they are folded: what is installed, what happened, which releases are bad. Pure.

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::Severity;
use serde::Serialize;

use super::{Blame, Journal, Record};
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
        applied_by: plan.applied_by.clone(),
    }
}

/// How one update stands, later rollbacks left out of account.
pub fn status(journal: &Journal) -> Status {
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
            | Record::Soaked { .. }
            | Record::Failed { .. }
            | Record::Reverted { .. }
            | Record::RevertFailed { .. }
            | Record::LeftAside { .. }
            | Record::Committed
            | Record::Finished
            | Record::Resumed,
        ) => Status::InProgress,
    }
}

/// Whether the update came as far as stopping the old release.
pub fn touched_the_service(journal: &Journal) -> bool {
    journal.records().any(|record| matches!(record, Record::Begun { step } if journal.plan().is_past_stop(*step)))
}

fn completed_at(journal: &Journal) -> Option<jiff::Timestamp> {
    let last =
        journal.entries().iter().rev().find(|entry| matches!(entry.record, Record::Committed | Record::RolledBack))?;
    Some(last.at)
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
    all.iter().filter(|journal| is_good(journal) && journal.plan().act == Act::Rollback).filter_map(|rollback| {
        let left = rollback.plan().from.as_ref()?;
        all.iter()
            .rev()
            .find(|update| {
                update.plan().id < rollback.plan().id
                    && is_good(update)
                    && update.plan().act != Act::Rollback
                    && update.plan().to.version == left.version
            })
            .map(|update| update.plan().id)
    })
}

/// Whether the update's release stayed.
pub fn is_good(journal: &Journal) -> bool {
    journal.records().any(|record| matches!(record, Record::Committed))
}

/// What is installed: the release of the last good update. After `release` nothing is.
pub fn installed(journals: &[Journal]) -> Option<Side> {
    let last = journals.iter().rfind(|journal| is_good(journal))?;
    match last.plan().act {
        Act::Release => None,
        Act::Install | Act::Adopt | Act::Update | Act::Rollback => Some(last.plan().to.clone()),
    }
}

/// The good update that brought what is installed and can be taken back: its previous release is kept.
pub fn can_be_taken_back(journals: &[Journal]) -> Option<&Journal> {
    let last = journals.iter().rfind(|journal| is_good(journal))?;
    (last.plan().act == Act::Update).then_some(last)
}

/// An update that was cut off this often, by a power cut or a kill, counts against its release: it may be what brings
/// the machine down.
const MOST_CUTS: usize = 3;

/// Manifests of releases that failed after the old one was stopped, or that an admin took back. They are not tried again
/// by themselves. One power cut is not the release's fault.
pub fn bad(journals: &[Journal]) -> Vec<Sha256> {
    let back: Vec<&Journal> = journals
        .iter()
        .filter(|journal| journal.plan().act == Act::Update && status(journal) == Status::RolledBack)
        .collect();
    let cuts = |journal: &Journal| {
        let same = |other: &&&Journal| other.plan().to.manifest == journal.plan().to.manifest && was_cut_off(other);
        back.iter().filter(same).count()
    };
    let is_its_fault = |journal: &Journal| blame(journal) == Some(Blame::Release);
    let failed = back.iter().copied().filter(|journal| match was_cut_off(journal) {
        true => cuts(journal) >= MOST_CUTS,
        false => is_its_fault(journal),
    });
    let taken: Vec<u32> = taken_back(journals).collect();
    let taken = journals.iter().filter(|journal| taken.contains(&journal.plan().id));
    failed.chain(taken).filter_map(|journal| journal.plan().to.manifest).collect()
}

/// Whose fault the first failure was.
pub fn blame(journal: &Journal) -> Option<Blame> {
    journal.records().find_map(|record| if let Record::Failed { blame, .. } = record { Some(*blame) } else { None })
}

/// Whether it was not a step that failed.
fn was_cut_off(journal: &Journal) -> bool {
    let first = journal.records().find(|record| matches!(record, Record::Failed { .. }));
    matches!(first, Some(Record::Failed { step: None, .. }))
}

/// The update that still needs something done.
pub fn open(journals: &[Journal]) -> Option<&Journal> {
    journals.iter().rfind(|journal| journal.is_open())
}

/// The number of the next update.
pub fn next_id(journals: &[Journal]) -> u32 {
    journals.last().map_or(1, |journal| journal.plan().id + 1)
}
