//! What stays after an update, and for how long.

use super::scenarios;
use crate::durable;
use crate::journal::Journal;
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
