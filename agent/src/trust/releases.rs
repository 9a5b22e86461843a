//! What verified metadata says of releases, and the manifests that it names.

use manifest_schema::manifest::{LARGEST, Manifest, ReleaseCustom};
use manifest_schema::tuf::{RoleName, TargetPath, Verified};
use manifest_schema::version::ReleaseVersion;

use super::named;
use super::{Lent, Trust, TrustError, read};
use crate::decide::{Candidate, Releases};
use crate::durable;

impl Trust {
    /// Every release that the current metadata names. Call after [`Trust::refresh`] or [`Trust::resume`].
    pub fn releases(&self) -> Releases {
        self.repository.targets().map_or_else(Releases::default, |targets| named::releases(targets))
    }

    /// Every release that the newest metadata names which was ever verified here, expired or not: to be told, never to be
    /// acted on.
    pub fn releases_known(&self) -> Releases {
        self.repository.known_targets().map_or_else(Releases::default, |targets| named::releases(targets))
    }

    /// The manifest of a release: the stored one, or fetched and stored.
    ///
    /// # Errors
    /// When the metadata does not name it, it is not what was signed, or it contradicts what is signed of it.
    pub fn manifest(&self, release: &Candidate, source: Option<Lent<'_>>) -> Result<Verified<Manifest>, TrustError> {
        let path = manifest_path(&release.custom.version);
        let signed = self.repository.target(&path).map_err(TrustError::Refused)?;
        let store = self.directory.join("manifests").join(format!("{}.json", signed.sha256));
        // One that is damaged on the disk is as good as none.
        let kept =
            read(&store, LARGEST).ok().flatten().and_then(|bytes| self.repository.verify_target(&path, bytes).ok());
        let (bytes, is_new) = match (kept, source) {
            (Some(bytes), _) => (bytes, false),
            (None, Some(source)) => (self.target(&path, source)?, true),
            (None, None) => {
                return Err(TrustError::Missing(format!(
                    "stored manifest of {}: run surefoot check",
                    release.custom.version
                )));
            }
        };
        let manifest = bytes
            .parse(Manifest::read)
            .map_err(|source| TrustError::Manifest { version: release.custom.version.to_string(), source })?;
        agrees(&manifest, &release.custom)?;
        if is_new {
            durable::make_dirs(&self.directory.join("manifests"), 0o755).map_err(TrustError::Store)?;
            durable::write_over(&store, &bytes, 0o644).map_err(TrustError::Store)?;
        }
        Ok(manifest)
    }

    /// Where the source has an artifact of a release, as signed.
    ///
    /// # Errors
    /// When the metadata does not name it or disagrees with the manifest.
    pub fn artifact_path(
        &self,
        version: &ReleaseVersion,
        artifact: &crate::plan::ArtifactRef,
    ) -> Result<String, TrustError> {
        let path = target_path(&format!("{}/{}", version.tag(), artifact.name));
        let signed = self.repository.target(&path).map_err(TrustError::Refused)?;
        if (signed.length, signed.sha256) == (artifact.length, artifact.sha256) {
            Ok(path.hashed(&signed.sha256))
        } else {
            Err(TrustError::Contradiction {
                version: version.to_string(),
                reason: format!("the manifest and the metadata disagree on {}", artifact.name),
            })
        }
    }

    /// The bytes of a target, fetched and verified as a whole: for small files.
    ///
    /// # Errors
    /// When the current metadata does not name it, or what the source gives is not what was signed.
    pub fn target(&self, path: &TargetPath, source: Lent<'_>) -> Result<Verified<Vec<u8>>, TrustError> {
        let signed = self.repository.target(path).map_err(TrustError::Refused)?;
        let bytes = fetch(source, &path.hashed(&signed.sha256), signed.length)?;
        self.repository.verify_target(path, bytes).map_err(TrustError::Refused)
    }

    /// The time that counts while this machine's clock says `now`: never before what was verified here was signed.
    pub fn now(&self, now: jiff::Timestamp) -> jiff::Timestamp {
        self.repository.not_before_signing(now)
    }

    /// Whether what is trusted has expired, so that nothing is installed until newer metadata comes.
    pub fn is_stale(&self, now: jiff::Timestamp) -> bool {
        self.expires().is_some_and(|expires| expires <= self.now(now))
    }

    /// The newest expiry known of the metadata that expires first, for status.
    pub fn expires(&self) -> Option<jiff::Timestamp> {
        [RoleName::Root, RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp]
            .into_iter()
            .filter_map(|role| self.repository.known(role))
            .map(|(_, expires)| expires)
            .min()
    }
}

pub(super) fn manifest_path(version: &ReleaseVersion) -> TargetPath {
    target_path(&format!("{}/manifest.json", version.tag()))
}

fn target_path(text: &str) -> TargetPath {
    text.parse().expect("a version and the checked name of an artifact make a target path")
}

fn fetch(source: Lent<'_>, hashed: &str, length: u64) -> Result<Vec<u8>, TrustError> {
    let mut bytes = Vec::new();
    let length = length.min(LARGEST);
    source
        .target(hashed, 0, length, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })
        .map_err(TrustError::Source)?;
    Ok(bytes)
}

fn agrees(manifest: &Manifest, custom: &ReleaseCustom) -> Result<(), TrustError> {
    let differs = |what: &str| {
        Err(TrustError::Contradiction {
            version: custom.version.to_string(),
            reason: format!("the manifest and the metadata disagree on its {what}"),
        })
    };
    if manifest.version != custom.version {
        return differs("version");
    }
    if manifest.product != custom.product {
        return differs("product");
    }
    if manifest.severity != custom.severity {
        return differs("severity");
    }
    if manifest.minimum_version != custom.minimum_version {
        return differs("minimum version");
    }
    if manifest.rollback_supported != custom.rollback_supported {
        return differs("way back");
    }
    Ok(())
}
