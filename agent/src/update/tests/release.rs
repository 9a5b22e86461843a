//! Releases of an application as small as one can be: a few files, migrations in SQLite, two services.

use std::collections::BTreeMap;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::{
    Artifact, BLOCK_SIZE, Changelog, FileEntry, FileMode, Format, Manifest, SCHEMA, Severity,
};
use manifest_schema::migration::MigrationStep;
use manifest_schema::profile::Profile;
use manifest_schema::version::ReleaseVersion;
use serde_json::json;

use super::repository::now;
use crate::program;

/// A release, ready to be published.
#[derive(Clone)]
pub(crate) struct Release {
    pub(crate) manifest: Manifest,
    pub(crate) artifact: Vec<u8>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// One migration of a release.
pub(crate) struct Migration {
    pub(crate) sql: &'static str,
    pub(crate) compatible: bool,
    pub(crate) kind: Kind,
}

/// How it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SQL, in one transaction.
    Transaction,
    /// SQL, statement by statement.
    Statements,
    /// By a command of the vendor's.
    Command,
}

/// What the application's vendor says of it.
pub(crate) fn profile() -> Profile {
    serde_json::from_value(json!({
        "services": [{ "name": "web" }, { "name": "bot" }],
        "keep": [
            { "path": ".env", "type": "file" },
            { "path": "uploads", "type": "directory" },
            { "path": "data", "type": "directory", "backup": false },
        ],
        "databases": [{ "type": "sqlite", "path": "data/app.db" }],
        "hooks": { "prepare": { "run": ["bin/build"] } },
        "health": {
            "checks": [{ "name": "alive", "type": "http", "url": "http://127.0.0.1:1/health" }],
            "start_within_seconds": 3, "soak_seconds": 12, "failures": 2,
        },
    }))
    .unwrap()
}

impl Release {
    pub(crate) fn new(version: &str, migrations: &[Migration]) -> Self {
        let mut files = BTreeMap::from([
            ("VERSION".to_owned(), format!("{version}\n").into_bytes()),
            ("bin/build".to_owned(), b"#!/bin/sh\necho $SUREFOOT_VERSION > built\n".to_vec()),
            ("lib/deep/er/code.py".to_owned(), format!("print('{version}')\n").into_bytes()),
        ]);
        let mut steps = Vec::new();
        for (number, migration) in migrations.iter().enumerate() {
            let (sql, script) = (format!("migrations/{number}.sql"), format!("migrations/{number}"));
            files.insert(script.clone(), apply(&sql).into_bytes());
            files.insert(sql.clone(), migration.sql.as_bytes().to_vec());
            steps.push(step(version, if migration.kind == Kind::Command { &script } else { &sql }, migration));
        }
        Self::of(version, files, steps)
    }

    /// A release of these files.
    pub(crate) fn of(version: &str, files: BTreeMap<String, Vec<u8>>, steps: Vec<MigrationStep>) -> Self {
        let artifact = zstd::encode_all(&pack(&files)[..], 3).unwrap();
        let manifest = manifest(version.parse().unwrap(), &files, &artifact, steps);
        manifest.check().unwrap();
        Self { manifest, artifact, files }
    }

    pub(crate) fn version(&self) -> &ReleaseVersion {
        &self.manifest.version
    }
}

/// The vendor's own client for its SQL.
fn apply(sql: &str) -> String {
    let program = program::own_for_others();
    format!("#!/bin/sh\nexec {} internal sqlite {sql} \"$SUREFOOT_DATABASE\"\n", program.display())
}

fn step(version: &str, file: &str, migration: &Migration) -> MigrationStep {
    serde_json::from_value(json!({
        "version": version, "file": file, "description": "changes something",
        "type": if migration.kind == Kind::Command { "command" } else { "sql" },
        "transaction": migration.kind != Kind::Statements,
        "compatible_with_previous": migration.compatible,
    }))
    .unwrap()
}

fn mode(path: &str) -> FileMode {
    let is_program = path.starts_with("bin/") || (path.starts_with("migrations/") && !path.contains('.'));
    if is_program { FileMode::Executable } else { FileMode::Plain }
}

fn pack(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_path(path).unwrap();
        header.set_size(content.len() as u64);
        header.set_mode(mode(path).bits());
        header.set_cksum();
        archive.append(&header, &content[..]).unwrap();
    }
    archive.into_inner().unwrap()
}

fn manifest(
    version: ReleaseVersion,
    files: &BTreeMap<String, Vec<u8>>,
    artifact: &[u8],
    migration_steps: Vec<MigrationStep>,
) -> Manifest {
    let entry = |(path, content): (&String, &Vec<u8>)| FileEntry {
        path: path.parse().unwrap(),
        size: content.len() as u64,
        sha256: Sha256::of(content),
        mode: mode(path),
    };
    Manifest {
        schema: SCHEMA,
        product: "kkt".parse().unwrap(),
        release_date: now(),
        severity: Severity::Minor,
        requires_restart: true,
        database_migration: migration_steps.iter().any(|step| step.version == version),
        breaking_changes: false,
        download_url: "https://example.org/kkt.tar.gz".to_owned(),
        checksum: Sha256::of(b""),
        changelog: Changelog::default(),
        migration_steps,
        rollback_supported: true,
        minimum_version: None,
        unpacked_size: files.values().map(|content| content.len() as u64).sum(),
        files: files.iter().map(entry).collect(),
        artifacts: vec![Artifact {
            name: format!("kkt-v{version}.tar.zst"),
            format: Format::TarZst,
            length: artifact.len() as u64,
            sha256: Sha256::of(artifact),
            blocks: artifact.chunks(usize::try_from(BLOCK_SIZE).unwrap()).map(Sha256::of).collect(),
        }],
        application: profile(),
        version,
    }
}
