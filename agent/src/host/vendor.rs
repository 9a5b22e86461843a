//! Runs the vendor's code: hooks, migrations, health commands. Never inside the agent, never with its rights: under
//! systemd each runs as the application's user in a transient unit of its own (systemd-run(1)), elsewhere as a child.
//!
//! A transient unit outlives a crash of the agent; its name says which update it belongs to, so that recovery can end it
//! before it reverts anything. A child dies with the agent.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use manifest_schema::path::Name;

use super::child::{Child, ChildError, Ended, User};
use super::{systemd, transient};
use crate::durable;
use crate::fault;
use crate::plan::Manager;
use crate::program;
use crate::redact::Redactor;
use crate::store::VendorCommand;

/// How long beyond a command's own limit its manager may take to end it.
const GRACE: Duration = Duration::from_secs(30);

/// With what access its files are made, whatever the agent was started with.
const UMASK: u32 = 0o022;

/// Runs the vendor's commands of one update.
#[derive(Clone, Debug)]
pub struct Vendor {
    /// Whether systemd is there to run them.
    pub manager: Manager,
    /// As whom.
    pub user: Option<User>,
    /// The instance.
    pub instance: Name,
    /// The update's number.
    pub update: u32,
    /// Where secrets for a unit are put, readable by root alone.
    pub scratch: PathBuf,
    /// Where what they say is kept.
    pub log: PathBuf,
    /// Takes secrets out of that first.
    pub redactor: Redactor,
}

/// Why a command of the vendor's did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// It could not be run, was too slow, or failed.
    #[error("{label} failed")]
    Run {
        /// What it was for.
        label: String,
        /// What happened.
        source: ChildError,
    },
    /// Its environment or its log could not be written.
    #[error("cannot prepare {label}")]
    Write {
        /// What it was for.
        label: String,
        /// What happened.
        source: durable::Error,
    },
}

/// Gives up what a command of the vendor's gets by itself in a unit: called in the process that is about to become it.
///
/// # Errors
/// When the system refuses.
pub fn confine() -> std::io::Result<()> {
    close_inherited()?;
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(UMASK));
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    Ok(rustix::process::setrlimit(rustix::process::Resource::Core, none)?)
}

/// What the agent opens is closed by itself in what it starts (`O_CLOEXEC`); what the agent was started with may not be.
fn close_inherited() -> std::io::Result<()> {
    let open = std::fs::read_dir("/proc/self/fd")?;
    let open: Vec<i32> = open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // One of them was that of the list, and is closed already.
    for number in open.into_iter().filter(|number| *number > 2) {
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

impl Vendor {
    /// Runs a command to its end. `label` becomes part of a unit's name: `prepare`, `migrate-0`.
    ///
    /// # Errors
    /// When it does not end with status 0 within its limit.
    pub fn run(&self, label: &str, command: &VendorCommand) -> Result<Ended, VendorError> {
        let wrap = |source| VendorError::Run { label: label.to_owned(), source };
        let ended = match self.manager {
            Manager::Systemd => self.in_unit(label, command)?,
            Manager::Command => {
                self.as_child(command).run().map_err(|error| self.keep_of(label, error)).map_err(wrap)?
            }
        };
        // The command has done its work and nobody knows it yet.
        let program = || command.argv.first().map(PathBuf::from).unwrap_or_default();
        fault::point("run the vendor's command")
            .map_err(|source| wrap(ChildError::Start { program: program(), source }))?;
        self.keep_log(label, &format!("{}{}", ended.out.text(), ended.err.text()));
        if ended.status.success() {
            return Ok(ended);
        }
        let last_words = [ended.err.last_words(), ended.out.last_words()].into_iter().find(|words| !words.is_empty());
        Err(wrap(ChildError::Failed {
            program: program(),
            status: ended.status,
            last_words: last_words.unwrap_or_default(),
        }))
    }

    /// Ends whatever of this update still runs after a crash, and removes the secrets that it was given.
    ///
    /// # Errors
    /// When systemd does not answer.
    pub fn end_leftovers(&self) -> Result<(), ChildError> {
        match self.manager {
            Manager::Systemd => {
                let all = format!("{}*", self.unit(""));
                systemd::stop_matching(&all)?;
                systemd::forget_failure(&all);
                self.remove_environments();
                Ok(())
            }
            // A child has died with the agent (PR_SET_PDEATHSIG).
            Manager::Command => Ok(()),
        }
    }

    /// Only root can read them, and the next one of the same label replaces it: that one cannot be removed stops nothing.
    fn remove_environments(&self) {
        let entries = std::fs::read_dir(&self.scratch).into_iter().flatten().flatten();
        for path in
            entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ending| ending == "env"))
        {
            let _ = durable::remove_file(&path);
        }
    }

    fn unit(&self, label: &str) -> String {
        format!("surefoot-{}-{:04}-{label}", self.instance, self.update)
    }

    fn in_unit(&self, label: &str, command: &VendorCommand) -> Result<Ended, VendorError> {
        let environment = self.scratch.join(format!("{label}.env"));
        let write = |source| VendorError::Write { label: label.to_owned(), source };
        durable::make_dirs(&self.scratch, 0o700).map_err(write)?;
        durable::write_atomic(&environment, environment_file(&command.env).as_bytes(), 0o600).map_err(write)?;
        let deadline = Instant::now() + command.timeout + GRACE;
        let ended = Child::new("systemd-run", command.timeout + GRACE)
            .named(command.argv.first().map_or("", String::as_str))
            .args(self.unit_arguments(label, command, &environment))
            .args(words(command))
            .run();
        let ended = ended.map(|ended| {
            let status = transient::ended(&format!("{}.service", self.unit(label)), ended.status, deadline);
            Ended { status, ..ended }
        });
        durable::remove_file(&environment).map_err(write)?;
        ended.map_err(|error| VendorError::Run { label: label.to_owned(), source: self.keep_of(label, error) })
    }

    /// A secret in `Environment=` could be read by every user over D-Bus; a file that only root reads cannot.
    fn unit_arguments(&self, label: &str, command: &VendorCommand, environment: &Path) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["--quiet", "--wait", "--pipe", "--service-type=exec"].map(String::from).into();
        arguments.push(format!("--unit={}", self.unit(label)));
        let mut property = |text: String| arguments.extend(["-p".to_owned(), text]);
        if let Some(user) = &self.user {
            property(format!("User={}", user.name));
        }
        property(format!("WorkingDirectory={}", command.directory.display()));
        property(format!("RuntimeMaxSec={}", command.timeout.as_secs()));
        property(format!("EnvironmentFile={}", environment.display()));
        property("TimeoutStopSec=5".to_owned());
        property("NoNewPrivileges=yes".to_owned());
        property(format!("UMask={UMASK:04o}"));
        // What it held in its memory may be the application's secrets.
        property("LimitCORE=0".to_owned());
        arguments.push("--".to_owned());
        arguments
    }

    fn as_child<'a>(&self, command: &VendorCommand) -> Child<'a> {
        let mut child = through_this_program(command)
            .named(command.argv.first().map_or("", String::as_str))
            .directory(&command.directory)
            .user(self.user.as_ref());
        for (name, value) in &command.env {
            child = child.env(name, value);
        }
        child
    }

    /// One that hung is explained by what it did last.
    fn keep_of(&self, label: &str, error: ChildError) -> ChildError {
        if let ChildError::TimedOut { heard, .. } = &error {
            self.keep_log(label, heard);
        }
        error
    }

    fn keep_log(&self, label: &str, said: &str) {
        let text = self.redactor.apply(said);
        if text.is_empty() {
            return;
        }
        let path = self.log.join(format!("{label}.log"));
        let kept =
            durable::make_dirs(&self.log, 0o700).and_then(|()| durable::write_atomic(&path, text.as_bytes(), 0o640));
        // A log that cannot be kept is no reason to fail what it tells of: the disk may be full on the way back.
        if let Err(error) = kept {
            tracing::warn!("{}", crate::exit::chain(&error));
        }
    }
}

/// The command behind this program, which sees to it that the command ends with the agent.
fn through_this_program<'a>(command: &VendorCommand) -> Child<'a> {
    #[cfg(test)]
    if crate::fault::testing::is_in_one_process()
        && let Some((program, arguments)) = command.argv.split_first()
    {
        return Child::new(program, command.timeout).args(arguments);
    }
    Child::new(program::own(), command.timeout).args(["internal", "exec", "--confined", "--"]).args(&command.argv)
}

/// The command as systemd-run(1) must be told: it looks for a relative program in its own directory and not in the unit's, and
/// systemd puts the values of variables into arguments (systemd.service(5), "Command lines"), which is for the vendor's shell to do.
fn words(command: &VendorCommand) -> Vec<String> {
    let mut words: Vec<String> = command.argv.iter().map(|word| word.replace('$', "$$")).collect();
    if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
        *program = command.directory.join(&*program).display().to_string();
    }
    words
}

/// `KEY="value"` lines as systemd.exec(5) reads them: backslash and quote escaped, nothing expanded.
fn environment_file(variables: &[(String, String)]) -> String {
    variables
        .iter()
        .map(|(name, value)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`");
            format!("{name}=\"{value}\"\n")
        })
        .collect()
}

#[cfg(test)]
mod tests;
