//! What somebody can do who has the vendor's keys, by mistake or by theft: sign what `publish` would never have signed.

use std::path::Path;

use anyhow::Context;
use jiff::ToSpan;
use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{Artifact, BLOCK_SIZE, Format};
use manifest_schema::tuf::{
    Expiry, MetaFile, Role, RoleName, SigningKey, Snapshot, TargetDescription, TargetPath, Targets, Timestamp,
    TrustedRepository, sign,
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};

use super::Vendor;

/// An archive of a vendor's who has not looked at what is in it.
pub enum Packed {
    /// In Zstandard.
    Zst(Vec<u8>),
    /// In gzip.
    Gz(Vec<u8>),
}

impl Packed {
    /// As it is published.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Zst(bytes) | Self::Gz(bytes) => bytes,
        }
    }

    /// As a manifest describes it.
    pub fn artifact(&self, stem: &str) -> Artifact {
        let (format, ending) = match self {
            Self::Zst(_) => (Format::TarZst, "tar.zst"),
            Self::Gz(_) => (Format::TarGz, "tar.gz"),
        };
        let bytes = self.bytes();
        let block = usize::try_from(BLOCK_SIZE).expect("a block fits into memory");
        Artifact {
            name: format!("{stem}.{ending}"),
            format,
            length: bytes.len() as u64,
            sha256: Sha256::of(bytes),
            blocks: bytes.chunks(block).map(Sha256::of).collect(),
        }
    }
}

impl Vendor {
    /// Changes a release's manifest and signs everything anew with the vendor's own keys.
    ///
    /// # Errors
    /// When what is published does not verify, or cannot be written.
    pub fn resign(&self, version: &str, change: impl FnOnce(&mut serde_json::Value)) -> anyhow::Result<()> {
        self.resign_with(version, None, change)
    }

    fn resign_with(
        &self,
        version: &str,
        artifact: Option<(TargetPath, TargetDescription)>,
        change: impl FnOnce(&mut serde_json::Value),
    ) -> anyhow::Result<()> {
        let published = self.published()?;
        let path: TargetPath = format!("v{version}/manifest.json").parse()?;
        let mut targets = published.targets().context("no targets")?.clone().into_inner();
        let old = targets.targets.get(&path).context("no such release")?.clone();
        let mut manifest = serde_json::from_slice(&std::fs::read(self.target(&path, &old.sha256))?)?;
        change(&mut manifest);
        let bytes = serde_json::to_vec(&manifest)?;
        let new = TargetDescription { custom: old.custom, ..TargetDescription::of(&bytes) };
        std::fs::write(self.target(&path, &new.sha256), &bytes)?;
        targets.targets.insert(path, new);
        targets.targets.extend(artifact);
        let version = |role| published.known(role).map_or(1, |(version, _)| version + 1);
        self.sign(targets, version(RoleName::Targets), version(RoleName::Snapshot), version(RoleName::Timestamp))
    }

    /// Gives a release another archive, its only one, and signs everything anew with the vendor's own keys.
    ///
    /// # Errors
    /// As [`resign`](Self::resign).
    pub fn repack(&self, version: &str, packed: &Packed) -> anyhow::Result<()> {
        let artifact = packed.artifact(&format!("notes-v{version}"));
        let path: TargetPath = format!("v{version}/{}", artifact.name).parse()?;
        let description = TargetDescription::of(packed.bytes());
        std::fs::write(self.target(&path, &description.sha256), packed.bytes())?;
        let artifacts = serde_json::to_value([artifact])?;
        self.resign_with(version, Some((path, description)), |manifest| manifest["artifacts"] = artifacts)
    }

    fn sign(&self, mut targets: Targets, version: u64, snapshot: u64, timestamp: u64) -> anyhow::Result<()> {
        let expires = jiff::Timestamp::now() + (7 * 24).hours();
        (targets.version, targets.expires) = (version, expires);
        let bytes = self.write(version, &targets)?;
        let bytes = self.write(snapshot, &Snapshot::new(snapshot, expires, MetaFile::of(version, &bytes)))?;
        let timestamp =
            Timestamp { version: timestamp, expires, signed_at: None, snapshot: MetaFile::of(snapshot, &bytes) };
        self.write(timestamp.version, &timestamp).map(drop)
    }

    fn write<R: Role>(&self, version: u64, metadata: &R) -> anyhow::Result<Vec<u8>> {
        let key = key(&self.checkout().join(format!("keys/{}.pem", R::NAME)))?;
        let bytes = sign(metadata, &[&key])?;
        std::fs::write(self.metadata().join(R::NAME.file_name(version)), &bytes)?;
        Ok(bytes)
    }

    /// Where the published metadata is.
    pub fn metadata(&self) -> std::path::PathBuf {
        self.releases().join("metadata")
    }

    /// Where the source has a target.
    fn target(&self, path: &TargetPath, sha256: &Sha256) -> std::path::PathBuf {
        self.releases().join("targets").join(path.hashed(sha256))
    }

    fn published(&self) -> anyhow::Result<TrustedRepository> {
        let file = |role: RoleName, version| std::fs::read(self.metadata().join(role.file_name(version)));
        let now = Expiry::Enforce(jiff::Timestamp::now());
        let mut trusted = TrustedRepository::from_root(&std::fs::read(self.root())?, None)?;
        let _ = trusted.update_timestamp(&file(RoleName::Timestamp, 0)?, now)?;
        let wanted = trusted.wanted_snapshot().context("no snapshot")?;
        trusted.update_snapshot(&file(RoleName::Snapshot, wanted.version)?, now)?;
        let wanted = trusted.wanted_targets().context("no targets")?;
        trusted.update_targets(&file(RoleName::Targets, wanted.version)?, now)?;
        Ok(trusted)
    }
}

/// An unencrypted key: PKCS#8 of version 1 ends with the 32 bytes of the seed (RFC 8410).
pub(super) fn key(path: &Path) -> anyhow::Result<SigningKey> {
    let der = PrivatePkcs8KeyDer::from_pem_file(path).with_context(|| path.display().to_string())?;
    let seed = der.secret_pkcs8_der().last_chunk::<32>().context("no seed")?;
    Ok(SigningKey::from_seed(*seed))
}
