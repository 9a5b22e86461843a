//! Runs one child process to its end: with a time limit, a bounded memory of what it said, and nothing inherited by accident.
//!
//! It knows processes, pipes and clocks; it does not know what a program means. The child gets its own process group, and
//! the whole group ends at the limit, or when the child itself has ended. One thread does it all: it waits in poll(2) for
//! the child's pipes and its pidfd.

mod pump;
mod tail;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

pub use tail::Said;

/// The variables that every child gets, unless it is told others: messages in English, since some are read by this program.
const USUAL: [(&str, &str); 2] =
    [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C.UTF-8")];

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
}

impl User {
    /// As owner of files.
    #[must_use]
    pub fn owner(&self) -> crate::durable::Owner {
        crate::durable::Owner { uid: self.uid, gid: self.gid }
    }
}

/// What a child reads.
pub enum Input<'a> {
    /// Nothing: `/dev/null`.
    Nothing,
    /// A file, from its position on.
    File(File),
    /// Whatever this gives, as fast as the child takes it.
    Reader(&'a mut dyn Read),
}

/// Where a child's standard output goes.
pub enum Output<'a> {
    /// Into [`Ended::out`], bounded.
    Keep,
    /// Into a file.
    File(File),
    /// Piece by piece to this; its error ends the child.
    Each(&'a mut dyn FnMut(&[u8]) -> std::io::Result<()>),
}

/// A child process that is about to be run.
pub struct Child<'a> {
    program: PathBuf,
    name: Option<PathBuf>,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    user: Option<User>,
    input: Input<'a>,
    output: Output<'a>,
    limit: Duration,
}

/// How a child ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// The beginning and the end of its standard output.
    pub out: Said,
    /// The beginning and the end of its standard error.
    pub err: Said,
}

/// Why a child could not be run to a good end.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It did not start.
    #[error("cannot run {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It was ended at its time limit, with all that it had started.
    #[error("{} did not end within {limit:?}{}", program.display(), said(last_words))]
    TimedOut {
        /// The program.
        program: PathBuf,
        /// The limit.
        limit: Duration,
        /// The end of its standard error.
        last_words: String,
        /// All that is remembered of what it said: what it did last before it hung.
        heard: Box<str>,
    },
    /// It ended, and not well.
    #[error("{} {}{}", program.display(), ending(*status), said(last_words))]
    Failed {
        /// The program.
        program: PathBuf,
        /// Its exit status.
        status: ExitStatus,
        /// The end of its standard error.
        last_words: String,
    },
    /// What it should read or what it wrote could not be passed on.
    #[error("cannot {act} {}", program.display())]
    Pipe {
        /// `read from` or `write to`.
        act: &'static str,
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl<'a> Child<'a> {
    /// A child that will run `program` with no arguments, an environment of `PATH` and `LC_ALL`, in `/`, as the agent's own user.
    #[must_use]
    pub fn new(program: impl AsRef<Path>, limit: Duration) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            name: None,
            args: Vec::new(),
            env: USUAL.map(|(name, value)| (name.into(), value.into())).to_vec(),
            directory: None,
            user: None,
            input: Input::Nothing,
            output: Output::Keep,
            limit,
        }
    }

    /// Names something else in errors: what this program will become, or the command that it passes on.
    #[must_use]
    pub fn named(mut self, name: impl AsRef<Path>) -> Self {
        self.name = Some(name.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts it in this directory.
    #[must_use]
    pub fn directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// Runs it as this user with this user's primary group and no other groups. That needs the rights of root, except
    /// where the agent is this user.
    #[must_use]
    pub fn user(mut self, user: Option<&User>) -> Self {
        self.user = user.filter(|user| user.uid != rustix::process::geteuid().as_raw()).cloned();
        self
    }

    /// Gives it something to read.
    #[must_use]
    pub fn input(mut self, input: Input<'a>) -> Self {
        self.input = input;
        self
    }

    /// Sends its standard output somewhere.
    #[must_use]
    pub fn output(mut self, output: Output<'a>) -> Self {
        self.output = output;
        self
    }

    /// Runs it and answers how it ended, well or not.
    ///
    /// # Errors
    /// When it did not start, was ended at its limit, or its input or output failed.
    pub fn run(self) -> Result<Ended, ChildError> {
        let deadline = Instant::now() + self.limit;
        let name = self.name().to_owned();
        let mut command = self.command();
        let (reader, stdin) = match self.input {
            Input::Nothing => (None, Stdio::null()),
            Input::File(file) => (None, Stdio::from(file)),
            Input::Reader(reader) => (Some(reader), Stdio::piped()),
        };
        let (each, stdout) = match self.output {
            Output::Keep => (None, Stdio::piped()),
            Output::File(file) => (None, Stdio::from(file)),
            Output::Each(each) => (Some(each), Stdio::piped()),
        };
        let child = command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn();
        let child = child.map_err(|source| ChildError::Start { program: name.clone(), source })?;
        let ended = pump::run(Group { child, status: None }, reader, each, deadline);
        ended.map_err(|stopped| stopped.into_error(name, self.limit))
    }

    /// Runs it; an exit status other than 0 is an error.
    ///
    /// # Errors
    /// As [`Self::run`], and [`ChildError::Failed`].
    pub fn run_well(self) -> Result<Ended, ChildError> {
        let program = self.name().to_owned();
        let ended = self.run()?;
        if ended.status.success() {
            return Ok(ended);
        }
        Err(ChildError::Failed { program, status: ended.status, last_words: ended.err.last_words() })
    }

    fn name(&self) -> &Path {
        self.name.as_deref().unwrap_or(&self.program)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.process_group(0).current_dir(self.directory.as_deref().unwrap_or(Path::new("/")));
        if let Some(user) = &self.user {
            // With a uid and no list of groups std clears the supplementary groups when it runs as root.
            command.uid(user.uid).gid(user.gid);
        }
        command
    }
}

/// A child with its process group, which does not outlive this value.
struct Group {
    child: std::process::Child,
    status: Option<ExitStatus>,
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

impl Group {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends all that is left of the group and takes the child's exit status. The group is signalled before the child is waited
    /// for, and only once: afterwards its id can be somebody else's.
    fn end(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            let _ = kill_process_group(self.pid(), Signal::KILL);
            self.status = self.child.wait().ok();
        }
        self.status
    }
}

fn said(last_words: &str) -> String {
    if last_words.is_empty() { String::new() } else { format!(": {last_words}") }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

#[cfg(test)]
mod tests;
