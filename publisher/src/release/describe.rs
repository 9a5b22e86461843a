//! The manifest of a release, and what is signed about it for an agent that decides without reading one.

use manifest_schema::manifest::{Artifact, Format, Manifest, ReleaseCustom, SCHEMA};
use manifest_schema::strict::{self, Value};
use manifest_schema::version::ReleaseVersion;

use super::{Decisions, ReleaseError};
use crate::block::Hashed;
use crate::config::Config;
use crate::pack::Packed;
use crate::preflight::Ready;

pub(super) fn manifest(
    ready: &Ready,
    config: &Config,
    version: &ReleaseVersion,
    decisions: &Decisions,
    packed: &Packed,
) -> Result<Manifest, ReleaseError> {
    let release_date =
        jiff::Timestamp::from_second(ready.commit_time).map_err(|_| ReleaseError::CommitTime(ready.commit_time))?;
    let artifacts: Vec<Artifact> = packed.archives.iter().map(artifact).collect();
    let for_people = artifacts.iter().find(|artifact| artifact.format == Format::TarGz);
    let for_people = for_people.expect("a tar.gz is always packed");
    Ok(Manifest {
        schema: SCHEMA,
        product: config.product.clone(),
        version: version.clone(),
        release_date,
        severity: decisions.severity,
        requires_restart: !config.application.services.is_empty(),
        database_migration: config.migrations.iter().any(|step| step.version == *version),
        breaking_changes: decisions.breaking,
        download_url: download_url(decisions.targets_url.as_deref(), version, &for_people.name),
        checksum: for_people.sha256,
        changelog: ready.section.changes.clone(),
        migration_steps: config.migrations.clone(),
        rollback_supported: decisions.rollback_supported,
        minimum_version: decisions.minimum_version.clone(),
        unpacked_size: packed.files.iter().map(|file| file.size).sum(),
        files: packed.files.clone(),
        artifacts,
        application: config.application.clone(),
    })
}

/// Without a base it is a name only: a URL relative to the manifest's own, right wherever the files are served.
fn download_url(base: Option<&str>, version: &ReleaseVersion, name: &str) -> String {
    match base {
        Some(base) => format!("{}/{}/{name}", base.trim_end_matches('/'), version.tag()),
        None => name.to_owned(),
    }
}

fn artifact(archive: &Hashed) -> Artifact {
    let name = archive.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let format = if name.ends_with(".tar.zst") { Format::TarZst } else { Format::TarGz };
    Artifact { name, format, length: archive.length, sha256: archive.sha256, blocks: archive.blocks.clone() }
}

pub(super) fn custom(manifest: &Manifest, decisions: &Decisions) -> Value {
    let custom = ReleaseCustom {
        product: manifest.product.clone(),
        version: manifest.version.clone(),
        channels: decisions.channels.clone(),
        severity: manifest.severity,
        released_at: manifest.release_date,
        minimum_version: manifest.minimum_version.clone(),
        rollback_supported: manifest.rollback_supported,
        database_migration: manifest.database_migration,
        platforms: decisions.platforms.clone(),
        rollout: decisions.rollout.clone(),
        withdrawn: None,
        recall: None,
        security_floor: decisions.security_floor.clone(),
    };
    let bytes = serde_json::to_vec(&custom).expect("it has text keys only");
    strict::parse(&bytes, u64::MAX).expect("it has neither floats nor control characters")
}
