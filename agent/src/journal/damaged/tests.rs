//! Journals as broken disks, broken hands and newer versions leave them: told apart, never acted on, never thrown away.

use std::path::Path;

use super::*;
use crate::journal::{FORMAT, Stands, read_all};
use crate::plan::Plan;
use crate::update::tests::machine::Machine;
use crate::update::tests::release::Release;
use crate::update::tests::repository::now;

/// The updates of an instance, one of them with a row of records: planned, begun, applied, begun, resumed.
struct Place {
    _dir: tempfile::TempDir,
    updates: PathBuf,
}

fn plan(id: u32) -> Plan {
    let machine = Machine::new(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[])]);
    Plan { id, ..machine.plan_update(Some("1.0.0"), "1.1.0") }
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let place = Place { updates: dir.path().join("updates"), _dir: dir };
    let mut journal = Journal::begin(&place.directory(), plan(3), now()).unwrap();
    for record in [Record::Begun { step: 0 }, Record::Applied { step: 0 }, Record::Begun { step: 1 }, Record::Resumed] {
        journal.append(record, now()).unwrap();
    }
    place
}

impl Place {
    fn directory(&self) -> PathBuf {
        self.updates.join("0003-1.1.0")
    }

    fn path(&self) -> PathBuf {
        self.directory().join("journal.jsonl")
    }

    fn lines(&self) -> Vec<String> {
        std::fs::read_to_string(self.path()).unwrap().split_inclusive('\n').map(str::to_owned).collect()
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        durable::write_atomic(&self.path(), text.as_ref(), 0o644).unwrap();
    }

    fn scan(&self) -> Scan {
        scan(&self.updates).unwrap()
    }

    /// The one damaged journal that there is.
    fn damaged(&self) -> Damaged {
        let scan = self.scan();
        assert!(scan.whole.is_empty(), "{scan:?}");
        let [damaged] = <[Damaged; 1]>::try_from(scan.damaged).unwrap();
        assert!(read_all(&self.updates).is_err());
        damaged
    }
}

fn abandoned() -> Record {
    Record::Abandoned { by: "ann".to_owned(), stands: Stands::Old }
}

#[test]
fn a_line_in_the_middle_that_cannot_be_read_leaves_the_lines_before_it() {
    for broken in
        ["\n", "nonsense\n", "{}\n", "\0\0\0\0\0\n", "\u{feff}{}\n", "[]\n", "null\n", "{\"record\":\"applied\"}\n"]
    {
        let place = place();
        let lines = place.lines();
        place.write([&lines[0], &lines[1], broken, &lines[3], &lines[4]].concat());
        let damaged = place.damaged();
        let error = crate::exit::chain(&damaged.error);
        assert!(error.contains("journal.jsonl: line 3 cannot be read"), "{broken:?}: {error}");
        assert!(error.contains("until a person has looked"), "{error}");
        assert_eq!(damaged.beginning.unwrap().entries().len(), 2);
    }
}

#[test]
fn what_a_newer_version_wrote_is_left_to_it() {
    let hibernated = r#"{"at":"2026-01-01T00:00:00Z","record":"hibernated","until":7}"#.to_owned() + "\n";
    let newer_plan = r#"{"at":"2026-01-01T00:00:00Z","record":"planned","plan":{"format":2,"acts":["all new"]}}"#;
    let place = place();
    let lines = place.lines();
    let cases = [
        (lines[..3].concat() + &hibernated, "line 4 is a record \"hibernated\"", 3),
        (format!("{newer_plan}\n{}", lines[1..].concat()), "format 2", 0),
    ];
    for (text, wanted, readable) in cases {
        place.write(&text);
        let damaged = place.damaged();
        let error = damaged.error.to_string();
        assert!(error.contains(wanted) && error.contains("install that one again"), "{error}");
        assert_eq!(damaged.beginning.map_or(0, |journal| journal.entries().len()), readable);
        assert_eq!(std::fs::read_to_string(place.path()).unwrap(), text);
    }
}

#[test]
fn a_plan_that_is_none_is_damage() {
    type Change = fn(&[String], &str) -> String;
    let older = format!(r#"{{"format":{}"#, FORMAT - 1);
    let changes: [(&str, Change); 3] = [
        ("line 1 is no plan", |lines, _| lines[1..].concat()),
        ("line 1 is no plan", |lines, older| lines[0].replacen(r#"{"format":1"#, older, 1) + &lines[1]),
        ("line 1 cannot be read", |lines, _| lines[0].replacen(r#""id":3"#, r#""id":-3"#, 1) + &lines[1]),
    ];
    for (wanted, change) in changes {
        let place = place();
        place.write(change(&place.lines(), &older));
        let damaged = place.damaged();
        assert!(damaged.error.to_string().contains(wanted), "{}", damaged.error);
        assert!(damaged.beginning.is_none());
    }
}

#[test]
fn what_a_power_cut_leaves_at_the_end_never_happened() {
    let torn: [&[u8]; 6] =
        [b"", b"\0\0\0\0\0\0\0\0", b"{", br#"{"at":"2026-01-01T00:0"#, b"{\"at\"\0\0\0\0\0\0", b"{\"at\":\"2026\0\0\0"];
    for tail in torn {
        let place = place();
        let whole = std::fs::read(place.path()).unwrap();
        place.write([&whole, tail].concat());
        let mut scan = place.scan();
        assert!(scan.damaged.is_empty(), "{tail:?}: {:?}", scan.damaged);
        let journal = scan.whole.pop().unwrap();
        assert_eq!(journal.entries().len(), 5);
        // And the next record goes where it was.
        let mut journal = journal;
        journal.append(Record::Resumed, now()).unwrap();
        assert_eq!(place.scan().whole[0].entries().len(), 6);
    }
}

#[test]
fn what_nobody_was_writing_at_the_end_is_damage() {
    for tail in ["garbage", "x", "\u{1}\u{2}", "{\"at \"", "[]"] {
        let place = place();
        let whole = place.lines().concat();
        place.write(whole + tail);
        let damaged = place.damaged();
        assert!(crate::exit::chain(&damaged.error).contains("line 6 cannot be read"), "{tail:?}: {}", damaged.error);
        assert_eq!(damaged.beginning.unwrap().entries().len(), 5);
    }
}

#[test]
fn records_that_cannot_follow_each_other_are_damage() {
    let place = place();
    let lines = place.lines();
    place.write([&lines[0], &lines[2], &lines[1]].map(String::as_str).concat());
    let damaged = place.damaged();
    let error = damaged.error.to_string();
    assert!(error.contains("line 2 cannot be: step 1 was applied and had never begun"), "{error}");
    assert_eq!(damaged.beginning.unwrap().entries().len(), 1);
}

#[test]
fn an_update_that_never_began_is_none() {
    for half in [true, false] {
        let place = place();
        let plan = &place.lines()[0];
        place.write(if half { &plan[..plan.len() / 2] } else { "" });
        assert!(place.scan().whole.is_empty() && place.scan().damaged.is_empty());
        durable::remove_file(&place.path()).unwrap();
        assert!(read_all(&place.updates).unwrap().is_empty());
    }
}

#[test]
fn an_empty_journal_of_an_update_that_had_begun_is_damage() {
    for is_there in [true, false] {
        let place = place();
        durable::write_atomic(&place.directory().join("prepare.log"), b"it ran\n", 0o644).unwrap();
        place.write("");
        if !is_there {
            durable::remove_file(&place.path()).unwrap();
        }
        let damaged = place.damaged();
        assert!(damaged.error.to_string().contains("the plan is gone"), "{}", damaged.error);
    }
}

#[test]
fn what_is_not_called_as_an_update_is_none() {
    let place = place();
    for name in [
        "old",
        "0003-1.1.0.bak",
        "0003-1.1.0.damaged",
        "0003-1.1.0-rc.1.damaged",
        "lost+found",
        "0004",
        "x-1.0.0",
        "0005-1.0",
        "0006-1.1.0-rc.1.removing",
    ] {
        durable::copy_tree(&place.directory(), &place.updates.join(name)).unwrap();
        durable::write_atomic(&place.updates.join(name).join("journal.jsonl"), b"garbage\n", 0o644).unwrap();
    }
    durable::write_atomic(&place.updates.join("notes.txt"), b"mine", 0o644).unwrap();
    let scan = place.scan();
    assert_eq!((scan.whole.len(), scan.damaged.len()), (1, 0));
}

#[test]
fn the_journal_of_another_update_is_damage() {
    let place = place();
    durable::copy_tree(&place.directory(), &place.updates.join("0004-1.1.0")).unwrap();
    let scan = place.scan();
    assert_eq!(scan.whole.len(), 1);
    assert!(scan.damaged[0].error.to_string().contains("the journal of update 3"), "{}", scan.damaged[0].error);
}

#[test]
fn a_journal_that_is_no_file_is_damage_and_so_is_a_file_for_a_directory() {
    let place = place();
    durable::remove_file(&place.path()).unwrap();
    durable::make_dir(&place.path(), 0o755).unwrap();
    assert!(matches!(place.damaged().error, JournalError::Read { .. }));
    durable::remove_tree(&place.directory()).unwrap();
    durable::write_atomic(&place.directory(), b"?", 0o644).unwrap();
    assert!(matches!(place.damaged().error, JournalError::Read { .. }));
}

#[test]
fn a_mended_journal_is_its_beginning_and_a_last_word_and_the_damaged_one_is_kept() {
    let place = place();
    let lines = place.lines();
    let text = [&lines[0], &lines[1], "nonsense\n", &lines[3]].concat();
    place.write(&text);
    let damaged = place.damaged();
    let kept = damaged.mend(damaged.beginning.as_ref().unwrap(), abandoned(), now()).unwrap();
    assert_eq!(kept, place.directory().join("journal.jsonl.damaged"));
    assert_eq!(std::fs::read_to_string(kept).unwrap(), text);
    let scan = place.scan();
    assert_eq!((scan.whole.len(), scan.damaged.len()), (1, 0));
    let journal = &scan.whole[0];
    assert_eq!(journal.records().skip(1).collect::<Vec<_>>(), [&Record::Begun { step: 0 }, &abandoned()]);
    assert!(!journal.is_open() && !place.directory().join("reserve").exists());
}

#[test]
fn a_journal_that_was_over_before_the_damage_gets_no_other_end() {
    let place = place();
    let mut journal = place.scan().whole.pop().unwrap();
    journal.append(abandoned(), now()).unwrap();
    place.write(place.lines().concat() + "garbage\n");
    let damaged = place.damaged();
    let other = Record::Abandoned { by: "bob".to_owned(), stands: Stands::New };
    damaged.mend(damaged.beginning.as_ref().unwrap(), other, now()).unwrap();
    assert_eq!(place.scan().whole[0].records().next_back(), Some(&abandoned()));
}

#[test]
fn mending_is_whole_or_not_at_all_wherever_it_is_cut_off() {
    use crate::fault::testing::{self, Fault};
    let broken = || {
        let place = place();
        let lines = place.lines();
        place.write([&lines[0], &lines[1], "nonsense\n"].map(|line| line as &str).concat());
        place
    };
    let mend = |place: &Place| {
        let damaged = place.damaged();
        damaged.mend(damaged.beginning.as_ref().unwrap(), abandoned(), now()).unwrap()
    };
    let place = broken();
    let (_, points) = testing::with(None, || mend(&place));
    assert!(points > 5);
    for point in 0..points {
        let place = broken();
        let text = std::fs::read(place.path()).unwrap();
        let _ = testing::with(Some((point, Fault::Crash)), || mend(&place));
        if place.scan().damaged.is_empty() {
            assert!(!place.scan().whole[0].is_open());
        } else {
            mend(&place);
        }
        assert_eq!(std::fs::read(place.directory().join("journal.jsonl.damaged")).unwrap(), text, "point {point}");
        assert!(!place.directory().join("journal.jsonl.damaged.2").exists(), "kept once, point {point}");
    }
}

#[test]
fn what_is_put_aside_is_no_update_and_its_number_is_not_given_again() {
    let place = place();
    place.write("garbage\n");
    assert_eq!(highest_put_aside(&place.updates).unwrap(), 0);
    let aside = place.damaged().put_aside().unwrap();
    assert_eq!(aside, Path::new(&place.updates).join("0003-1.1.0.damaged"));
    assert!(read_all(&place.updates).unwrap().is_empty());
    assert_eq!(highest_put_aside(&place.updates).unwrap(), 3);
    let directory = place.directory();
    Journal::begin(&directory, plan(3), now()).unwrap();
    place.write("garbage\n");
    assert_eq!(place.damaged().put_aside().unwrap(), place.updates.join("0003-1.1.0.damaged.2"));
}
