//! The agent's worker: started with a request as its daemon would, watched, and struck.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::blow::Moment;
use super::passed::Passed;
use super::place;

/// The longest that any request may take on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// A worker at work.
pub(super) struct Worker {
    child: Child,
    began: Instant,
}

/// How a worker was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It stopped where it was told to, or is in the middle of its work at the chosen time.
    InTheMiddle,
    /// It has ended.
    Ended,
}

impl Worker {
    /// Starts a worker with a request, which will stop at the moment if that is a place.
    pub(super) fn start(request: &str, moment: &Moment) -> anyhow::Result<Self> {
        let _ = fs::remove_file(trace());
        let mut command = Command::new(place::program());
        command.arg("--root").arg(place::state()).args(["internal", "worker"]).env_clear().current_dir("/");
        command.env("SUREFOOT_FAULT_TRACE", trace());
        if let Some(place) = moment.place() {
            command.env("SUREFOOT_FAULT", format!("{place}:park"));
        }
        command.stdin(Stdio::piped()).stdout(File::create(said())?).stderr(File::create(complained())?);
        let mut child = command.spawn().context("cannot start the agent's worker")?;
        let line = format!("{{\"by\":\"the harness\",\"request\":{request}}}\n");
        child.stdin.take().context("stdin is piped")?.write_all(line.as_bytes())?;
        Ok(Self { child, began: Instant::now() })
    }

    /// Waits for the moment.
    pub(super) fn wait_for(&mut self, moment: &Moment) -> anyhow::Result<Found> {
        loop {
            if self.child.try_wait()?.is_some() {
                return Ok(Found::Ended);
            }
            let is_time = matches!(moment, Moment::After(time) if self.began.elapsed() >= *time);
            if is_time || self.is_parked() {
                return Ok(Found::InTheMiddle);
            }
            if self.began.elapsed() > PATIENCE {
                bail!("the worker does not end within {PATIENCE:?}: {}", told());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_parked(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    /// How long it has been at it.
    pub(super) fn worked(&self) -> Duration {
        self.began.elapsed()
    }

    /// Kills it, and nothing else.
    pub(super) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// How the latest worker said that its request has ended.
pub(super) fn exit() -> anyhow::Result<String> {
    let said = fs::read_to_string(said())?;
    let last: serde_json::Value = serde_json::from_str(said.lines().last().unwrap_or("null"))
        .with_context(|| format!("the worker's last words: {}", told()))?;
    ensure!(last["event"] == "ended", "the worker has not said how it ended: {}", told());
    Ok(last["exit"].as_str().unwrap_or_default().to_owned())
}

/// Lets a worker carry a request out to its good end.
pub(super) fn ask_well(request: &str) -> anyhow::Result<()> {
    Worker::start(request, &Moment::Never)?.wait_for(&Moment::Never)?;
    let exit = exit()?;
    ensure!(exit == "ok", "{request} ended with {exit}: {}", told());
    Ok(())
}

/// What `surefoot-guard.service` does at boot.
pub(super) fn guard() -> anyhow::Result<()> {
    let mut command = Command::new(place::program());
    super::command::run(command.arg("--root").arg(place::state()).args(["internal", "guard"])).map(drop)
}

/// The points that the latest worker has passed.
pub(super) fn passed() -> Passed {
    Passed(fs::read_to_string(trace()).unwrap_or_default().lines().map(str::to_owned).collect())
}

/// What the latest worker has said.
pub(super) fn told() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let said = read(said());
    let notes: Vec<&str> = said.lines().filter(|line| !line.contains(r#""event":"progress""#)).collect();
    let Passed(passed) = passed();
    let last = &passed[passed.len().saturating_sub(5)..];
    format!("\n{}\n{}last points: {}", notes.join("\n"), read(complained()), last.join(", "))
}

fn trace() -> PathBuf {
    place::scratch().join("points")
}

fn said() -> PathBuf {
    place::scratch().join("said")
}

fn complained() -> PathBuf {
    place::scratch().join("complained")
}
