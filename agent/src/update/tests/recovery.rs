//! What becomes of an update that nothing brings to an end.

use super::data;
use super::faults::Before;
use super::machine::Machine;
use super::scenarios;
use crate::journal::{Record, history};
use crate::update::{Outcome, engine};

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
    machine.holds_at_rest(scenarios::ILL.old).unwrap();
    before.compare(&machine).unwrap();
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
