//! The facts of an instance's status, folded from its files.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use manifest_schema::manifest::Severity;
use manifest_schema::version::ReleaseVersion;
use serde::Serialize;

use super::super::instances;
use super::super::instances::due;
use super::problems::{self, Problem};
use super::standing::{Standing, standings};
use super::vendor;
use crate::config::Settings;
use crate::decide::Because;
use crate::exit::{Exit, Failure};
use crate::journal::{Journal, Record, history};
use crate::layout::{InstanceLayout, Layout};
use crate::plan::Act;
use crate::trust::Trust;
use crate::update::resume::{self, Next};
use crate::worker::LastCheck;

/// Whether the daemon is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Agent {
    Running,
    NotRunning,
    /// Only root may ask.
    Unknown,
}

/// An instance.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) instance: String,
    pub(super) product: String,
    pub(super) directory: PathBuf,
    pub(super) source: String,
    pub(super) installed: Option<Installed>,
    /// What the link says, where it is not what the history says.
    pub(super) current_instead: Option<String>,
    pub(super) open: Option<Open>,
    pub(super) last_failure: Option<LastFailure>,
    pub(super) waiting: Option<String>,
    pub(super) waiting_because: Option<Because>,
    pub(super) waiting_severity: Option<Severity>,
    /// Newer releases that failed here or were taken back.
    pub(super) setbacks: Vec<Standing>,
    pub(super) last_check: Option<LastCheck>,
    pub(super) next_check: Option<Timestamp>,
    pub(super) rollback: Option<Rollback>,
    pub(super) force_critical: bool,
    /// What the vendor says of what is installed.
    #[serde(flatten)]
    pub(super) vendor: vendor::Said,
    pub(super) metadata: Metadata,
    /// What is wrong with the agent's own files on this instance.
    pub(super) problems: Vec<Problem>,
    /// ` -i NAME` where it must be typed.
    #[serde(skip)]
    pub(super) option: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Installed {
    pub(super) version: String,
    pub(super) since: Timestamp,
    pub(super) applied_by: String,
}

/// The update that still needs something done.
#[derive(Debug, Serialize)]
pub(super) struct Open {
    pub(super) id: u32,
    pub(super) act: Act,
    pub(super) from: Option<String>,
    pub(super) version: String,
    pub(super) since: Timestamp,
    #[serde(flatten)]
    pub(super) state: State,
}

#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum State {
    /// A step is being applied.
    Working { step: usize, of: usize, words: &'static str },
    /// The new release runs and is watched.
    Soaking { left_seconds: u64 },
    /// It stays; what is left over is being tidied up.
    TidyingUp,
    /// It failed, and everything is being put back.
    GoingBack { error: String },
    /// A person is needed.
    Stuck { reason: String },
}

/// The last update, where it did not stay.
#[derive(Debug, Serialize)]
pub(super) struct LastFailure {
    pub(super) id: u32,
    pub(super) version: String,
    pub(super) at: Timestamp,
    /// How it ended: `failed` before anything was stopped, `rolled_back`, or `abandoned`.
    pub(super) status: history::Status,
    pub(super) error: String,
}

/// Where `surefoot rollback` would go.
#[derive(Debug, Serialize)]
pub(super) struct Rollback {
    pub(super) version: String,
    /// Databases that would go back with it.
    pub(super) databases: Vec<String>,
    /// To how they were then.
    pub(super) before: Timestamp,
}

#[derive(Debug, Serialize)]
pub(super) struct Metadata {
    pub(super) expires: Option<Timestamp>,
    pub(super) stale: bool,
}

impl Status {
    pub(super) fn is_stuck(&self) -> bool {
        matches!(&self.open, Some(Open { state: State::Stuck { .. }, .. }))
    }
}

/// Connects, asks nothing, and goes.
pub(super) fn agent(layout: &Layout) -> Agent {
    match std::os::unix::net::UnixStream::connect(layout.socket()) {
        Ok(_) => Agent::Running,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Agent::Unknown,
        Err(_) => Agent::NotRunning,
    }
}

pub(super) fn of(layout: &Layout, settings: &Settings, now: Timestamp) -> Result<Status, Failure> {
    let name = &settings.instance.name;
    let option = instances::option(layout, name);
    let (scan, mut problems) = problems::updates(layout, settings, &option)?;
    let journals = scan.whole;
    let (last_check, unreadable) = problems::last_check(layout, settings);
    problems.extend(unreadable);
    problems.extend(problems::approvals(layout, settings));
    problems.extend(problems::trust(layout, settings));
    let installed = installed(&journals);
    let waits = waits(&journals, last_check.as_ref());
    let open = history::open(&journals).map(|journal| open(journal, now));
    Ok(Status {
        instance: name.to_string(),
        product: settings.product.to_string(),
        directory: settings.instance.directory.clone(),
        source: settings.source.to_string(),
        current_instead: current_instead(settings, &journals),
        rollback: if open.is_none() { rollback(&layout.instance(name), settings, &journals) } else { None },
        last_failure: last_failure(&journals),
        waiting: waits.and_then(|last| last.waiting.as_ref()).map(ReleaseVersion::to_string),
        waiting_because: waits.and_then(|last| last.because),
        waiting_severity: waits.and_then(|last| last.severity),
        setbacks: standings(&layout.instance(name), &journals, now),
        next_check: due(settings, last_check.as_ref(), now),
        force_critical: settings.policy.force_critical,
        vendor: vendor::said(layout, settings, &journals),
        metadata: metadata(layout, settings, last_check.as_ref(), now),
        option,
        problems,
        installed,
        open,
        last_check,
    })
}

fn installed(journals: &[Journal]) -> Option<Installed> {
    let side = history::installed(journals)?;
    let row = history::rows(std::slice::from_ref(history::bringer(journals)?)).pop()?;
    Some(Installed {
        version: side.version.to_string(),
        since: row.completed_at.unwrap_or(row.started_at),
        applied_by: row.applied_by,
    })
}

/// Somebody may have changed the link by hand. While an update is open it may be either.
fn current_instead(settings: &Settings, journals: &[Journal]) -> Option<String> {
    let installed = history::installed(journals)?;
    if history::open(journals).is_some() {
        return None;
    }
    match settings.app().current_version() {
        Some(current) if current == installed.version => None,
        Some(current) => Some(current.to_string()),
        None => Some("no release".to_owned()),
    }
}

fn open(journal: &Journal, now: Timestamp) -> Open {
    let plan = journal.plan();
    Open {
        id: plan.id,
        act: plan.act,
        from: plan.from.as_ref().map(|side| side.version.to_string()),
        version: plan.to.version.to_string(),
        since: plan.planned_at,
        state: state(journal, now),
    }
}

fn state(journal: &Journal, now: Timestamp) -> State {
    let failed = journal
        .records()
        .find_map(|record| if let Record::Failed { error, .. } = record { Some(error.clone()) } else { None });
    match (resume::next(journal), failed) {
        (Next::Stuck(reason), _) => State::Stuck { reason },
        (Next::FinishForward | Next::Nothing, _) => State::TidyingUp,
        (Next::GoOnSoaking(done), _) => State::Soaking { left_seconds: left(journal, done.as_secs(), now) },
        (Next::Unwind, Some(error)) => State::GoingBack { error },
        (Next::Unwind, None) => working(journal),
    }
}

fn working(journal: &Journal) -> State {
    let steps = &journal.plan().steps;
    let begun =
        journal.records().rev().find_map(|record| if let Record::Begun { step } = record { Some(*step) } else { None });
    let step = begun.unwrap_or(0);
    State::Working { step: step + 1, of: steps.len(), words: steps.get(step).map_or("beginning", |step| step.words()) }
}

/// The journal says only now and then how long it has been healthy; what has passed since is taken for healthy.
fn left(journal: &Journal, done: u64, now: Timestamp) -> u64 {
    let since = journal.entries().iter().rfind(|entry| matches!(entry.record, Record::Soaking | Record::Soaked { .. }));
    let passed = since.map_or(SignedDuration::ZERO, |entry| now.duration_since(entry.at));
    let passed = u64::try_from(passed.as_secs()).unwrap_or(0);
    journal.plan().to.profile.health.soak_seconds.saturating_sub(done + passed)
}

/// Only where nothing good came after it.
fn last_failure(journals: &[Journal]) -> Option<LastFailure> {
    let last = journals.iter().rfind(|journal| !journal.is_open())?;
    if history::took_effect(last) {
        return None;
    }
    let row = history::rows(std::slice::from_ref(last)).pop()?;
    Some(LastFailure {
        id: row.id,
        version: row.version,
        at: row.completed_at?,
        status: row.status,
        error: row.error_message.unwrap_or_default(),
    })
}

/// The last check, where the release that it found waiting has not come in since.
fn waits<'a>(journals: &[Journal], last: Option<&'a LastCheck>) -> Option<&'a LastCheck> {
    let waiting = last?.waiting.as_ref()?;
    let is_in = history::installed(journals).is_some_and(|side| side.version >= *waiting);
    last.filter(|_| !is_in)
}

/// Only where all that it needs is still kept.
fn rollback(here: &InstanceLayout, settings: &Settings, journals: &[Journal]) -> Option<Rollback> {
    let plan = history::can_be_taken_back(journals)?.plan();
    let previous = plan.from.as_ref()?;
    if !settings.app().release(&previous.version).is_dir() {
        return None;
    }
    let backups = here.backup(plan.id);
    let databases = plan.migrated_databases().into_iter().filter(|name| !plan.is_compatible(name));
    let databases: Vec<String> = databases.map(|name| name.to_string()).collect();
    let is_kept = |database: &String| backups.join(format!("{database}.json")).exists();
    let kept = databases.iter().all(is_kept);
    kept.then(|| Rollback { version: previous.version.to_string(), databases, before: plan.planned_at })
}

fn metadata(layout: &Layout, settings: &Settings, last: Option<&LastCheck>, now: Timestamp) -> Metadata {
    let trust = layout.instance(&settings.instance.name).trust();
    let known = if trust.join("timestamp.json").exists() { Trust::load(settings, &trust).ok() } else { None };
    let now = known.as_ref().map_or(now, |trust| trust.now(now));
    let expires = known.and_then(|trust| trust.expires()).or(last.and_then(|last| last.expires));
    let failed = last.is_some_and(|last| last.exit == Exit::Stale);
    Metadata { expires, stale: failed || expires.is_some_and(|expires| expires <= now) }
}
