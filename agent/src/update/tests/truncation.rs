//! Every journal that a crash can leave behind is understood.

use super::scenarios::{self, Scenario};
use crate::durable;
use crate::journal::{Journal, Record, history};
use crate::update::resume::{self, Next};

/// A finished journal of an act, with its path.
fn finished(scenario: &Scenario) -> (super::machine::Machine, Journal) {
    let mut machine = (scenario.build)();
    machine.run((scenario.plan)(&machine)).unwrap();
    let journal = machine.journals().pop().unwrap();
    (machine, journal)
}

/// All that is ever derived from a journal.
#[derive(Debug, PartialEq)]
struct Understood {
    next: Next,
    to_revert: Vec<(usize, bool)>,
    door: bool,
    status: history::Status,
    rows: usize,
}

fn understand(journal: &Journal) -> Understood {
    let all = [journal.clone()];
    Understood {
        next: resume::next(journal),
        to_revert: resume::to_revert(journal),
        door: resume::door_is_closed(journal),
        status: history::status(journal),
        rows: history::rows(&all).len(),
    }
}

#[test]
fn every_prefix_of_a_finished_journal_is_understood_as_its_whole_lines() {
    for scenario in scenarios::ALL {
        let (machine, journal) = finished(scenario);
        let path = journal.directory().join("journal.jsonl");
        let bytes = std::fs::read(&path).unwrap();
        let cut = machine.root().join("journal.jsonl");
        let mut whole = None;
        for length in 0..=bytes.len() {
            durable::write_atomic(&cut, &bytes[..length], 0o640).unwrap();
            let read =
                Journal::read(&cut).unwrap_or_else(|error| panic!("{}: cut at {length}: {error}", scenario.name));
            let understood = read.as_ref().map(understand);
            if length > 0 && bytes[length - 1] == b'\n' {
                check_sense(read.as_ref().unwrap(), understood.as_ref().unwrap());
                whole = understood;
            } else {
                assert_eq!(understood, whole, "{}: cut at {length}", scenario.name);
            }
        }
        assert_eq!(whole.unwrap().next, Next::Nothing);
    }
}

/// The one rule of recovery, said once more in other words.
fn check_sense(journal: &Journal, understood: &Understood) {
    let has = |wanted: fn(&Record) -> bool| journal.records().any(wanted);
    match &understood.next {
        Next::Nothing => assert!(!journal.is_open()),
        Next::FinishForward => assert!(has(|record| matches!(record, Record::Committed))),
        Next::GoOnSoaking(_) => assert!(journal.is_soaking()),
        Next::Unwind => assert!(!has(|record| matches!(record, Record::Committed))),
        Next::Stuck(reason) => panic!("nothing was stuck: {reason}"),
    }
    let mut steps: Vec<usize> = understood.to_revert.iter().map(|(step, _)| *step).collect();
    assert!(steps.is_sorted_by(|later, earlier| later > earlier), "{steps:?}");
    steps.reverse();
    assert_eq!(steps, (0..steps.len()).collect::<Vec<_>>(), "what is reverted is a beginning of the plan");
}

#[test]
fn half_a_line_is_cut_off_by_the_recovery_that_follows() {
    let mut machine = (scenarios::UPDATE.build)();
    let mut journal = machine.begin((scenarios::UPDATE.plan)(&machine)).unwrap();
    journal.append(Record::Begun { step: 0 }, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let path = journal.directory().join("journal.jsonl");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(br#"{"at":"1970-01-01T00:00:00Z","record":"appl"#);
    durable::write_atomic(&path, &bytes, 0o640).unwrap();
    machine.recover().unwrap().unwrap();
    machine.holds_at_rest(scenarios::UPDATE.old).unwrap();
}
