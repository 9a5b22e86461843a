//! What all instances need of the machine.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cli::finding::Finding;
use crate::cli::{instances, words};
use crate::clock::steady::{self, Sight};
use crate::config::Settings;
use crate::host::child::Child;
use crate::layout::Layout;
use crate::plan::Manager;
use crate::source::SourceSpec;

/// How long systemd may take to answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Where distributions keep the certificates of authorities.
const CERTIFICATES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/// The account of the fetch process (sysusers.d(5)).
const FETCH_USER: &str = "surefoot";
/// Where its unit listens.
const FETCH_SOCKET: &str = "surefoot-fetch.socket";

pub(super) fn look(layout: &Layout, all: &[Settings], now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(privileges(layout));
    findings.push(agent(layout));
    findings.push(clock(layout, all, now));
    findings.extend(retention(layout, now));
    if all.iter().any(|settings| settings.instance.manager == Manager::Systemd) {
        findings.push(systemd());
        findings.extend(synchronised());
        findings.extend(["surefoot.service", "surefoot-guard.service"].map(enabled));
        if all.iter().any(|settings| !matches!(settings.source, SourceSpec::Directory { .. })) {
            findings.push(fetch_socket());
        }
    }
    if nix::unistd::geteuid().is_root() {
        findings.push(fetch_user());
    }
    if all.iter().flat_map(Settings::sources).any(needs_certificates) {
        findings.push(certificates());
    }
    findings
}

fn privileges(layout: &Layout) -> Option<Finding> {
    let lacks = layout.root() == Path::new("/") && !nix::unistd::geteuid().is_root();
    lacks.then(|| {
        let says = "you are not root, so databases and histories cannot be looked at";
        Finding::warning("privileges", says, "Run sudo surefoot doctor")
    })
}

fn agent(layout: &Layout) -> Finding {
    let socket = layout.socket();
    match std::os::unix::net::UnixStream::connect(&socket) {
        Ok(_) => Finding::good("agent", "it runs"),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Finding::warning("agent", "only root may ask whether it runs", "Run sudo surefoot doctor")
        }
        Err(error) => Finding::missing(
            "agent",
            format!("it does not run ({}: {error})", socket.display()),
            "systemctl enable --now surefoot",
        ),
    }
}

/// A clock that is behind lets expired metadata pass, one that is ahead refuses what is good.
fn clock(layout: &Layout, all: &[Settings], now: Timestamp) -> Finding {
    let latest = all.iter().filter_map(|settings| latest(layout, settings)).max();
    match latest {
        Some(latest) if latest > now + SignedDuration::from_mins(1) => {
            let says = format!(
                "it says {}, but something happened here at {} already",
                words::moment(now),
                words::moment(latest)
            );
            Finding::missing("clock", says, "Set it: metadata is judged by it")
        }
        Some(_) | None => Finding::good("clock", words::moment(now)),
    }
}

/// What is usual on the first day, and after a jump of the clock.
fn retention(layout: &Layout, now: Timestamp) -> Option<Finding> {
    let why = steady::look(&layout.clock(), Sight::take(now)).holds_back()?;
    Some(Finding::good("retention", format!("no old backup is removed now: {why}")))
}

fn latest(layout: &Layout, settings: &Settings) -> Option<Timestamp> {
    let name = &settings.instance.name;
    let journals = instances::journals(layout, name).unwrap_or_default();
    let recorded = journals.iter().filter_map(|journal| Some(journal.entries().last()?.at)).max();
    let checked = instances::last_check(layout, name).ok().flatten().map(|last| last.at);
    recorded.max(checked)
}

fn synchronised() -> Option<Finding> {
    let answer = ask("timedatectl", &["show", "--property=NTPSynchronized", "--value"])?;
    (answer == "no")
        .then(|| Finding::warning("clock", "it is not kept in time over the network", "timedatectl set-ntp true"))
}

fn systemd() -> Finding {
    match ask("systemctl", &["is-system-running"]) {
        Some(state) if matches!(state.as_str(), "running" | "degraded" | "starting" | "maintenance") => {
            Finding::good("systemd", state)
        }
        Some(state) => {
            let says = if state.is_empty() { "it does not answer".to_owned() } else { format!("it is {state}") };
            Finding::missing("systemd", says, "The services cannot be stopped and started without it")
        }
        None => Finding::missing(
            "systemd",
            "systemctl cannot be run",
            "Set service_manager = \"command\" on a machine without systemd",
        ),
    }
}

fn enabled(unit: &'static str) -> Finding {
    match ask("systemctl", &["is-enabled", unit]).unwrap_or_default().as_str() {
        state @ ("enabled" | "static" | "enabled-runtime" | "alias") => Finding::good(unit, state),
        "" | "not-found" => Finding::missing(unit, "it is not installed", "Install surefoot's package again"),
        state => Finding::missing(
            unit,
            format!("it is {state}, so it is not there after a reboot"),
            format!("systemctl enable {unit}"),
        ),
    }
}

/// Without it a child of the worker would fetch, which has no network but loopback.
fn fetch_socket() -> Finding {
    match ask("systemctl", &["is-active", FETCH_SOCKET]).unwrap_or_default().as_str() {
        "active" => Finding::good(FETCH_SOCKET, "the source is read in a sandbox of its own"),
        state => Finding::missing(
            FETCH_SOCKET,
            format!("it is {state}, so the source cannot be reached"),
            format!("systemctl start {FETCH_SOCKET}"),
        ),
    }
}

/// The first line of what a program says, whatever its exit code: systemctl answers with both.
pub(super) fn ask(program: &str, args: &[&str]) -> Option<String> {
    let ended = Child::new(program, LIMIT).args(args).run().ok()?;
    Some(ended.out.text().lines().next().unwrap_or_default().trim().to_owned())
}

fn fetch_user() -> Finding {
    let what = format!("user {FETCH_USER}");
    match nix::unistd::User::from_name(FETCH_USER) {
        Ok(Some(_)) => Finding::good(what, "the source is read without privileges"),
        Ok(None) => Finding::missing(what, "it does not exist", "Run systemd-sysusers"),
        Err(error) => Finding::wrong(what, format!("it cannot be looked up: {error}")),
    }
}

fn needs_certificates(source: &SourceSpec) -> bool {
    match source {
        SourceSpec::GitHub(repository) => repository.is_encrypted(),
        SourceSpec::Mirror { base } => base.scheme() == "https",
        SourceSpec::Directory { .. } => false,
    }
}

fn certificates() -> Finding {
    let chosen = std::env::var_os("SSL_CERT_FILE").map(std::path::PathBuf::from);
    let usual = CERTIFICATES.iter().map(|path| Path::new(path).to_owned());
    let is_there = |path: &std::path::PathBuf| std::fs::metadata(path).is_ok_and(|meta| meta.len() > 0);
    match chosen.into_iter().chain(usual).find(is_there) {
        Some(path) => Finding::good("certificates", path.display().to_string()),
        None => Finding::missing(
            "certificates",
            "there are none, so no HTTPS server can be proved",
            "apt install ca-certificates",
        ),
    }
}
