//! A small repository to attack: every role has one key, one target is signed.

use jiff::{Span, Timestamp as Time};
use manifest_schema::canonical;
use manifest_schema::strict;
use manifest_schema::tuf::{
    Error, Expiry, MetaFile, RoleName, Root, SigningKey, Snapshot, TargetDescription, TargetPath, Targets, Timestamp,
    TrustedRepository, sign,
};
use serde_json::Value;

/// The start time of every cycle.
pub(crate) fn now() -> Time {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// A week later.
pub(crate) fn next_week() -> Time {
    now() + Span::new().hours(7 * 24)
}

/// A key of which everyone knows the secret.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

/// The one target.
pub(crate) const TARGET: &[u8] = b"the manifest";

/// Where it is.
pub(crate) fn target_path() -> TargetPath {
    "v1.1.0/manifest.json".parse().unwrap()
}

/// What the vendor would publish.
#[derive(Clone)]
pub(crate) struct World {
    pub root: Root,
    pub root_keys: Vec<SigningKey>,
    pub targets: Targets,
    pub targets_keys: Vec<SigningKey>,
    pub snapshot: Snapshot,
    pub snapshot_keys: Vec<SigningKey>,
    pub timestamp: Timestamp,
    pub timestamp_keys: Vec<SigningKey>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut root = Root::new(1, next_week());
        for (seed, role) in (1..).zip(RoleName::ALL) {
            root.grant(role, key(seed).public());
        }
        let description = TargetDescription::of(TARGET);
        let listed = MetaFile::of(1, b"");
        Self {
            root,
            root_keys: vec![key(1)],
            targets: Targets { version: 1, expires: next_week(), targets: [(target_path(), description)].into() },
            targets_keys: vec![key(2)],
            snapshot: Snapshot::new(1, next_week(), listed),
            snapshot_keys: vec![key(3)],
            timestamp: Timestamp { version: 1, expires: next_week(), signed_at: None, snapshot: listed },
            timestamp_keys: vec![key(4)],
        }
    }

    /// Raises the versions of targets, snapshot and timestamp.
    pub(crate) fn advance(&mut self) {
        self.targets.version += 1;
        self.snapshot.version += 1;
        self.timestamp.version += 1;
    }

    /// Signs everything, parents after children.
    pub(crate) fn publish(&self) -> Files {
        let targets = sign(&self.targets, &refs(&self.targets_keys)).unwrap();
        self.publish_around(targets)
    }

    /// Signs everything around this targets file.
    pub(crate) fn publish_around(&self, targets: Vec<u8>) -> Files {
        let mut snapshot = self.snapshot.clone();
        snapshot.meta.targets = MetaFile::of(self.targets.version, &targets);
        let snapshot = sign(&snapshot, &refs(&self.snapshot_keys)).unwrap();
        Files { targets, ..self.publish_over(snapshot) }
    }

    /// Signs a timestamp over this snapshot file, and the root.
    pub(crate) fn publish_over(&self, snapshot: Vec<u8>) -> Files {
        let mut timestamp = self.timestamp.clone();
        timestamp.snapshot = MetaFile::of(self.snapshot.version, &snapshot);
        Files {
            root: sign(&self.root, &refs(&self.root_keys)).unwrap(),
            timestamp: sign(&timestamp, &refs(&self.timestamp_keys)).unwrap(),
            snapshot,
            targets: Vec::new(),
        }
    }
}

pub(crate) fn refs(keys: &[SigningKey]) -> Vec<&SigningKey> {
    keys.iter().collect()
}

/// The metadata files of one moment.
#[derive(Clone)]
pub(crate) struct Files {
    pub root: Vec<u8>,
    pub timestamp: Vec<u8>,
    pub snapshot: Vec<u8>,
    pub targets: Vec<u8>,
}

impl Files {
    /// A whole first cycle.
    pub(crate) fn accept(&self) -> Result<TrustedRepository, Error> {
        let mut repository = TrustedRepository::from_root(&self.root, None)?;
        self.accept_into(&mut repository)?;
        Ok(repository)
    }

    /// A whole cycle without new roots.
    pub(crate) fn accept_into(&self, repository: &mut TrustedRepository) -> Result<(), Error> {
        let _ = repository.update_timestamp(&self.timestamp, Expiry::Enforce(now()))?;
        repository.update_snapshot(&self.snapshot, Expiry::Enforce(now()))?;
        repository.update_targets(&self.targets, Expiry::Enforce(now()))
    }

    /// A new process of the agent, which loads what an earlier one stored.
    pub(crate) fn reload(&self) -> TrustedRepository {
        let mut repository = TrustedRepository::from_root(&self.root, None).unwrap();
        let _ = repository.update_timestamp(&self.timestamp, Expiry::PreviousState).unwrap();
        repository.update_snapshot(&self.snapshot, Expiry::PreviousState).unwrap();
        repository.update_targets(&self.targets, Expiry::PreviousState).unwrap();
        repository
    }
}

/// The file with `signed` changed and signed again by `keys`, as an attacker with the keys, or a
/// careless vendor, could write it.
pub(crate) fn forge(file: &[u8], keys: &[SigningKey], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut file: Value = serde_json::from_slice(file).unwrap();
    change(&mut file["signed"]);
    let signed = serde_json::to_vec(&file["signed"]).unwrap();
    // What is not strict cannot be signed, and is refused before any signature is looked at.
    let message = strict::parse(&signed, u64::MAX).map(|value| canonical::encode(&value));
    let message = message.unwrap_or_default();
    file["signatures"] = keys.iter().map(|key| signature(key, &message)).collect();
    serde_json::to_vec(&file).unwrap()
}

/// An entry of `signatures`.
pub(crate) fn signature(key: &SigningKey, message: &[u8]) -> Value {
    use ed25519_dalek::Signer as _;
    let secret = ed25519_dalek::SigningKey::from_bytes(&key.to_seed());
    let sig = hex::encode(secret.sign(message).to_bytes());
    serde_json::json!({ "keyid": key.public().id().to_string(), "sig": sig })
}

/// The file with its whole JSON changed and the signatures left as they are.
pub(crate) fn tamper(file: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut file: Value = serde_json::from_slice(file).unwrap();
    change(&mut file);
    serde_json::to_vec(&file).unwrap()
}

/// The error with all its causes, as a person would see it.
pub(crate) fn story(error: &dyn std::error::Error) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        story = format!("{story}: {error}");
        cause = error.source();
    }
    story
}

/// To act on, at the start time of the cycle.
pub(crate) fn enforce() -> Expiry {
    Expiry::Enforce(now())
}

/// Demands the refusal of a role that goes back from a version to another.
#[track_caller]
pub(crate) fn is_rollback<T: std::fmt::Debug>(result: Result<T, Error>, expected: (RoleName, u64, u64)) {
    match result {
        Err(Error::Rollback { role, trusted, found }) => assert_eq!((role, trusted, found), expected),
        other => panic!("{other:?}"),
    }
}
