//! systemd as service manager, through systemctl(1).

use std::time::Duration;

use manifest_schema::profile::Service;

use super::child::{Child, ChildError, Ended};
use super::services::{Observed, ServiceError, Services};

/// Longer than any sane TimeoutStopSec; systemd has its own limits and keeps them.
const LIMIT: Duration = Duration::from_secs(900);
/// For what nobody waits for.
const SOON: Duration = Duration::from_secs(5);

/// systemd.
#[derive(Debug, Default)]
pub struct Systemd;

impl Services for Systemd {
    fn start(&mut self, service: &Service) -> Result<(), ServiceError> {
        let unit = unit_of(service)?;
        // A unit that failed too often would be refused: that was the release that is gone.
        forget_failure(unit);
        command("start", unit, &["start", "--", unit])
    }

    fn stop(&mut self, service: &Service) -> Result<(), ServiceError> {
        let unit = unit_of(service)?;
        match command("stop", unit, &["stop", "--", unit]) {
            // The way back from a release with a unit that this machine does not have must not end here.
            Err(_) if is_missing(unit) => return Ok(()),
            stopped => stopped?,
        }
        let observed = self.observe(service)?;
        match observed.pid {
            Some(pid) => Err(ServiceError::StillRunning { service: unit.to_owned(), pid }),
            None => Ok(()),
        }
    }

    fn observe(&mut self, service: &Service) -> Result<Observed, ServiceError> {
        let unit = unit_of(service)?;
        let properties = "--property=ActiveState,SubState,Result,MainPID,InvocationID";
        let ended = systemctl(&["show", properties, "--", unit]).map_err(|source| ServiceError::Command {
            act: "look at",
            service: unit.to_owned(),
            source,
        })?;
        Ok(read(&ended.out.text()))
    }
}

/// Whether systemd says that there is no unit of this name.
pub fn is_missing(unit: &str) -> bool {
    let ended = systemctl(&["show", "--property=LoadState", "--value", "--", unit]);
    ended.is_ok_and(|ended| ended.out.text().trim() == "not-found")
}

/// Whether this is the whole name of a service: one word for systemctl(1), one component of a path, and with its ending,
/// without which a drop-in's directory would belong to nobody (systemd.unit(5)).
pub fn is_service_name(unit: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || ":-_.@\\".contains(c);
    let name = unit.strip_suffix(".service").unwrap_or_default();
    unit.len() <= 255 && !name.is_empty() && !name.starts_with(['-', '.']) && name.chars().all(legal)
}

/// Properties of a unit as `systemctl show` tells them, a line each; `None` where systemd does not answer.
pub(super) fn show(unit: &str, properties: &str) -> Option<String> {
    let ended = systemctl(&["show", &format!("--property={properties}"), "--", unit]);
    ended.ok().map(|ended| ended.out.text())
}

/// Lets systemd forget that a unit failed: one that has no file any more would be listed as failed until the next boot. That it
/// did not fail is fine.
pub fn forget_failure(unit: &str) {
    let _ = systemctl(&["reset-failed", "--", unit]);
}

/// Tells systemd that unit files have changed.
///
/// # Errors
/// When it does not answer.
pub fn daemon_reload() -> Result<(), ChildError> {
    systemctl(&["daemon-reload"]).map(drop)
}

/// Has a unit started at every boot, where its file says at which point (`[Install]`).
///
/// # Errors
/// When systemd does not know the unit.
pub fn enable(unit: &str) -> Result<(), ChildError> {
    systemctl(&["enable", unit]).map(drop)
}

/// Whether a unit is started at every boot. One that systemd does not know is not.
///
/// # Errors
/// When systemctl cannot be run.
pub fn is_enabled(unit: &str) -> Result<bool, ChildError> {
    let ended = Child::new("systemctl", LIMIT).args(["is-enabled", unit]).run()?;
    Ok(ended.out.text().trim() == "enabled")
}

/// Whether the files of one of these units have changed since systemd read them (it does not look by itself).
pub fn needs_reload<'a>(units: impl Iterator<Item = &'a str>) -> bool {
    let question = ["show", "--property=NeedDaemonReload", "--value", "--"];
    let ended = systemctl(&question.into_iter().chain(units).collect::<Vec<_>>());
    ended.is_ok_and(|ended| ended.out.text().lines().any(|line| line == "yes"))
}

/// The reverse of [`enable`].
///
/// # Errors
/// When systemd does not know the unit.
pub fn disable(unit: &str) -> Result<(), ChildError> {
    systemctl(&["disable", unit]).map(drop)
}

/// Ends the transient units of one update that a crashed agent left behind. That there are none is fine.
///
/// # Errors
/// When systemd does not answer.
pub fn stop_matching(pattern: &str) -> Result<(), ChildError> {
    systemctl(&["stop", pattern]).map(drop)
}

/// Asks for the end of the units of this pattern, and waits neither for that nor for a systemd that does not answer.
pub fn end_soon(pattern: &str) {
    let _ = Child::new("systemctl", SOON).args(["--no-ask-password", "--no-block", "stop", pattern]).run();
}

fn unit_of(service: &Service) -> Result<&str, ServiceError> {
    let unit = service.unit.as_deref();
    unit.ok_or_else(|| ServiceError::Incomplete { service: service.name.to_string(), what: "unit" })
}

fn command(act: &'static str, unit: &str, args: &[&str]) -> Result<(), ServiceError> {
    systemctl(args).map(drop).map_err(|source| ServiceError::Command { act, service: unit.to_owned(), source })
}

fn systemctl(args: &[&str]) -> Result<Ended, ChildError> {
    Child::new("systemctl", LIMIT).args(["--no-pager", "--no-ask-password"]).args(args).run_well()
}

/// Reads the answer of `systemctl show`.
pub(crate) fn read(text: &str) -> Observed {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default();
    let (active, sub, result) = (value("ActiveState"), value("SubState"), value("Result"));
    let pid = value("MainPID").parse().ok().filter(|pid| *pid != 0);
    // Not the process: a service may hand its main process over within one run (sd_notify(3), `MAINPID=`), and does not die of
    // it. Each start is another invocation (systemd.exec(5), `$INVOCATION_ID`).
    let life = Some(value("InvocationID")).filter(|id| !id.is_empty()).map(str::to_owned);
    Observed {
        running: active == "active" && sub == "running",
        pid,
        life: life.or(pid.map(|pid| format!("process {pid}"))),
        words: if result == "success" { format!("{active} ({sub})") } else { format!("{active} ({sub}, {result})") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_an_option_or_a_path_is_no_service() {
        for name in ["kkt-web.service", "kkt@1.service", "a\\x2db.service"] {
            assert!(is_service_name(name), "{name}");
        }
        for name in ["", ".service", "kkt-web", "-Hhost.service", "../cron.d/x.service", "a b.service", "kkt.timer"] {
            assert!(!is_service_name(name), "{name}");
        }
    }

    #[test]
    fn a_unit_is_running_only_when_systemd_says_both_words() {
        let running = read("ActiveState=active\nSubState=running\nResult=success\nMainPID=42\nInvocationID=5fb2\n");
        assert_eq!(running.pid, Some(42));
        assert!(running.running && running.life.as_deref() == Some("5fb2"));
        let restarting =
            read("ActiveState=activating\nSubState=auto-restart\nResult=exit-code\nMainPID=0\nInvocationID=\n");
        assert!(!restarting.running && restarting.pid.is_none() && restarting.life.is_none());
        assert_eq!(restarting.words, "activating (auto-restart, exit-code)");
    }
}
