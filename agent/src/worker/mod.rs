//! The worker: the process in which an update happens. It reads one request, tells what it does line by line, and ends;
//! its memory goes with it.
//!
//! Before anything else it takes the lock and recovers, so that no request ever meets a half-done update.

mod abandon;
mod adopt;
mod audited;
mod check;
mod installation;
mod memory;
mod outcome;
mod preflight;
mod recover;
pub mod rollback;
mod room;
mod sources;
mod update;

pub use check::LastCheck;
pub use sources::Heard;

use std::cell::RefCell;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use manifest_schema::path::Name;

use crate::audit::Audit;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Settings};
use crate::durable;
use crate::event::Event;
use crate::exit::{Exit, Failure};
use crate::health::Ask;
use crate::host::Services;
use crate::host::commands::Commands;
use crate::host::systemd::Systemd;
use crate::host::vendor::Vendor;
use crate::journal::{self, Journal, history};
use crate::layout::{InstanceLayout, Layout};
use crate::lock::{Lock, LockError};
use crate::plan::Manager;
use crate::program;
use crate::redact::Redactor;
use crate::request::{Asked, Request};
use crate::source::{Answer, Fetcher};
use recover::Recovered;

/// How long to wait for a worker that is being ended.
const PATIENCE: Duration = Duration::from_secs(30);
/// The account that the fetch process runs as (sysusers.d(5)).
const FETCH_USER: &str = "surefoot";

/// Reads one request from `input`, carries it out, and writes events to `output`, the last one [`Event::Ended`].
pub fn serve(layout: &Layout, input: impl BufRead, output: impl Write) {
    let mut output = output;
    let mut told = None;
    let secrets = memory::Secrets::of(layout);
    let mut tell = |event: Event| {
        if is_too_soon(&event, &mut told) {
            return;
        }
        let line = serde_json::to_string(&secrets.hide_in(event)).expect("an event has only text keys");
        // Whoever watched may have gone; the work goes on.
        let _ = writeln!(output, "{line}").and_then(|()| output.flush());
    };
    let reply = match read_request(input) {
        Ok(asked) => carry_out(layout, &secrets, &asked, &mut tell),
        Err(failure) => Err(failure),
    };
    tell(ended(reply));
}

/// Progress is for eyes: ten times a second is enough, and the last of it always passes.
fn is_too_soon(event: &Event, told: &mut Option<Instant>) -> bool {
    let Event::Progress { done, total, .. } = event else { return false };
    let too_soon = done != total && told.is_some_and(|told| told.elapsed() < Duration::from_millis(100));
    if !too_soon {
        *told = Some(Instant::now());
    }
    too_soon
}

/// What a request that went well has to say.
#[derive(Debug)]
pub struct Reply {
    /// How to exit: well, or with a word on what came of it.
    pub exit: Exit,
    /// For people.
    pub message: String,
    /// For programs.
    pub answer: Option<serde_json::Value>,
}

impl Reply {
    fn well(message: impl Into<String>) -> Self {
        Self { exit: Exit::Ok, message: message.into(), answer: None }
    }
}

fn ended(reply: Result<Reply, Failure>) -> Event {
    match reply {
        Ok(reply) => Event::Ended { exit: reply.exit, message: reply.message, answer: reply.answer },
        Err(failure) => Event::Ended { exit: failure.exit, message: failure.message, answer: None },
    }
}

fn read_request(mut input: impl BufRead) -> Result<Asked, Failure> {
    let mut line = String::new();
    let unreadable = |reason: String| Failure::new(Exit::Usage, format!("the request cannot be read: {reason}"));
    input.read_line(&mut line).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&line).map_err(|error| unreadable(error.to_string()))
}

fn carry_out(
    layout: &Layout,
    secrets: &memory::Secrets<'_>,
    asked: &Asked,
    tell: &mut dyn FnMut(Event),
) -> Result<Reply, Failure> {
    durable::make_dirs(&layout.state(), 0o755).map_err(|error| Failure::of(Exit::Unexpected, &error))?;
    let _lock = Lock::take(&layout.lock(), PATIENCE).map_err(|error| {
        let exit = if matches!(error, LockError::Busy) { Exit::Busy } else { Exit::Unexpected };
        Failure::of(exit, &error)
    })?;
    let recovered = Recovered::default();
    let audit = RefCell::new(Audit::at(layout.audit()));
    let (clock, by, unexplained) = (SystemClock::default(), asked.by.as_str(), Vec::new());
    let mut work = Work { layout, secrets, by, clock, tell, recovered, unexplained, audit };
    work.audit_asked(&asked.request);
    let recovered = recover::every_instance(&mut work, &asked.request);
    work.explain();
    let answer = recovered.and_then(|recovered| {
        work.recovered = recovered;
        work.answer(asked)
    });
    work.explain();
    work.audit_answered(&asked.request, &answer);
    work.tell_audit_trouble();
    answer
}

fn select(layout: &Layout, name: Option<&Name>) -> Result<Settings, Failure> {
    config::select(layout, name.map(Name::as_str)).map_err(|error| Failure::of(Exit::Configuration, &error))
}

/// One run of the worker.
struct Work<'a> {
    layout: &'a Layout,
    secrets: &'a memory::Secrets<'a>,
    /// Who asks.
    by: &'a str,
    clock: SystemClock,
    tell: &'a mut dyn FnMut(Event),
    /// What recovering came to, before the request.
    recovered: Recovered,
    /// Updates that did not stand, and of which nothing was gathered yet.
    unexplained: Vec<Journal>,
    /// What is told of all this for later.
    audit: RefCell<Audit>,
}

impl Work<'_> {
    fn answer(&mut self, asked: &Asked) -> Result<Reply, Failure> {
        let Asked { by, request } = asked;
        match request {
            Request::Recover => self.recovered.all(),
            Request::Resume { instance } => recover::resumed(self, instance.as_ref()),
            Request::Abandon { instance, dry_run } => abandon::abandon(self, instance.as_ref(), *dry_run, by),
            Request::Poll => update::poll(self),
            Request::Check { .. }
            | Request::Show { .. }
            | Request::Approve { .. }
            | Request::Update { .. }
            | Request::Install { .. }
            | Request::Adopt { .. }
            | Request::Release { .. }
            | Request::Rollback { .. } => {
                let settings = self.free(request.instance())?;
                self.answer_one(&settings, request, by)
            }
        }
    }

    /// The instance that is meant, unless a person is needed there first. Trouble in another one is told and holds up nothing.
    fn free(&mut self, name: Option<&Name>) -> Result<Settings, Failure> {
        let settings = select(self.layout, name)?;
        let name = &settings.instance.name;
        let others: Vec<String> = self.recovered.others(&[name]).map(|failure| failure.message.clone()).collect();
        others.into_iter().for_each(|message| self.note(message));
        self.recovered.is_free(name)?;
        Ok(settings)
    }

    fn answer_one(&mut self, settings: &Settings, request: &Request, by: &str) -> Result<Reply, Failure> {
        match request {
            Request::Check { .. } => check::check(self, settings),
            Request::Show { version, .. } => check::show(self, settings, version),
            Request::Approve { version, .. } => update::approve(self, settings, version, by),
            Request::Update { version, again, .. } => update::update(self, settings, version.as_ref(), *again, by),
            Request::Install { version, .. } => update::install(self, settings, version.as_ref(), by),
            Request::Adopt { version, dry_run, .. } => adopt::adopt(self, settings, version.as_ref(), *dry_run, by),
            Request::Release { .. } => adopt::release(self, settings, by),
            Request::Rollback { dry_run, force, .. } => rollback::rollback(self, settings, *dry_run, *force, by),
            // Not about the settings of one instance: answered above.
            Request::Recover | Request::Resume { .. } | Request::Abandon { .. } | Request::Poll => {
                Ok(Reply::well("nothing is open"))
            }
        }
    }

    fn here(&self, settings: &Settings) -> InstanceLayout {
        self.layout.instance(&settings.instance.name)
    }

    /// The number of an instance's next update. What was put aside or backed up under a number keeps it.
    fn next_id(&self, settings: &Settings, journals: &[Journal]) -> Result<u32, Failure> {
        let here = self.here(settings);
        let aside = journal::highest_put_aside(&here.updates()).map_err(|error| Failure::of(Exit::Stuck, &error))?;
        Ok(history::next_id(journals).max(aside + 1).max(highest_backup(&here) + 1))
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn note(&mut self, text: impl Into<String>) {
        (self.tell)(Event::Note { text: text.into() });
    }
}

/// The highest number that a backup has, whether the journal of its update is there or not.
fn highest_backup(here: &InstanceLayout) -> u32 {
    let entries = std::fs::read_dir(here.backups()).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).max().unwrap_or(0)
}

/// The service manager that an instance names.
pub fn services(instance: &crate::plan::Instance, log: PathBuf) -> Box<dyn Services> {
    match instance.manager {
        Manager::Systemd => Box::new(Systemd),
        Manager::Command => {
            Box::new(Commands { directory: instance.directory.clone(), user: instance.user.clone(), log })
        }
    }
}

/// Who runs the vendor's commands outside of an update.
pub fn vendor(instance: &crate::plan::Instance, here: &InstanceLayout) -> Vendor {
    Vendor {
        manager: instance.manager,
        user: instance.user.clone(),
        instance: instance.name.clone(),
        update: 0,
        scratch: here.scratch(),
        log: here.scratch(),
        redactor: Redactor::default(),
    }
}

/// A fetch process without privileges: for the source, and for health checks. Only root may use the one in a unit of its own;
/// where that is not, as on a machine without systemd, everything is read by a child.
///
/// # Errors
/// When it cannot be started.
pub fn fetcher(layout: &Layout) -> Result<Fetcher, Failure> {
    let (user, socket) = (fetch_user()?, layout.fetch_socket());
    if user.is_some() && socket.exists() {
        return Ok(Fetcher::through(&socket, &program::own(), user));
    }
    Fetcher::start(&program::own(), user).map_err(|error| Failure::of(Exit::Unexpected, &error))
}

fn fetch_user() -> Result<Option<(u32, u32)>, Failure> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let user = nix::unistd::User::from_name(FETCH_USER).ok().flatten().ok_or_else(|| {
        Failure::new(Exit::Configuration, format!("the system user {FETCH_USER} is missing: run systemd-sysusers"))
    })?;
    Ok(Some((user.uid.as_raw(), user.gid.as_raw())))
}

/// Asks URLs through a fetch process of its own, started when the first one is asked.
pub struct Asker<'a> {
    layout: &'a Layout,
    fetcher: Option<Fetcher>,
}

impl<'a> Asker<'a> {
    /// Asks nothing yet.
    pub fn new(layout: &'a Layout) -> Self {
        Self { layout, fetcher: None }
    }
}

impl Ask for Asker<'_> {
    fn ask(&mut self, url: &str, timeout: Duration, cap: u64) -> Result<Answer, String> {
        if self.fetcher.is_none() {
            self.fetcher = Some(fetcher(self.layout).map_err(|failure| failure.message)?);
        }
        let fetcher = self.fetcher.as_mut().expect("just started");
        let answer = fetcher.probe(url, timeout, cap).map_err(|error| crate::exit::chain(&error));
        if answer.is_err() {
            // It may have been the process that failed, and not the application.
            self.fetcher = None;
        }
        answer
    }
}
