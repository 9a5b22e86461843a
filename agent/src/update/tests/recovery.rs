//! A second blow, in the middle of recovering from the first; and what becomes of an update that nothing brings to an end.

use std::panic::AssertUnwindSafe;

use super::data;
use super::faults::{Before, Blow, recover_to_the_end};
use super::machine::Machine;
use super::scenarios::{self, Scenario};
use crate::fault::testing::{self, Fault};
use crate::journal::{Record, history};
use crate::update::{Outcome, engine};

/// Of all pairs of points every so-manieth is lived through, or the test would take half an hour. A prime, so that the pairs
/// wander through all points of both runs.
const STRIDE: usize = 61;

/// Each point of the act × each point of the recovery, by the stride.
fn every_pair(scenario: &Scenario) {
    let mut machine = (scenario.build)();
    let (moment, before) = (machine.keep("before"), Before::of(&machine));
    let (_, points) = scenario.run(&mut machine, None);
    let (mut pairs, mut cases, mut failures) = (0, 0, Vec::new());
    for first in 0..points {
        machine.go_back(&moment);
        let _ = scenario.run(&mut machine, Some((first, Blow::Kill)));
        let crashed = machine.keep("crashed");
        let (_, seconds) = testing::with(None, AssertUnwindSafe(|| machine.recover()));
        for second in 0..seconds {
            pairs += 1;
            if pairs % STRIDE != 0 {
                continue;
            }
            cases += 1;
            machine.go_back(&crashed);
            if let Err(reason) = scenario.survive_again(&mut machine, &before, second, cases % 2 == 0) {
                failures.push(format!("a blow at {first}, then at {second} ({}): {reason}", testing::hit()));
            }
        }
    }
    println!("{}: {cases} of {pairs} pairs", scenario.name);
    assert!(
        failures.is_empty(),
        "{}: {} of {cases} cases fail:\n{}",
        scenario.name,
        failures.len(),
        failures.join("\n")
    );
}

impl Scenario {
    fn survive_again(&self, machine: &mut Machine, before: &Before, point: usize, power: bool) -> Result<(), String> {
        let plan = machine.journals().last().map(|journal| journal.plan().clone());
        let chosen = Some((point, Fault::Crash));
        let _ = testing::with(chosen, AssertUnwindSafe(|| machine.recover()));
        if let Some(plan) = &plan {
            machine.holds_at_every_instant(plan)?;
        }
        if power {
            machine.lose_power()?;
        }
        recover_to_the_end(machine)?;
        self.check_rest(machine, before)
    }
}

#[test]
fn an_update_survives_a_second_blow() {
    every_pair(&scenarios::UPDATE);
}

#[test]
fn an_update_without_migration_survives_a_second_blow() {
    every_pair(&scenarios::PLAIN_UPDATE);
}

#[test]
fn an_ill_release_goes_back_through_a_second_blow() {
    every_pair(&scenarios::ILL);
}

#[test]
fn a_compatible_schema_survives_a_second_blow() {
    every_pair(&scenarios::ILL_COMPATIBLE);
}

#[test]
fn a_migration_that_fails_halfway_goes_back_through_a_second_blow() {
    every_pair(&scenarios::HALFWAY);
}

#[test]
fn a_first_install_survives_a_second_blow() {
    every_pair(&scenarios::INSTALL);
}

#[test]
fn a_rollback_survives_a_second_blow() {
    every_pair(&scenarios::ROLLBACK);
}

#[test]
fn adopting_survives_a_second_blow() {
    every_pair(&scenarios::ADOPT);
}

#[test]
fn releasing_survives_a_second_blow() {
    every_pair(&scenarios::RELEASE);
}

fn resume(machine: &mut Machine) -> Option<Outcome> {
    let mut journal = machine.journals().pop().unwrap();
    machine.with_world(&mut journal, engine::take_up).unwrap()
}

#[test]
fn what_was_resumed_too_often_is_stuck_until_a_person_takes_it_up() {
    let mut machine = (scenarios::UPDATE.build)();
    let mut journal = machine.begin((scenarios::UPDATE.plan)(&machine)).unwrap();
    for _ in 0..11 {
        journal.append(Record::Resumed, jiff::Timestamp::UNIX_EPOCH).unwrap();
    }
    assert!(matches!(machine.recover().unwrap(), Some(Outcome::Stuck { .. })));
    assert_eq!(history::status(&machine.journals()[0]), history::Status::Stuck);
    assert!(matches!(machine.recover().unwrap(), Some(Outcome::Stuck { .. })), "and it stays so");
    assert!(matches!(resume(&mut machine), Some(Outcome::RolledBack { .. })));
    machine.holds_at_rest(scenarios::UPDATE.old).unwrap();
}

#[test]
fn a_revert_that_keeps_failing_is_stuck_until_a_person_takes_it_up() {
    let mut machine = (scenarios::ILL.build)();
    let before = Before::of(&machine);
    // The new release's start, then each try to start the old one again.
    machine.processes.fails = Some(("start web", 7));
    let outcome = machine.run((scenarios::ILL.plan)(&machine)).unwrap();
    assert!(matches!(&outcome, Outcome::Stuck { reason } if reason.contains("stop cannot be reverted")), "{outcome:?}");
    assert!(matches!(machine.recover().unwrap(), Some(Outcome::Stuck { .. })));
    assert!(matches!(resume(&mut machine), Some(Outcome::RolledBack { touched: true, .. })));
    scenarios::ILL.check_rest(&mut machine, &before).unwrap();
}

#[test]
fn a_failed_rollback_can_be_tried_again_and_goes_all_the_way() {
    let mut machine = (scenarios::ROLLBACK.build)();
    machine.sick.push("1.0.0".parse().unwrap());
    let outcome = machine.run((scenarios::ROLLBACK.plan)(&machine)).unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    machine.holds_at_rest(scenarios::ROLLBACK.old).unwrap();
    machine.sick.clear();
    let plan = crate::plan::Plan { id: 3, ..(scenarios::ROLLBACK.plan)(&machine) };
    assert_eq!(machine.run(plan).unwrap(), Outcome::Completed);
    let data = data::read(&machine.app.current().join("data/app.db")).unwrap();
    assert!(!data.has_colours && !data.is_upper, "what the old release works with: {data:?}");
}

#[test]
fn a_release_that_does_not_come_back_healthy_is_told() {
    let mut machine = (scenarios::ILL.build)();
    machine.sick.push("1.0.0".parse().unwrap());
    let outcome = machine.run((scenarios::ILL.plan)(&machine)).unwrap();
    let Outcome::RolledBack { ill: Some(ill), .. } = &outcome else { panic!("{outcome:?}") };
    assert!(ill.contains("answers with status 500"), "{ill}");
    assert!(!machine.journals()[0].is_open(), "there is nothing left to undo");
}
