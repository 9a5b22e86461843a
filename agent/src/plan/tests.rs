//! Plans as tables: which steps, in which order, for which facts.

use manifest_schema::manifest::{Artifact, Format};
use manifest_schema::migration::MigrationType;

use super::make::preferred;
use super::*;
use crate::store::Way;
use crate::update::tests::machine::Machine;
use crate::update::tests::release::{Kind, Migration, Release};

const STEP: Migration = Migration { sql: "SELECT 1;", compatible: false, kind: Kind::Command };
const COMPATIBLE: Migration = Migration { compatible: true, ..STEP };

fn plan(from: Option<&str>, migrations: &[Migration]) -> Plan {
    Machine::new(vec![Release::new("1.1.0", migrations)]).plan_update(from, "1.1.0")
}

fn names(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(Step::name).collect()
}

fn main() -> Name {
    "main".parse().unwrap()
}

/// Each backup with whether files are in it, and its databases.
fn backups(plan: &Plan) -> Vec<(bool, usize)> {
    let backup = |step: &Step| match step {
        Step::Backup { files, databases } => Some((*files, databases.len())),
        Step::Fetch { .. }
        | Step::Stage { .. }
        | Step::Prepare { .. }
        | Step::Adopt
        | Step::Release
        | Step::Reserve { .. }
        | Step::Stop
        | Step::Migrate { .. }
        | Step::Restore { .. }
        | Step::Activate
        | Step::Start
        | Step::Probe => None,
    };
    plan.steps.iter().filter_map(backup).collect()
}

#[test]
fn what_can_be_done_while_the_old_release_serves_is_done_before_the_stop() {
    let update = plan(Some("1.0.0"), &[]);
    assert_eq!(update.act, Act::Update);
    assert_eq!(names(&update), ["fetch", "stage", "prepare", "backup", "stop", "activate", "start", "probe"]);
    assert_eq!(backups(&update), [(true, 1)], "nothing migrates: the database is copied online");

    let migrating = plan(Some("1.0.0"), &[STEP]);
    let steps =
        ["fetch", "stage", "prepare", "backup", "reserve", "stop", "backup", "migrate", "activate", "start", "probe"];
    assert_eq!(names(&migrating), steps);
    assert_eq!(backups(&migrating), [(true, 0), (false, 1)], "what migrates must be still while it is copied");
}

#[test]
fn a_first_install_stops_nothing_and_backs_up_what_it_migrates() {
    let install = plan(None, &[]);
    assert_eq!((install.act, install.from.is_none()), (Act::Install, true));
    assert_eq!(names(&install), ["fetch", "stage", "prepare", "activate", "start", "probe"]);
    let migrating = plan(None, &[STEP]);
    assert_eq!(names(&migrating), ["fetch", "stage", "prepare", "backup", "migrate", "activate", "start", "probe"]);
    assert!((0..migrating.steps.len()).all(|step| !migrating.is_past_stop(step)));
}

#[test]
fn only_migrations_between_the_two_releases_run() {
    let migrated = |from: Option<&str>| plan(from, &[STEP, STEP]).migrations().count();
    assert_eq!(migrated(None), 2);
    assert_eq!(migrated(Some("1.0.0")), 2);
    assert_eq!(migrated(Some("1.1.0")), 0, "they ran when it came");
    assert!(plan(Some("1.0.0"), &[STEP]).migrations().all(|step| step.kind == MigrationType::Command));
}

#[test]
fn a_database_is_left_alone_on_the_way_back_only_where_all_its_steps_are_compatible() {
    let cases: [(&[Migration], bool); 4] =
        [(&[], true), (&[COMPATIBLE], true), (&[COMPATIBLE, COMPATIBLE], true), (&[COMPATIBLE, STEP], false)];
    for (migrations, compatible) in cases {
        let plan = plan(Some("1.0.0"), migrations);
        assert_eq!(plan.is_compatible(&main()), compatible, "{} steps", migrations.len());
        assert_eq!(plan.migrated_databases().is_empty(), migrations.is_empty());
    }
}

#[test]
fn past_the_stop_is_the_stop_and_all_that_follows() {
    let plan = plan(Some("1.0.0"), &[STEP]);
    let past: Vec<bool> = (0..plan.steps.len()).map(|step| plan.is_past_stop(step)).collect();
    assert_eq!(past, [false, false, false, false, false, true, true, true, true, true, true]);
}

fn rollback(databases: Vec<DatabaseBackup>) -> Plan {
    let machine = Machine::new(vec![Release::new("1.1.0", &[STEP])]);
    let update = machine.plan_update(Some("1.0.0"), "1.1.0");
    plan_rollback(RollbackFacts {
        id: 2,
        previous: update.from.clone().unwrap(),
        taken_back: update,
        held: databases.clone(),
        databases,
        extents: machine.extents(),
        applied_by: "a test".to_owned(),
        now: jiff::Timestamp::UNIX_EPOCH,
    })
}

#[test]
fn a_rollback_copies_what_it_leaves_before_it_brings_anything_back() {
    let backup = DatabaseBackup { database: main(), way: Way::Dump };
    let plan = rollback(vec![backup]);
    assert_eq!(names(&plan), ["reserve", "stop", "backup", "restore", "activate", "start", "probe"]);
    assert_eq!(plan.steps[3], Step::Restore { of: 1, databases: vec![main()] });
    assert_eq!((plan.from.unwrap().version.to_string(), plan.to.version.to_string()), ("1.1.0".into(), "1.0.0".into()));
    assert_eq!(names(&rollback(Vec::new())), ["stop", "activate", "start", "probe"], "compatible data stays as it is");
}

#[test]
fn a_plan_survives_the_journal() {
    for plan in [plan(None, &[STEP]), plan(Some("1.0.0"), &[COMPATIBLE]), rollback(Vec::new())] {
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }
}

#[test]
fn the_smaller_artifact_is_taken_where_there_are_two() {
    let machine = Machine::new(vec![Release::new("1.1.0", &[])]);
    let mut manifest = machine.releases[&"1.1.0".parse().unwrap()].manifest.clone();
    let zst = manifest.artifacts[0].clone();
    manifest.artifacts.insert(0, Artifact { name: "kkt.tar.gz".to_owned(), format: Format::TarGz, ..zst.clone() });
    assert_eq!(preferred(&manifest.artifacts).name, zst.name);
    assert_eq!(preferred(&manifest.artifacts[..1]).name, "kkt.tar.gz");
}
