//! What a machine can be told to do, and where it stands before and after.

use std::path::Path;

use super::invariants::{Stand, entries};
use super::machine::Machine;
use super::release::{Kind, Migration, Release};
use crate::exit::chain;
use crate::plan::{self, Act, DatabaseBackup, FORMAT, Plan, RollbackFacts, Step};
use crate::update::Outcome;

/// One act on a machine.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) build: fn() -> Machine,
    pub(super) plan: fn(&Machine) -> Plan,
    pub(super) deed: Deed,
    pub(super) old: Stand,
    /// `None`: the act cannot succeed.
    pub(super) new: Option<Stand>,
    /// What is not there any more once the act has succeeded.
    pub(super) tidy: fn(&Machine) -> Result<(), String>,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// The plan is carried out.
    CarryOut,
    /// An update that is committed is brought to its end.
    Finish,
    /// What is kept only for some days goes.
    Expire,
}

impl Scenario {
    const UPDATE: Self = Self {
        name: "",
        build: unchanging,
        plan: to_new,
        deed: Deed::CarryOut,
        old: OLD,
        new: Some(NEW),
        tidy: |_| Ok(()),
    };

    /// Does it.
    pub(super) fn run(&self, machine: &mut Machine) -> Result<Outcome, String> {
        match self.deed {
            Deed::CarryOut => machine.run((self.plan)(machine)).map_err(|error| chain(&error)),
            Deed::Finish => self.recover(machine).map(|outcome| outcome.expect("it is open")),
            Deed::Expire => machine.expire().map(|()| Outcome::Completed),
        }
    }

    /// What the next start does, and in its time the next day.
    pub(super) fn recover(&self, machine: &mut Machine) -> Result<Option<Outcome>, String> {
        let outcome = machine.recover().map_err(|error| chain(&error))?;
        if self.deed == Deed::Expire {
            machine.expire()?;
        }
        Ok(outcome)
    }
}

const COLOURS: Migration =
    Migration { sql: "CREATE TABLE colours (name TEXT);", compatible: false, kind: Kind::Transaction };
const UPPER: Migration =
    Migration { sql: "UPDATE notes SET text = upper(text);", compatible: false, kind: Kind::Command };
const OLD: Stand = Stand::Managed("1.0.0");
const NEW: Stand = Stand::Managed("1.1.0");

/// An update that leaves the database alone.
pub(super) const PLAIN_UPDATE: Scenario = Scenario { name: "code_only", ..Scenario::UPDATE };

/// An update whose migration leaves a database that the old release works with.
pub(super) const COMPATIBLE: Scenario =
    Scenario { name: "compatible_migration", build: compatible, ..Scenario::UPDATE };

/// An update with migrations after which there is no way back but the backup: one of SQL, and one of the vendor's commands.
pub(super) const UPDATE: Scenario = Scenario { name: "incompatible_migration", build: migrating, ..Scenario::UPDATE };

/// A migration that fails after its first statement.
pub(super) const HALFWAY: Scenario =
    Scenario { name: "failing_migration", build: halfway, new: None, ..Scenario::UPDATE };

/// A migration that fails after its first statement. The release before would work with what it leaves, had it come to its end.
pub(super) const HALFWAY_COMPATIBLE: Scenario =
    Scenario { name: "failing_compatible", build: halfway_compatible, new: None, ..Scenario::UPDATE };

/// A release that migrates, and is ill.
pub(super) const ILL: Scenario = Scenario { name: "failing_health", build: ill, new: None, ..Scenario::UPDATE };

/// A release that is ill, whose migration leaves a database that the old release works with.
pub(super) const ILL_COMPATIBLE: Scenario =
    Scenario { name: "failing_health_kept", build: ill_compatible, new: None, ..Scenario::UPDATE };

/// An admin takes a good update back, with its database.
pub(super) const ROLLBACK: Scenario =
    Scenario { name: "rollback", build: updated, plan: rollback, old: NEW, new: Some(OLD), ..Scenario::UPDATE };

/// An admin takes an update back whose database may stay.
pub(super) const ROLLBACK_CODE_ONLY: Scenario =
    Scenario { name: "rollback_code_only", build: updated_compatible, plan: rollback_code_only, ..ROLLBACK };

/// The first release on a machine, which makes its database.
pub(super) const INSTALL: Scenario = Scenario {
    name: "install",
    build: fresh,
    plan: install,
    old: Stand::Nothing,
    new: Some(Stand::Managed("1.0.0")),
    ..Scenario::UPDATE
};

/// A plain directory becomes managed.
pub(super) const ADOPT: Scenario =
    Scenario { name: "adopt", build: plain, plan: adopt, old: Stand::Plain, new: Some(OLD), ..Scenario::UPDATE };

/// And plain again.
pub(super) const RELEASE: Scenario =
    Scenario { name: "release", plan: release, new: Some(Stand::Plain), ..Scenario::UPDATE };

pub(super) const ALL: [&Scenario; 12] = [
    &PLAIN_UPDATE,
    &COMPATIBLE,
    &UPDATE,
    &HALFWAY,
    &HALFWAY_COMPATIBLE,
    &ILL,
    &ILL_COMPATIBLE,
    &ROLLBACK,
    &ROLLBACK_CODE_ONLY,
    &INSTALL,
    &ADOPT,
    &RELEASE,
];

/// What a good update needs no more is removed.
pub(super) const VACUUM: Scenario = Scenario {
    name: "vacuum",
    build: cluttered,
    plan: last_plan,
    deed: Deed::Finish,
    old: NEW,
    new: Some(NEW),
    tidy: has_two_releases,
};

/// The same after `release`, which leaves a home behind.
pub(super) const VACUUM_HOME: Scenario = Scenario {
    name: "vacuum_of_a_home",
    build: cluttered_home,
    plan: last_plan,
    deed: Deed::Finish,
    old: Stand::Plain,
    new: Some(Stand::Plain),
    tidy: has_no_home,
};

/// A backup, and what two restores left aside, are kept no longer.
pub(super) const EXPIRY: Scenario = Scenario {
    name: "expiry",
    build: taken_back,
    plan: plan_of_nothing,
    deed: Deed::Expire,
    old: OLD,
    new: Some(OLD),
    tidy: has_no_backups,
};

/// What is done after and between updates.
pub(super) const TIDYING: [&Scenario; 3] = [&VACUUM, &VACUUM_HOME, &EXPIRY];

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
    // It stays until a newer one is there for good.
    machine.put(&machine.app.releases().join("0.9.0/lib/file"), b"x");
    machine
}

fn compatible() -> Machine {
    let mut machine = with_first(&[Migration { compatible: true, ..COLOURS }]);
    machine.is_compatible = true;
    machine
}

fn ill_compatible() -> Machine {
    let mut machine = compatible();
    machine.sick.push("1.1.0".parse().unwrap());
    machine
}

const HALF: Migration = Migration {
    sql: "UPDATE notes SET text = upper(text); DROP TABLE nothing_of_this_name;",
    compatible: false,
    kind: Kind::Statements,
};

fn halfway() -> Machine {
    with_first(&[COLOURS, HALF])
}

fn halfway_compatible() -> Machine {
    with_first(&[Migration { compatible: true, ..HALF }])
}

fn fresh() -> Machine {
    let sql = "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('first'); CREATE TABLE colours (name TEXT);";
    Machine::new(vec![Release::new("1.0.0", &[Migration { sql, ..COLOURS }])])
}

fn plain() -> Machine {
    Machine::with_plain(vec![Release::new("1.0.0", &[])])
}

fn updated() -> Machine {
    let mut machine = migrating();
    machine.run(to_new(&machine)).unwrap();
    machine
}

fn updated_compatible() -> Machine {
    let mut machine = compatible();
    machine.run(to_new(&machine)).unwrap();
    machine
}

/// Committed and no more, with releases and artifacts that nobody needs.
fn cluttered() -> Machine {
    let mut machine = unchanging();
    machine.run(to_new(&machine)).unwrap();
    for old in ["0.8.0", "0.9.0", "0.9.9.pending", "by-hand"] {
        machine.put(&machine.app.releases().join(old).join("lib/file"), b"x");
    }
    machine.put(&machine.here().fetch().join("artifact.pending"), b"x");
    machine.reopen_after("committed");
    machine
}

fn cluttered_home() -> Machine {
    let mut machine = unchanging();
    machine.run(release(&machine)).unwrap();
    // A removal that is cut off in the middle has begun with the first name.
    machine.put(&machine.app.releases().join("1.0.9/lib/file"), b"x");
    machine.write_tree(&machine.app.releases().join("1.0.0"), &"1.0.0".parse().unwrap());
    machine.reopen_after("committed");
    machine
}

/// Updated, and taken back: a backup of each, and what was left aside.
fn taken_back() -> Machine {
    let mut machine = updated();
    machine.run(rollback(&machine)).unwrap();
    machine
}

fn last_plan(machine: &Machine) -> Plan {
    machine.journals().last().expect("there was an update").plan().clone()
}

/// Nothing is being left: what the release that was taken back had written is kept no longer than its days.
fn plan_of_nothing(machine: &Machine) -> Plan {
    let last = last_plan(machine);
    Plan { from: Some(last.to.clone()), ..last }
}

fn has_only(directory: &Path, wanted: &[&str]) -> Result<(), String> {
    let mut names: Vec<String> =
        entries(directory).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    if names == wanted { Ok(()) } else { Err(format!("{} holds {names:?}", directory.display())) }
}

fn has_two_releases(machine: &Machine) -> Result<(), String> {
    has_only(&machine.app.releases(), &["1.0.0", "1.1.0", "by-hand"])?;
    has_only(&machine.here().fetch(), &[])
}

fn has_no_home(machine: &Machine) -> Result<(), String> {
    has_only(&machine.app.releases(), &[])
}

fn has_no_backups(machine: &Machine) -> Result<(), String> {
    has_only(&machine.here().backups(), &[])?;
    has_only(&machine.app.shared().join("data"), &["app.db"])
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
    rollback_of(machine, machine.ways())
}

fn rollback_code_only(machine: &Machine) -> Plan {
    rollback_of(machine, Vec::new())
}

fn rollback_of(machine: &Machine, databases: Vec<DatabaseBackup>) -> Plan {
    plan::plan_rollback(RollbackFacts {
        id: 2,
        taken_back: machine.journals()[0].plan().clone(),
        previous: machine.side("1.0.0"),
        held: databases.clone(),
        databases,
        extents: machine.extents(),
        applied_by: "a test".to_owned(),
        now: super::repository::now(),
    })
}
