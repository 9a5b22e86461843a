//! What a configuration file may say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use manifest_schema::digest::Sha256;
use manifest_schema::manifest::Severity;
use manifest_schema::path::Name;
use serde::Deserialize;

use crate::plan::Manager;
use crate::store::Stubborn;

/// `/etc/surefoot/NAME.toml` with its drop-ins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The application, as its vendor names it.
    pub product: Name,
    /// The directory that the application's units name.
    pub directory: PathBuf,
    /// From where releases come: `github:OWNER/REPO`, `https://…`, or a directory.
    pub source: String,
    /// Other places that have the same releases, in the form of `source`: asked too, in this order.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// The login name of the application's user. Without root it is always the agent's own.
    pub user: Option<String>,
    /// The group of those who may ask the agent to check, update and take back this instance, besides root.
    pub group: Option<String>,
    /// Which GitHub `github:` is about, and with which token it is asked.
    #[serde(default)]
    pub github: GitHubFile,
    /// The vendor's `root.json`; relative to the configuration's directory. `NAME.root.json` unless named.
    pub root: Option<PathBuf>,
    /// SHA-256 of that file, as the vendor tells it.
    pub root_fingerprint: Option<Sha256>,
    /// Who starts and stops the services.
    #[serde(default = "systemd")]
    pub service_manager: Manager,
    /// Which releases go in, and when.
    #[serde(default)]
    pub policy: PolicyFile,
    /// When to look for releases.
    #[serde(default)]
    pub schedule: ScheduleFile,
    /// What is done about others who work in the application's databases.
    #[serde(default)]
    pub database: DatabaseFile,
    /// Days for which the release before and its backup are kept.
    #[serde(default = "seven")]
    pub keep_previous_days: u32,
    /// Names that differ from the vendor's, so that two instances can run side by side.
    #[serde(default)]
    pub services: BTreeMap<Name, ServiceOverride>,
    /// Health checks that differ from the vendor's.
    #[serde(default)]
    pub checks: BTreeMap<Name, CheckOverride>,
    /// Times that differ from the vendor's.
    #[serde(default)]
    pub health: HealthOverride,
}

/// The same keys, none of them mandatory: what one of several files may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read only to see that the keys and types are right")]
pub(super) struct Partial {
    product: Option<Name>,
    directory: Option<PathBuf>,
    source: Option<String>,
    #[serde(default)]
    mirrors: Vec<String>,
    user: Option<String>,
    group: Option<String>,
    #[serde(default)]
    github: GitHubFile,
    root: Option<PathBuf>,
    root_fingerprint: Option<Sha256>,
    service_manager: Option<Manager>,
    #[serde(default)]
    policy: PolicyFile,
    #[serde(default)]
    schedule: ScheduleFile,
    #[serde(default)]
    database: DatabaseFile,
    keep_previous_days: Option<u32>,
    #[serde(default)]
    services: BTreeMap<Name, ServiceOverride>,
    #[serde(default)]
    checks: BTreeMap<Name, CheckOverride>,
    #[serde(default)]
    health: HealthOverride,
}

/// `[github]`: the base URLs of a GitHub Enterprise Server under the publisher's names, and the token for private repositories.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitHubFile {
    /// Instead of `https://api.github.com`; used with a token only.
    pub api: Option<String>,
    /// Instead of `https://github.com`.
    pub downloads: Option<String>,
    /// The file of a token with the right `Contents: read`; relative to the configuration's directory.
    pub token_file: Option<PathBuf>,
    /// The name of the credential that systemd lets the agent's unit have, instead of a file.
    pub token_credential: Option<Name>,
}

/// `[policy]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// The vendor's channel that is followed; `stable` unless named.
    pub channel: Option<Name>,
    /// Severities that go in without approval.
    #[serde(default)]
    pub automatic: Vec<Severity>,
    /// Whether critical releases go in at once.
    pub force_critical: Option<bool>,
    /// The versions that are allowed, such as `2.x`.
    pub allow: Option<semver::VersionReq>,
}

/// `[schedule]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFile {
    /// `@every 1h`, or cron in five or six fields.
    pub check: Option<String>,
    /// The time zone of cron's fields, such as `Europe/Berlin`; the machine's unless named.
    pub timezone: Option<String>,
}

/// `[database]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseFile {
    /// A client that holds the database during an update and will not let go: `disconnect` it, or `call-off` the update.
    pub clients: Option<Stubborn>,
    /// Seconds that it gets to end its work when the application has been stopped; 10 unless named.
    pub clients_wait_seconds: Option<u64>,
}

/// `[services.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceOverride {
    /// The unit on this machine.
    pub unit: String,
}

/// `[checks.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckOverride {
    /// The URL on this machine, for a check of type `http`.
    pub url: Option<String>,
    /// The address on this machine, for a check of type `tcp`.
    pub address: Option<String>,
}

/// `[health]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthOverride {
    /// Seconds within which it must be healthy after a start.
    pub start_within_seconds: Option<u64>,
    /// Seconds for which it must then stay healthy.
    pub soak_seconds: Option<u64>,
}

impl File {
    /// Reads the merged keys.
    pub(super) fn try_from_table(table: toml::Table) -> Result<Self, String> {
        table.try_into().map_err(|error: toml::de::Error| super::without_secrets(&error))
    }
}

fn systemd() -> Manager {
    Manager::Systemd
}

fn seven() -> u32 {
    7
}
