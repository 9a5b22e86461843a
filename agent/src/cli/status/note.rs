//! A status as a note from a colleague: first what runs, then what shouts, then the rest. Pure.

use super::super::print::{Screen, Tone};
use super::super::words;
use super::facts::{Agent, Open, State, Status};
use crate::decide::Because;
use crate::exit::Exit;
use crate::journal::history;
use crate::plan::Act;
use manifest_schema::manifest::Severity;

/// Columns of a field's name.
const NAMES: usize = 13;

/// The whole note.
pub(super) fn tell(agent: Agent, all: &[Status], screen: &Screen) -> String {
    let notes: Vec<String> =
        all.iter().map(|status| Note { screen, status, text: String::new() }.tell(agent)).collect();
    let mut text = notes.join("\n");
    if agent == Agent::NotRunning {
        text = shout(
            screen,
            &format!(
                "The agent does not run: nothing is checked or updated. {}",
                words::command("systemctl start surefoot")
            ),
        ) + &text;
    }
    text
}

fn shout(screen: &Screen, sentence: &str) -> String {
    let text = words::wrap("!! ", sentence, screen.width);
    text.lines().map(|line| screen.paint(Tone::Bad, line) + "\n").collect()
}

struct Note<'a> {
    screen: &'a Screen,
    status: &'a Status,
    text: String,
}

impl Note<'_> {
    fn tell(mut self, agent: Agent) -> String {
        self.headline();
        self.what_shouts();
        self.open();
        self.last_failure();
        self.setbacks();
        self.waiting();
        self.checks(agent);
        self.sources();
        self.rollback();
        self.field("directory", &self.status.directory.display().to_string());
        self.text
    }

    fn line(&mut self, sentence: &str) {
        self.text.push_str(&words::wrap("", sentence, self.screen.width));
    }

    fn field(&mut self, name: &str, value: &str) {
        let first = words::pad(&format!("  {name}"), NAMES + 2);
        self.text.push_str(&words::wrap(&first, value, self.screen.width));
    }

    /// A command as it must be typed here.
    fn typed(&self, verb: &str) -> String {
        words::command(&format!("surefoot {verb}{}", self.status.option))
    }

    fn shout(&mut self, sentence: &str) {
        self.text.push_str(&shout(self.screen, sentence));
    }

    fn headline(&mut self) {
        let name = &self.status.instance;
        let sentence = match (&self.status.installed, &self.status.open) {
            (Some(installed), _) => {
                let since = words::moment(installed.since);
                format!("{name}: {} since {since} ({})", installed.version, installed.applied_by)
            }
            (None, Some(_)) => format!("{name}: nothing is installed yet"),
            (None, None) => format!(
                "{name}: nothing is installed yet: {}, or {} where the application runs already",
                self.typed("install"),
                self.typed("adopt")
            ),
        };
        self.line(&sentence);
    }

    fn what_shouts(&mut self) {
        if let Some(Open { id, version, state: State::Stuck { reason }, .. }) = &self.status.open {
            self.shout(&format!(
                "STUCK: {version} could neither be finished nor undone: {reason}. \
                 See {}; mend the cause, then {}; or put it right by hand, then {}",
                self.typed(&format!("log {id}")),
                self.typed("resume"),
                self.typed("abandon")
            ));
        }
        for problem in &self.status.problems {
            let word = if problem.stops { "NOTHING IS UPDATED: " } else { "" };
            self.text.push_str(&shout(self.screen, &format!("{word}{}", problem.says)));
        }
        if self.status.metadata.stale {
            let since =
                self.status.metadata.expires.map_or_else(String::new, |at| format!(" since {}", words::moment(at)));
            self.shout(&format!(
                "STALE: the vendor's metadata has expired{since}: nothing is installed until the vendor renews it"
            ));
        }
        for sentence in self.status.vendor.sentences(self.status.rollback.as_ref(), |verb| self.typed(verb)) {
            self.shout(&sentence);
        }
        if let Some(version) = self.critical_that_waits() {
            self.shout(&format!(
                "CRITICAL: {version} waits for you: it cannot be rolled back, so it never goes in by itself. See {}, then {}",
                self.typed(&format!("show {version}")),
                self.typed(&format!("approve {version}"))
            ));
        }
        if let Some(current) = &self.status.current_instead {
            let directory = self.status.directory.display();
            self.shout(&format!(
                "{directory} leads to {current}, which is not what was installed last: somebody changed it by hand"
            ));
        }
        if !self.status.force_critical {
            self.shout("Critical releases are NOT installed at once: policy.force_critical is off");
        }
    }

    fn open(&mut self) {
        let Some(open) = &self.status.open else { return };
        let kept = open.from.as_ref().map_or_else(String::new, |from| format!(", {from} kept"));
        let version = &open.version;
        let act = if open.act == Act::Rollback { format!("back to {version}") } else { version.clone() };
        let state = match &open.state {
            State::Working { step, of, words } => format!("{act}: {words}, step {step} of {of}{kept}"),
            State::Soaking { left_seconds } => format!("{act} on probation, {left_seconds} s left{kept}"),
            State::TidyingUp => format!("{act} stays; tidying up"),
            State::GoingBack { error } => format!("{act} failed and everything is being put back: {error}"),
            State::Stuck { .. } => format!("{act}, stuck"),
        };
        self.field(
            "open",
            &format!("{state} (since {}, {})", words::moment(open.since), self.typed(&format!("log {}", open.id))),
        );
    }

    fn last_failure(&mut self) {
        let Some(failure) = &self.status.last_failure else { return };
        let (version, at) = (&failure.version, words::moment(failure.at));
        let log = self.typed(&format!("log {}", failure.id));
        let what = match failure.status {
            history::Status::Abandoned => "was abandoned, which was put right by hand,",
            history::Status::Failed => "failed before anything was stopped",
            history::Status::RolledBack
            | history::Status::Pending
            | history::Status::InProgress
            | history::Status::Completed
            | history::Status::Stuck => "failed and was rolled back",
        };
        self.field("last update", &format!("{version} {what} at {at}: {} ({log})", failure.error));
    }

    /// One that would be in already if there were a way back from it.
    fn critical_that_waits(&self) -> Option<&String> {
        let would_be_in = self.status.waiting_severity == Some(Severity::Critical)
            && self.status.waiting_because == Some(Because::NoWayBack);
        self.status.waiting.as_ref().filter(|_| would_be_in)
    }

    fn waiting(&mut self) {
        let Some(version) = self.status.waiting.as_ref().filter(|_| self.critical_that_waits().is_none()) else {
            return;
        };
        let (show, approve) = (self.typed(&format!("show {version}")), self.typed(&format!("approve {version}")));
        let because = match self.status.waiting_because {
            Some(because @ (Because::NoWayBack | Because::Outside)) => format!(" (it {})", because.words()),
            Some(Because::Severity) | None => String::new(),
        };
        self.field("waiting", &format!("{version} waits for you{because}: {show}, then {approve}"));
    }

    fn setbacks(&mut self) {
        for standing in &self.status.setbacks {
            let told = standing.rest.words(&standing.version, words::moment, |verb| self.typed(verb));
            self.field("held back", &format!("{} {told}", standing.version));
        }
    }

    fn checks(&mut self, agent: Agent) {
        match &self.status.last_check {
            None => self.field("last check", "never"),
            Some(last) => {
                // The message begins with the instance's name, which stands above already.
                let message =
                    last.message.strip_prefix(&format!("{}: ", self.status.instance)).unwrap_or(&last.message);
                let failed = if last.exit == Exit::Ok { "" } else { "FAILED: " };
                self.field("last check", &format!("{}, {failed}{message}", words::moment(last.at)));
            }
        }
        match self.status.next_check {
            Some(at) if agent != Agent::NotRunning => self.field("next check", &words::moment(at)),
            Some(_) => self.field("next check", "when the agent runs again"),
            None => self.field("next check", &format!("never: see {}", words::command("surefoot config check"))),
        }
    }

    /// Where not everything comes from the first source: from where, and what is wrong with the others.
    fn sources(&mut self) {
        let Some(last) = &self.status.last_check else { return };
        if last.sources.len() < 2 {
            return;
        }
        if let Some(used) = last.sources.iter().skip(1).find(|heard| heard.used) {
            self.field("read from", &used.source);
        }
        for heard in &last.sources {
            let Some(failed) = &heard.failed else { continue };
            self.field("source", &format!("{} does not count: {failed}", heard.source));
        }
    }

    fn rollback(&mut self) {
        let Some(rollback) = &self.status.rollback else { return };
        let version = &rollback.version;
        let data = if rollback.databases.is_empty() {
            "the data stays".to_owned()
        } else {
            format!("with database {} as before {}", rollback.databases.join(", "), words::moment(rollback.before))
        };
        self.field("rollback", &format!("{} goes to {version}, {data}", self.typed("rollback")));
    }
}
