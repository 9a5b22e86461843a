//! Unit files: those that a release brings are installed, those that it does not have any more are retired, and what was there
//! is kept in the update's directory, so that either direction leaves the units as they were.
//!
//! `units/NAME` holds the file that was there, `units/NAME.absent` says that there was none; `units/NAME.enabled` or
//! `units/NAME.disabled` says whether it was started at every boot.

use std::path::{Path, PathBuf};

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::Manifest;
use manifest_schema::profile::Service;

use super::super::StepError;
use crate::durable;
use crate::host::{child::ChildError, systemd, vendor::VendorError};
use crate::plan::{Manager, Side};
use crate::update::Walk;

/// More bytes than any unit file has.
const LONGEST: u64 = 1 << 20;

/// Makes the units those of the release that is wanted. Where an update is taken back they become what they were before it.
pub(super) fn switch(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    if walk.plan.instance.manager == Manager::Command {
        return Ok(());
    }
    match walk.plan.takes_back {
        Some(id) => switch_back(walk, id),
        None => {
            install(walk)?;
            retire(walk)
        }
    }
}

/// Makes the units what they were before this update. What it did not touch is not touched.
pub(super) fn restore(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    put_back(walk, &kept(walk))
}

fn switch_back(walk: &Walk<'_, '_>, id: u32) -> Result<(), StepError> {
    let Some(from) = &walk.plan.from else { return Ok(()) };
    let before = walk.here.update(id, &from.version).join("units");
    for unit in names(&before) {
        keep(walk, &unit)?;
    }
    put_back(walk, &before)
}

/// Installs the unit files that the release brings. A unit that is new starts at every boot from now on, as the application's others
/// do; whether one that was there does is the admin's choice.
fn install(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    let (mut changed, mut new) = (false, Vec::new());
    for (unit, file) in walk.plan.to.profile.services.iter().filter_map(brought) {
        let Some(wanted) = signed(walk, &walk.plan.to, file)? else { continue };
        let path = path_of(walk, unit);
        let there = std::fs::read(&path).ok();
        if there.as_deref() == Some(&wanted) {
            continue;
        }
        keep(walk, unit)?;
        durable::write_atomic(&path, &wanted, 0o644)?;
        changed = true;
        if there.is_none() {
            new.push(unit);
        }
    }
    reload(changed)?;
    new.into_iter().try_for_each(|unit| systemd::enable(unit).map_err(|source| failed("enable", source)))
}

/// A service that the release does not have any more must not start at the next boot in a tree that is not its own. The file of its unit
/// goes where it is the one that the release brought; one that the admin has made or changed stays, and is not started.
fn retire(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    let Some(from) = &walk.plan.from else { return Ok(()) };
    let mut changed = false;
    for service in only_in(from, &walk.plan.to) {
        let Some(unit) = service.unit.as_deref() else { continue };
        keep(walk, unit)?;
        disable(unit)?;
        let path = path_of(walk, unit);
        // Where nobody can tell any more, the file stays.
        let wanted = brought(service).and_then(|(_, file)| hash_of(walk, from, file).ok().flatten());
        if wanted.is_some() && wanted == std::fs::read(&path).ok().map(|there| Sha256::of(&there)) {
            remove(&path, unit)?;
            changed = true;
        }
    }
    reload(changed)
}

/// The services of one release whose units the other one does not have.
pub(super) fn only_in<'a>(side: &'a Side, other: &'a Side) -> impl Iterator<Item = &'a Service> {
    let is_shared = |service: &Service| other.profile.services.iter().any(|theirs| theirs.unit == service.unit);
    side.profile.services.iter().filter(move |service| !is_shared(service))
}

/// A file of the release as its vendor signed it: the tree is the application's to write in, and systemd does as root what
/// this file says. Of an adopted release that was never published nobody knows; its units stay as they are.
fn signed(walk: &Walk<'_, '_>, side: &Side, file: &Path) -> Result<Option<Vec<u8>>, StepError> {
    if side.manifest.is_none() {
        return Ok(None);
    }
    let path = walk.release().join(file);
    let bytes = durable::read_file(&path, LONGEST).map_err(|error| unreadable(&path, &error))?;
    if hash_of(walk, side, file)? == Some(Sha256::of(&bytes)) {
        return Ok(Some(bytes));
    }
    Err(StepError::Missing(format!("{} is not the file that the vendor signed", path.display())))
}

/// The hash of a release's file as its vendor signed it; `None`: the release was never published, or has no such file.
fn hash_of(walk: &Walk<'_, '_>, side: &Side, file: &Path) -> Result<Option<Sha256>, StepError> {
    let Some(hash) = side.manifest else { return Ok(None) };
    let path = walk.here.trust().join("manifests").join(format!("{hash}.json"));
    let manifest = read(&path)?;
    let manifest =
        Some(manifest).filter(|bytes| Sha256::of(bytes) == hash).and_then(|bytes| Manifest::read(&bytes).ok());
    let manifest = manifest.ok_or_else(|| StepError::Missing(format!("{} is not what was signed", path.display())))?;
    let listed = manifest.files.iter().find(|listed| AsRef::<Path>::as_ref(&listed.path) == file);
    Ok(listed.map(|listed| listed.sha256))
}

fn read(path: &Path) -> Result<Vec<u8>, StepError> {
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> StepError {
    StepError::Missing(format!("cannot read {}: {error}", path.display()))
}

/// The name of a unit and the release's file for it.
fn brought(service: &Service) -> Option<(&str, &Path)> {
    Some((service.unit.as_deref()?, service.unit_file.as_ref()?.as_ref()))
}

fn path_of(walk: &Walk<'_, '_>, unit: &str) -> PathBuf {
    walk.world.layout.units().join(unit)
}

fn kept(walk: &Walk<'_, '_>) -> PathBuf {
    walk.journal.directory().join("units")
}

/// Takes note of how a unit stands now; the note about the file last, since [`names`] goes by that.
fn keep(walk: &Walk<'_, '_>, unit: &str) -> Result<(), StepError> {
    let kept = kept(walk);
    durable::make_dir(&kept, 0o750)?;
    let note = if is_enabled(unit)? { ".enabled" } else { ".disabled" };
    durable::write_atomic(&kept.join(format!("{unit}{note}")), b"", 0o640)?;
    let (name, content) = match std::fs::read(path_of(walk, unit)) {
        Ok(content) => (unit.to_owned(), content),
        Err(_) => (format!("{unit}.absent"), Vec::new()),
    };
    Ok(durable::write_atomic(&kept.join(name), &content, 0o640)?)
}

/// The units of which a directory of this kind has notes.
fn names(kept: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(kept).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut units: Vec<String> = names
        .map(|name| name.strip_suffix(".absent").unwrap_or(&name).to_owned())
        .filter(|name| systemd::is_service_name(name))
        .collect();
    units.sort();
    units
}

fn put_back(walk: &Walk<'_, '_>, kept: &Path) -> Result<(), StepError> {
    let units = names(kept);
    for unit in &units {
        let path = path_of(walk, unit);
        if !kept.join(format!("{unit}.absent")).exists() {
            durable::write_atomic(&path, &read(&kept.join(unit))?, 0o644)?;
        } else if path.exists() {
            disable(unit)?;
            remove(&path, unit)?;
        }
    }
    reload(!units.is_empty())?;
    units.iter().try_for_each(|unit| if kept.join(format!("{unit}.enabled")).exists() { enable(unit) } else { Ok(()) })
}

fn is_enabled(unit: &str) -> Result<bool, StepError> {
    systemd::is_enabled(unit).map_err(|source| failed("is-enabled", source))
}

fn enable(unit: &str) -> Result<(), StepError> {
    systemd::enable(unit).map_err(|source| failed("enable", source))
}

/// A unit that is not enabled, or has no `[Install]`, is left alone.
fn disable(unit: &str) -> Result<(), StepError> {
    if is_enabled(unit)? { systemd::disable(unit).map_err(|source| failed("disable", source)) } else { Ok(()) }
}

fn remove(path: &Path, unit: &str) -> Result<(), StepError> {
    durable::remove_file(path)?;
    systemd::forget_failure(unit);
    Ok(())
}

fn reload(changed: bool) -> Result<(), StepError> {
    if !changed {
        return Ok(());
    }
    systemd::daemon_reload().map_err(|source| failed("daemon-reload", source))
}

fn failed(label: &str, source: ChildError) -> StepError {
    VendorError::Run { label: label.to_owned(), source }.into()
}
