//! The manifest: what a release is, file by file and block by block.
//!
//! Reading one checks everything that can be checked without a machine, so that a [`Manifest`] in hand is a sound one.
//! Unknown members at the top are tolerated (a newer publisher may add some); unknown kinds of anything that is acted
//! on are not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::migration::MigrationStep;
use crate::path::{Name, ReleasePath};
use crate::profile::Profile;
use crate::strict;
use crate::version::ReleaseVersion;

mod check;
mod custom;
mod rollout;

pub use check::ManifestError;
pub use custom::{Platforms, PlatformsError, Recall, RecallError, ReleaseCustom};
pub use rollout::{Percent, Rollout, RolloutError, Wave};

/// The schema that this code writes and reads. It grows when an older agent must not act on a newer manifest.
pub const SCHEMA: u32 = 1;

/// Bytes of an artifact that are hashed together: the most that is held back before it may be decompressed.
pub const BLOCK_SIZE: u64 = 1 << 20;

/// Largest manifest that is read, in bytes: the list of some 100 000 files fits.
pub const LARGEST: u64 = 32 << 20;

/// A release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// The application.
    pub product: Name,
    /// The release's version; its tag is `v` and this.
    pub version: ReleaseVersion,
    /// When it was released.
    pub release_date: jiff::Timestamp,
    /// How much it matters.
    pub severity: Severity,
    /// Whether the services must restart for it.
    pub requires_restart: bool,
    /// Whether it introduces migration steps.
    pub database_migration: bool,
    /// Whether clients must change something by hand.
    pub breaking_changes: bool,
    /// Where people find the tarball. The agent does not rely on it.
    pub download_url: String,
    /// SHA-256 of that tarball. The agent does not rely on it.
    pub checksum: Sha256,
    /// What changed, for people.
    pub changelog: Changelog,
    /// What it, and all releases before it, do to the databases.
    pub migration_steps: Vec<MigrationStep>,
    /// Whether going back from it is possible at all.
    pub rollback_supported: bool,
    /// A machine below this version goes through the releases between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_version: Option<ReleaseVersion>,
    /// Bytes of all files together.
    pub unpacked_size: u64,
    /// Every file, in the order of their paths.
    pub files: Vec<FileEntry>,
    /// The archives that hold exactly these files; an agent takes the first whose format it knows.
    pub artifacts: Vec<Artifact>,
    /// How the application lives on a machine.
    pub application: Profile,
}

/// How much a release matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Cosmetic, documentation.
    Patch,
    /// Features, small fixes.
    Minor,
    /// Important fixes or significant features.
    Major,
    /// A security hole or a loss of data: installed at once.
    Critical,
}

impl Severity {
    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What changed, under the headings of Keep a Changelog 1.1.0. One line an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "the headings of Keep a Changelog explain themselves")]
pub struct Changelog {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deprecated: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    pub fixed: Vec<String>,
    pub security: Vec<String>,
}

/// A regular file of the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileEntry {
    /// Where it lies.
    pub path: ReleasePath,
    /// Its length in bytes.
    pub size: u64,
    /// The hash of its content.
    pub sha256: Sha256,
    /// Its permissions.
    pub mode: FileMode,
}

/// The permissions of a file: nothing else can be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FileMode {
    /// Read by all, written by its owner.
    #[serde(rename = "0644")]
    Plain,
    /// The same, and run by all.
    #[serde(rename = "0755")]
    Executable,
}

impl FileMode {
    /// The permission bits, as for chmod(2).
    pub fn bits(self) -> u32 {
        match self {
            Self::Plain => 0o644,
            Self::Executable => 0o755,
        }
    }
}

/// An archive of the release's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// File name; its target path is `vX.Y.Z/` and this.
    pub name: String,
    /// How it is packed.
    pub format: Format,
    /// Its length in bytes.
    pub length: u64,
    /// The hash of the whole.
    pub sha256: Sha256,
    /// The hash of each block of [`BLOCK_SIZE`] bytes, the last one shorter.
    pub blocks: Vec<Sha256>,
}

/// How an artifact is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Format {
    /// tar in Zstandard: what agents take.
    #[serde(rename = "tar.zst")]
    TarZst,
    /// tar in gzip: for people and old tools.
    #[serde(rename = "tar.gz")]
    TarGz,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// When the bytes are no strict JSON, no manifest of this schema, or the manifest contradicts itself.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = strict::from_slice(bytes, LARGEST)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest as published: indented, one trailing newline, members in the order of this type.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest has only text keys and finite numbers");
        bytes.push(b'\n');
        bytes
    }
}
