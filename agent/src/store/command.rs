//! A database of any other kind, by the vendor's two commands. This room gives them a directory, and keeps what they write whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use manifest_schema::digest::{Hasher, Sha256};
use manifest_schema::migration::{MigrationStep, MigrationType};
use manifest_schema::path::Name;

use super::error::{Keeping, StoreError};
use super::{Aside, BackupRecord, BackupTag, Condition, Held, LeftAside, Place, RunVendor, User, VendorCommand, Way};
use crate::durable;

/// Names the directory to the vendor's commands.
const VARIABLE: &str = "SUREFOOT_BACKUP";

/// A database that is known by the vendor's commands only.
pub struct CommandStore<'a> {
    /// Its name in the profile.
    name: Name,
    backup: Vec<String>,
    restore: Vec<String>,
    timeout: Duration,
    release: PathBuf,
    user: Option<User>,
    run: &'a RunVendor<'a>,
}

impl<'a> CommandStore<'a> {
    pub(super) fn open(name: &Name, backup: &[String], restore: &[String], seconds: u64, place: &Place<'a>) -> Self {
        Self {
            name: name.clone(),
            backup: backup.to_vec(),
            restore: restore.to_vec(),
            timeout: Duration::from_secs(seconds),
            release: place.release.to_owned(),
            user: place.user.cloned(),
            run: place.run,
        }
    }

    pub(super) fn examine(&self) -> Condition {
        Condition {
            what: format!("database {} by the vendor's commands", self.name),
            version: "unknown".to_owned(),
            size: 0,
            way: Way::Dump,
            why_not_clone: Some("only the vendor's commands know it".to_owned()),
            room: None,
            needed: 0,
            read_only: None,
            clients: Vec::new(),
            place: None,
            beside: 0,
            aside: 0,
        }
    }

    pub(super) fn backup(&self, tag: &BackupTag, dir: &Path) -> Result<BackupRecord, StoreError> {
        let name = self.directory_name();
        let seen = self.copy_to(&dir.join(&name))?;
        let held = Held::Directory { name, sha256: seen.sha256 };
        Ok(BackupRecord { database: self.name.clone(), tag: tag.clone(), size: seen.size, contents: None, held })
    }

    /// Lets the vendor's command write a backup that becomes `path`, in the place of one that is there.
    fn copy_to(&self, path: &Path) -> Result<Seen, StoreError> {
        self.remove(path)?;
        let partial = durable::beside(path, ".partial");
        durable::make_dir(&partial, 0o700).keeping(self.name.as_str())?;
        if let Some(user) = &self.user {
            durable::give_tree(&partial, user.owner()).keeping(self.name.as_str())?;
        }
        self.act("back up", &self.backup, &partial)?;
        durable::sync_tree(&partial).keeping(self.name.as_str())?;
        let seen = look_through(&self.name, &partial)?;
        if seen.size == 0 {
            let reason = "the vendor's backup command wrote nothing".to_owned();
            return Err(StoreError::Damaged { path: partial, reason });
        }
        durable::rename(&partial, path).keeping(self.name.as_str())?;
        Ok(seen)
    }

    pub(super) fn discard(&self, dir: &Path) -> Result<(), StoreError> {
        self.remove(&dir.join(self.directory_name()))
    }

    pub(super) fn forget_left(&self, tag: &BackupTag, dir: &Path) -> Result<(), StoreError> {
        self.remove(&self.left_directory(tag, dir))
    }

    pub(super) fn left(&self, tag: &BackupTag, dir: &Path) -> Result<Option<LeftAside>, StoreError> {
        let path = self.left_directory(tag, dir);
        if path.exists() { self.left_aside(&path).map(Some) } else { Ok(None) }
    }

    /// Half of a copy under its name would look like one: it loses the name first.
    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        let partial = durable::beside(path, ".partial");
        durable::remove_tree(&partial).keeping(self.name.as_str())?;
        if path.exists() {
            durable::rename(path, &partial).keeping(self.name.as_str())?;
        }
        durable::remove_tree(&partial).keeping(self.name.as_str())
    }

    pub(super) fn verify(&self, record: &BackupRecord, dir: &Path) -> Result<(), StoreError> {
        self.verified(record, dir).map(drop)
    }

    pub(super) fn restore(
        &self,
        record: &BackupRecord,
        dir: &Path,
        aside: &Aside<'_>,
    ) -> Result<Option<LeftAside>, StoreError> {
        let path = self.verified(record, dir)?;
        let left = aside.kept(self.name.as_str(), self.keep(&self.left_directory(&record.tag, aside.dir)))?;
        self.act("restore", &self.restore, &path)?;
        Ok(left)
    }

    /// The directory that a backup is, if it is whole.
    fn verified(&self, record: &BackupRecord, dir: &Path) -> Result<PathBuf, StoreError> {
        let Held::Directory { name, sha256 } = &record.held else {
            let reason = "the backup is not one of a vendor's command".to_owned();
            return Err(StoreError::NotPossible { database: self.name.to_string(), reason });
        };
        let path = dir.join(name);
        if look_through(&self.name, &path)?.sha256 != *sha256 {
            let reason = "its contents are not those that were written".to_owned();
            return Err(StoreError::Damaged { path, reason });
        }
        Ok(path)
    }

    /// The backup command once more, since nobody else can tell what a restore takes away. A copy that an earlier run made is
    /// of the moment before anything was brought back, and the one to keep.
    fn keep(&self, path: &Path) -> Result<LeftAside, StoreError> {
        if !path.exists() {
            self.copy_to(path)?;
        }
        self.left_aside(path)
    }

    fn left_aside(&self, path: &Path) -> Result<LeftAside, StoreError> {
        let mut size = 0;
        let counted = durable::walk(path, &mut |found| {
            size += if found.is_file() { found.length() } else { 0 };
            Ok(true)
        });
        counted.keeping(self.name.as_str())?;
        Ok(LeftAside { name: path.display().to_string(), size })
    }

    pub(super) fn migration(
        &self,
        step: &MigrationStep,
        file: &Path,
        release: &Path,
    ) -> Result<VendorCommand, StoreError> {
        match step.kind {
            MigrationType::Command => Ok(VendorCommand {
                argv: vec![file.display().to_string()],
                env: Vec::new(),
                directory: release.to_owned(),
                timeout: Duration::from_secs(step.timeout_seconds),
            }),
            MigrationType::Sql => Err(StoreError::NotPossible {
                database: self.name.to_string(),
                reason: format!("it has no client for SQL; {} must be a step of type command", step.file),
            }),
        }
    }

    fn act(&self, act: &'static str, argv: &[String], backup: &Path) -> Result<(), StoreError> {
        let env = vec![(VARIABLE.to_owned(), backup.display().to_string())];
        let command =
            VendorCommand { argv: argv.to_vec(), env, directory: self.release.clone(), timeout: self.timeout };
        (self.run)(&command).map_err(|source| StoreError::Vendor { act, database: self.name.clone(), source })
    }

    fn directory_name(&self) -> String {
        format!("{}.backup", self.name)
    }

    pub(super) fn left_directory(&self, tag: &BackupTag, dir: &Path) -> PathBuf {
        dir.join(format!("{}.left-{tag}", self.name))
    }
}

/// What lies in a directory.
struct Seen {
    size: u64,
    sha256: Sha256,
}

/// Reads everything below `top`, which is the user's: the digest is over each path and its content, in order of the paths.
fn look_through(database: &Name, top: &Path) -> Result<Seen, StoreError> {
    let (mut hasher, mut size, mut odd) = (Hasher::new(), 0, None);
    durable::walk(top, &mut |found| {
        if found.is_file() {
            hasher.update(found.below().as_os_str().as_encoded_bytes());
            hasher.update(&[0]);
            let (sha256, length) = found.hash()?;
            hasher.update(sha256.as_bytes());
            size += length;
        } else if !found.is_dir() {
            odd = Some(top.join(found.below()));
        }
        Ok(odd.is_none())
    })
    .keeping(database.as_str())?;
    match odd {
        None => Ok(Seen { size, sha256: hasher.finish() }),
        Some(path) => {
            let reason = "a backup holds files and directories only".to_owned();
            Err(StoreError::Damaged { path, reason })
        }
    }
}

#[cfg(test)]
mod tests;
