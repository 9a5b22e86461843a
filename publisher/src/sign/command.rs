//! A key that is not in a file: a command of the vendor's reaches it, in hardware or at a key service.
//!
//! The command gets the bytes to be signed on standard input, and in its environment `SUREFOOT_ROLE`, `SUREFOOT_KEY_ID`
//! and `SUREFOOT_PUBLIC_KEY` (`ed25519:` and hex). It answers on standard output with the 64 bytes of the signature in hex or
//! base64, or ends with code 3 where it does not hold that key. What it says on standard error, people see.

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use base64ct::{Base64, Base64Unpadded, Encoding};
use manifest_schema::tuf::{PublicKey, RoleName};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::keys;
use crate::secret;

/// The code with which a command says that it does not hold the key.
pub(super) const NOT_MINE: i32 = 3;

/// How long a command may take unless told otherwise: a person may have to touch something.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// More than any signature's spelling.
const LONGEST: u64 = 4096;

/// How often a command that has said all it says is asked whether it has ended.
const TICK: Duration = Duration::from_millis(10);

/// Why a command gave no signature.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It cannot be started.
    #[error("cannot start the signer {command:?}")]
    Start {
        /// The command.
        command: String,
        /// The cause.
        source: std::io::Error,
    },
    /// It takes too long.
    #[error("the signer {command:?} gave no answer within {} s and was stopped (--signer-timeout)", limit.as_secs())]
    TooLong {
        /// The command.
        command: String,
        /// How long it had.
        limit: Duration,
    },
    /// It failed.
    #[error("the signer {command:?} failed for the {role} key: {status}")]
    Failed {
        /// The command.
        command: String,
        /// For whose key.
        role: RoleName,
        /// How it ended.
        status: ExitStatus,
    },
    /// What it says is no signature.
    #[error("the signer {command:?} answered {answer:?}, which is not a signature: 64 bytes in hex or base64")]
    Answer {
        /// The command.
        command: String,
        /// The beginning of what it said.
        answer: String,
    },
    /// Not `exec:…`.
    #[error("{0:?} is no signer: write exec:COMMAND")]
    Form(String),
}

/// A command that signs.
#[derive(Clone, Debug)]
pub struct Command {
    line: String,
    limit: Duration,
}

impl Command {
    /// The same with another time limit.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The signature of `public`'s key over `message` as 128 hex digits; `None` where the command does not hold that key.
    ///
    /// # Errors
    /// When the command fails, takes too long, or answers something else.
    pub fn sign(&self, role: RoleName, public: &PublicKey, message: &[u8]) -> Result<Option<String>, CommandError> {
        let deadline = Instant::now() + self.limit;
        let mut child = self.start(role, public)?;
        feed(child.stdin.take(), message.to_vec());
        let answer = read(&mut child);
        let said = answer.recv_timeout(self.limit);
        let Some(status) = ended(&mut child, deadline) else {
            stop(&mut child);
            return Err(CommandError::TooLong { command: self.line.clone(), limit: self.limit });
        };
        if status.code() == Some(NOT_MINE) {
            return Ok(None);
        }
        if !status.success() {
            return Err(CommandError::Failed { command: self.line.clone(), role, status });
        }
        let said = said.unwrap_or_default();
        let text = String::from_utf8_lossy(&said);
        let answer =
            || CommandError::Answer { command: self.line.clone(), answer: text.trim().chars().take(80).collect() };
        signature(text.trim()).map(Some).ok_or_else(answer)
    }

    fn start(&self, role: RoleName, public: &PublicKey) -> Result<Child, CommandError> {
        let mut command = std::process::Command::new("/bin/sh");
        command
            .args(["-c", &self.line])
            .env("SUREFOOT_ROLE", role.as_str())
            .env("SUREFOOT_KEY_ID", public.id().to_string())
            .env("SUREFOOT_PUBLIC_KEY", keys::spell(public))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // So that what it starts ends with it.
            .process_group(0);
        secret::withhold(&mut command)
            .spawn()
            .map_err(|source| CommandError::Start { command: self.line.clone(), source })
    }
}

/// Writes in a thread of its own: a command may answer before it has read everything, or read nothing.
fn feed(stdin: Option<ChildStdin>, message: Vec<u8>) {
    std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&message)));
}

fn read(child: &mut Child) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(stdout) = stdout {
            // An answer that cannot be read is an answer that is no signature.
            let _ = stdout.take(LONGEST).read_to_end(&mut said);
        }
        let _ = sender.send(said);
    });
    receiver
}

fn ended(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(TICK),
            Ok(None) | Err(_) => return None,
        }
    }
}

fn stop(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

fn signature(text: &str) -> Option<String> {
    if text.len() == 128 {
        return text.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| text.to_ascii_lowercase());
    }
    let mut bytes = [0; 64];
    let decoded = Base64::decode(text, &mut bytes).ok().map(<[u8]>::len);
    let decoded = decoded.or_else(|| Base64Unpadded::decode(text, &mut bytes).ok().map(<[u8]>::len));
    (decoded == Some(64)).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl FromStr for Command {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Self, CommandError> {
        match text.strip_prefix("exec:").filter(|line| !line.trim().is_empty()) {
            Some(line) => Ok(Self { line: line.to_owned(), limit: PATIENCE }),
            None => Err(CommandError::Form(text.to_owned())),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the signer {:?}", self.line)
    }
}

#[cfg(test)]
mod tests;
