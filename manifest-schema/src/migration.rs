//! Migration steps: what a release does to a database, and whether the way back is open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::path::{Name, ReleasePath};
use crate::version::ReleaseVersion;

/// One step of a migration. A release carries the steps of all releases before it as well: a client that leaves
/// 1.0.0 for 1.2.0 runs those that 1.1.0 and 1.2.0 introduced, in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrationStep {
    /// The release that introduced the step.
    pub version: ReleaseVersion,
    /// How the file is run.
    #[serde(rename = "type")]
    pub kind: MigrationType,
    /// The file in the release.
    pub file: ReleasePath,
    /// One line for the admin.
    pub description: String,
    /// Which of the profile's databases it changes.
    #[serde(default = "main_database")]
    pub database: Name,
    /// Whether all of an SQL file runs in one transaction. Some statements of PostgreSQL cannot
    /// (`CREATE INDEX CONCURRENTLY`, `ALTER TYPE … ADD VALUE` before 12).
    #[serde(default = "yes")]
    pub transaction: bool,
    /// Time limit in seconds; the step has failed when it is reached.
    #[serde(default = "ten_minutes")]
    pub timeout_seconds: u64,
    /// Whether the release before it still works with the schema that this step leaves. Where all steps of an
    /// update are compatible, going back leaves the database alone.
    #[serde(default)]
    pub compatible_with_previous: bool,
}

/// How a migration step's file is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MigrationType {
    /// SQL, given to the database by its own client.
    Sql,
    /// An executable of the release, run as the application's user in the release's directory.
    Command,
}

/// The steps among `all` that lead from `installed` to `target`, in their order. Without an installed version, all up to
/// the target's.
pub fn steps_between<'a>(
    all: &'a [MigrationStep],
    installed: Option<&ReleaseVersion>,
    target: &ReleaseVersion,
) -> Vec<&'a MigrationStep> {
    all.iter()
        .filter(|step| installed.is_none_or(|installed| step.version > *installed))
        .filter(|step| step.version <= *target)
        .collect()
}

/// The name of a database where the profile has only one.
pub(crate) fn main_database() -> Name {
    "main".parse().expect("main is a legal name")
}

fn yes() -> bool {
    true
}

fn ten_minutes() -> u64 {
    600
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(version: &str) -> MigrationStep {
        serde_json::from_value(serde_json::json!({
            "version": version, "type": "sql", "file": "migrations/x.sql", "description": "x"
        }))
        .unwrap()
    }

    #[test]
    fn a_client_that_skips_a_release_runs_its_steps_too() {
        let all = [step("1.0.0"), step("1.1.0"), step("1.2.0"), step("1.3.0")];
        let versions = |from: Option<&str>, to: &str| -> Vec<String> {
            let from = from.map(|text| text.parse().unwrap());
            steps_between(&all, from.as_ref(), &to.parse().unwrap())
                .iter()
                .map(|step| step.version.to_string())
                .collect()
        };
        assert_eq!(versions(Some("1.0.0"), "1.2.0"), ["1.1.0", "1.2.0"]);
        assert_eq!(versions(Some("1.2.0"), "1.2.0"), [""; 0]);
        assert_eq!(versions(None, "1.1.0"), ["1.0.0", "1.1.0"]);
    }

    #[test]
    fn an_unknown_type_of_migration_is_refused() {
        let text = r#"{"version":"1.1.0","type":"alembic","file":"a","description":"x"}"#;
        let error = serde_json::from_str::<MigrationStep>(text).unwrap_err();
        assert!(error.to_string().contains("unknown variant `alembic`"));
    }
}
