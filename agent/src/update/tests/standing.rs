//! What the databases have been through is not migrated a second time, and what they were brought back from is.

use super::machine::Machine;
use super::scenarios::{self, Scenario};
use crate::plan::{Act, Plan};
use crate::update::Outcome;

/// The machine after the scenario, and the plan of the update that comes next.
fn after(scenario: &Scenario) -> (Machine, Plan) {
    let mut machine = (scenario.build)();
    machine.run((scenario.plan)(&machine)).unwrap();
    let next = machine.plan_update(Some("1.0.0"), "1.1.0");
    (machine, next)
}

#[test]
fn what_an_update_left_in_the_database_on_its_way_back_is_not_migrated_again() {
    for scenario in [&scenarios::ILL_COMPATIBLE, &scenarios::ROLLBACK_CODE_ONLY] {
        let (mut machine, next) = after(scenario);
        assert_eq!(next.migrations().count(), 0, "{}", scenario.name);
        machine.sick.clear();
        assert_eq!(machine.run(next).unwrap(), Outcome::Completed, "{}", scenario.name);
    }
}

#[test]
fn what_was_brought_back_is_migrated_again() {
    for scenario in [&scenarios::ILL, &scenarios::HALFWAY_COMPATIBLE, &scenarios::ROLLBACK] {
        let (machine, next) = after(scenario);
        let of_release = machine.releases[&"1.1.0".parse().unwrap()].manifest.migration_steps.len();
        assert!(of_release > 0 && next.migrations().count() == of_release, "{}", scenario.name);
    }
}

#[test]
fn a_first_install_that_fails_leaves_no_migration_behind_however_compatible_it_says_it_is() {
    let update = after(&scenarios::ILL_COMPATIBLE).0.journals()[0].plan().clone();
    let database = update.migrated_databases().remove(0);
    assert!(update.is_compatible(&database));
    let install = Plan { act: Act::Install, from: None, ..update };
    assert!(!install.is_compatible(&database), "there is no release before it");
}
