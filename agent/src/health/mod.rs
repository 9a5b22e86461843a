//! Health: samples of an application, and what a row of samples means.
//!
//! A sample asks the service manager and every check of the profile. An HTTP answer is fetched by the process without
//! privileges, and a command runs as the application's user: nothing of the vendor's is read or run in the engine.

mod watch;

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use manifest_schema::path::Name;
use manifest_schema::profile::{Check, CheckKind, Profile};
use serde::Serialize;

pub use watch::{Before, Lives, Verdict, Watch};

use crate::host::Services;
use crate::host::vendor::Vendor;
use crate::source::Answer;
use crate::store::VendorCommand;

/// Most bytes of a health answer that are looked at.
const LARGEST_ANSWER: u64 = 64 * 1024;

/// Bytes of an answer that are told.
const BEGINNING: usize = 4096;

/// Asks a URL on this machine. A trait because it is another process that does it.
pub trait Ask {
    /// The status and the beginning of the body.
    ///
    /// # Errors
    /// When there is no answer, as a sentence.
    fn ask(&mut self, url: &str, timeout: Duration, cap: u64) -> Result<Answer, String>;
}

/// One look at everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// One line a service and a check.
    pub lines: Vec<Line>,
    /// Which run of each service is running.
    #[serde(skip)]
    pub lives: Lives,
}

/// What one look found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The service's or check's name.
    pub name: Name,
    /// Nothing when it is well, else what is wrong.
    pub problem: Option<String>,
    /// Whether it is a service.
    pub service: bool,
    /// What it said itself, bounded: its manager's words, or a status and the beginning of an answer.
    #[serde(skip)]
    pub says: String,
}

impl Sample {
    /// What is wrong, leaving out the checks in `ignored`.
    pub fn problem(&self, ignored: &[Name]) -> Option<String> {
        let line = self.lines.iter().find(|line| line.problem.is_some() && !ignored.contains(&line.name))?;
        Some(format!("{}: {}", line.name, line.problem.as_deref().unwrap_or_default()))
    }

    /// Names of the checks that fail.
    pub fn failing_checks(&self) -> Vec<Name> {
        let failing = self.lines.iter().filter(|line| !line.service && line.problem.is_some());
        failing.map(|line| line.name.clone()).collect()
    }
}

/// Looks at everything once.
pub fn sample(
    profile: &Profile,
    services: &mut dyn Services,
    ask: &mut dyn Ask,
    vendor: &Vendor,
    directory: &Path,
) -> Sample {
    let mut lines = Vec::new();
    let mut lives = Lives::new();
    for service in &profile.services {
        let observed = services.observe(service);
        let says = observed.as_ref().map_or_else(|_| String::new(), |observed| observed.words.clone());
        let problem = match observed {
            Ok(observed) if observed.running => {
                lives.extend(observed.life.map(|life| (service.name.clone(), life)));
                None
            }
            Ok(observed) => Some(observed.words),
            Err(error) => Some(crate::exit::chain(&error)),
        };
        lines.push(Line { name: service.name.clone(), problem, service: true, says });
    }
    for check in &profile.health.checks {
        let mut says = String::new();
        let problem = look(check, ask, vendor, directory, &mut says).err();
        lines.push(Line { name: check.name.clone(), problem, service: false, says });
    }
    Sample { lines, lives }
}

fn look(check: &Check, ask: &mut dyn Ask, vendor: &Vendor, directory: &Path, says: &mut String) -> Result<(), String> {
    let timeout = Duration::from_secs(check.timeout_seconds);
    match &check.kind {
        CheckKind::Http { url, status, json } => {
            let answer = ask.ask(url, timeout, LARGEST_ANSWER)?;
            *says = format!("{} {}", answer.status, beginning(&answer.body));
            judge(&answer, *status, json.iter()).map_err(|reason| format!("{url} {reason}"))
        }
        CheckKind::Tcp { address } => connect(address, timeout),
        CheckKind::Command { run } => {
            let command =
                VendorCommand { argv: run.clone(), env: Vec::new(), directory: directory.to_owned(), timeout };
            let label = format!("check-{}", check.name);
            vendor.run(&label, &command).map(drop).map_err(|error| crate::exit::chain(&error))
        }
    }
}

/// Enough of an answer to tell what it is.
fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(BEGINNING)]).into_owned()
}

pub(crate) fn judge<'a>(
    answer: &Answer,
    status: u16,
    members: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<(), String> {
    if answer.status != status {
        return Err(format!("answers with status {} instead of {status}", answer.status));
    }
    let mut members = members.peekable();
    if members.peek().is_none() {
        return Ok(());
    }
    let body: serde_json::Value =
        serde_json::from_slice(&answer.body).map_err(|error| format!("does not answer with JSON: {error}"))?;
    for (key, wanted) in members {
        let found = body.get(key).and_then(serde_json::Value::as_str);
        if found != Some(wanted) {
            return Err(format!(
                "says {key} = {} instead of {wanted:?}",
                body.get(key).unwrap_or(&serde_json::Value::Null)
            ));
        }
    }
    Ok(())
}

fn connect(address: &str, timeout: Duration) -> Result<(), String> {
    let addresses = address.to_socket_addrs().map_err(|error| format!("{address}: {error}"))?;
    let mut last = format!("{address}: no address");
    for one in addresses {
        match TcpStream::connect_timeout(&one, timeout) {
            Ok(_) => return Ok(()),
            Err(error) => last = format!("{one}: {error}"),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn judged(status: u16, body: &str) -> Result<(), String> {
        let answer = Answer { status, body: body.as_bytes().to_vec(), truncated: false };
        let wanted = BTreeMap::from([("status".to_owned(), "ok".to_owned())]);
        judge(&answer, 200, wanted.iter())
    }

    #[test]
    fn an_answer_is_judged_by_status_and_members() {
        assert_eq!(judged(200, r#"{"status":"ok","version":"1"}"#), Ok(()));
        assert!(judged(500, r#"{"status":"ok"}"#).unwrap_err().contains("500"));
        assert!(judged(200, r#"{"status":"ill"}"#).unwrap_err().contains("ill"));
        assert!(judged(200, "<html>").unwrap_err().contains("JSON"));
        assert!(judged(200, "{}").unwrap_err().contains("null"));
    }
}
