//! What one instance's update needs: trust that has not expired, room, databases that answer, units that obey.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use manifest_schema::profile::{Database, Profile};

use super::{reach, secrets};
use crate::cli::backup::size_below;
use crate::cli::finding::Finding;
use crate::cli::{instances, words};
use crate::config::Settings;
use crate::durable;
use crate::exit::chain;
use crate::host::guard;
use crate::journal::{Journal, history};
use crate::layout::Layout;
use crate::plan::Manager;
use crate::store::{Condition, Way};
use crate::trust::Trust;
use crate::update::resume::{self, Next};
use crate::update::with_store;
use crate::worker;

/// Metadata that expires sooner is told.
const SOON: SignedDuration = SignedDuration::from_hours(3 * 24);

pub(super) fn look(layout: &Layout, settings: &Settings, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![metadata(layout, settings, now)];
    let journals = match instances::journals(layout, &settings.instance.name) {
        Ok(journals) => journals,
        Err(failure) => {
            findings.push(Finding::wrong("history", failure.message));
            return findings;
        }
    };
    findings.extend(stuck(&journals));
    findings.extend(instances::token(settings));
    findings.extend(room(settings));
    let Some(profile) = instances::profile(layout, settings, &journals, now) else {
        let advice = "Run surefoot check, then this again: its databases and units are looked at then";
        findings.push(Finding::warning("application", "its description has not been fetched yet", advice));
        return findings;
    };
    if history::installed(&journals).is_some() {
        findings.extend(services(layout, settings, &profile));
    }
    findings.extend(secrets::look(settings, &profile));
    for database in &profile.databases {
        findings.extend(reached(layout, settings, database));
        findings.push(examine(layout, settings, database));
    }
    findings
}

fn metadata(layout: &Layout, settings: &Settings, now: Timestamp) -> Finding {
    let trust = match Trust::load(settings, &layout.instance(&settings.instance.name).trust()) {
        Ok(trust) => trust,
        Err(error) => return Finding::wrong("metadata", chain(&error)),
    };
    let now = trust.now(now);
    match trust.expires() {
        Some(expires) if expires <= now => {
            let says = format!("it expired {}", words::moment(expires));
            Finding::missing("metadata", says, "Run surefoot check; where that does not help the vendor must renew it")
        }
        Some(expires) if expires <= now + SOON => {
            let says = format!("it expires {}", words::moment(expires));
            Finding::warning("metadata", says, "The next check brings newer metadata, if the vendor has renewed it")
        }
        Some(expires) => Finding::good("metadata", format!("it is good until {}", words::moment(expires))),
        None => Finding::warning("metadata", "there is none yet", "Run surefoot check"),
    }
}

fn stuck(journals: &[Journal]) -> Option<Finding> {
    let open = history::open(journals)?;
    let Next::Stuck(reason) = resume::next(open) else { return None };
    let id = open.plan().id;
    Some(Finding::missing(
        format!("update {id}"),
        format!("it is stuck: {reason}"),
        "Mend the cause, then run surefoot resume; or put it right by hand, then run surefoot abandon",
    ))
}

/// A release is unpacked and built beside the one that runs, and may be as large. How large the next one is only its
/// manifest says, and the update checks that again.
fn room(settings: &Settings) -> Option<Finding> {
    let app = settings.app();
    let place = existing(app.current().parent()?);
    let disk = rustix::fs::statvfs(&place).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let tree = std::fs::canonicalize(app.current()).unwrap_or_default();
    let needed = size_below(&tree).saturating_mul(6) / 5;
    let what = format!("room in {}", place.display());
    if needed == 0 {
        return Some(Finding::good(what, format!("{} free", words::size(free))));
    }
    let says = format!("{} free, a release like this one needs {}", words::size(free), words::size(needed));
    if free < needed {
        return Some(Finding::missing(what, says, "Make room"));
    }
    let files = count_below(&tree).saturating_mul(2);
    if disk.f_files > 0 && disk.f_favail < files {
        let says = format!("{} inodes free, a release like this one needs {files}", disk.f_favail);
        return Some(Finding::missing(what, says, "Remove files that are not needed"));
    }
    Some(Finding::good(what, says))
}

fn existing(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

fn count_below(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| 1 + if entry.file_type().is_ok_and(|kind| kind.is_dir()) { count_below(&entry.path()) } else { 0 })
        .sum()
}

fn services(layout: &Layout, settings: &Settings, profile: &Profile) -> Vec<Finding> {
    let here = layout.instance(&settings.instance.name);
    let mut manager = worker::services(&settings.instance, here.scratch());
    let mut findings: Vec<Finding> = profile
        .services
        .iter()
        .map(|service| {
            let what = format!("service {}", service.name);
            match manager.observe(service) {
                Ok(observed) if observed.running => Finding::good(what, "it runs"),
                Ok(observed) => {
                    Finding::warning(what, format!("it does not run: {}", observed.words), "An update does not heal it")
                }
                Err(error) => Finding::wrong(what, chain(&error)),
            }
        })
        .collect();
    if settings.instance.manager == Manager::Systemd {
        findings.push(door(layout, &profile.services));
    }
    findings
}

fn door(layout: &Layout, services: &[manifest_schema::profile::Service]) -> Finding {
    if guard::is_installed(&layout.units(), services) {
        Finding::good("guard", "no unit starts by itself while an update is open")
    } else {
        let says = format!("a unit lacks its drop-in 50-surefoot.conf in {}", layout.units().display());
        Finding::warning("guard", says, "The next update puts it back before it stops anything")
    }
}

/// A database elsewhere must be one that the agent's unit may reach.
fn reached(layout: &Layout, settings: &Settings, database: &Database) -> Vec<Finding> {
    if settings.instance.manager != Manager::Systemd {
        return Vec::new();
    }
    let vendor = worker::vendor(&settings.instance, &layout.instance(&settings.instance.name));
    let hosts = with_store(database, &vendor, &settings.app(), |store| Ok(store.elsewhere())).unwrap_or_default();
    let allowed =
        || super::machine::ask("systemctl", &["show", "--property=IPAddressAllow", "--value", "surefoot.service"]);
    if hosts.is_empty() {
        Vec::new()
    } else {
        reach::look(&format!("database {}", database.name), &hosts, allowed().as_deref())
    }
}

fn examine(layout: &Layout, settings: &Settings, database: &Database) -> Finding {
    let here = layout.instance(&settings.instance.name);
    let what = format!("database {}", database.name);
    if let Err(error) = durable::make_dirs(&here.scratch(), 0o700) {
        return Finding::wrong(what, chain(&error));
    }
    let vendor = worker::vendor(&settings.instance, &here);
    match with_store(database, &vendor, &settings.app(), |store| store.examine()) {
        Ok(condition) => told(what, &condition, &here.backups()),
        Err(error) => Finding::wrong(what, chain(&error)),
    }
}

/// A copy on the server was found to have room; a dump must have it where backups lie.
fn told(what: String, condition: &Condition, backups: &Path) -> Finding {
    let size = words::size(condition.size);
    let found = format!("{} {}, {size}", condition.what, condition.version);
    match condition.way {
        Way::Clone => Finding::good(what, format!("{found}; it is backed up by a copy on the server")),
        Way::Dump => {
            let place = existing(backups);
            let free = rustix::fs::statvfs(&place).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
            if free < condition.needed {
                let says = format!(
                    "{found}; its backup needs {} in {}, {} are free",
                    words::size(condition.needed),
                    place.display(),
                    words::size(free)
                );
                return Finding::missing(what, says, "Make room");
            }
            let why = condition.why_not_clone.as_ref().map_or_else(String::new, |why| format!(", since {why}"));
            Finding::good(what, format!("{found}; it is backed up into files{why}"))
        }
    }
}
