//! What stays after an update, and for how long.

use std::panic::AssertUnwindSafe;

use jiff::SignedDuration;

use super::machine::Machine;
use super::scenarios;
use crate::durable;
use crate::fault::testing::{self, Fault};
use crate::journal::{Blame, Journal, Record, history};
use crate::update::keep;

fn names(directory: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_release_before_stays_and_older_ones_go() {
    let mut machine = (scenarios::PLAIN_UPDATE.build)();
    for old in ["0.8.0", "0.9.0", "0.9.9.pending", "by-hand"] {
        machine.put(&machine.app.releases().join(old).join("file"), b"x");
    }
    machine.run((scenarios::PLAIN_UPDATE.plan)(&machine)).unwrap();
    assert_eq!(names(&machine.app.releases()), ["1.0.0", "1.1.0", "by-hand"]);
    assert!(!machine.here().fetch().exists());
}

#[test]
fn backups_and_what_was_left_aside_go_after_their_days() {
    for scenario in [&scenarios::UPDATE, &scenarios::ILL, &scenarios::ROLLBACK] {
        let mut machine = (scenario.build)();
        machine.run((scenario.plan)(&machine)).unwrap();
        let journals = machine.journals();
        let (here, ended) = (machine.here(), end(journals.last().unwrap()));
        let data = machine.app.shared().join("data");
        let there = (names(&here.backups()), names(&data));
        keep::expire(&journals, &here, 7, ended + jiff::SignedDuration::from_hours(6 * 24)).unwrap();
        assert_eq!((names(&here.backups()), names(&data)), there, "{}: not yet", scenario.name);
        keep::expire(&journals, &here, 7, ended + jiff::SignedDuration::from_hours(8 * 24)).unwrap();
        assert_eq!(names(&here.backups()), [""; 0], "{}", scenario.name);
        assert_eq!(names(&data), ["app.db"], "{}", scenario.name);
    }
}

fn end(journal: &Journal) -> jiff::Timestamp {
    journal.entries().last().unwrap().at
}

#[test]
fn an_open_update_keeps_its_backup_however_old_it_is() {
    let mut machine = (scenarios::UPDATE.build)();
    machine.run((scenarios::UPDATE.plan)(&machine)).unwrap();
    let path = machine.journals()[0].directory().join("journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let open: String = text.split_inclusive('\n').take_while(|line| !line.contains("committed")).collect();
    durable::write_atomic(&path, open.as_bytes(), 0o640).unwrap();
    keep::expire(&machine.journals(), &machine.here(), 7, "2030-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(names(&machine.here().backups()), ["0001"]);
}

/// Attempts that never got as far as touching anything, a day apart, after the good updates that are there.
fn fail_to_begin(machine: &Machine, attempts: u32) {
    for _ in 0..attempts {
        let plan = (scenarios::PLAIN_UPDATE.plan)(machine);
        let at = machine.clock_at(SignedDuration::from_hours(24 * i64::from(plan.id)));
        let mut journal = machine.begin(plan).unwrap();
        let error = "the source does not answer".to_owned();
        let records = [Record::Begun { step: 0 }, failed(error), Record::Reverted { step: 0 }, Record::RolledBack];
        records.into_iter().for_each(|record| journal.append(record, at).unwrap());
    }
}

fn failed(error: String) -> Record {
    Record::Failed { step: Some(0), blame: Blame::Environment, error }
}

fn ids(machine: &Machine) -> Vec<u32> {
    machine.journals().iter().map(|journal| journal.plan().id).collect()
}

fn expire(machine: &Machine, days_from_the_first: i64) {
    let now = machine.clock_at(SignedDuration::from_hours(24 * days_from_the_first));
    keep::expire(&machine.journals(), &machine.here(), 7, now).unwrap();
}

#[test]
fn old_attempts_that_touched_nothing_are_thinned_out_and_no_number_is_given_twice() {
    let mut machine = (scenarios::PLAIN_UPDATE.build)();
    machine.run((scenarios::PLAIN_UPDATE.plan)(&machine)).unwrap();
    fail_to_begin(&machine, 30);
    expire(&machine, 12);
    assert_eq!(
        ids(&machine),
        std::iter::once(1).chain(5..=31).collect::<Vec<_>>(),
        "2 to 4 ended more than 7 days ago"
    );
    expire(&machine, 400);
    assert_eq!(ids(&machine), std::iter::once(1).chain(12..=31).collect::<Vec<_>>(), "the newest 20 stay");
    expire(&machine, 4000);
    assert_eq!(ids(&machine).len(), 21, "for good");
    let journals = machine.journals();
    assert_eq!(history::next_id(&journals), 32);
    assert_eq!(history::installed(&journals).unwrap().version.to_string(), "1.1.0");
    assert!(history::can_be_taken_back(&journals).is_some(), "what was good is never thinned out");
}

#[test]
fn thinning_out_survives_a_blow_at_every_point() {
    let mut machine = (scenarios::PLAIN_UPDATE.build)();
    machine.run((scenarios::PLAIN_UPDATE.plan)(&machine)).unwrap();
    fail_to_begin(&machine, 22);
    // What else goes by age has its own test, and makes many points.
    machine.journals().iter().for_each(|journal| machine.put(&journal.directory().join("expired"), b""));
    let moment = machine.keep("before");
    let whole: Vec<u32> = ids(&machine);
    let thinned: Vec<u32> = std::iter::once(1).chain(4..=23).collect();
    let (_, points) = testing::with(None, AssertUnwindSafe(|| expire(&machine, 400)));
    assert_eq!(ids(&machine), thinned);
    for point in 0..points {
        for fault in [Fault::Error, Fault::Crash] {
            machine.go_back(&moment);
            let now = machine.clock_at(SignedDuration::from_hours(24 * 400));
            let (journals, here) = (machine.journals(), machine.here());
            let _ = testing::with(Some((point, fault)), AssertUnwindSafe(|| keep::expire(&journals, &here, 7, now)));
            let left = ids(&machine);
            assert!(
                thinned.iter().all(|id| left.contains(id)) && left.iter().all(|id| whole.contains(id)),
                "{fault:?} at {point} ({}): {left:?}",
                testing::hit()
            );
            expire(&machine, 400);
            assert_eq!(ids(&machine), thinned, "{fault:?} at {point} ({})", testing::hit());
            let lies: Vec<String> = names(&machine.here().updates());
            assert_eq!(lies.len(), thinned.len(), "nothing lies about: {lies:?}");
        }
    }
}
