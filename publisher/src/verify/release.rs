//! One release beyond its bytes: the manifest agrees with the metadata, and the archives with the manifest.

use manifest_schema::manifest::{Manifest, ReleaseCustom};
use manifest_schema::tuf::{TargetDescription, TrustedRepository};
use manifest_schema::version::ReleaseVersion;

use super::finding::Finding;
use super::source::Source;
use super::{VerifyError, archive, target};

/// The manifest of one release against its path, what is signed with it, and its archives.
pub(super) fn check(
    source: &mut dyn Source,
    trusted: &TrustedRepository,
    version: &ReleaseVersion,
) -> Result<Vec<Finding>, VerifyError> {
    let path = crate::release::manifest_path(version);
    let description = trusted.target(&path).cloned();
    let description =
        description.map_err(|error| VerifyError::NotTrusted { source_name: source.name(), source: Box::new(error) })?;
    let bytes = target::bytes(source, &path, &description)?;
    let manifest = trusted
        .verify_target(&path, bytes)
        .map_err(|error| Finding::Changed { path: path.to_string(), source: Box::new(error) })
        .and_then(|bytes| {
            bytes.parse(Manifest::read).map_err(|source| Finding::Manifest { path: path.to_string(), source })
        });
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(finding) => return Ok(vec![finding]),
    };
    let mut findings = disagreements(&manifest, version, &description);
    for artifact in &manifest.artifacts {
        findings.extend(archive::check(source, trusted, &manifest, artifact)?);
    }
    Ok(findings)
}

/// Where the manifest says something else than what is signed beside it, which a client decides on.
fn disagreements(manifest: &Manifest, version: &ReleaseVersion, description: &TargetDescription) -> Vec<Finding> {
    let disagrees = |what| Finding::Disagrees { version: version.clone(), what };
    let custom = description.custom.as_ref().and_then(|custom| custom.to::<ReleaseCustom>().ok());
    let Some(custom) = custom else {
        return vec![disagrees("what is signed with it cannot be read")];
    };
    let checks = [
        (manifest.version == *version && custom.version == *version, "its version"),
        (manifest.product == custom.product, "its product"),
        (manifest.severity == custom.severity, "its severity"),
        (manifest.release_date == custom.released_at, "its release date"),
        (manifest.minimum_version == custom.minimum_version, "its minimum version"),
        (manifest.rollback_supported == custom.rollback_supported, "whether it can be rolled back"),
        (manifest.database_migration == custom.database_migration, "whether it migrates"),
    ];
    checks.into_iter().filter(|(agrees, _)| !agrees).map(|(_, what)| disagrees(what)).collect()
}
