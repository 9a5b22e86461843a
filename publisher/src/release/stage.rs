//! The targets of a release: archives, manifest, and what is for people, all in one directory.

use std::collections::BTreeMap;
use std::path::Path;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{Format, Manifest};
use manifest_schema::strict::Value;
use manifest_schema::tuf::{TargetDescription, TargetPath};
use manifest_schema::version::ReleaseVersion;

use super::{Decisions, ReleaseError, describe, sound, target_path};
use crate::block::Hashed;
use crate::config::Config;
use crate::contents::ReleaseFile;
use crate::disk;
use crate::metadata::{Current, Proposal};
use crate::pack::{self, Packed};
use crate::preflight::Ready;
use crate::progress::Progress;
use crate::publication::{Asset, Publication};

/// A release that is complete but for its metadata.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Its version.
    pub version: ReleaseVersion,
    /// Its manifest.
    pub manifest: Manifest,
    /// The section of the changelog, without its heading.
    pub notes: String,
    /// Its targets, by name.
    pub targets: Vec<Target>,
}

/// A finished target.
#[derive(Clone, Debug)]
pub struct Target {
    /// The file under its people's name.
    pub asset: Asset,
    /// What is signed with it.
    pub custom: Option<Value>,
}

pub(super) fn stage(
    ready: &Ready,
    config: &Config,
    version: &ReleaseVersion,
    decisions: &Decisions,
    staging: &Path,
    progress: &mut dyn Progress,
) -> Result<Staged, ReleaseError> {
    let mtime = u64::try_from(ready.commit_time).map_err(|_| ReleaseError::CommitTime(ready.commit_time))?;
    let stem = format!("{}-{}", config.product, version.tag());
    let [zst, gz] = ["tar.zst", "tar.gz"].map(|suffix| staging.join(format!("{stem}.{suffix}")));
    let formats = [(zst.as_path(), Format::TarZst), (gz.as_path(), Format::TarGz)];
    progress.begin(&format!("packing {stem}"), pack::amount(&ready.files));
    let packed = pack::pack(&ready.git, &ready.files, mtime, &formats, progress)?;
    progress.done();
    let manifest = describe::manifest(ready, config, version, decisions, &packed)?;
    let mut targets: Vec<Target> = packed.archives.iter().map(archive).collect();
    targets.extend(migration_scripts(ready, config, mtime, staging, progress)?);
    targets.push(write(staging, "CHANGELOG.md", ready.section.to_markdown().as_bytes())?);
    let custom = describe::custom(&manifest, decisions);
    targets.push(Target { custom: Some(custom), ..write(staging, "manifest.json", &sound(&manifest)?)? });
    targets.sort_by(|a, b| a.asset.name.cmp(&b.asset.name));
    targets.push(write(staging, "checksums.txt", checksums(&targets).as_bytes())?);
    Ok(Staged { version: version.clone(), manifest, notes: ready.section.notes.clone(), targets })
}

/// The files of the migration steps, for people who look before they approve.
fn migration_scripts(
    ready: &Ready,
    config: &Config,
    mtime: u64,
    staging: &Path,
    progress: &mut dyn Progress,
) -> Result<Option<Target>, ReleaseError> {
    let step = |file: &&ReleaseFile| config.migrations.iter().any(|step| step.file == file.path);
    let files: Vec<ReleaseFile> = ready.files.iter().filter(step).cloned().collect();
    if files.is_empty() {
        return Ok(None);
    }
    let path = staging.join("migration-scripts.tar.gz");
    let Packed { archives, .. } = pack::pack(&ready.git, &files, mtime, &[(&path, Format::TarGz)], progress)?;
    Ok(archives.first().map(archive))
}

fn archive(hashed: &Hashed) -> Target {
    let name = hashed.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let asset = Asset { name, file: hashed.file.clone(), length: hashed.length, sha256: hashed.sha256 };
    Target { asset, custom: None }
}

fn write(staging: &Path, name: &str, bytes: &[u8]) -> Result<Target, ReleaseError> {
    let path = staging.join(name);
    disk::write_working(&path, bytes)?;
    Ok(Target { asset: asset(name, &path, bytes), custom: None })
}

pub(super) fn asset(name: &str, file: &Path, bytes: &[u8]) -> Asset {
    Asset { name: name.to_owned(), file: file.to_owned(), length: bytes.len() as u64, sha256: Sha256::of(bytes) }
}

/// What `sha256sum -c` reads.
fn checksums(targets: &[Target]) -> String {
    targets.iter().map(|target| format!("{}  {}\n", target.asset.sha256, target.asset.name)).collect()
}

impl Staged {
    /// What is signed of each target.
    pub fn descriptions(&self) -> BTreeMap<TargetPath, TargetDescription> {
        let describe = |target: &Target| {
            let Asset { name, length, sha256, .. } = &target.asset;
            let custom = target.custom.clone();
            let description = TargetDescription { length: *length, sha256: *sha256, custom };
            (target_path(&self.version, name), description)
        };
        self.targets.iter().map(describe).collect()
    }

    /// The release with the metadata that names it.
    pub fn publication(&self, metadata: Vec<Asset>) -> Publication {
        let twice = |target: &Target| {
            let asset = &target.asset;
            let hashed = Asset { name: format!("{}.{}", asset.sha256, asset.name), ..asset.clone() };
            [asset.clone(), hashed]
        };
        Publication {
            version: self.version.clone(),
            notes: self.notes.clone(),
            targets: self.targets.iter().flat_map(twice).collect(),
            metadata,
        }
    }

    /// Refuses where `current` has this version with anything else.
    pub(super) fn same_as(&self, current: &Current, repository: &str) -> Result<(), ReleaseError> {
        let ours = self.descriptions();
        let directory = format!("{}/", self.version.tag());
        let published = current.targets().iter().filter(|(path, _)| path.as_str().starts_with(&directory));
        let published: BTreeMap<_, _> = published.map(|(path, it)| (path.clone(), it.clone())).collect();
        let paths = ours.keys().chain(published.keys());
        // The manifest says what differs; the archives would only follow.
        let differing: Vec<_> = paths.filter(|path| ours.get(*path) != published.get(*path)).collect();
        let Some(first) = differing.first() else {
            return Ok(());
        };
        let manifest = super::manifest_path(&self.version);
        let what = differing.iter().find(|path| ***path == manifest).unwrap_or(first);
        Err(ReleaseError::Published {
            repository: repository.to_owned(),
            version: self.version.clone(),
            what: what.to_string(),
        })
    }

    /// Refuses a proposal of other targets than `targets`: what comes out of this checkout on top of what is published. Who
    /// signs after this has made the release again, bit by bit.
    pub(super) fn is_proposed(
        &self,
        targets: &BTreeMap<TargetPath, TargetDescription>,
        proposal: &Proposal,
    ) -> Result<(), ReleaseError> {
        let proposed = proposal.targets.as_ref().map(|proposed| proposed.metadata().targets.clone());
        let proposed = proposed.unwrap_or_default();
        let differs = |path: &&TargetPath| targets.get(*path) != proposed.get(*path);
        match targets.keys().chain(proposed.keys()).find(differs) {
            None => Ok(()),
            Some(path) => Err(ReleaseError::OtherBundle { version: self.version.clone(), what: path.to_string() }),
        }
    }

    /// Refuses where this release is not all that `current` lacks of `complete`.
    pub(super) fn leads_to(
        &self,
        current: Option<&Current>,
        complete: &Current,
        repository: &str,
    ) -> Result<(), ReleaseError> {
        let mut targets = current.map(|current| current.targets().clone()).unwrap_or_default();
        targets.extend(self.descriptions());
        let goes_on = current.is_none_or(|current| current.version() < complete.version());
        if goes_on && targets == *complete.targets() {
            return Ok(());
        }
        Err(ReleaseError::Behind(repository.to_owned()))
    }
}
