//! Drills for the loss and the theft of keys, from both sides: the vendor's commands as a vendor runs them, and what a client
//! makes of it that trusted the old keys. python-tuf follows beside it and must come to the same verdict; tough reads what is accepted.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod loss;
mod root;
mod theft;
mod threshold;

use std::path::PathBuf;

use manifest_schema::tuf::RoleName;
use serde_json::Value;
use surefoot_tests::notes::{Change, World};
use surefoot_tests::oracle;
use tempfile::TempDir;

type Outcome = anyhow::Result<()>;

/// The highest version that there is: what a thief sets to make everything that follows look old.
const USED_UP: u64 = (1 << 53) - 1;

/// A vendor who has published 1.0.0, and two clients that trust it.
struct Drill {
    world: World,
    python: TempDir,
}

impl Drill {
    fn new() -> anyhow::Result<Self> {
        let drill = Self { world: World::installed()?, python: tempfile::tempdir()? };
        drill.is_accepted()?;
        Ok(drill)
    }

    /// `publish VERB … --to` where releases go.
    fn publish(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let to = self.world.vendor.releases().display().to_string();
        self.world.vendor.publish(&[arguments, &["--to", &to]].concat())
    }

    /// `publish keys …`, new keys without a passphrase.
    fn keys(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.world.vendor.publish(&[&["keys"], arguments, &["--no-passphrase"]].concat())
    }

    /// What `publish` says where it must refuse.
    fn refuses(&self, said: anyhow::Result<String>, words: &str) {
        let said = said.expect_err("publish must refuse").to_string();
        assert!(said.contains(words), "{words:?} is not said: {said}");
    }

    /// Loses a key that `publish init` made.
    fn lose(&self, role: &str) -> Outcome {
        let key = self.world.vendor.checkout().join(format!("keys/{role}"));
        std::fs::remove_file(key.with_extension("pem"))?;
        Ok(std::fs::remove_file(key.with_extension("pub"))?)
    }

    /// The id of the first key of a role in a root of the checkout.
    fn key_of(&self, role: &str, root: u64) -> anyhow::Result<String> {
        let path = self.world.vendor.checkout().join(format!(".surefoot/{root}.root.json"));
        let root: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        Ok(root["signed"]["roles"][role]["keyids"][0].as_str().unwrap().to_owned())
    }

    /// Both clients take what is published. Answers the versions of the roles, which both see alike.
    fn is_accepted(&self) -> anyhow::Result<Value> {
        self.world.client.surefoot(&["check"])?.well()?;
        let theirs = oracle::follows(self.python.path(), self.world.vendor.releases())?;
        let theirs = theirs.unwrap_or_else(|refusal| panic!("python-tuf refuses it: {refusal}"));
        for role in RoleName::ALL {
            let stored = self.world.client.state().join(format!("trust/{role}.json"));
            // The first root is the pinned file, and a later one is stored.
            let first = role == RoleName::Root && !stored.exists();
            let stored = if first { self.world.vendor.root() } else { stored };
            let ours: Value = serde_json::from_slice(&std::fs::read(stored)?)?;
            assert_eq!(ours["signed"]["version"], theirs["versions"][role.as_str()], "{role}");
        }
        // Whoever comes now, with nothing but the first root, takes it too, and every target of it.
        let fresh = oracle::reads(self.world.vendor.releases())?;
        assert!(fresh.is_ok(), "{fresh:?}");
        assert_eq!(oracle::tough::reads(self.world.vendor.releases())?, fresh, "tough and python-tuf");
        Ok(theirs["versions"].clone())
    }

    /// Neither client takes what is published.
    fn is_refused(&self) -> Outcome {
        self.world.client.surefoot(&["check"])?.says(5, "")?;
        let theirs = oracle::follows(self.python.path(), self.world.vendor.releases())?;
        assert!(theirs.is_err(), "python-tuf takes it: {theirs:?}");
        Ok(())
    }

    /// A release goes from the vendor to the client.
    fn goes_on(&mut self, version: &str) -> Outcome {
        self.world.vendor.release(version, "Life goes on", Change::default())?;
        self.world.client.surefoot(&["update"])?.says(0, &format!("{version} is installed"))?;
        self.is_accepted()?;
        self.world.serves(version, 3)
    }

    /// The published metadata, to be put back after a thief has been at it.
    fn kept(&self) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
        let files = std::fs::read_dir(self.world.vendor.metadata())?.map(|entry| Ok(entry?.path()));
        files
            .map(|path: anyhow::Result<PathBuf>| path.and_then(|path| Ok((path.clone(), std::fs::read(path)?))))
            .collect()
    }

    fn put_back(&self, kept: &[(PathBuf, Vec<u8>)]) -> Outcome {
        std::fs::remove_dir_all(self.world.vendor.metadata())?;
        std::fs::create_dir(self.world.vendor.metadata())?;
        kept.iter().try_for_each(|(path, bytes)| Ok(std::fs::write(path, bytes)?))
    }
}
