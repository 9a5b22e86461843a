//! Settings: a configuration file made sense of on this machine.

use std::path::{Path, PathBuf};

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::Severity;
use manifest_schema::path::Name;
use manifest_schema::profile::{CheckKind, Profile};

use super::{ConfigError, DatabaseFile, File, ScheduleFile, github};
use crate::layout::AppLayout;
use crate::plan::{Instance, User};
use crate::schedule;
use crate::source::{SourceSpec, TokenPlace};
use crate::store::Clients;

/// Most seconds that clients of a database may be waited for.
const LONGEST_WAIT: u64 = 600;
/// Most mirrors of one instance.
const MOST_MIRRORS: usize = 8;

/// One instance, as configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that it comes from.
    pub path: PathBuf,
    /// What goes into plans.
    pub instance: Instance,
    /// Who may ask for something besides root.
    pub group: Option<Group>,
    /// The application, as its vendor names it.
    pub product: Name,
    /// From where releases come.
    pub source: SourceSpec,
    /// Other places that have the same releases. The newest valid metadata of all of them counts.
    pub mirrors: Vec<SourceSpec>,
    /// With what those on GitHub are read, where they are private.
    pub token: Option<TokenPlace>,
    /// The vendor's first `root.json`.
    pub root: PathBuf,
    /// Its hash, where it is pinned by that as well.
    pub root_fingerprint: Option<Sha256>,
    /// Which releases go in.
    pub policy: Policy,
    /// When to look.
    pub schedule: Schedule,
    /// Days for which the release before and its backup are kept.
    pub keep_previous_days: u32,
    overrides: File,
}

/// Which releases go in, and how.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The channel that is followed.
    pub channel: Name,
    /// Severities that go in without approval.
    pub automatic: Vec<Severity>,
    /// Whether critical releases go in at once.
    pub force_critical: bool,
    /// The versions that are allowed; all of the installed major where nothing is said.
    pub allow: Option<semver::VersionReq>,
}

/// A group of this machine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Group id.
    pub gid: u32,
}

pub use crate::schedule::Schedule;

impl Settings {
    pub(super) fn resolve(name: Name, path: PathBuf, file: File) -> Result<Self, ConfigError> {
        let wrong = |setting, reason: String| ConfigError::Setting { path: path.clone(), setting, reason };
        if !file.directory.is_absolute() || file.directory.file_name().is_none() {
            return Err(wrong("directory", format!("{} is not an absolute path", file.directory.display())));
        }
        let user = resolve_user(file.user.as_deref()).map_err(|reason| wrong("user", reason))?;
        let group = resolve_group(file.group.as_deref()).map_err(|reason| wrong("group", reason))?;
        let directory = path.parent().unwrap_or(Path::new("/"));
        let (hosts, token) = github::resolve(&file.github, directory).map_err(|reason| wrong("github", reason))?;
        let parse = |text: &str| SourceSpec::parse(text, &hosts).map_err(|error| crate::exit::chain(&error));
        let source = parse(&file.source).map_err(|reason| wrong("source", reason))?;
        let mirrors = mirrors_of(&file.mirrors, &source, parse).map_err(|reason| wrong("mirrors", reason))?;
        if token.is_some() && !std::iter::once(&source).chain(&mirrors).any(github::is_there) {
            return Err(wrong("github", "there is a token, and no source is on GitHub".to_owned()));
        }
        let schedule = schedule_of(&file.schedule).map_err(|reason| wrong("schedule", reason))?;
        let root = directory.join(file.root.clone().unwrap_or_else(|| format!("{name}.root.json").into()));
        Ok(Self {
            instance: Instance {
                name,
                directory: file.directory.clone(),
                user,
                manager: file.service_manager,
                clients: clients_of(&file.database).map_err(|reason| wrong("database", reason))?,
            },
            group,
            product: file.product.clone(),
            source,
            mirrors,
            token,
            root,
            root_fingerprint: file.root_fingerprint,
            policy: Policy {
                channel: file.policy.channel.clone().unwrap_or_else(stable),
                automatic: file.policy.automatic.clone(),
                force_critical: file.policy.force_critical.unwrap_or(true),
                allow: file.policy.allow.clone(),
            },
            schedule,
            keep_previous_days: file.keep_previous_days,
            overrides: file,
            path,
        })
    }

    /// All places that have releases, in their order.
    pub fn sources(&self) -> impl Iterator<Item = &SourceSpec> {
        std::iter::once(&self.source).chain(&self.mirrors)
    }

    /// Where the application lives.
    pub fn app(&self) -> AppLayout {
        AppLayout::new(&self.instance.directory)
    }

    /// The vendor's profile with this machine's names. A unit of another name is the admin's own: the release's file for it
    /// names the vendor's paths, ports and users, those of the instance beside it.
    ///
    /// # Errors
    /// When an override names what the profile does not have.
    pub fn localise(&self, mut profile: Profile) -> Result<Profile, ConfigError> {
        let wrong = |setting, reason| ConfigError::Setting { path: self.path.clone(), setting, reason };
        for (name, over) in &self.overrides.services {
            let service = profile.services.iter_mut().find(|service| service.name == *name);
            let service = service.ok_or_else(|| wrong("services", format!("the application has no service {name}")))?;
            if service.unit.as_ref() != Some(&over.unit) {
                service.unit_file = None;
            }
            service.unit = Some(over.unit.clone());
        }
        for (name, over) in &self.overrides.checks {
            let check = profile.health.checks.iter_mut().find(|check| check.name == *name);
            let check = check.ok_or_else(|| wrong("checks", format!("the application has no health check {name}")))?;
            match (&mut check.kind, &over.url, &over.address) {
                (CheckKind::Http { url, .. }, Some(new), None) => url.clone_from(new),
                (CheckKind::Tcp { address }, None, Some(new)) => address.clone_from(new),
                _ => {
                    return Err(wrong(
                        "checks",
                        format!("{name}: give url to an http check and address to a tcp check"),
                    ));
                }
            }
        }
        let health = &self.overrides.health;
        profile.health.start_within_seconds =
            health.start_within_seconds.unwrap_or(profile.health.start_within_seconds);
        profile.health.soak_seconds = health.soak_seconds.unwrap_or(profile.health.soak_seconds);
        profile.check().map_err(|reason| wrong("checks", reason))?;
        Ok(profile)
    }
}

/// The user that runs the application. An agent that is not root can act for nobody but itself.
fn resolve_user(name: Option<&str>) -> Result<Option<User>, String> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let name = name.ok_or("it is missing: the application's own code never runs as root")?;
    let user = nix::unistd::User::from_name(name)
        .map_err(|error| format!("cannot look up {name:?}: {error}"))?
        .ok_or_else(|| format!("there is no user {name:?} on this machine"))?;
    if user.uid.is_root() {
        return Err("the application's own code never runs as root".to_owned());
    }
    Ok(Some(User { name: name.to_owned(), uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
}

/// The group that may ask. An agent that is not root has a socket of its own user's, and nobody else may ask it.
fn resolve_group(name: Option<&str>) -> Result<Option<Group>, String> {
    let Some(name) = name.filter(|_| nix::unistd::geteuid().is_root()) else { return Ok(None) };
    let group = nix::unistd::Group::from_name(name)
        .map_err(|error| format!("cannot look up {name:?}: {error}"))?
        .ok_or_else(|| format!("there is no group {name:?} on this machine"))?;
    Ok(Some(Group { name: name.to_owned(), gid: group.gid.as_raw() }))
}

/// Each of them costs a question at every check, and its silence a wait.
fn mirrors_of(
    texts: &[String],
    source: &SourceSpec,
    parse: impl Fn(&str) -> Result<SourceSpec, String>,
) -> Result<Vec<SourceSpec>, String> {
    if texts.len() > MOST_MIRRORS {
        return Err(format!("there are {}, at most {MOST_MIRRORS} are asked", texts.len()));
    }
    let mut mirrors: Vec<SourceSpec> = Vec::new();
    for text in texts {
        let mirror = parse(text)?;
        if mirror == *source || mirrors.contains(&mirror) {
            return Err(format!("{mirror} is named twice"));
        }
        mirrors.push(mirror);
    }
    Ok(mirrors)
}

fn schedule_of(file: &ScheduleFile) -> Result<Schedule, String> {
    schedule::parse(file.check.as_deref().unwrap_or("@every 1h"), file.timezone.as_deref())
}

/// The wait is downtime: a number that is meant in other units must not become hours of it.
fn clients_of(file: &DatabaseFile) -> Result<Clients, String> {
    let usual = Clients::default();
    let wait_seconds = file.clients_wait_seconds.unwrap_or(usual.wait_seconds);
    if wait_seconds > LONGEST_WAIT {
        return Err(format!(
            "clients_wait_seconds is {wait_seconds}: the application is down so long, at most {LONGEST_WAIT}"
        ));
    }
    Ok(Clients { stubborn: file.clients.unwrap_or(usual.stubborn), wait_seconds })
}

fn stable() -> Name {
    "stable".parse().expect("stable is a legal name")
}
