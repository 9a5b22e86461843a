//! The rule of recovery as tables of records.

use super::*;
use crate::journal::Blame;
use crate::plan::Step;
use crate::update::tests::machine::Machine;
use crate::update::tests::release::{Kind, Migration, Release};

/// Fetch 0, stage 1, prepare 2, backup 3, reserve 4, stop 5, backup 6, migrate 7, activate 8, start 9, probe 10.
struct Told(Machine);

fn told() -> Told {
    let sql = "SELECT 1;";
    Told(Machine::new(vec![
        Release::new("1.0.0", &[]),
        Release::new("1.1.0", &[Migration { sql, compatible: false, kind: Kind::Command }]),
    ]))
}

impl Told {
    fn journal(&self, records: &[Record]) -> Journal {
        crate::durable::remove_tree(&self.0.here().updates()).unwrap();
        let plan = self.0.plan_update(Some("1.0.0"), "1.1.0");
        assert!(matches!(plan.steps[STOP], Step::Stop) && matches!(plan.steps[10], Step::Probe));
        let directory = self.0.here().update(1, &plan.to.version);
        let mut journal = Journal::begin(&directory, plan, jiff::Timestamp::UNIX_EPOCH).unwrap();
        for record in records {
            journal.append(record.clone(), jiff::Timestamp::UNIX_EPOCH).unwrap();
        }
        journal
    }
}

const STOP: usize = 5;

/// Steps to revert, and whether each was applied.
type Steps = &'static [(usize, bool)];

/// The steps up to this one begun, and all but it applied.
fn up_to(last: usize) -> Vec<Record> {
    let mut records: Vec<Record> =
        (0..last).flat_map(|step| [Record::Begun { step }, Record::Applied { step }]).collect();
    records.push(Record::Begun { step: last });
    records
}

fn with(mut records: Vec<Record>, more: &[Record]) -> Vec<Record> {
    records.extend_from_slice(more);
    records
}

fn failed() -> Record {
    Record::Failed { step: None, error: "no".to_owned(), blame: Blame::Agent }
}

fn abandoned() -> Record {
    Record::Abandoned { by: "ann".to_owned(), stands: crate::journal::Stands::Old }
}

fn stuck() -> Record {
    Record::Stuck { reason: "no way".to_owned() }
}

#[test]
fn what_is_to_be_done_is_read_from_the_records() {
    use Next::{FinishForward, GoOnSoaking, Nothing, Unwind};
    let told = told();
    let seconds = |seconds| GoOnSoaking(Duration::from_secs(seconds));
    let many = vec![Record::Resumed; 11];
    let cases = [
        (vec![], Unwind),
        (up_to(0), Unwind),
        (up_to(STOP), Unwind),
        (up_to(9), Unwind),
        (with(up_to(9), &[Record::Soaking]), seconds(0)),
        (
            with(up_to(9), &[Record::Soaking, Record::Soaked { seconds: 10 }, Record::Soaked { seconds: 20 }]),
            seconds(20),
        ),
        (with(up_to(9), &[Record::Soaking, Record::Resumed]), seconds(0)),
        (with(up_to(9), &[Record::Soaking, Record::Applied { step: 9 }]), seconds(0)),
        (with(up_to(9), &[Record::Soaking, failed()]), Unwind),
        (with(up_to(9), &[Record::Soaking, failed(), Record::Resumed]), Unwind),
        (with(up_to(9), &[Record::Soaking, Record::Committed]), FinishForward),
        (with(up_to(9), &[Record::Committed, Record::Resumed]), FinishForward),
        (with(vec![Record::Committed], &many), FinishForward),
        (vec![Record::Committed, Record::Finished], Nothing),
        (vec![failed(), Record::RolledBack], Nothing),
        (with(up_to(6), &[failed(), stuck(), abandoned()]), Nothing),
        (with(up_to(STOP), &[failed(), stuck()]), Next::Stuck("no way".to_owned())),
        (with(up_to(STOP), &[failed(), stuck(), failed()]), Unwind),
        (with(up_to(STOP), &many[1..]), Unwind),
    ];
    for (records, wanted) in cases {
        assert_eq!(next(&told.journal(&records)), wanted, "{records:?}");
    }
    let journal = told.journal(&with(up_to(STOP), &many));
    assert!(matches!(next(&journal), Next::Stuck(reason)
        if reason.contains("taken up again 11 times since 1970-01-01") && reason.contains("'stopping services' still")));
    let journal = told.journal(&with(with(up_to(STOP), &many), &[stuck(), failed()]));
    assert_eq!(next(&journal), Unwind, "a person has said that it may be tried again");
}

#[test]
fn what_was_begun_and_not_reverted_is_reverted_last_first() {
    let told = told();
    let cases: [(Vec<Record>, Steps); 5] = [
        (vec![], &[]),
        (up_to(0), &[(0, false)]),
        (up_to(2), &[(2, false), (1, true), (0, true)]),
        (with(up_to(2), &[failed(), Record::Reverted { step: 2 }, Record::Resumed]), &[(1, true), (0, true)]),
        (
            with(up_to(1), &[failed(), Record::RevertFailed { step: 1, error: "x".to_owned() }]),
            &[(1, false), (0, true)],
        ),
    ];
    for (records, wanted) in cases {
        assert_eq!(to_revert(&told.journal(&records)), wanted, "{records:?}");
    }
}

#[test]
fn the_door_is_closed_while_neither_release_may_start() {
    let told = told();
    let many = vec![Record::Resumed; 11];
    let reverted = |steps: std::ops::RangeInclusive<usize>| {
        let reverts = steps.rev().map(|step| Record::Reverted { step });
        std::iter::once(failed()).chain(reverts).collect::<Vec<_>>()
    };
    let cases = [
        (up_to(4), false),
        // Stopped, and nothing else: old code and old data agree.
        (up_to(STOP), false),
        (up_to(STOP + 1), true),
        (up_to(7), true),
        (up_to(10), true),
        (with(up_to(10), &[Record::Soaking]), false),
        (with(up_to(10), &[Record::Soaking, failed()]), true),
        (with(up_to(10), &reverted(7..=10)), true),
        (with(up_to(10), &reverted(6..=10)), false),
        (with(up_to(10), &reverted(5..=10)), false),
        (with(up_to(8), &[failed(), stuck()]), true),
        (with(up_to(8), &[failed(), stuck(), abandoned()]), false),
        (with(with(up_to(10), &[Record::Soaking]), &many), false),
        (with(with(up_to(10), &[Record::Soaking]), &with(many, &[stuck()])), false),
        (with(up_to(10), &[Record::Committed]), false),
    ];
    for (records, closed) in cases {
        assert_eq!(door_is_closed(&told.journal(&records)), closed, "{records:?}");
    }
}

#[test]
fn the_application_is_down_from_the_stop_until_a_release_serves() {
    let told = told();
    let reverted = |last: usize| {
        let reverts = (last..=9).rev().map(|step| Record::Reverted { step });
        with(up_to(9), &std::iter::once(failed()).chain(reverts).collect::<Vec<_>>())
    };
    let cases = [
        (up_to(3), false),
        (up_to(STOP), true),
        (up_to(STOP + 1), true),
        (up_to(9), true),
        (with(up_to(9), &[Record::Soaking]), false),
        (with(up_to(9), &[Record::Soaking, failed()]), true),
        (with(up_to(9), &[Record::Committed]), false),
        (reverted(STOP + 1), true),
        (reverted(STOP), false),
        (with(up_to(7), &[failed(), stuck()]), false),
        (with(up_to(7), &[failed(), stuck(), failed()]), true),
    ];
    for (records, down) in cases {
        assert_eq!(is_down(&told.journal(&records)), down, "{records:?}");
    }
}
