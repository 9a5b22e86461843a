//! The application's profile: how the application lives on a machine, told once by its vendor and signed with each
//! release. A client's configuration adds only where it lives, as which user, and what must be named differently.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::migration::main_database;
use crate::path::{Name, ReleasePath};

/// How the application lives on a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// Its services in the order in which they start; they stop in the reverse order.
    pub services: Vec<Service>,
    /// What survives an update.
    pub keep: Vec<Kept>,
    /// Its databases.
    pub databases: Vec<Database>,
    /// The vendor's own commands.
    pub hooks: Hooks,
    /// When it counts as healthy.
    pub health: Health,
}

/// One service. Which fields count is decided by the service manager that the client names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The name by which a client's configuration overrides it.
    pub name: Name,
    /// systemd: the unit, such as `kkt-web.service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// systemd: a unit file in the release that is installed under the unit's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_file: Option<ReleasePath>,
    /// command: starts the service in the background and returns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub start: Vec<String>,
    /// command: stops it and returns when it has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// command: the file with the process id of the running service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid_file: Option<ReleasePath>,
}

/// A file or directory that survives an update: it lives beside the releases and is linked into each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Where the application sees it.
    pub path: ReleasePath,
    /// What it is when it does not exist yet.
    #[serde(rename = "type")]
    pub kind: KeptType,
    /// Whether the backup before an update holds a copy.
    #[serde(default = "yes")]
    pub backup: bool,
}

/// What a surviving path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeptType {
    /// A regular file, such as `.env`.
    File,
    /// A directory, such as `uploads`; made empty on a first install.
    Directory,
}

/// A database of the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Database {
    /// The name by which migration steps refer to it.
    #[serde(default = "main_database")]
    pub name: Name,
    /// Which kind it is and where it is found.
    #[serde(flatten)]
    pub kind: DatabaseKind,
}

/// The kinds of database that the agent can back up and bring back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum DatabaseKind {
    /// PostgreSQL, by a URL in libpq's or SQLAlchemy's form.
    Postgresql {
        /// Where the URL is found.
        url: Setting,
    },
    /// An SQLite file.
    Sqlite {
        /// The file, below a surviving path.
        path: ReleasePath,
    },
    /// Anything else, by the vendor's commands. Both get the backup's directory in `SUREFOOT_BACKUP`.
    Command {
        /// Writes a backup into the directory.
        backup: Vec<String>,
        /// Brings the backup back; it must succeed however often it is run.
        restore: Vec<String>,
        /// Time limit of each, in seconds.
        #[serde(default = "half_an_hour")]
        timeout_seconds: u64,
    },
}

/// A setting in one of the application's own files, so that a secret is written in one place only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// A file of `KEY=value` lines, such as `.env`.
    pub file: ReleasePath,
    /// The key, such as `DATABASE_URL`.
    pub key: String,
}

/// The vendor's own commands, run as the application's user in the release's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hooks {
    /// Builds what the release needs (a venv, a bundle) while the old version serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepare: Option<Command>,
}

/// A command of the vendor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Program and arguments. A relative program is looked up in the release's directory.
    pub run: Vec<String>,
    /// Time limit in seconds.
    #[serde(default = "half_an_hour")]
    pub timeout_seconds: u64,
}

/// When the application counts as healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// All must pass. That the services run is always checked and need not be listed.
    pub checks: Vec<Check>,
    /// Seconds within which it must be healthy for the first time after a start.
    pub start_within_seconds: u64,
    /// Seconds for which it must then stay healthy before the update is final.
    pub soak_seconds: u64,
    /// Seconds between two samples.
    pub interval_seconds: u64,
    /// Failed samples in a row that end the soak.
    pub failures: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self { checks: Vec::new(), start_within_seconds: 60, soak_seconds: 30, interval_seconds: 1, failures: 3 }
    }
}

/// One health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// The name by which a client's configuration overrides it.
    pub name: Name,
    /// Seconds after which one try has failed.
    #[serde(default = "five_seconds")]
    pub timeout_seconds: u64,
    /// What is checked.
    #[serde(flatten)]
    pub kind: CheckKind,
}

/// What a health check looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum CheckKind {
    /// `GET` of a URL on this machine.
    Http {
        /// The URL; its host must be a loopback address.
        url: String,
        /// The status that counts as healthy.
        #[serde(default = "http_ok")]
        status: u16,
        /// Members that the JSON object in the answer must have, with these texts.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        json: BTreeMap<String, String>,
    },
    /// A TCP connection is accepted.
    Tcp {
        /// `HOST:PORT`.
        address: String,
    },
    /// A command of the vendor's exits with 0.
    Command {
        /// Program and arguments.
        run: Vec<String>,
    },
}

impl Profile {
    /// The database of this name.
    pub fn database(&self, name: &Name) -> Option<&Database> {
        self.databases.iter().find(|database| database.name == *name)
    }

    /// The surviving path that `path` is or lies below.
    pub fn kept(&self, path: &ReleasePath) -> Option<&Kept> {
        self.keep.iter().find(|kept| path.is_within(&kept.path))
    }
}

fn yes() -> bool {
    true
}

fn half_an_hour() -> u64 {
    1800
}

fn five_seconds() -> u64 {
    5
}

fn http_ok() -> u16 {
    200
}
