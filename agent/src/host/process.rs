//! Processes as proc(5) shows them: where they work and since when. `active` is not enough: a process of the release
//! before, or one that somebody started by hand, is active too.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// A moment since boot, in the kernel's ticks of 10 ms, by which process starts are dated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(u64);

/// Ticks in a second as `/proc` shows them: fixed at 100 for all that user space sees (`USER_HZ`).
const PER_SECOND: f64 = 100.0;

impl Ticks {
    /// Now, from `/proc/uptime`. At boot where that cannot be read: then every process counts as started since.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an uptime is positive and small")]
    pub fn now() -> Self {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
        let seconds: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        Self((seconds * PER_SECOND) as u64)
    }
}

/// Whether a process is there, and no mere zombie.
pub fn is_alive(pid: u32) -> bool {
    state_and_start(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// What tells a process from any other of its number: when it began. Nothing when it is gone.
pub fn life(pid: u32) -> Option<String> {
    let (_, Ticks(start)) = state_and_start(pid)?;
    Some(format!("process {pid} since {start}"))
}

/// Checks that a process belongs to the release: started since `since`, and not working in another release's tree.
///
/// # Errors
/// What gives it away, as a sentence.
pub fn check(pid: u32, releases: &Path, release: &Path, since: Ticks) -> Result<(), String> {
    let (_, start) = state_and_start(pid).ok_or_else(|| format!("process {pid} is gone"))?;
    if start < since {
        return Err(format!("process {pid} was running before"));
    }
    let Some(directory) = working_directory(pid) else { return Ok(()) };
    let (releases, release) = (real(releases), real(release));
    if directory.starts_with(&releases) && !directory.starts_with(&release) {
        return Err(format!("process {pid} works in {}", directory.display()));
    }
    Ok(())
}

/// The user that a process runs as, the real one.
pub fn user_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

/// The number in a pid file. A pipe or an endless file, which the application could put there, keeps nobody waiting.
///
/// # Errors
/// When the file cannot be opened or read.
pub fn read_pid_file(path: &Path) -> std::io::Result<Option<u32>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let mut text = Vec::new();
    if file.metadata()?.is_file() {
        file.take(32).read_to_end(&mut text)?;
    }
    Ok(std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()))
}

fn working_directory(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The state letter and the start of a process. The name in parentheses may hold spaces and parentheses itself, so
/// fields are counted from the last one.
fn state_and_start(pid: u32) -> Option<(char, Ticks)> {
    read_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

pub(crate) fn read_stat(stat: &str) -> Option<(char, Ticks)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    // Field 22 of proc(5), the state being field 3.
    let start = fields.nth(18)?.parse().ok()?;
    Some((state, Ticks(start)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable;

    #[test]
    fn a_process_that_ran_before_or_works_elsewhere_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("1.0.0"), dir.path().join("1.1.0"));
        durable::make_dir(&old, 0o755).unwrap();
        durable::make_dir(&new, 0o755).unwrap();
        let since = Ticks::now();
        let mut child = std::process::Command::new("sleep").arg("60").current_dir(&old).spawn().unwrap();
        let pid = child.id();
        assert!(is_alive(pid));
        assert_eq!(user_of(pid), Some(rustix::process::geteuid().as_raw()));
        assert!(check(pid, dir.path(), &new, since).unwrap_err().contains("works in"));
        assert_eq!(check(pid, dir.path(), &old, since), Ok(()));
        assert!(check(pid, dir.path(), &old, Ticks(u64::MAX)).unwrap_err().contains("before"));
        assert_eq!(life(pid), life(pid));
        assert_ne!(life(pid), life(std::process::id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_alive(pid));
        assert_eq!(life(pid), None);
        assert!(check(pid, dir.path(), &old, since).is_err());
    }
}
