//! Somebody who has copies of the vendor's keys, and the place where releases are published.

use std::path::PathBuf;

use anyhow::{Context, Result};
use jiff::ToSpan;
use manifest_schema::strict::{self, Value};
use manifest_schema::tuf::{
    MetaFile, Partial, Role, RoleName, Root, SigningKey, Snapshot, TargetDescription, TargetPath, Targets, Timestamp,
    sign,
};

use super::Vendor;
use super::resign::key;

/// A thief. What it signs is well formed, for a month.
pub struct Thief {
    keys: Vec<(RoleName, SigningKey)>,
    metadata: PathBuf,
}

impl Vendor {
    /// Copies keys of the vendor's: those that `publish init` made.
    ///
    /// # Errors
    /// When one is not there.
    pub fn robbed_of(&self, roles: &[RoleName]) -> Result<Thief> {
        let copy = |role: &RoleName| Ok((*role, key(&self.checkout().join(format!("keys/{role}.pem")))?));
        Ok(Thief { keys: roles.iter().map(copy).collect::<Result<_>>()?, metadata: self.metadata() })
    }
}

impl Thief {
    /// Signs a timestamp of this version for the published snapshot.
    ///
    /// # Errors
    /// When nothing is published, or it cannot be written.
    pub fn timestamp(&self, version: u64) -> Result<()> {
        let snapshot = self.read::<Timestamp>("timestamp.json")?.snapshot;
        self.write(&Timestamp { version, expires: in_a_month(), signed_at: None, snapshot }).map(drop)
    }

    /// Signs a snapshot and a timestamp of this version for the published targets.
    ///
    /// # Errors
    /// As [`timestamp`](Self::timestamp).
    pub fn snapshot_and_timestamp(&self, version: u64) -> Result<()> {
        let targets = self.newest::<Snapshot>()?.meta.targets;
        self.above(version, targets)
    }

    /// Publishes a release that the vendor never made.
    ///
    /// # Errors
    /// As [`timestamp`](Self::timestamp).
    pub fn release(&self, tag: &str) -> Result<()> {
        let mut targets = self.newest::<Targets>()?;
        let is_manifest = |(path, _): &(&TargetPath, &TargetDescription)| path.as_str().ends_with("/manifest.json");
        let (path, model) = targets.targets.iter().rfind(is_manifest).context("nothing is published")?;
        let renamed = |text: &str| {
            text.replace(
                path.as_str().trim_end_matches("/manifest.json").trim_start_matches('v'),
                tag.trim_start_matches('v'),
            )
        };
        let custom: Value = strict::parse(renamed(&serde_json::to_string(&model.custom)?).as_bytes(), u64::MAX)?;
        let manifest = renamed(&std::fs::read_to_string(self.target(path, model))?);
        let evil = TargetDescription { custom: Some(custom), ..TargetDescription::of(manifest.as_bytes()) };
        let path: TargetPath = format!("{tag}/manifest.json").parse()?;
        let file = self.target(&path, &evil);
        std::fs::create_dir_all(file.parent().context("a target lies in a directory")?)?;
        std::fs::write(file, manifest)?;
        targets.targets.insert(path, evil);
        (targets.version, targets.expires) = (targets.version + 1, in_a_month());
        let bytes = self.write(&targets)?;
        let version = self.read::<Timestamp>("timestamp.json")?.version + 1;
        self.above(version, MetaFile::of(targets.version, &bytes))
    }

    /// Makes the next root, with every role its own, and signs it with the keys that it has and its own.
    ///
    /// # Errors
    /// As [`timestamp`](Self::timestamp).
    pub fn root(&self) -> Result<()> {
        let mut root = self.newest::<Root>()?;
        (root.version, root.expires) = (root.version + 1, in_a_month());
        let mine = SigningKey::from_seed([66; 32]);
        for role in RoleName::ALL {
            let theirs = std::mem::take(&mut root.role_mut(role).key_ids);
            root.grant(role, mine.public());
            theirs.into_iter().for_each(|key| root.revoke(role, key));
            root.role_mut(role).threshold = 1;
        }
        let stolen = self.keys_of(RoleName::Root);
        self.put(&root, &[&stolen[..], &[&mine]].concat()).map(drop)
    }

    fn target(&self, path: &TargetPath, description: &TargetDescription) -> PathBuf {
        self.metadata.with_file_name("targets").join(path.hashed(&description.sha256))
    }

    fn above(&self, version: u64, targets: MetaFile) -> Result<()> {
        let bytes = self.write(&Snapshot::new(version, in_a_month(), targets))?;
        let snapshot = MetaFile::of(version, &bytes);
        self.write(&Timestamp { version, expires: in_a_month(), signed_at: None, snapshot }).map(drop)
    }

    fn write<R: Role>(&self, metadata: &R) -> Result<Vec<u8>> {
        self.put(metadata, &self.keys_of(R::NAME))
    }

    fn keys_of(&self, role: RoleName) -> Vec<&SigningKey> {
        self.keys.iter().filter(|(of, _)| *of == role).map(|(_, key)| key).collect()
    }

    fn put<R: Role>(&self, metadata: &R, keys: &[&SigningKey]) -> Result<Vec<u8>> {
        let bytes = sign(metadata, keys)?;
        std::fs::write(self.metadata.join(R::NAME.file_name(metadata.version())), &bytes)?;
        Ok(bytes)
    }

    /// What is published, whoever signed it.
    fn read<R: Role>(&self, name: &str) -> Result<R> {
        let bytes = std::fs::read(self.metadata.join(name)).with_context(|| name.to_owned())?;
        Ok(Partial::<R>::read(&bytes)?.metadata().clone())
    }

    /// The same of a role whose files have their version in their names.
    fn newest<R: Role>(&self) -> Result<R> {
        let version = |name: &str| name.strip_suffix(&format!(".{}.json", R::NAME))?.parse::<u64>().ok();
        let names =
            std::fs::read_dir(&self.metadata)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names: Vec<String> = names.collect::<Result<_>>()?;
        let newest = names.iter().filter_map(|name| version(name)).max().context("nothing is published")?;
        self.read(&R::NAME.file_name(newest))
    }
}

fn in_a_month() -> jiff::Timestamp {
    let month = jiff::Timestamp::now() + (30 * 24).hours();
    jiff::Timestamp::from_second(month.as_second()).expect("a month from now is a time")
}
