//! The client's daemon: started, told to end, killed.

use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::{Client, give_to_nobody, wait};
use crate::notes::PATIENCE;

impl Client {
    /// Starts the daemon and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.root.join("daemon.log"))?;
        let child = self.command(&["daemon"])?.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        self.daemon = Some(child);
        let socket = self.root.join("run/surefoot/api.sock");
        wait(Duration::from_secs(60), || std::os::unix::net::UnixStream::connect(&socket).is_ok())
            .with_context(|| format!("the daemon does not answer: {}", self.log()))
    }

    /// What the daemon has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.root.join("daemon.log")).unwrap_or_default()
    }

    /// Kills the daemon, and with it its worker, at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The daemon's process id.
    pub fn daemon(&self) -> Option<u32> {
        self.daemon.as_ref().map(Child::id)
    }

    /// Tells the daemon to end, as systemd does, and waits until it has.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.tell_to_stop()?;
        self.ended()
    }

    /// Tells the daemon to end, as systemd does.
    ///
    /// # Errors
    /// When none runs.
    pub fn tell_to_stop(&self) -> anyhow::Result<()> {
        send(self.daemon().context("no daemon runs")?, Signal::TERM)
    }

    /// Tells the daemon to begin anew, as its package does.
    ///
    /// # Errors
    /// When none runs.
    pub fn tell_to_begin_anew(&self) -> anyhow::Result<()> {
        send(self.daemon().context("no daemon runs")?, Signal::HUP)
    }

    /// Waits until the daemon has ended.
    ///
    /// # Errors
    /// When it does not, or not well.
    pub fn ended(&mut self) -> anyhow::Result<()> {
        let mut child = self.daemon.take().context("no daemon runs")?;
        let mut status = None;
        let ended = wait(PATIENCE, || {
            status = child.try_wait().ok().flatten();
            status.is_some()
        });
        if ended.is_err() {
            self.daemon = Some(child);
        }
        ended.with_context(|| format!("the daemon does not end: {}", self.log()))?;
        ensure!(status.is_some_and(|status| status.success()), "the daemon ended with {status:?}: {}", self.log());
        Ok(())
    }

    /// Kills the daemon's worker at once; the daemon lives on.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_worker(&self) -> anyhow::Result<()> {
        let daemon = self.daemon().context("no daemon runs")?;
        let worker = children(daemon).into_iter().next().context("the daemon has no worker")?;
        send(worker, Signal::KILL)
    }

    /// Lets the daemon's worker go on, after it has stopped where a test wanted it to.
    ///
    /// # Errors
    /// When there is none.
    pub fn wake_worker(&self) -> anyhow::Result<()> {
        let daemon = self.daemon().context("no daemon runs")?;
        let worker = children(daemon).into_iter().next().context("the daemon has no worker")?;
        send(worker, Signal::CONT)
    }

    /// Whether the daemon's worker has stopped where a test wanted it to (`T` in proc(5)).
    pub fn is_worker_parked(&self) -> bool {
        let is_stopped = |pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        };
        self.daemon().is_some_and(|daemon| children(daemon).into_iter().any(is_stopped))
    }

    /// Lets the daemon's schedule be due, or not be due for a day: what counts is when it looked last.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn looked_last(&self, at: jiff::Timestamp) -> anyhow::Result<()> {
        let path = self.state().join("last-check.json");
        std::fs::create_dir_all(self.state())?;
        std::fs::write(path, format!(r#"{{"at":"{at}","exit":"ok","message":"","expires":null,"waiting":null}}"#))?;
        give_to_nobody(&self.root)
    }

    /// What the last check came to; nothing until there has been one.
    pub fn said_last(&self) -> Option<String> {
        let text = std::fs::read(self.state().join("last-check.json")).ok()?;
        let last: serde_json::Value = serde_json::from_slice(&text).ok()?;
        last["message"].as_str().filter(|message| !message.is_empty()).map(str::to_owned)
    }
}

fn send(pid: u32, signal: Signal) -> anyhow::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process id")?;
    Ok(kill_process(pid, signal)?)
}

/// The processes that `parent` started and that still run, as proc(5) shows them.
fn children(parent: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
