//! Activate: the link and the unit files are the new release's.

use std::path::{Path, PathBuf};

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::Manifest;
use manifest_schema::profile::Service;

use super::StepError;
use super::stop::{put_door_in, stop_services};
use crate::durable;
use crate::host::guard::{self, GuardError};
use crate::host::{child::ChildError, systemd, vendor::VendorError};
use crate::plan::{Manager, Side};
use crate::update::Walk;

/// Unit files first, since they change nothing yet; the link is the one step that counts.
pub(super) fn apply(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    let to = walk.plan.to.clone();
    write_units(walk, &to)?;
    put_door_in(walk, &to)?;
    let target = walk.app.link_to(&to.version);
    Ok(durable::replace_link(walk.app.current(), &target)?)
}

/// The link first, then the units. Before a first install there was no link, and nothing ran.
pub(super) fn revert(walk: &mut Walk<'_, '_>) -> Result<(), StepError> {
    match walk.plan.from.clone() {
        Some(from) => {
            let target = walk.app.link_to(&from.version);
            durable::replace_link(walk.app.current(), &target)?;
        }
        None => {
            // They are not started yet, but after a power cut an enabled unit may have started by itself.
            let to = walk.plan.to.clone();
            stop_services(walk, &to)?;
            // A directory that somebody made there meanwhile is not ours.
            if walk.app.current().is_symlink() || !walk.app.current().exists() {
                durable::remove_made(walk.app.current())?;
            }
            let services = &walk.plan.to.profile.services;
            guard::remove(&walk.world.layout.units(), services)?;
        }
    }
    restore_units(walk)
}

/// Installs the unit files that the release brings, keeping what was there. A unit that is new starts at every boot from now on,
/// as the application's others do; whether one that was there does is the admin's choice.
fn write_units(walk: &Walk<'_, '_>, side: &Side) -> Result<(), StepError> {
    let (mut changed, mut new) = (false, Vec::new());
    for (service, file) in units(walk, side) {
        let Some(wanted) = signed(walk, side, file)? else { continue };
        let path = walk.world.layout.units().join(service);
        let there = std::fs::read(&path).ok();
        if there.as_deref() == Some(&wanted) {
            continue;
        }
        keep_old(walk, service, there.as_deref())?;
        durable::write_atomic(&path, &wanted, 0o644)?;
        changed = true;
        if there.is_none() {
            new.push(service);
        }
    }
    reload(changed)?;
    new.into_iter().try_for_each(|unit| systemd::enable(unit).map_err(|source| failed("enable", source)))
}

/// A file of the release as its vendor signed it: the tree is the application's to write in, and systemd does as root what
/// this file says. Of an adopted release that was never published nobody knows; its units stay as they are.
fn signed(walk: &Walk<'_, '_>, side: &Side, file: &Path) -> Result<Option<Vec<u8>>, StepError> {
    let Some(hash) = side.manifest else { return Ok(None) };
    let path = walk.here.trust().join("manifests").join(format!("{hash}.json"));
    let manifest = read(&path)?;
    let manifest =
        Some(manifest).filter(|bytes| Sha256::of(bytes) == hash).and_then(|bytes| Manifest::read(&bytes).ok());
    let manifest = manifest.ok_or_else(|| StepError::Missing(format!("{} is not what was signed", path.display())))?;
    let listed = manifest.files.iter().find(|listed| AsRef::<Path>::as_ref(&listed.path) == file);
    let path = walk.release().join(file);
    let bytes = read(&path)?;
    if listed.is_some_and(|listed| listed.sha256 == Sha256::of(&bytes)) {
        return Ok(Some(bytes));
    }
    Err(StepError::Missing(format!("{} is not the file that the vendor signed", path.display())))
}

fn read(path: &Path) -> Result<Vec<u8>, StepError> {
    std::fs::read(path).map_err(|error| StepError::Missing(format!("cannot read {}: {error}", path.display())))
}

/// The name of a unit and the release's file for it, where systemd is the manager.
fn units<'a>(walk: &Walk<'_, '_>, side: &'a Side) -> Vec<(&'a str, &'a Path)> {
    let unit_of = |service: &'a Service| Some((service.unit.as_deref()?, service.unit_file.as_ref()?.as_ref()));
    match walk.plan.instance.manager {
        Manager::Systemd => side.profile.services.iter().filter_map(unit_of).collect(),
        Manager::Command => Vec::new(),
    }
}

/// `units/NAME` holds the old file; `units/NAME.absent` says that there was none.
fn keep_old(walk: &Walk<'_, '_>, unit: &str, there: Option<&[u8]>) -> Result<(), StepError> {
    let kept = kept_units(walk);
    durable::make_dir(&kept, 0o750)?;
    let (name, content) = match there {
        Some(content) => (unit.to_owned(), content),
        None => (format!("{unit}.absent"), &b""[..]),
    };
    Ok(durable::write_atomic(&kept.join(name), content, 0o640)?)
}

fn restore_units(walk: &Walk<'_, '_>) -> Result<(), StepError> {
    let to = walk.plan.to.clone();
    let mut changed = false;
    for (unit, _) in units(walk, &to) {
        let kept = kept_units(walk).join(unit);
        let path = walk.world.layout.units().join(unit);
        if durable::beside(&kept, ".absent").exists() {
            if path.exists() {
                systemd::disable(unit).map_err(|source| failed("disable", source))?;
            }
            durable::remove_file(&path)?;
            changed = true;
        } else if let Ok(old) = std::fs::read(&kept) {
            durable::write_atomic(&path, &old, 0o644)?;
            changed = true;
        }
    }
    reload(changed)
}

fn kept_units(walk: &Walk<'_, '_>) -> PathBuf {
    walk.journal.directory().join("units")
}

fn reload(changed: bool) -> Result<(), StepError> {
    if !changed {
        return Ok(());
    }
    systemd::daemon_reload().map_err(|source| GuardError::Reload(source).into())
}

fn failed(label: &str, source: ChildError) -> StepError {
    VendorError::Run { label: label.to_owned(), source }.into()
}
