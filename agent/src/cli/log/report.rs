//! All that is known of one update, without its secrets: what `surefoot log` tells in all its forms.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::output::{self, Output};
use crate::evidence::{self, Evidence, Machine, Seen, UnitJournal};
use crate::journal::history::{self, Status};
use crate::journal::{Blame, Journal, Record};
use crate::layout::Layout;
use crate::plan::{Act, Plan, Step};
use crate::redact::Redactor;

/// The answer for programs, and the material for people's.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) update: Update,
    pub(super) outcome: Outcome,
    pub(super) steps: Vec<Told>,
    pub(super) output: Vec<Output>,
    pub(super) health: Vec<Seen>,
    pub(super) journal: Vec<UnitJournal>,
    pub(super) machine: Machines,
    /// The records as they were written.
    pub(super) entries: Value,
    /// Where the evidence lies, if the reader may not read it.
    pub(super) denied: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Update {
    instance: String,
    pub(super) id: u32,
    act: Act,
    from: Option<String>,
    to: String,
    severity: String,
    applied_by: String,
    already_failing: Vec<String>,
    pub(super) began_at: Timestamp,
    ended_at: Option<Timestamp>,
    pub(super) took_seconds: Option<f64>,
    pub(super) downtime_seconds: Option<f64>,
}

#[derive(Serialize)]
pub(super) struct Outcome {
    pub(super) status: Status,
    pub(super) sentence: String,
    blame: Option<Blame>,
    error: Option<String>,
}

/// One step of the plan, and what became of it.
#[derive(Serialize)]
pub(super) struct Told {
    number: usize,
    step: &'static str,
    words: &'static str,
    began_at: Option<Timestamp>,
    seconds: Option<f64>,
    applied: bool,
    error: Option<String>,
    reverted_at: Option<Timestamp>,
}

#[derive(Serialize)]
pub(super) struct Machines {
    pub(super) before: Option<Machine>,
    pub(super) after: Option<Machine>,
}

impl Report {
    /// Puts together what the journal and the files beside it hold.
    pub(super) fn of(layout: &Layout, journal: &Journal, status: Status) -> (Self, Redactor) {
        let redactor = evidence::of_update(layout, journal.plan());
        let found = Evidence::read(journal.directory());
        let mut entries = serde_json::to_value(journal.entries()).expect("a record has only text keys");
        redactor.apply_to(&mut entries);
        let report = Self {
            update: update(journal),
            outcome: outcome(journal, status, &redactor),
            steps: steps(journal, &redactor),
            output: output::read(journal.directory(), &redactor),
            health: found.health.into_iter().map(|seen| clean(seen, &redactor)).collect(),
            journal: found.units.into_iter().map(|unit| clean_unit(unit, &redactor)).collect(),
            machine: Machines { before: found.before, after: found.after },
            entries,
            denied: denied(journal.directory()),
        };
        (report, redactor)
    }
}

/// It was redacted when it was kept. What has become a secret since, or is known as one only now, goes too.
fn clean(seen: Seen, redactor: &Redactor) -> Seen {
    Seen { problem: seen.problem.map(|text| redactor.apply(&text)), says: redactor.apply(&seen.says), ..seen }
}

fn clean_unit(unit: UnitJournal, redactor: &Redactor) -> UnitJournal {
    UnitJournal { text: redactor.apply(&unit.text), ..unit }
}

fn denied(update: &Path) -> Option<String> {
    let directory = evidence::directory(update);
    let error = std::fs::read_dir(&directory).err()?;
    (error.kind() == std::io::ErrorKind::PermissionDenied).then(|| directory.display().to_string())
}

fn update(journal: &Journal) -> Update {
    let plan = journal.plan();
    let ended_at = ended(journal);
    Update {
        instance: plan.instance.name.to_string(),
        id: plan.id,
        act: plan.act,
        from: plan.from.as_ref().map(|side| side.version.to_string()),
        to: plan.to.version.to_string(),
        severity: plan.severity.to_string(),
        applied_by: plan.applied_by.clone(),
        already_failing: plan.already_failing.iter().map(ToString::to_string).collect(),
        began_at: plan.planned_at,
        ended_at,
        took_seconds: ended_at.map(|end| end.duration_since(plan.planned_at).as_secs_f64()),
        downtime_seconds: downtime(journal).map(|down| down.as_secs_f64()),
    }
}

/// When it was decided, one way or the other: tidying up is left out.
fn ended(journal: &Journal) -> Option<Timestamp> {
    let is_end = |record: &Record| matches!(record, Record::Committed | Record::RolledBack | Record::Abandoned { .. });
    journal.entries().iter().find(|entry| is_end(&entry.record)).map(|entry| entry.at)
}

/// How long nothing served: from Stop to Start, and where it went back from the failure until Stop was reverted. A release
/// that was never healthy did not serve. Nothing where nothing was stopped.
fn downtime(journal: &Journal) -> Option<SignedDuration> {
    let steps = &journal.plan().steps;
    let stop = steps.iter().position(|step| matches!(step, Step::Stop))?;
    let start = steps.iter().position(|step| matches!(step, Step::Start))?;
    let at = |wanted: &dyn Fn(&Record) -> bool| {
        journal.entries().iter().find(|entry| wanted(&entry.record)).map(|entry| entry.at)
    };
    let stopped = at(&|record| *record == Record::Begun { step: stop })?;
    let served = at(&|record| *record == Record::Applied { step: start });
    let last = journal.entries().last().map_or(stopped, |entry| entry.at);
    let Some(failed) = at(&|record| matches!(record, Record::Failed { .. })) else {
        return Some(served.unwrap_or(last).duration_since(stopped));
    };
    let back = at(&|record| *record == Record::Reverted { step: stop }).unwrap_or(last);
    let was_healthy = at(&|record| *record == Record::Soaking).is_some();
    Some(match served.filter(|_| was_healthy) {
        Some(served) => served.duration_since(stopped) + back.duration_since(failed),
        None => back.duration_since(stopped),
    })
}

fn outcome(journal: &Journal, status: Status, redactor: &Redactor) -> Outcome {
    let failed = journal.records().find_map(|record| {
        if let Record::Failed { step, error, blame } = record { Some((*step, error, *blame)) } else { None }
    });
    Outcome {
        status,
        sentence: redactor.apply(&sentence(journal, status, failed.map(|(step, _, blame)| (step, blame)))),
        blame: failed.map(|(_, _, blame)| blame),
        error: failed.map(|(_, error, _)| redactor.apply(error)),
    }
}

/// How it ended, and whose fault that was.
fn sentence(journal: &Journal, status: Status, failed: Option<(Option<usize>, Blame)>) -> String {
    let plan = journal.plan();
    let (to, from) = (&plan.to.version, plan.from.as_ref().map(|side| side.version.to_string()));
    let why = match failed {
        Some((Some(step), blame)) => {
            let words = plan.steps.get(step).map_or("an unknown step", Step::words);
            format!("{to} failed in {words}; it is {}", blame.words())
        }
        Some((None, blame)) => format!("{to} was cut off; it is {}", blame.words()),
        None => format!("{to} did not stand"),
    };
    match (status, from) {
        (Status::Pending, _) => "it has not begun".to_owned(),
        (Status::InProgress, _) if failed.is_some() => format!("{why}. Everything is being put back"),
        (Status::InProgress, _) => "it is under way".to_owned(),
        (Status::Completed, _) => well(plan),
        (Status::Failed, Some(from)) => format!("{why}. {from} was never stopped"),
        (Status::RolledBack, _) if failed.is_none() => format!("{to} stood, and was taken back later"),
        (Status::RolledBack, Some(from)) => format!("{why}. {from} was put back, with its data"),
        (Status::Failed | Status::RolledBack, None) => format!("{why}. It was removed again"),
        (Status::Stuck, _) => format!("{why}. It could neither be finished nor undone: a person is needed"),
        (Status::Abandoned, _) => format!("{why}. A person put things right by hand"),
    }
}

fn well(plan: &Plan) -> String {
    let to = &plan.to.version;
    match plan.act {
        Act::Install | Act::Update => format!("{to} is installed"),
        Act::Adopt => format!("{} is managed, as {to}", plan.instance.directory.display()),
        Act::Release => format!("{} is a plain directory again", plan.instance.directory.display()),
        Act::Rollback => format!("{to} is back"),
    }
}

fn steps(journal: &Journal, redactor: &Redactor) -> Vec<Told> {
    let plan = journal.plan();
    plan.steps.iter().enumerate().map(|(number, step)| told(journal, number, step, redactor)).collect()
}

fn told(journal: &Journal, number: usize, step: &Step, redactor: &Redactor) -> Told {
    let at = |wanted: &Record| journal.entries().iter().find(|entry| entry.record == *wanted).map(|entry| entry.at);
    let error = journal.entries().iter().find_map(|entry| {
        let Record::Failed { step, error, .. } = &entry.record else { return None };
        (*step == Some(number)).then(|| (entry.at, redactor.apply(error)))
    });
    let began_at = at(&Record::Begun { step: number });
    let applied = at(&Record::Applied { step: number });
    let ended = applied.or(error.as_ref().map(|(at, _)| *at));
    Told {
        number: number + 1,
        step: step.name(),
        words: step.words(),
        began_at,
        seconds: began_at.zip(ended).map(|(began, ended)| ended.duration_since(began).as_secs_f64()),
        applied: applied.is_some(),
        error: error.map(|(_, error)| error),
        reverted_at: at(&Record::Reverted { step: number }),
    }
}

/// How an update stands, later rollbacks taken into account.
pub(super) fn status(journal: &Journal, all: &[Journal]) -> Status {
    let row = history::rows(all).into_iter().find(|row| row.id == journal.plan().id);
    row.map_or(history::status(journal), |row| row.status)
}
