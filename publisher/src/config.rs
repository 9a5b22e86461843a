//! `publish.toml`: what the vendor says once about the application and how it is published.
//!
//! Reading it checks names, keys and types; whether the files it names are there is for [`preflight`](crate::preflight).

use std::path::{Path, PathBuf};

use manifest_schema::migration::MigrationStep;
use manifest_schema::path::Name;
use manifest_schema::profile::Profile;
use manifest_schema::tuf::RoleName;
use manifest_schema::version::ReleaseVersion;
use serde::Deserialize;

use crate::destination::{Destination, DestinationError};
use crate::disk::{self, DiskError};

/// Its file name.
pub const FILE: &str = "publish.toml";

/// The directory beside it that holds the published roots. The vendor commits it.
pub const ROOTS: &str = ".surefoot";

/// Larger files are no configuration.
const LARGEST: u64 = 1 << 20;

/// What `publish.toml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The application; part of the archives' names.
    pub product: Name,
    /// The channels that a release appears in.
    #[serde(default = "stable")]
    pub channels: Vec<Name>,
    /// Where releases go: directories, from this file's directory, and `github:OWNER/REPO`.
    #[serde(default)]
    pub to: Vec<String>,
    /// The directory with the private keys, from this file's directory.
    #[serde(default = "keys")]
    pub keys: PathBuf,
    /// The URL under which people find `v1.1.0/NAME-v1.1.0.tar.gz`. Agents do not need it.
    #[serde(default)]
    pub targets_url: Option<String>,
    /// A machine below this version goes through the releases between.
    #[serde(default)]
    pub minimum_version: Option<ReleaseVersion>,
    /// How long signed metadata is valid.
    #[serde(default)]
    pub expiry: Expiry,
    /// GitHub, where it is not github.com.
    #[serde(default)]
    pub github: GitHub,
    /// How the application lives on a machine.
    #[serde(default)]
    pub application: Profile,
    /// The migration steps of this and all earlier releases, in their order.
    #[serde(default)]
    pub migrations: Vec<MigrationStep>,
}

/// How long signed metadata is valid, in days.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expiry {
    /// The root role.
    pub root_days: u16,
    /// The targets role.
    pub targets_days: u16,
    /// The snapshot role.
    pub snapshot_days: u16,
    /// The timestamp role: how long a client that is fed old metadata does not notice.
    pub timestamp_days: u16,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { root_days: 365, targets_days: 180, snapshot_days: 30, timestamp_days: 14 }
    }
}

impl Expiry {
    /// The days of a role.
    pub fn of(&self, role: RoleName) -> u16 {
        match role {
            RoleName::Root => self.root_days,
            RoleName::Targets => self.targets_days,
            RoleName::Snapshot => self.snapshot_days,
            RoleName::Timestamp => self.timestamp_days,
        }
    }
}

/// The base URLs of a GitHub Enterprise Server. All three or none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GitHub {
    /// Instead of `https://api.github.com`.
    pub api: Option<url::Url>,
    /// Instead of `https://uploads.github.com`.
    pub uploads: Option<url::Url>,
    /// Instead of `https://github.com`.
    pub downloads: Option<url::Url>,
}

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing.
    #[error("{} does not exist: run `publish init` in the application's directory first", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is not TOML, or has an unknown key or a wrong value.
    #[error("{} is not valid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        source: toml::de::Error,
    },
    /// `to` names no repository.
    #[error("{}: to", path.display())]
    Destination {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DestinationError,
    },
    /// Metadata that is never valid.
    #[error("{}: expiry: every number of days must be at least 1", .0.display())]
    Expiry(PathBuf),
}

impl Config {
    /// Reads `publish.toml` in `directory`.
    ///
    /// # Errors
    /// When it is missing, or says anything that is not understood.
    pub fn read(directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join(FILE);
        let text = disk::read_text(&path, LARGEST)?.ok_or_else(|| ConfigError::Missing(path.clone()))?;
        let config: Self =
            toml::from_str(&text).map_err(|source| ConfigError::Invalid { path: path.clone(), source })?;
        let days = config.expiry;
        if [days.root_days, days.targets_days, days.snapshot_days, days.timestamp_days].contains(&0) {
            return Err(ConfigError::Expiry(path));
        }
        config.destinations(directory)?;
        Ok(config)
    }

    /// Where releases go when the command line says nothing.
    ///
    /// # Errors
    /// When `to` names no repository.
    pub fn destinations(&self, directory: &Path) -> Result<Vec<Destination>, ConfigError> {
        let parse = |text: &String| match text.parse::<Destination>() {
            Ok(destination) => Ok(destination.from_base(directory)),
            Err(source) => Err(ConfigError::Destination { path: directory.join(FILE), source }),
        };
        self.to.iter().map(parse).collect()
    }
}

fn stable() -> Vec<Name> {
    vec!["stable".parse().expect("stable is a legal name")]
}

fn keys() -> PathBuf {
    PathBuf::from("keys")
}
