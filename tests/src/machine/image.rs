//! Root trees of machines, built once: a base from debootstrap, and layers derived from it by doing something on a booted machine.
//!
//! A folder of the cache is complete or absent: it is built as `NAME.partial` and renamed. `NAME.lock` is held alone while it is built or
//! removed and shared while somebody uses it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};

use super::place::{self, Hold};
use super::{Machine, MachineOptions, disk, recipe};

/// A read-only root tree in the cache. Cheap to clone; as long as one lives, its folders are not removed.
#[derive(Debug, Clone)]
pub struct Image {
    name: String,
    /// Folders of overlayfs(5) lower layers, the topmost first.
    layers: Vec<PathBuf>,
    _uses: Vec<Arc<Hold>>,
}

impl Image {
    /// The base image: Debian 12 with systemd, D-Bus, PostgreSQL 15, Python 3.11 and `/opt/wheels`. Built at the first call (one to three
    /// minutes, needs the network), later taken from the cache. Fails without root.
    pub fn ensure() -> Result<Image> {
        place::require_root()?;
        let name = format!("base-{}", place::digest(&recipe::ingredients()));
        let (layer, hold) = cached(&name, recipe::cook)?;
        forget_others("base", &name);
        Ok(Image { name, layers: vec![layer], _uses: vec![hold] })
    }

    /// The image that is left when `prepare` has acted on a machine booted from this one and it has been shut down. Cached under
    /// `recipe` and a digest of `key` and this image; put into `key` whatever decides what `prepare` does (version of a script, digest of
    /// a package). Layers of the same recipe under other keys are removed when nobody uses them.
    pub fn derive(&self, recipe: &str, key: &str, prepare: impl FnOnce(&Machine) -> Result<()>) -> Result<Image> {
        let name = format!("{recipe}-{}", place::digest(&[&self.name, key]));
        let (layer, hold) = cached(&name, |partial| self.record(&name, partial, prepare))?;
        forget_others(recipe, &name);
        let mut derived = self.clone();
        derived.name = name;
        derived.layers.insert(0, layer);
        derived._uses.push(hold);
        Ok(derived)
    }

    /// Name and digest, as in the cache.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn layers(&self) -> &[PathBuf] {
        &self.layers
    }

    fn record(&self, name: &str, partial: &Path, prepare: impl FnOnce(&Machine) -> Result<()>) -> Result<()> {
        eprintln!("machine: preparing the image {name} (once)");
        let started = Instant::now();
        let machine = Machine::boot(self, MachineOptions::named(name))?;
        prepare(&machine).with_context(|| format!("cannot prepare the image {name}"))?;
        machine.power_off()?;
        disk::save_upper(machine.place(), partial)?;
        eprintln!("machine:   done in {:.1} s", started.elapsed().as_secs_f64());
        Ok(())
    }
}

/// The folder `name` of the cache, made by `build` if it is not there.
fn cached(name: &str, build: impl FnOnce(&Path) -> Result<()>) -> Result<(PathBuf, Arc<Hold>)> {
    let folder = place::images().join(name);
    let mut build = Some(build);
    loop {
        let hold = Hold::shared(&lock_of(name))?;
        if folder.exists() {
            return Ok((folder, Arc::new(hold)));
        }
        drop(hold);
        let _alone = Hold::alone(&lock_of(name))?;
        // Somebody else may have built it while we waited; then the next turn finds it.
        if !folder.exists() {
            let build = build.take().with_context(|| format!("{} vanished after it was built", folder.display()))?;
            build_aside(name, &folder, build)?;
        }
    }
}

fn build_aside(name: &str, folder: &Path, build: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let partial = place::images().join(format!("{name}.partial"));
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("cannot remove {}", partial.display()))?;
    }
    build(&partial)?;
    fs::rename(&partial, folder).with_context(|| format!("cannot rename {} to {}", partial.display(), folder.display()))
}

fn lock_of(name: &str) -> PathBuf {
    place::images().join(format!("{name}.lock"))
}

/// Removes earlier results of `recipe`; failing to is no failure of the test.
fn forget_others(recipe: &str, keep: &str) {
    let Ok(entries) = fs::read_dir(place::images()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let sibling = name.strip_prefix(recipe).is_some_and(|rest| rest.len() == 13 && rest.starts_with('-'));
        if sibling
            && name != keep
            && let Some(_alone) = Hold::if_free(&lock_of(&name))
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
