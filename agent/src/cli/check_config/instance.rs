//! One instance's configuration, held against the machine. Files are read; nothing is connected to, nothing is changed.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use manifest_schema::profile::{KeptType, Profile};
use manifest_schema::tuf::{RoleName, TrustedRepository};
use serde::Serialize;

use crate::cli::finding::{Finding, Mark};
use crate::cli::{instances, words};
use crate::config::{Policy, Settings};
use crate::exit::chain;
use crate::journal::{Journal, history};
use crate::layout::Layout;
use crate::plan::Manager;
use crate::source::SourceSpec;
use crate::update::with_store;
use crate::worker;

/// How many of the next checks are told.
const CHECKS: usize = 3;
/// Where systemd looks for unit files (systemd.unit(5)).
const UNITS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];

/// What is understood, and what is wrong with it.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) instance: String,
    pub(super) file: PathBuf,
    directory: PathBuf,
    managed: bool,
    user: Option<String>,
    service_manager: Manager,
    source: String,
    mirrors: Vec<String>,
    policy: String,
    next_checks: Vec<Timestamp>,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Names and values for people.
    pub(super) fn understood(&self) -> Vec<(&'static str, String)> {
        let managed = if self.managed { "managed" } else { "not managed yet" };
        let checks: Vec<String> = self.next_checks.iter().map(|at| words::moment(*at)).collect();
        let manager = match self.service_manager {
            Manager::Systemd => "systemd",
            Manager::Command => "the vendor's commands",
        };
        let mut rows = vec![
            ("directory", format!("{} ({managed})", self.directory.display())),
            ("user", self.user.clone().unwrap_or_else(|| "the agent's own, which is not root".to_owned())),
            ("services", format!("by {manager}")),
            ("source", self.source.clone()),
            ("policy", self.policy.clone()),
            ("checks at", if checks.is_empty() { "never".to_owned() } else { checks.join(", ") }),
        ];
        if !self.mirrors.is_empty() {
            let after_source = 1 + rows.iter().position(|(name, _)| *name == "source").unwrap_or_default();
            rows.insert(after_source, ("mirrors", self.mirrors.join(", ")));
        }
        rows
    }
}

pub(super) fn report(layout: &Layout, settings: &Settings, now: Timestamp) -> Report {
    let instance = &settings.instance;
    let next_checks = next_checks(settings, now);
    let mut findings = Vec::new();
    findings.extend(next_checks.as_ref().err().map(|reason| Finding::wrong("schedule", reason)));
    findings.extend(root(settings, now));
    findings.extend(settings.sources().filter_map(source));
    findings.extend(instances::token(settings).filter(|finding| finding.mark != Mark::Good));
    // Where the history cannot be read, the link tells.
    let mut managed = settings.app().current_version().is_some();
    match instances::journals(layout, &instance.name) {
        Ok(journals) => {
            managed = history::installed(&journals).is_some();
            findings.extend(directory(settings, &journals));
            findings.extend(application(layout, settings, &journals, now));
        }
        Err(failure) => {
            findings.push(Finding::warning("history", failure.message, "Not everything could be looked at"));
        }
    }
    Report {
        instance: instance.name.to_string(),
        file: settings.path.clone(),
        directory: instance.directory.clone(),
        managed,
        user: instance.user.as_ref().map(|user| user.name.clone()),
        service_manager: instance.manager,
        source: settings.source.to_string(),
        mirrors: settings.mirrors.iter().map(ToString::to_string).collect(),
        policy: policy(&settings.policy),
        next_checks: next_checks.unwrap_or_default(),
        findings,
    }
}

fn policy(policy: &Policy) -> String {
    let automatic: Vec<&str> = policy.automatic.iter().map(|severity| severity.as_str()).collect();
    let by_itself = match (policy.force_critical, automatic.is_empty()) {
        (true, true) => "critical releases go in at once, all others wait for approval".to_owned(),
        (true, false) => format!(
            "critical releases go in at once, {} by themselves, others wait for approval",
            automatic.join(" and ")
        ),
        (false, true) => "ALL releases wait for approval, critical ones too".to_owned(),
        (false, false) => format!(
            "{} releases go in by themselves, others wait for approval, critical ones too",
            automatic.join(" and ")
        ),
    };
    let range = policy.allow.as_ref().map_or_else(|| "the installed major".to_owned(), ToString::to_string);
    format!("channel {}; {by_itself}; only of {range}", policy.channel)
}

fn next_checks(settings: &Settings, now: Timestamp) -> Result<Vec<Timestamp>, String> {
    let share = instances::share(settings);
    let mut after = now;
    (0..CHECKS)
        .map(|_| {
            let at = settings.schedule.next(after, share)?;
            after = settings.schedule.next(after, 0.0)?;
            Ok(at)
        })
        .collect()
}

/// The vendor's root, which the first check begins with.
fn root(settings: &Settings, now: Timestamp) -> Option<Finding> {
    let what = settings.root.display().to_string();
    let bytes = match std::fs::read(&settings.root) {
        Ok(bytes) => bytes,
        Err(error) => {
            let advice = "Copy the vendor's root metadata there and compare its fingerprint";
            return Some(Finding::missing(what, error.to_string(), advice));
        }
    };
    let repository = match TrustedRepository::from_root(&bytes, settings.root_fingerprint.as_ref()) {
        Ok(repository) => repository,
        Err(error) => return Some(Finding::wrong(what, chain(&error))),
    };
    let (_, expires) = repository.known(RoleName::Root)?;
    if expires <= now {
        let says = format!("it expired {}", words::moment(expires));
        return Some(Finding::warning(what, says, "The vendor must have published a newer one"));
    }
    settings.root_fingerprint.is_none().then(|| {
        Finding::warning(
            what,
            "it is not pinned by root_fingerprint",
            "Compare its sha256sum with what the vendor tells you",
        )
    })
}

fn source(spec: &SourceSpec) -> Option<Finding> {
    match spec {
        SourceSpec::GitHub(_) | SourceSpec::Mirror { .. } => None,
        SourceSpec::Directory { path } if path.join("metadata").is_dir() => None,
        SourceSpec::Directory { path } => {
            Some(Finding::wrong("source", format!("{} does not exist", path.join("metadata").display())))
        }
    }
}

fn directory(settings: &Settings, journals: &[Journal]) -> Option<Finding> {
    if history::open(journals).is_some() {
        // Meanwhile the link is the update's.
        return None;
    }
    let directory = &settings.instance.directory;
    let installed = history::installed(journals);
    let meta = std::fs::symlink_metadata(directory);
    let wrong = |says: String| Some(Finding::wrong(directory.display().to_string(), says));
    match (meta, installed) {
        (Ok(meta), Some(side)) if meta.is_symlink() => match settings.app().current_version() {
            Some(current) if current == side.version => None,
            Some(current) => wrong(format!("it leads to {current}, but {} was installed last", side.version)),
            None => wrong(format!("it does not lead to a release, but {} was installed last", side.version)),
        },
        (Ok(_), Some(side)) => wrong(format!("it is no link to a release, but {} was installed last", side.version)),
        (Err(error), Some(_)) => wrong(error.to_string()),
        (Ok(meta), None) if meta.is_dir() => None,
        (Ok(_), None) => wrong("it is no plain directory and cannot be adopted".to_owned()),
        // Install will make it, beside what must be there.
        (Err(_), None) => {
            let parent = directory.parent().unwrap_or(Path::new("/"));
            if parent.is_dir() { None } else { wrong(format!("{} does not exist either", parent.display())) }
        }
    }
}

/// What only the vendor's description of the application tells.
fn application(layout: &Layout, settings: &Settings, journals: &[Journal], now: Timestamp) -> Vec<Finding> {
    let Some(profile) = instances::profile(layout, settings, journals, now) else {
        let advice = "Run surefoot check, then this again: services, checks and databases are looked at then";
        return vec![Finding::warning("application", "its description has not been fetched yet", advice)];
    };
    let mut findings = Vec::new();
    if let Err(error) = settings.localise(profile.clone()) {
        findings.push(Finding::wrong("overrides", chain(&error)));
    }
    findings.extend(units(layout, settings, &profile));
    findings.extend(kept(settings, &profile));
    findings.extend(databases(layout, settings, &profile));
    findings
}

fn units(layout: &Layout, settings: &Settings, profile: &Profile) -> Vec<Finding> {
    let lacks = |service: &manifest_schema::profile::Service| match (settings.instance.manager, &service.unit) {
        (Manager::Systemd, None) => Some("the application's profile names no unit for it".to_owned()),
        (Manager::Systemd, Some(unit)) if service.unit_file.is_none() && !unit_exists(layout, unit) => {
            Some(format!("there is no unit {unit}"))
        }
        (Manager::Command, _) if service.start.is_empty() || service.stop.is_empty() || service.pid_file.is_none() => {
            Some("the application's profile lacks its start, stop or pid_file".to_owned())
        }
        (Manager::Systemd | Manager::Command, _) => None,
    };
    let named = profile.services.iter().filter_map(|service| Some((service, lacks(service)?)));
    named.map(|(service, says)| Finding::wrong(format!("service {}", service.name), says)).collect()
}

/// A unit of a template, `a@b.service`, lies in `a@.service`.
fn unit_exists(layout: &Layout, unit: &str) -> bool {
    let template = unit.split_once('@').and_then(|(name, rest)| Some(format!("{name}@.{}", rest.rsplit_once('.')?.1)));
    let mut names = std::iter::once(unit.to_owned()).chain(template);
    names.any(|name| UNITS.iter().any(|directory| layout.root().join(directory).join(&name).exists()))
}

fn kept(settings: &Settings, profile: &Profile) -> Vec<Finding> {
    let app = settings.app();
    let files = profile.keep.iter().filter(|kept| kept.kind == KeptType::File);
    let lost = files.filter(|kept| !app.shared().join(&kept.path).exists() && !app.current().join(&kept.path).exists());
    lost.map(|kept| {
        let path = app.shared().join(&kept.path);
        Finding::missing(kept.path.to_string(), "the application needs it", format!("Put it at {}", path.display()))
    })
    .collect()
}

/// Whether each database's URL is where the profile says, and is understood.
fn databases(layout: &Layout, settings: &Settings, profile: &Profile) -> Vec<Finding> {
    let vendor = worker::vendor(&settings.instance, &layout.instance(&settings.instance.name));
    let opened = profile.databases.iter().map(|database| {
        let opened = with_store(database, &vendor, &settings.app(), |_| Ok(()));
        opened.err().map(|error| Finding::wrong(format!("database {}", database.name), chain(&error)))
    });
    opened.flatten().collect()
}
