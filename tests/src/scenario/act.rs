//! The admin of the client's server: what a person types, and what the vendor offers meanwhile.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::State;
use crate::kkt;
use crate::machine::Machine;

/// How long the application and the agent may take to be there after a boot.
const BOOT: Duration = Duration::from_secs(30);

/// The exit code of a command that met another one.
const BUSY: i32 = 9;

/// What a drop-in must say for the agent to look for releases all the time.
pub const POLL_ALWAYS: &str = "[schedule]\ncheck = \"*/2 * * * * *\"\n";

/// A client's server with kkt and Surefoot.
#[derive(Debug)]
pub struct Site<'m> {
    machine: &'m Machine,
    env: String,
}

/// What `surefoot` said, and how it ended.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl<'m> Site<'m> {
    /// Waits until the application and the agent are there, and takes note of the client's `.env`.
    ///
    /// # Errors
    /// Never; it panics when they do not come.
    pub fn look_at(machine: &'m Machine) -> Result<Site<'m>> {
        let site = Site { machine, env: String::from_utf8(machine.read(format!("{}/.env", kkt::DIRECTORY)))? };
        site.wait_for_agent();
        machine.wait_until("kkt serves", BOOT, || kkt::health(machine).is_some());
        Ok(site)
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &'m Machine {
        self.machine
    }

    /// Waits until the daemon has recovered and answers.
    #[track_caller]
    pub fn wait_for_agent(&self) {
        let up = || self.machine.run(["systemctl", "is-active", "--quiet", "surefoot.service"]).status.success();
        self.machine.wait_until("the agent is up", BOOT, up);
    }

    /// Runs `surefoot` with these arguments. While the agent is busy with a check of its own, it is asked again, as a person would.
    #[track_caller]
    #[must_use]
    pub fn surefoot(&self, arguments: &[&str]) -> Answer {
        let mut answer = self.surefoot_once(arguments);
        self.machine.wait_until("the agent is free", BOOT, || {
            if answer.code == BUSY {
                answer = self.surefoot_once(arguments);
            }
            answer.code != BUSY
        });
        answer
    }

    fn surefoot_once(&self, arguments: &[&str]) -> Answer {
        let output = self.machine.run([&["surefoot"], arguments].concat());
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What `surefoot … --json` answers. Panics when it fails.
    #[track_caller]
    #[must_use]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let answer = self.surefoot(&[arguments, &["--json"]].concat()).well();
        serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {}", answer.out))
    }

    /// The lines of `surefoot history`, oldest first: `update 1.1.0 completed`.
    #[track_caller]
    #[must_use]
    pub fn history(&self) -> Vec<String> {
        let rows = self.json(&["history"]);
        let rows = rows.as_array().or(rows["updates"].as_array()).cloned();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let line = |row: &Value| format!("{} {} {}", text(row, "act"), text(row, "version"), text(row, "status"));
        rows.expect("a history is a list").iter().map(line).collect()
    }

    /// The vendor has published: from now on the source is this folder of `/srv/published`.
    #[track_caller]
    pub fn offer(&self, folder: &str) {
        self.machine.sh(&format!("ln -sfn published/{folder} /srv/releases"));
    }

    /// Writes a drop-in of the configuration and restarts the agent.
    #[track_caller]
    pub fn configure(&self, text: &str) {
        self.machine.write("/etc/surefoot/kkt.d/scenario.toml", text);
        self.machine.sh("systemctl restart surefoot.service");
    }

    /// What is true of the machine now.
    #[track_caller]
    #[must_use]
    pub fn state(&self) -> State {
        State::of(self.machine)
    }

    /// Insists that `version` runs and everything agrees: code, schema, settings, units; and that nothing is left over.
    #[track_caller]
    pub fn insist_on(&self, version: &str) -> State {
        let state = self.state();
        state.agrees_on(version);
        assert_eq!(state.env, self.env, "the client's .env");
        state
    }
}

impl Answer {
    /// Insists on success.
    #[track_caller]
    pub fn well(self) -> Answer {
        self.ended_with(0)
    }

    /// Insists on an exit code.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Answer {
        assert_eq!(self.code, code, "surefoot said:\n{}{}", self.out, self.err);
        self
    }

    /// Insists that it said so, to whomever.
    #[track_caller]
    pub fn says(&self, words: &str) {
        let said = format!("{}{}", self.out, self.err);
        assert!(said.contains(words), "not said: {words:?}, but:\n{said}");
    }
}
