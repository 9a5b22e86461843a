//! What a machine can be told to do, and where it stands before and after.

use super::invariants::Stand;
use super::machine::Machine;
use super::release::{Migration, Release};
use crate::plan::{self, Act, FORMAT, Plan, RollbackFacts, Step};

/// One act on a machine.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) build: fn() -> Machine,
    pub(super) plan: fn(&Machine) -> Plan,
    pub(super) old: Stand,
    /// `None`: the act cannot succeed.
    pub(super) new: Option<Stand>,
}

const COLOURS: Migration = Migration { sql: "CREATE TABLE colours (name TEXT);", compatible: false };
const UPPER: Migration = Migration { sql: "UPDATE notes SET text = upper(text);", compatible: false };
const OLD: Stand = Stand::Managed("1.0.0");
const NEW: Stand = Stand::Managed("1.1.0");

/// An update with a migration after which there is no way back but the backup.
pub(super) const UPDATE: Scenario =
    Scenario { name: "update", build: migrating, plan: to_new, old: OLD, new: Some(NEW) };

/// The same, and the release is ill.
pub(super) const ILL: Scenario = Scenario { name: "ill", build: ill, plan: to_new, old: OLD, new: None };

/// A release that is ill, whose migration leaves a database that the old release works with.
pub(super) const ILL_COMPATIBLE: Scenario =
    Scenario { name: "ill, compatible", build: ill_compatible, plan: to_new, old: OLD, new: None };

/// A migration that fails after its first statement.
pub(super) const HALFWAY: Scenario =
    Scenario { name: "migration fails halfway", build: halfway, plan: to_new, old: OLD, new: None };

/// An update that leaves the database alone.
pub(super) const PLAIN_UPDATE: Scenario =
    Scenario { name: "update without migration", build: unchanging, plan: to_new, old: OLD, new: Some(NEW) };

/// The first release on a machine, which makes its database.
pub(super) const INSTALL: Scenario =
    Scenario { name: "install", build: fresh, plan: install, old: Stand::Nothing, new: Some(Stand::Managed("1.0.0")) };

/// A plain directory becomes managed.
pub(super) const ADOPT: Scenario =
    Scenario { name: "adopt", build: plain, plan: adopt, old: Stand::Plain, new: Some(OLD) };

/// And plain again.
pub(super) const RELEASE: Scenario =
    Scenario { name: "release", build: unchanging, plan: release, old: OLD, new: Some(Stand::Plain) };

/// An admin takes a good update back.
pub(super) const ROLLBACK: Scenario =
    Scenario { name: "rollback", build: updated, plan: rollback, old: NEW, new: Some(OLD) };

pub(super) const ALL: [&Scenario; 9] =
    [&UPDATE, &ILL, &ILL_COMPATIBLE, &HALFWAY, &PLAIN_UPDATE, &INSTALL, &ADOPT, &RELEASE, &ROLLBACK];

fn with_first(migrations: &[Migration]) -> Machine {
    Machine::with_first(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", migrations)])
}

fn migrating() -> Machine {
    with_first(&[COLOURS, UPPER])
}

fn unchanging() -> Machine {
    with_first(&[])
}

fn ill() -> Machine {
    let mut machine = migrating();
    machine.sick.push("1.1.0".parse().unwrap());
    machine
}

fn ill_compatible() -> Machine {
    let mut machine = with_first(&[Migration { compatible: true, ..COLOURS }]);
    machine.sick.push("1.1.0".parse().unwrap());
    machine.is_compatible = true;
    machine
}

fn halfway() -> Machine {
    let sql = "UPDATE notes SET text = upper(text); DROP TABLE nothing_of_this_name;";
    with_first(&[COLOURS, Migration { sql, compatible: false }])
}

fn fresh() -> Machine {
    let sql = "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('first'); CREATE TABLE colours (name TEXT);";
    Machine::new(vec![Release::new("1.0.0", &[Migration { sql, compatible: false }])])
}

fn plain() -> Machine {
    Machine::with_plain(vec![Release::new("1.0.0", &[])])
}

fn updated() -> Machine {
    let mut machine = migrating();
    machine.run(to_new(&machine)).unwrap();
    machine
}

fn to_new(machine: &Machine) -> Plan {
    machine.plan_update(Some("1.0.0"), "1.1.0")
}

fn install(machine: &Machine) -> Plan {
    machine.plan_update(None, "1.0.0")
}

fn adopt(machine: &Machine) -> Plan {
    base(machine, Act::Adopt, Step::Adopt)
}

fn release(machine: &Machine) -> Plan {
    Plan { from: Some(machine.side("1.0.0")), ..base(machine, Act::Release, Step::Release) }
}

fn base(machine: &Machine, act: Act, step: Step) -> Plan {
    Plan {
        format: FORMAT,
        id: 1,
        act,
        instance: machine.instance(),
        from: None,
        to: machine.side("1.0.0"),
        severity: manifest_schema::manifest::Severity::Patch,
        applied_by: "a test".to_owned(),
        planned_at: super::repository::now(),
        already_failing: Vec::new(),
        takes_back: None,
        steps: vec![step],
    }
}

fn rollback(machine: &Machine) -> Plan {
    plan::plan_rollback(RollbackFacts {
        id: 2,
        taken_back: machine.journals()[0].plan().clone(),
        previous: machine.side("1.0.0"),
        databases: machine.ways(),
        applied_by: "a test".to_owned(),
        now: super::repository::now(),
    })
}
