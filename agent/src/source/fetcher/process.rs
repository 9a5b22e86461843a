//! The fetch process itself: started or reached, asked, ended.
//!
//! There are two ways to one. A child of this process shares its sandbox, and what network that has. A unit of its own
//! (`surefoot-fetch@.service`) is started by systemd for each connection to its socket, and has a sandbox of its own.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Trouble;
use super::pipe::{Frames, PipeError};
use crate::host::systemd;
use crate::source::wire::{Failure, REQUEST_LINE, Request};

/// What of the agent's environment concerns a network client. The rest, credentials among it, stays here.
const INHERITED: [&str; 12] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "RES_OPTIONS",
    "LOCALDOMAIN",
];

/// How one comes to a process.
#[derive(Debug)]
pub(super) enum Launch {
    /// By starting a child.
    Child {
        program: PathBuf,
        /// User and group id; the supplementary groups are dropped with them.
        user: Option<(u32, u32)>,
        environment: Vec<(OsString, OsString)>,
    },
    /// By connecting to the socket of the unit.
    Unit { socket: PathBuf },
}

/// The variables that [`INHERITED`] names, as they are now.
pub(super) fn inherited() -> Vec<(OsString, OsString)> {
    INHERITED.iter().filter_map(|name| Some((OsString::from(name), env::var_os(name)?))).collect()
}

impl Launch {
    /// What is started or reached, for people.
    pub(super) fn target(&self) -> &Path {
        match self {
            Self::Child { program, .. } => program,
            Self::Unit { socket } => socket,
        }
    }

    /// Starts it, or says in a sentence why that does not work.
    pub(super) fn start(&self) -> Result<Process, String> {
        match self {
            Self::Child { program, user, environment } => spawn(program, *user, environment),
            Self::Unit { socket } => connect(socket),
        }
    }
}

fn spawn(program: &Path, user: Option<(u32, u32)>, environment: &[(OsString, OsString)]) -> Result<Process, String> {
    let mut command = Command::new(program);
    command.args(["internal", "fetch"]).env_clear().envs(environment.iter().cloned());
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    let mut child = command.spawn().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("it has no pipes".to_owned());
    };
    Ok(Process {
        life: Life::Child(child),
        requests: Some(OwnedFd::from(requests).into()),
        answers: Frames::new(OwnedFd::from(answers).into()),
    })
}

fn connect(socket: &Path) -> Result<Process, String> {
    let failed = |error| format!("cannot reach {} (systemctl status surefoot-fetch.socket): {error}", socket.display());
    let stream = UnixStream::connect(socket).map_err(failed)?;
    let requests = OwnedFd::from(stream.try_clone().map_err(failed)?);
    let answers = OwnedFd::from(stream.try_clone().map_err(failed)?);
    Ok(Process { life: Life::Unit(stream), requests: Some(requests.into()), answers: Frames::new(answers.into()) })
}

/// A running fetch process. Ends when dropped; a child is reaped then.
#[derive(Debug)]
pub(super) struct Process {
    life: Life,
    requests: Option<File>,
    pub(super) answers: Frames,
}

/// By what a process hangs on this one.
#[derive(Debug)]
enum Life {
    Child(Child),
    Unit(UnixStream),
}

impl Process {
    /// Itself, where it did not end since the last request (the kernel kills a child with the thread that started it).
    pub(super) fn still_running(mut self) -> Option<Self> {
        let runs = match &mut self.life {
            Life::Child(child) => matches!(child.try_wait(), Ok(None)),
            // Between two requests it has nothing to say: what can be read there is its end, or nonsense.
            Life::Unit(stream) => {
                let now = Timespec { tv_sec: 0, tv_nsec: 0 };
                poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&now)) == Ok(0)
            }
        };
        runs.then_some(self)
    }

    /// Writes one request.
    pub(super) fn ask(&mut self, request: &Request) -> Result<(), Trouble> {
        let mut line = serde_json::to_vec(request).map_err(|error| unfit(error.to_string()))?;
        line.push(b'\n');
        if line.len() > REQUEST_LINE {
            return Err(unfit("the address is too long".to_owned()));
        }
        match self.requests.as_mut().map(|requests| requests.write_all(&line)) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(PipeError::Ended.into()),
        }
    }

    /// Ends it and says what was wrong with it.
    pub(super) fn end(mut self, error: &PipeError) -> String {
        match (&mut self.life, error) {
            (Life::Child(child), PipeError::Ended) => match child.try_wait() {
                Ok(Some(status)) => format!("it ended with {status}"),
                Ok(None) | Err(_) => error.to_string(),
            },
            (Life::Child(_), PipeError::Silent | PipeError::Nonsense(_)) => error.to_string(),
            (Life::Unit(_), PipeError::Ended) => format!("{error} (journalctl -u 'surefoot-fetch@*')"),
            (Life::Unit(_), PipeError::Silent | PipeError::Nonsense(_)) => {
                end_units();
                error.to_string()
            }
        }
    }
}

impl Drop for Process {
    /// It has nothing to finish and nothing to lose, so it is not waited for politely: that wait could be long.
    fn drop(&mut self) {
        drop(self.requests.take());
        match &mut self.life {
            Life::Child(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            // It ends when its standard input does, and within its RuntimeMaxSec= if it does not listen.
            Life::Unit(stream) => {
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        }
    }
}

/// Has systemd end what this process has connected to, without waiting for it: whoever is silent may not hear that the
/// connection has ended either. The name of each unit holds the process that connected (systemd.socket(5), `Accept=`).
fn end_units() {
    systemd::end_soon(&format!("surefoot-fetch@*-{}[-_]*.service", std::process::id()));
}

fn unfit(reason: String) -> Trouble {
    Trouble::Failed(Failure::Local { reason })
}

#[cfg(test)]
impl Process {
    /// Waits until the other end is closed.
    pub(super) fn wait_for_end(&self) {
        let Life::Unit(stream) = &self.life else { panic!("it is a child") };
        let soon = Timespec { tv_sec: 10, tv_nsec: 0 };
        assert_eq!(poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&soon)), Ok(1), "it does not end");
    }
}
