//! What a repository has published: loaded through verification, or, after keys were replaced, as far as it still counts.
//!
//! After a key of the targets role was replaced, what the old key signed is only a memory: [`Standing`] says so, and nobody
//! signs it anew without having looked at it.

use std::collections::BTreeMap;

use manifest_schema::tuf::{
    self, MetaFile, Partial, RoleName, Root, TargetDescription, TargetPath, Targets, TrustedRepository,
};

use super::{EVER, MetadataError, MetadataFile, Roots, file};
use crate::publication::Repository;

/// The highest version that is gone on from. Whoever had a timestamp or snapshot key may have used up the versions (TUF 5.3.11);
/// after the key was replaced, clients have forgotten them, and counting begins again below this.
const PLAUSIBLE: u64 = 1 << 32;

/// How far published metadata still counts under the newest root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All of it.
    Sound,
    /// The targets do; a timestamp or snapshot key was replaced since.
    StaleFreshness,
    /// The targets keys have changed since, and too few of today's have signed: what is named is the old ones' word.
    ReplacedTargets,
}

/// What a repository has published.
#[derive(Clone, Debug)]
pub struct Current {
    /// How far it counts.
    pub standing: Standing,
    /// Whether the newest root is published as well.
    pub has_newest_root: bool,
    /// Whether clients forget the versions that they have seen: a timestamp or snapshot key lost its role since (TUF 5.3.11).
    forgotten: bool,
    /// What a client has that knows the repository as it is; the roots alone where it has forgotten the rest.
    pub(super) client: TrustedRepository,
    targets: Targets,
    /// Of the targets file.
    pub(super) targets_meta: MetaFile,
    /// Targets that are there, signed and newer, and not named by the snapshot.
    hidden: Option<(Targets, MetadataFile)>,
    snapshot: (u64, jiff::Timestamp),
    timestamp: (u64, jiff::Timestamp),
    files: Vec<MetadataFile>,
}

impl Current {
    /// Loads the metadata of `repository`; `None` where nothing was published yet. That it has expired is no reason
    /// against going on from it: it is replaced by fresh one.
    ///
    /// # Errors
    /// When it does not verify from the roots, the repository has a newer root, or a file that is named is missing.
    pub fn load(roots: &Roots, repository: &mut dyn Repository) -> Result<Option<Self>, MetadataError> {
        let Some(timestamp) = file(repository, RoleName::Timestamp, 0)? else {
            return Ok(None);
        };
        no_newer_root(roots, repository)?;
        let has_newest_root = same_roots(roots, repository)?;
        let found = Self::found(roots, &timestamp, repository)?;
        Ok(Some(Self { has_newest_root, ..found }))
    }

    fn found(roots: &Roots, timestamp: &MetadataFile, repository: &mut dyn Repository) -> Result<Self, MetadataError> {
        let sound = walk(roots, roots.trusted.clone(), timestamp, repository);
        let Err(MetadataError::NotTrusted { source, .. }) = &sound else {
            return sound;
        };
        if !matches!(**source, tuf::Error::TooFewSignatures { .. }) {
            return sound;
        }
        for old in roots.before_newest() {
            let forgotten = loses_freshness_keys(old.root(), roots.newest());
            if let Ok(found) = walk(roots, old, timestamp, repository) {
                return Self { forgotten, ..found }.under(roots, repository);
            }
        }
        sound
    }

    /// What was published under an older root, as far as the newest one's keys vouch for it.
    fn under(mut self, roots: &Roots, repository: &mut dyn Repository) -> Result<Self, MetadataError> {
        self.client = roots.trusted.clone();
        let bytes = &self.files.iter().find(|file| file.name == RoleName::Targets.file_name(self.targets.version));
        let bytes = &bytes.expect("walk() has put it there").bytes;
        if !is_signed(roots, bytes) {
            self.standing = Standing::ReplacedTargets;
            return Ok(self);
        }
        self.standing = Standing::StaleFreshness;
        let mut version = self.targets.version;
        while let Some(newer) = file(repository, RoleName::Targets, version + 1)? {
            let Ok(partial) = Partial::<Targets>::read(&newer.bytes) else { break };
            if !partial.is_signed(roots.newest()) {
                break;
            }
            version += 1;
            self.hidden = Some((partial.metadata().clone(), newer));
        }
        Ok(self)
    }

    /// Version and releases of targets that are there, signed and newer than what is named. Whoever had the snapshot key may have
    /// hidden them; or somebody has put them there who has the targets key alone: a person must tell.
    pub fn hidden(&self) -> Option<(u64, Vec<String>)> {
        let (targets, _) = self.hidden.as_ref()?;
        let differs = |(path, target): &(&TargetPath, &TargetDescription)| self.targets().get(*path) != Some(*target);
        let changed = targets.targets.iter().filter(differs);
        let mut tags: Vec<String> =
            changed.filter_map(|(path, _)| path.as_str().split('/').next().map(str::to_owned)).collect();
        tags.dedup();
        Some((targets.version, tags))
    }

    /// The same with the hidden targets in the place of those that are named.
    #[must_use]
    pub fn with_hidden(mut self) -> Self {
        if let Some((targets, newer)) = self.hidden.take() {
            let named = RoleName::Targets.file_name(self.targets.version);
            self.targets_meta = MetaFile::of(targets.version, &newer.bytes);
            self.files.iter_mut().filter(|file| file.name == named).for_each(|file| file.clone_from(&newer));
            self.targets = targets;
        }
        self
    }

    /// All targets that are published.
    pub fn targets(&self) -> &BTreeMap<TargetPath, TargetDescription> {
        &self.targets.targets
    }

    /// The files in the order in which they must appear.
    pub fn files(&self) -> &[MetadataFile] {
        &self.files
    }

    /// The targets metadata file.
    pub fn targets_file(&self) -> &MetadataFile {
        let name = RoleName::Targets.file_name(self.targets.version);
        self.files.iter().find(|file| file.name == name).expect("the targets are among the files")
    }

    /// The version that grows with every change of the repository.
    pub fn version(&self) -> u64 {
        self.timestamp.0
    }

    /// Version and expiry of a role's metadata.
    pub fn of(&self, role: RoleName) -> (u64, jiff::Timestamp) {
        match role {
            RoleName::Root => (self.client.root().version, self.client.root().expires),
            RoleName::Targets => (self.targets.version, self.targets.expires),
            RoleName::Snapshot => self.snapshot,
            RoleName::Timestamp => self.timestamp,
        }
    }

    /// The version that the next metadata of a role has.
    pub fn next(&self, role: RoleName) -> u64 {
        let version = self.of(role).0;
        let begins_again = match role {
            RoleName::Root | RoleName::Targets => false,
            RoleName::Snapshot | RoleName::Timestamp => self.forgotten && version > PLAUSIBLE,
        };
        if begins_again { self.targets.version + 1 } else { version + 1 }
    }
}

fn loses_freshness_keys(old: &Root, new: &Root) -> bool {
    let freshness = [RoleName::Snapshot, RoleName::Timestamp];
    freshness.iter().any(|role| !old.role(*role).key_ids.is_subset(&new.role(*role).key_ids))
}

fn is_signed(roots: &Roots, targets: &[u8]) -> bool {
    Partial::<Targets>::read(targets).is_ok_and(|partial| partial.is_signed(roots.newest()))
}

/// The way of a client, from `trusted` root on.
fn walk(
    roots: &Roots,
    mut trusted: TrustedRepository,
    timestamp: &MetadataFile,
    repository: &mut dyn Repository,
) -> Result<Current, MetadataError> {
    let name = repository.name();
    let untrusted = |error| MetadataError::NotTrusted { repository: name.clone(), source: Box::new(error) };
    let _ = trusted.update_timestamp(&timestamp.bytes, EVER).map_err(untrusted)?;
    let snapshot = wanted(repository, RoleName::Snapshot, trusted.wanted_snapshot())?;
    trusted.update_snapshot(&snapshot.bytes, EVER).map_err(untrusted)?;
    let targets_meta = trusted.wanted_targets().expect("the snapshot was trusted just before");
    let targets = wanted(repository, RoleName::Targets, Some(targets_meta))?;
    trusted.update_targets(&targets.bytes, EVER).map_err(untrusted)?;
    let known = |role| trusted.known(role).expect("every role was trusted just before");
    Ok(Current {
        standing: Standing::Sound,
        has_newest_root: true,
        forgotten: false,
        targets: trusted.targets().expect("the targets were trusted just before").clone().into_inner(),
        targets_meta,
        hidden: None,
        snapshot: known(RoleName::Snapshot),
        timestamp: known(RoleName::Timestamp),
        files: roots.files.iter().cloned().chain([targets, snapshot, timestamp.clone()]).collect(),
        client: trusted,
    })
}

fn wanted(
    repository: &mut dyn Repository,
    role: RoleName,
    signed: Option<MetaFile>,
) -> Result<MetadataFile, MetadataError> {
    let version = signed.expect("the parent was trusted just before").version;
    file(repository, role, version)?
        .ok_or_else(|| MetadataError::Incomplete { repository: repository.name(), name: role.file_name(version) })
}

/// Whether the newest root is published. The newest of those that are must be the one of this checkout: to put another one in
/// its place would leave everyone behind who has followed it.
fn same_roots(roots: &Roots, repository: &mut dyn Repository) -> Result<bool, MetadataError> {
    for (behind, ours) in roots.files.iter().rev().enumerate() {
        let Some(published) = repository.metadata(&ours.name)? else {
            continue;
        };
        if published == ours.bytes {
            return Ok(behind == 0);
        }
        let version = (roots.files.len() - behind) as u64;
        if version == 1 {
            // Another vendor's repository: nothing in it will verify.
            break;
        }
        return Err(MetadataError::OtherRoot { repository: repository.name(), version });
    }
    Ok(false)
}

/// A checkout that does not know the newest root would build what clients refuse.
fn no_newer_root(roots: &Roots, repository: &mut dyn Repository) -> Result<(), MetadataError> {
    let version = roots.newest().version + 1;
    let Some(newer) = file(repository, RoleName::Root, version)? else {
        return Ok(());
    };
    match roots.trusted.clone().update_root(&newer.bytes) {
        Ok(_) => Err(MetadataError::Behind { repository: repository.name(), version }),
        // Clients do not follow it either.
        Err(_) => Ok(()),
    }
}
