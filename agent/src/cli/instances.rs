//! Which instance a reading verb is about, and what its files say.
//!
//! Reading the past takes names of files only, so that a mistake in a configuration does not hide the history.

use std::path::Path;

use jiff::Timestamp;
use manifest_schema::path::Name;
use manifest_schema::profile::Profile;

use super::Which;
use super::finding::Finding;
use crate::config::{self, ConfigError, Settings};
use crate::exit::{Exit, Failure, chain};
use crate::journal::{self, Journal, JournalError, history};
use crate::layout::Layout;
use crate::schedule;
use crate::source::token::TokenError;
use crate::trust::Trust;
use crate::worker::LastCheck;

/// The instance that is meant: the named one, or the only one that is configured or remembered.
pub(super) fn one(layout: &Layout, which: &Which) -> Result<Name, Failure> {
    let mut known = configured(layout);
    if let Some(name) = &which.instance {
        let is_known = known.contains(name) || layout.instance(name).state().is_dir();
        return if is_known { Ok(name.clone()) } else { Err(unknown(layout, name)) };
    }
    if known.is_empty() {
        known = remembered(layout);
    }
    match known.len() {
        0 => Err(configuration(&ConfigError::Empty(layout.config()))),
        1 => Ok(known.remove(0)),
        _ => Err(configuration(&ConfigError::Which(known.iter().map(Name::to_string).collect()))),
    }
}

/// The settings of the instance that is meant.
pub(super) fn settings(layout: &Layout, which: &Which) -> Result<Settings, Failure> {
    config::select(layout, which.instance.as_ref().map(Name::as_str)).map_err(|error| configuration(&error))
}

/// The settings of the named instance, or of all.
pub(super) fn some(layout: &Layout, which: &Which) -> Result<Vec<Settings>, Failure> {
    if which.instance.is_some() {
        return Ok(vec![settings(layout, which)?]);
    }
    let all = config::load(layout).map_err(|error| configuration(&error))?;
    if all.is_empty() { Err(configuration(&ConfigError::Empty(layout.config()))) } else { Ok(all) }
}

/// The journals of an instance, oldest first.
pub(super) fn journals(layout: &Layout, name: &Name) -> Result<Vec<Journal>, Failure> {
    journal::read_all(&layout.instance(name).updates()).map_err(|error| unreadable(&error))
}

/// What is said of a journal that cannot be read.
pub(super) fn unreadable(error: &JournalError) -> Failure {
    if is_denied(error) {
        let reason = crate::exit::chain(error);
        return Failure::new(Exit::Unexpected, format!("{reason}: only root may read it, use sudo"));
    }
    // What the worker would say, too: it does nothing before a person has looked.
    Failure::of(Exit::Stuck, error)
}

/// How the last check of an instance ended; nothing where there was none.
pub(super) fn last_check(layout: &Layout, name: &Name) -> Result<Option<LastCheck>, Failure> {
    let path = layout.instance(name).last_check();
    let unreadable =
        |reason: String| Failure::new(Exit::Unexpected, format!("cannot read {}: {reason}", path.display()));
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// How the application lives here: as installed, else as the newest release that a check has brought says.
pub(super) fn profile(layout: &Layout, settings: &Settings, journals: &[Journal], now: Timestamp) -> Option<Profile> {
    if let Some(side) = history::installed(journals) {
        return Some(side.profile);
    }
    let mut trust = Trust::load(settings, &layout.instance(&settings.instance.name).trust()).ok()?;
    trust.resume(now).ok()?;
    let newest = trust.releases().sound.into_iter().max_by(|a, b| a.custom.version.cmp(&b.custom.version))?;
    let manifest = trust.manifest(&newest, None).ok()?.into_inner();
    settings.localise(manifest.application).ok()
}

/// When the daemon looks for releases again; nothing where the schedule never comes.
pub(super) fn due(settings: &Settings, last: Option<&LastCheck>, now: Timestamp) -> Option<Timestamp> {
    settings.schedule.due(last.map(|last| last.at), now, share(settings)).ok()
}

/// This machine's place in the jitter.
pub(super) fn share(settings: &Settings) -> f64 {
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    schedule::share(&machine, settings.instance.name.as_str())
}

/// How to name the instance in a command that is to be typed: not at all where there is only one.
pub(super) fn option(layout: &Layout, name: &Name) -> String {
    if configured(layout).len() > 1 { format!(" -i {name}") } else { String::new() }
}

pub(super) fn is_denied(error: &JournalError) -> bool {
    matches!(error, JournalError::Read { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied)
}

fn unknown(layout: &Layout, name: &Name) -> Failure {
    let path = layout.config().join(format!("{name}.toml"));
    configuration(&ConfigError::NoInstance { name: name.to_string(), path })
}

fn configuration(error: &ConfigError) -> Failure {
    Failure::of(Exit::Configuration, error)
}

fn configured(layout: &Layout) -> Vec<Name> {
    names(&layout.config(), |path| path.extension().is_some_and(|extension| extension == "toml"))
}

fn remembered(layout: &Layout) -> Vec<Name> {
    names(&layout.state(), |path| path.join("updates").is_dir())
}

fn names(directory: &Path, is_one: impl Fn(&Path) -> bool) -> Vec<Name> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path()).filter(|path| is_one(path));
    let mut names: Vec<Name> = paths.filter_map(|path| path.file_stem()?.to_str()?.parse().ok()).collect();
    names.sort();
    names
}

/// Whether the token for private repositories is one that can be used.
pub(super) fn token(settings: &Settings) -> Option<Finding> {
    let place = settings.token.as_ref()?;
    Some(match place.read() {
        Ok(_) => Finding::good("token", format!("{place} holds one, and nobody else can read it")),
        Err(error @ TokenError::NoCredentials(_)) => {
            Finding::warning("token", chain(&error), "Run surefoot check, which asks the unit to use it")
        }
        Err(error) => Finding::wrong("token", chain(&error)),
    })
}
