//! A vendor's repository in memory: keys, signed metadata, targets, and the place that serves them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use manifest_schema::manifest::{Manifest, ReleaseCustom};
use manifest_schema::strict::Value;
use manifest_schema::tuf::{
    self, Expiry, MetaFile, RoleName, Root, SigningKey, Snapshot, TargetDescription, TargetPath, Targets,
    TrustedRepository, Verified,
};

use crate::fault;
use crate::source::{ReleaseSource, Sink, SourceError};

/// The time at which all of it is signed.
pub(crate) fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Keys and what they have signed.
pub(crate) struct Repository {
    pub(crate) keys: BTreeMap<RoleName, SigningKey>,
    pub(crate) root: Root,
    pub(crate) first_root: Vec<u8>,
    pub(crate) version: u64,
    pub(crate) expires: Timestamp,
    pub(crate) signed_at: Option<Timestamp>,
    pub(crate) targets: BTreeMap<TargetPath, TargetDescription>,
    pub(crate) shelf: Shelf,
}

impl Repository {
    pub(crate) fn new() -> Self {
        let keys: BTreeMap<_, _> =
            RoleName::ALL.into_iter().zip((1..).map(|seed| SigningKey::from_seed([seed; 32]))).collect();
        let expires = now() + SignedDuration::from_hours(24 * 7);
        let mut root = Root::new(1, expires + SignedDuration::from_hours(24 * 300));
        for (role, key) in &keys {
            root.grant(*role, key.public());
        }
        let first_root = tuf::sign(&root, &[&keys[&RoleName::Root]]).unwrap();
        let shelf =
            Shelf { metadata: BTreeMap::from([("1.root.json".to_owned(), first_root.clone())]), ..Shelf::default() };
        let mut repository =
            Self { keys, root, first_root, version: 0, expires, signed_at: None, targets: BTreeMap::new(), shelf };
        repository.publish();
        repository
    }

    /// Signs everything anew, one version higher.
    pub(crate) fn publish(&mut self) {
        self.publish_by(&[]);
    }

    /// The same, signed by another one as well.
    pub(crate) fn publish_with(&mut self, other: &SigningKey) {
        self.publish_by(&[other]);
    }

    fn publish_by(&mut self, others: &[&SigningKey]) {
        self.version += 1;
        let (version, expires) = (self.version, self.expires);
        let keys = |role: RoleName| [&[&self.keys[&role]], others].concat();
        let targets = Targets { version, expires, targets: self.targets.clone() };
        let targets = tuf::sign(&targets, &keys(RoleName::Targets)).unwrap();
        let snapshot = Snapshot::new(version, expires, MetaFile::of(version, &targets));
        let snapshot = tuf::sign(&snapshot, &keys(RoleName::Snapshot)).unwrap();
        let timestamp =
            tuf::Timestamp { version, expires, signed_at: self.signed_at, snapshot: MetaFile::of(version, &snapshot) };
        let timestamp = tuf::sign(&timestamp, &keys(RoleName::Timestamp)).unwrap();
        for (name, bytes) in [
            (RoleName::Targets.file_name(version), targets),
            (RoleName::Snapshot.file_name(version), snapshot),
            ("timestamp.json".to_owned(), timestamp),
        ] {
            self.shelf.metadata.insert(name, bytes);
        }
    }

    /// Publishes a target.
    pub(crate) fn add(&mut self, path: &str, bytes: Vec<u8>, custom: Option<Value>) {
        let path: TargetPath = path.parse().unwrap();
        let description = TargetDescription { custom, ..TargetDescription::of(&bytes) };
        self.shelf.targets.insert(path.hashed(&description.sha256), bytes);
        self.targets.insert(path, description);
    }

    /// Publishes a release: its manifest and its artifact.
    pub(crate) fn add_release(&mut self, manifest: &Manifest, artifact: &[u8]) {
        let tag = manifest.version.tag();
        self.add(&format!("{tag}/manifest.json"), manifest.write(), Some(custom(manifest)));
        self.add(&format!("{tag}/{}", manifest.artifacts[0].name), artifact.to_vec(), None);
        self.publish();
    }

    /// Replaces the key of a role, with a root signed by the old and the new root keys.
    pub(crate) fn rotate(&mut self, role: RoleName) {
        let (old_root, version) = (self.keys[&RoleName::Root].clone(), self.root.version + 1);
        let old = self.keys[&role].public().id();
        let new = SigningKey::from_seed([100 + u8::try_from(version).unwrap(); 32]);
        self.root.revoke(role, old);
        self.root.grant(role, new.public());
        self.root.version = version;
        self.keys.insert(role, new);
        let root = tuf::sign(&self.root, &[&old_root, &self.keys[&RoleName::Root]]).unwrap();
        self.shelf.metadata.insert(RoleName::Root.file_name(version), root);
        self.publish();
    }

    /// A manifest of a release, verified as an agent verifies it.
    pub(crate) fn verified(&self, manifest: &Manifest) -> Verified<Manifest> {
        let metadata = |name: String| &self.shelf.metadata[&name];
        let expiry = Expiry::Enforce(now());
        let mut trusted = TrustedRepository::from_root(&self.first_root, None).unwrap();
        let _ = trusted.update_timestamp(metadata("timestamp.json".to_owned()), expiry).unwrap();
        trusted.update_snapshot(metadata(RoleName::Snapshot.file_name(self.version)), expiry).unwrap();
        trusted.update_targets(metadata(RoleName::Targets.file_name(self.version)), expiry).unwrap();
        let path = format!("{}/manifest.json", manifest.version.tag()).parse().unwrap();
        trusted.verify_target(&path, manifest.write()).unwrap().parse(Manifest::read).unwrap()
    }
}

/// What metadata says of a release.
pub(crate) fn custom(manifest: &Manifest) -> Value {
    let custom = ReleaseCustom {
        product: manifest.product.clone(),
        version: manifest.version.clone(),
        channels: vec!["stable".parse().unwrap()],
        severity: manifest.severity,
        released_at: manifest.release_date,
        minimum_version: manifest.minimum_version.clone(),
        rollback_supported: manifest.rollback_supported,
        database_migration: manifest.database_migration,
        platforms: None,
        rollout: None,
        withdrawn: None,
        recall: None,
        security_floor: None,
    };
    serde_json::from_value(serde_json::to_value(custom).unwrap()).unwrap()
}

/// A source in memory.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) metadata: BTreeMap<String, Vec<u8>>,
    pub(crate) targets: BTreeMap<String, Vec<u8>>,
    /// What was asked for, with where it began.
    pub(crate) asked: Vec<(String, u64)>,
    /// Breaks a transfer off after so many bytes.
    pub(crate) breaks_after: Option<usize>,
    /// Bytes that it gives beyond what was asked for.
    pub(crate) excess: usize,
    /// Names that are not there yet, and how often they will still be missing.
    pub(crate) missing: BTreeMap<String, u32>,
}

impl ReleaseSource for Shelf {
    fn metadata(&mut self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.asked.push((name.to_owned(), 0));
        if let Some(left) = self.missing.get_mut(name).filter(|left| **left > 0) {
            *left -= 1;
            return Ok(None);
        }
        let found = self.metadata.get(name).cloned();
        match found {
            Some(bytes) if bytes.len() as u64 > cap => Err(SourceError::TooLarge { location: name.to_owned(), cap }),
            found => Ok(found),
        }
    }

    fn target(&mut self, path: &str, from: u64, length: u64, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        self.asked.push((path.to_owned(), from));
        let location = path.to_owned();
        let Some(bytes) = self.targets.get(path) else { return Err(SourceError::NotFound { location }) };
        let (from, length) = (usize::try_from(from).unwrap(), usize::try_from(length).unwrap());
        let wanted = bytes.get(from..bytes.len().min(length)).unwrap_or_default();
        let wanted = &wanted[..wanted.len().min(self.breaks_after.unwrap_or(usize::MAX))];
        for chunk in wanted.chunks(100_000) {
            sink(chunk).map_err(|reason| SourceError::Stopped { location: location.clone(), reason })?;
            fault::point("receive")
                .map_err(|error| SourceError::Broken { location: location.clone(), reason: error.to_string() })?;
        }
        if self.excess > 0 {
            sink(&vec![0; self.excess])
                .map_err(|reason| SourceError::Stopped { location: location.clone(), reason })?;
        }
        match self.breaks_after {
            Some(_) => Err(SourceError::Broken { location, reason: "the line is dead".to_owned() }),
            None => Ok(()),
        }
    }
}
