//! Every program that is started, with all its arguments and its whole environment, as strace(1) sees them: what other users of a
//! machine can read in `ps`, and what a child can learn.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// One program that was started.
#[derive(Clone)]
pub struct Exec {
    /// Its path.
    pub program: String,
    /// Its arguments, with its own name; as strace writes them, one after the other.
    pub arguments: String,
    /// Its environment.
    pub environment: String,
}

/// What strace is told: whole texts, and nothing but starts.
const WHOLE: [&str; 6] = ["-f", "-v", "-qq", "-e", "trace=execve", "--string-limit=65535"];

/// The command, run by strace, which writes to `record`.
#[must_use]
pub fn traced(command: &Command, record: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(WHOLE).arg("--output").arg(record).arg("--").arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        strace.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace
}

/// Watches processes that run already, and whatever they start.
pub struct Watch {
    strace: Child,
}

impl Watch {
    /// From now on. The ids are the host's, also of processes in a container.
    ///
    /// # Errors
    /// When strace is not there, or may not look at them.
    pub fn of(processes: &[u32], record: &Path) -> Result<Self> {
        let mut strace = Command::new("strace");
        strace.args(WHOLE).arg("--output").arg(record);
        strace.args(processes.iter().map(|id| format!("--attach={id}")));
        let strace = strace.stdin(Stdio::null()).spawn().context("cannot run strace (Debian: strace)")?;
        let mut attached = || processes.iter().all(|id| tracer_of(*id) == Some(strace.id()));
        ensure!(
            crate::machine::holds_within(Duration::from_secs(20), &mut attached),
            "strace does not reach {processes:?}"
        );
        Ok(Self { strace })
    }

    /// Lets them go again.
    ///
    /// # Errors
    /// When strace cannot be ended.
    pub fn end(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.strace), Signal::INT)?;
        self.strace.wait().map(drop).context("strace does not end")
    }
}

/// Who traces a process (proc_pid_status(5)).
fn tracer_of(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("TracerPid:")?.trim().parse().ok())
}

/// What strace wrote down. Attempts that failed are among it: a search along `PATH` shows the arguments as well.
///
/// # Errors
/// When the record is not there, or a line of it is not understood: what is not understood is not without secrets.
pub fn read(record: &Path) -> Result<Vec<Exec>> {
    let bytes = fs::read(record).with_context(|| format!("cannot read {}", record.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let starts = text.lines().filter(|line| line.contains("execve(") && !line.contains("<... execve resumed>"));
    starts.map(|line| exec(line).with_context(|| format!("strace says {line}"))).collect()
}

/// `1234 execve("/bin/true", ["true"], ["A=b"]) = 0`. Quotes within texts are escaped, so these separators are none of theirs.
fn exec(line: &str) -> Option<Exec> {
    let (_, rest) = line.split_once("execve(\"")?;
    let (program, rest) = rest.split_once("\", [")?;
    let (arguments, environment) = rest.split_once("], [").or_else(|| Some((rest.split_once("], ")?.0, "")))?;
    Some(Exec { program: program.to_owned(), arguments: arguments.to_owned(), environment: environment.to_owned() })
}

/// Without the values of its environment: they would bury what is told.
impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.environment.split("\", \"").filter_map(|entry| entry.split('=').next());
        let names: Vec<&str> = names.map(|name| name.trim_start_matches('"')).collect();
        write!(f, "{} [{}] with {}", self.program, self.arguments, names.join(" "))
    }
}

impl Exec {
    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or(&self.program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_is_seen_with_all_that_it_was_given() {
        let directory = tempfile::tempdir().unwrap();
        let record = directory.path().join("record");
        let long = "x".repeat(9000);
        let mut command = Command::new("sh");
        let script = format!("env -i SECRET={long} /bin/true 'one \"quoted\", [two]' \"$0\"; exit 0");
        command.args(["-c", &script, "last"]).env("FROM_THE_TEST", "yes");
        assert!(traced(&command, &record).status().expect("strace is there").success());
        let execs = read(&record).unwrap();
        let child = execs.iter().find(|exec| exec.name() == "true").expect("it was started");
        assert!(child.environment.contains(&long) && !child.environment.contains("FROM_THE_TEST"), "{child:?}");
        assert!(child.arguments.contains("quoted") && child.arguments.ends_with("\"last\""), "{child:?}");
        assert!(execs[0].name() == "sh" && execs[0].environment.contains("FROM_THE_TEST=yes"), "{execs:?}");
    }

    #[test]
    fn what_runs_already_can_be_watched() {
        let directory = tempfile::tempdir().unwrap();
        let record = directory.path().join("record");
        let mut shell = Command::new("sh");
        let mut shell = shell.args(["-c", "read go; /bin/true told"]).stdin(Stdio::piped()).spawn().unwrap();
        let watch = Watch::of(&[shell.id()], &record).unwrap();
        drop(shell.stdin.take());
        shell.wait().unwrap();
        watch.end().unwrap();
        let execs = read(&record).unwrap();
        assert!(execs.iter().any(|exec| exec.arguments.contains("\"told\"")), "{execs:?}");
    }
}
