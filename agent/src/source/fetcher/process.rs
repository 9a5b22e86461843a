//! The fetch process itself: started, asked, ended.

use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::Trouble;
use super::pipe::{Frames, PipeError};
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

/// How the process is started.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    /// User and group id; the supplementary groups are dropped with them.
    pub(super) user: Option<(u32, u32)>,
    pub(super) environment: Vec<(OsString, OsString)>,
}

/// The variables that [`INHERITED`] names, as they are now.
pub(super) fn inherited() -> Vec<(OsString, OsString)> {
    INHERITED.iter().filter_map(|name| Some((OsString::from(name), env::var_os(name)?))).collect()
}

impl Launch {
    /// Starts it, or says in a sentence why that does not work.
    pub(super) fn start(&self) -> Result<Process, String> {
        let mut command = Command::new(&self.program);
        command.args(["internal", "fetch"]).env_clear().envs(self.environment.iter().cloned());
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        let mut child = command.spawn().map_err(|error| format!("cannot start {}: {error}", self.program.display()))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("it has no pipes".to_owned());
        };
        Ok(Process { child, requests: Some(requests), answers: Frames::new(answers) })
    }
}

/// A running fetch process. Ends, and is reaped, when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    requests: Option<ChildStdin>,
    pub(super) answers: Frames,
}

impl Process {
    /// Itself, where it did not end since the last request (the kernel kills it with the thread that started it).
    pub(super) fn still_running(mut self) -> Option<Self> {
        match self.child.try_wait() {
            Ok(None) => Some(self),
            Ok(Some(_)) | Err(_) => None,
        }
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
        match (error, self.child.try_wait()) {
            (PipeError::Ended, Ok(Some(status))) => format!("it ended with {status}"),
            (_, _) => error.to_string(),
        }
    }
}

impl Drop for Process {
    /// It has nothing to finish and nothing to lose, so it is not waited for politely: that wait could be long.
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unfit(reason: String) -> Trouble {
    Trouble::Failed(Failure::Local { reason })
}
