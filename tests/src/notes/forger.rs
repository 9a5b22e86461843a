//! Somebody who rewrites what is published, member by member, and leaves it well formed: each file names the next one by its
//! right version, length and hash. Only who has signed it may be wrong.

use std::path::PathBuf;

use anyhow::{Context, Result};
use manifest_schema::digest::Sha256;
use manifest_schema::tuf::{RoleName, SigningKey, TargetPath};
use manifest_schema::{canonical, strict};
use serde_json::{Value, json};

use super::Vendor;
use super::resign::key;

/// Whose hand it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// Who has the place of the releases and no key: the signatures are left as they were.
    Nobody,
    /// The same, with keys of their own.
    Stranger,
    /// Who has the vendor's keys, those that `publish init` made.
    Vendor,
    /// The same, and each key signs twice.
    Twice,
    /// The same, and each key signs a second time under another key's name.
    TwiceInOtherNames,
}

/// Rewrites the published metadata.
pub struct Forger {
    hand: Hand,
    keys: PathBuf,
    releases: PathBuf,
}

impl Vendor {
    /// Lets somebody at what is published.
    pub fn forger(&self, hand: Hand) -> Forger {
        Forger { hand, keys: self.checkout().join("keys"), releases: self.releases().to_owned() }
    }
}

impl Forger {
    /// Changes what is signed of the targets, and what hangs above them.
    ///
    /// # Errors
    /// When nothing is published, or it cannot be written.
    pub fn targets(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let (version, bytes) = self.rewrite(RoleName::Targets, change)?;
        self.snapshot(|signed| signed["meta"]["targets.json"] = meta(version, &bytes))
    }

    /// Changes what is signed of the snapshot, and the timestamp above it.
    ///
    /// # Errors
    /// As [`targets`](Self::targets).
    pub fn snapshot(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let (version, bytes) = self.rewrite(RoleName::Snapshot, change)?;
        self.timestamp(|signed| signed["meta"]["snapshot.json"] = meta(version, &bytes))
    }

    /// Changes what is signed of the timestamp.
    ///
    /// # Errors
    /// As [`targets`](Self::targets).
    pub fn timestamp(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        self.rewrite(RoleName::Timestamp, change).map(drop)
    }

    /// Makes a root after the newest; what it says of its version is the change's.
    ///
    /// # Errors
    /// As [`targets`](Self::targets).
    pub fn root(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let (mut file, version) = self.newest(RoleName::Root)?;
        change(&mut file["signed"]);
        self.write(RoleName::Root, version + 1, file).map(drop)
    }

    /// Changes the bytes of the next version of a role after they were signed, and lets its parent name what comes of it.
    ///
    /// # Errors
    /// As [`targets`](Self::targets).
    pub fn bytes(&self, role: RoleName, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Result<()> {
        let (version, good) = self.rewrite(role, |_| {})?;
        let bytes = change(good);
        std::fs::write(self.path(role, version), &bytes)?;
        match role {
            RoleName::Targets => self.snapshot(|signed| signed["meta"]["targets.json"] = meta(version, &bytes)),
            RoleName::Snapshot => self.timestamp(|signed| signed["meta"]["snapshot.json"] = meta(version, &bytes)),
            RoleName::Root | RoleName::Timestamp => Ok(()),
        }
    }

    /// Lays a file down as a target and describes it in the targets, which are rewritten with it.
    ///
    /// # Errors
    /// As [`targets`](Self::targets).
    pub fn target(&self, path: &str, bytes: &[u8], change: impl FnOnce(&mut Value)) -> Result<()> {
        let target: TargetPath = path.parse()?;
        let file = self.releases.join("targets").join(target.hashed(&Sha256::of(bytes)));
        std::fs::create_dir_all(file.parent().context("a target lies in a directory")?)?;
        std::fs::write(file, bytes)?;
        self.targets(|signed| {
            let described = &mut signed["targets"][path];
            described["length"] = bytes.len().into();
            described["hashes"] = json!({ "sha256": Sha256::of(bytes).to_string() });
            change(described);
        })
    }

    /// What the targets have of this path now.
    ///
    /// # Errors
    /// When it is not there.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let (file, _) = self.newest(RoleName::Targets)?;
        let hash = file["signed"]["targets"][path]["hashes"]["sha256"].as_str().context("no such target")?;
        let target: TargetPath = path.parse()?;
        Ok(std::fs::read(self.releases.join("targets").join(target.hashed(&hash.parse()?)))?)
    }

    /// How an older version of the targets is described.
    ///
    /// # Errors
    /// When it is not there.
    pub fn old_targets(&self, version: u64) -> Result<Value> {
        Ok(meta(version, &std::fs::read(self.path(RoleName::Targets, version))?))
    }

    /// The same of the snapshot.
    ///
    /// # Errors
    /// When it is not there.
    pub fn old_snapshot(&self, version: u64) -> Result<Value> {
        Ok(meta(version, &std::fs::read(self.path(RoleName::Snapshot, version))?))
    }

    /// Signs a file that no client knows, such as that of a role of its own, and lays it beside the metadata.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn other(&self, name: &str, signed: &Value) -> Result<Vec<u8>> {
        let bytes = self.signed(RoleName::Targets, json!({ "signed": signed, "signatures": [] }))?;
        std::fs::write(self.releases.join("metadata").join(name), &bytes)?;
        Ok(bytes)
    }

    /// The key of a stranger.
    pub fn strangers_key() -> SigningKey {
        SigningKey::from_seed([66; 32])
    }

    fn rewrite(&self, role: RoleName, change: impl FnOnce(&mut Value)) -> Result<(u64, Vec<u8>)> {
        let (mut file, version) = self.newest(role)?;
        file["signed"]["version"] = (version + 1).into();
        change(&mut file["signed"]);
        let version = file["signed"]["version"].as_u64().unwrap_or(version + 1);
        Ok((version, self.write(role, version, file)?))
    }

    fn write(&self, role: RoleName, version: u64, file: Value) -> Result<Vec<u8>> {
        let bytes = self.signed(role, file)?;
        std::fs::write(self.path(role, version), &bytes)?;
        Ok(bytes)
    }

    fn signed(&self, role: RoleName, mut file: Value) -> Result<Vec<u8>> {
        let message = canonical::encode(&strict::parse(&serde_json::to_vec(&file["signed"])?, u64::MAX)?);
        let vendors = || key(&self.keys.join(format!("{role}.pem")));
        let signatures = match self.hand {
            Hand::Nobody => return Ok(serde_json::to_vec(&file)?),
            Hand::Stranger => vec![signature(&Self::strangers_key(), &message)],
            Hand::Vendor => vec![signature(&vendors()?, &message)],
            Hand::Twice => vec![signature(&vendors()?, &message); 2],
            Hand::TwiceInOtherNames => {
                let mut again = signature(&vendors()?, &message);
                again["keyid"] = Self::strangers_key().public().id().to_string().into();
                vec![signature(&vendors()?, &message), again]
            }
        };
        file["signatures"] = signatures.into();
        Ok(serde_json::to_vec(&file)?)
    }

    fn path(&self, role: RoleName, version: u64) -> PathBuf {
        self.releases.join("metadata").join(role.file_name(version))
    }

    /// The newest file of a role, and its version.
    fn newest(&self, role: RoleName) -> Result<(Value, u64)> {
        let read = |version| serde_json::from_slice::<Value>(&std::fs::read(self.path(role, version)).ok()?).ok();
        let newest = match role {
            // Its one file has no version in its name.
            RoleName::Timestamp => read(0),
            RoleName::Root | RoleName::Targets | RoleName::Snapshot => (1..).map_while(read).last(),
        };
        let newest = newest.context("nothing is published")?;
        let version = newest["signed"]["version"].as_u64().context("no version")?;
        Ok((newest, version))
    }
}

fn meta(version: u64, bytes: &[u8]) -> Value {
    json!({ "version": version, "length": bytes.len(), "hashes": { "sha256": Sha256::of(bytes).to_string() } })
}

fn signature(key: &SigningKey, message: &[u8]) -> Value {
    use ed25519_dalek::Signer as _;
    let secret = ed25519_dalek::SigningKey::from_bytes(&key.to_seed());
    json!({ "keyid": key.public().id().to_string(), "sig": hex::encode(secret.sign(message).to_bytes()) })
}
