//! How a transient unit really ended. systemd-run(1) watches it over D-Bus; where D-Bus is restarted meanwhile it answers with what
//! it knew last, and that is success as long as the command still runs. So the unit itself is asked.
//!
//! A unit that failed stays until it is forgotten, and one that is not there any more has ended well: so it must not be one that
//! is collected (systemd-run(1), `--collect`).

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::systemd;

/// The pause between two looks at a unit that still runs.
const LOOK: Duration = Duration::from_millis(200);

/// What systemd says of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    Runs,
    Failed(ExitStatus),
    Gone,
}

/// Waits until the unit has ended and answers how; `said` is what systemd-run answered. What still runs at `deadline` is ended and
/// has failed.
pub(super) fn ended(unit: &str, said: ExitStatus, deadline: Instant) -> ExitStatus {
    let mut was_lost = false;
    while Instant::now() < deadline {
        match look(unit) {
            State::Runs => {
                was_lost = true;
                sleep(LOOK);
            }
            State::Gone if was_lost => return ExitStatus::default(),
            State::Gone => return said,
            State::Failed(status) => {
                systemd::forget_failure(unit);
                return if was_lost || said.success() { status } else { said };
            }
        }
    }
    let _ = systemd::stop_matching(unit);
    systemd::forget_failure(unit);
    failure(1)
}

/// A systemd that does not answer, as while it is executed anew, is asked again.
fn look(unit: &str) -> State {
    systemd::show(unit, "LoadState,ActiveState,ExecMainCode,ExecMainStatus").map_or(State::Runs, |text| read(&text))
}

pub(crate) fn read(text: &str) -> State {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default();
    match (value("LoadState"), value("ActiveState")) {
        (_, "failed") => State::Failed(status(value("ExecMainCode"), value("ExecMainStatus"))),
        ("not-found", _) | (_, "inactive") => State::Gone,
        (_, _) => State::Runs,
    }
}

/// `CLD_EXITED` is 1, and the numbers of signals are its siblings' (waitid(2)). A unit can fail although its command did not.
fn status(code: &str, status: &str) -> ExitStatus {
    let number = status.parse().unwrap_or(1).max(1);
    if code == "1" { failure(number) } else { ExitStatus::from_raw(number) }
}

fn failure(number: i32) -> ExitStatus {
    ExitStatus::from_raw(number << 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_runs_has_failed_or_is_gone() {
        let of = |load: &str, active: &str, code: u8, status: u8| {
            read(&format!("LoadState={load}\nActiveState={active}\nExecMainCode={code}\nExecMainStatus={status}\n"))
        };
        for active in ["active", "activating", "deactivating"] {
            assert_eq!(of("loaded", active, 0, 0), State::Runs, "{active}");
        }
        assert_eq!(of("not-found", "inactive", 0, 0), State::Gone);
        assert_eq!(of("loaded", "inactive", 1, 0), State::Gone);
        assert_eq!(of("loaded", "failed", 1, 3), State::Failed(failure(3)));
        assert_eq!(of("loaded", "failed", 2, 9), State::Failed(ExitStatus::from_raw(9)));
        assert_eq!(of("loaded", "failed", 1, 0), State::Failed(failure(1)), "whatever it is, it is no success");
        assert_eq!(read(""), State::Runs, "nobody has said that it ended");
    }
}
