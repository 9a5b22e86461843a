//! The journal through its door: what was appended is read, what was cut off never happened, and what cannot be read stops
//! everything.

use std::path::PathBuf;

use super::testing::told;
use super::*;
use crate::plan::Act;
use crate::update::tests::machine::Machine;
use crate::update::tests::release::Release;
use crate::update::tests::repository::now;

struct Place {
    _dir: tempfile::TempDir,
    directory: PathBuf,
    plan: Plan,
}

fn place() -> Place {
    let machine = Machine::new(vec![Release::new("1.0.0", &[]), Release::new("1.1.0", &[])]);
    let dir = tempfile::tempdir().unwrap();
    Place { directory: dir.path().join("0001-1.1.0"), _dir: dir, plan: machine.plan_update(Some("1.0.0"), "1.1.0") }
}

impl Place {
    fn path(&self) -> PathBuf {
        self.directory.join("journal.jsonl")
    }

    fn begin(&self) -> Journal {
        Journal::begin(&self.directory, self.plan.clone(), now()).unwrap()
    }

    fn text(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    fn write(&self, bytes: &[u8]) {
        durable::make_dirs(&self.directory, 0o755).unwrap();
        durable::write_atomic(&self.path(), bytes, 0o640).unwrap();
    }

    fn read(&self) -> Result<Option<Journal>, JournalError> {
        Journal::read(&self.path())
    }
}

#[test]
fn what_was_appended_is_read_in_its_order() {
    let place = place();
    let mut journal = place.begin();
    for record in [Record::Begun { step: 0 }, Record::Applied { step: 0 }, Record::Soaked { seconds: 10 }] {
        journal.append(record, now()).unwrap();
    }
    let read = place.read().unwrap().unwrap();
    assert_eq!(read.entries(), journal.entries());
    assert_eq!(*read.plan(), place.plan);
    assert!(read.is_open());
}

#[test]
fn an_update_begins_where_an_earlier_attempt_left_half_a_plan() {
    let place = place();
    place.begin();
    let whole = place.text();
    place.write(&whole[..whole.len() / 2]);
    assert!(place.read().unwrap().is_none(), "half a plan is no update");
    let mut journal = place.begin();
    journal.append(Record::Begun { step: 0 }, now()).unwrap();
    assert_eq!(place.read().unwrap().unwrap().entries().len(), 2);
}

#[test]
fn a_record_goes_behind_the_last_whole_line() {
    let place = place();
    let mut journal = place.begin();
    let mut text = place.text();
    text.extend_from_slice(br#"{"at":"2026-01-01T00:00:00Z","rec"#);
    place.write(&text);
    journal.append(Record::Resumed, now()).unwrap();
    let read = place.read().unwrap().unwrap();
    assert_eq!(read.records().next_back(), Some(&Record::Resumed));
    assert_eq!(read.entries().len(), 2);
}

#[test]
fn a_broken_line_in_the_middle_names_itself() {
    let place = place();
    let mut journal = place.begin();
    journal.append(Record::Begun { step: 0 }, now()).unwrap();
    journal.append(Record::Applied { step: 0 }, now()).unwrap();
    let text = String::from_utf8(place.text()).unwrap();
    for broken in
        ["\n", "nonsense\n", "{}\n", "{\"at\":\"2026-01-01T00:00:00Z\",\"record\":\"unheard_of\"}\n", "\0\0\0\0\n"]
    {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        place.write([lines[0], broken, lines[2]].concat().as_bytes());
        let error = place.read().unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("journal.jsonl"), "{broken:?}: {error}");
        let error = read_all(place.directory.parent().unwrap()).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}

#[test]
fn a_failure_from_before_there_was_a_blame_is_the_release_s() {
    let old = r#"{"record":"failed","step":3,"error":"no"}"#;
    let read: Record = serde_json::from_str(old).unwrap();
    assert_eq!(read, Record::Failed { step: Some(3), error: "no".to_owned(), blame: Blame::Release });
    let new = Record::Failed { step: None, error: "no".to_owned(), blame: Blame::Environment };
    let text = serde_json::to_string(&new).unwrap();
    assert!(text.contains(r#""blame":"environment""#), "{text}");
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), new);
}

#[test]
fn a_journal_of_another_format_is_left_to_the_program_that_wrote_it() {
    let mut place = place();
    place.plan.format = FORMAT + 1;
    place.begin();
    assert!(place.read().unwrap_err().to_string().contains("format"));
}

#[test]
fn the_reserve_goes_with_the_last_record() {
    let abandoned = Record::Abandoned { by: "ann".to_owned(), stands: Stands::Old };
    for last in [Record::Finished, Record::RolledBack, abandoned] {
        let place = place();
        let mut journal = place.begin();
        assert!(std::fs::metadata(place.directory.join("reserve")).unwrap().len() >= 64 * 1024);
        journal.append(Record::Committed, now()).unwrap();
        assert!(place.directory.join("reserve").exists() && place.directory.join("inodes/1").exists());
        journal.append(last, now()).unwrap();
        assert!(!place.directory.join("reserve").exists() && !place.directory.join("inodes").exists());
    }
}

fn failed() -> Record {
    Record::Failed { step: Some(0), error: "no".to_owned(), blame: Blame::Release }
}

#[test]
fn records_tell_how_an_update_stands() {
    let stop = Record::Begun { step: 4 };
    let stuck = Record::Stuck { reason: "x".to_owned() };
    let cases: [(&[Record], history::Status); 9] = [
        (&[], history::Status::Pending),
        (&[Record::Begun { step: 0 }], history::Status::InProgress),
        (&[Record::Begun { step: 0 }, failed(), Record::RolledBack], history::Status::Failed),
        (&[stop.clone(), failed(), Record::RolledBack], history::Status::RolledBack),
        (&[stop.clone(), failed()], history::Status::InProgress),
        (&[stop, failed(), stuck], history::Status::Stuck),
        (&[Record::Committed], history::Status::Completed),
        (&[Record::Committed, Record::Resumed], history::Status::Completed),
        (&[Record::Committed, Record::Finished], history::Status::Completed),
    ];
    for (records, status) in cases {
        assert_eq!(history::status(&told(1, Act::Update, "1.1.0", records)), status, "{records:?}");
    }
}

#[test]
fn what_is_installed_and_what_was_taken_back_is_folded_from_all_journals() {
    let good = [Record::Committed, Record::Finished];
    let bad = [Record::Begun { step: 4 }, failed(), Record::RolledBack];
    let adopted = told(1, Act::Adopt, "1.0.0", &good);
    let update = told(2, Act::Update, "1.1.0", &good);
    let back = told(3, Act::Rollback, "1.0.0", &good);
    let installed = |journals: &[Journal]| history::installed(journals).map(|side| side.version.to_string());
    let of = |journals: &[&Journal]| journals.iter().map(|journal| (*journal).clone()).collect::<Vec<_>>();

    assert_eq!(installed(&[]), None);
    assert_eq!(installed(&of(&[&adopted])).as_deref(), Some("1.0.0"));
    assert_eq!(installed(&of(&[&adopted, &update])).as_deref(), Some("1.1.0"));
    assert!(history::can_be_taken_back(&of(&[&adopted, &update])).is_some());

    let taken = of(&[&adopted, &update, &back]);
    assert_eq!(installed(&taken).as_deref(), Some("1.0.0"));
    assert_eq!(history::what_it_took_back(&back, &taken).unwrap().plan().id, 2);
    assert_eq!(history::rows(&taken)[1].status, history::Status::RolledBack);
    assert!(history::can_be_taken_back(&taken).is_none(), "back is not forward");

    let ill = told(2, Act::Update, "1.1.0", &bad);
    assert_eq!(installed(&of(&[&adopted, &ill])).as_deref(), Some("1.0.0"));

    let failed_rollback = told(3, Act::Rollback, "1.0.0", &bad);
    let still = of(&[&adopted, &update, &failed_rollback]);
    assert_eq!(installed(&still).as_deref(), Some("1.1.0"));
    assert!(history::what_it_took_back(&failed_rollback, &still).is_none());

    let released = told(3, Act::Release, "1.1.0", &good);
    assert_eq!(installed(&of(&[&adopted, &update, &released])), None);
    assert_eq!(history::next_id(&still), 4);
}

#[test]
fn what_a_person_leaves_installed_is_what_they_say() {
    let good = [Record::Committed, Record::Finished];
    let abandoned = |id, act, to, stands| {
        let stuck = Record::Stuck { reason: "no way".to_owned() };
        told(id, act, to, &[Record::Begun { step: 4 }, failed(), stuck, Record::Abandoned { by: "ann".into(), stands }])
    };
    let adopted = told(1, Act::Adopt, "1.0.0", &good);
    let update = told(2, Act::Update, "1.1.0", &good);
    let after = |journals: &[&Journal]| {
        let journals: Vec<Journal> = journals.iter().map(|journal| (*journal).clone()).collect();
        assert!(!journals.last().unwrap().is_open());
        assert!(history::can_be_taken_back(&journals).is_none(), "it is the person's to take back");
        let installed = history::installed(&journals).map(|side| side.version.to_string());
        let bringer = history::bringer(&journals).map(|journal| journal.plan().id);
        let held = crate::decide::setbacks(&journals, &[]).len();
        (installed.unwrap_or_default(), bringer.unwrap_or_default(), held)
    };
    let table = [
        (Act::Update, "1.1.0", Stands::Old, ("1.0.0", 1, 1)),
        (Act::Update, "1.1.0", Stands::New, ("1.1.0", 2, 0)),
        (Act::Release, "1.1.0", Stands::Nothing, ("", 0, 0)),
        (Act::Release, "1.1.0", Stands::Old, ("1.0.0", 1, 0)),
    ];
    for (act, to, stands, (installed, bringer, held)) in table {
        let last = abandoned(2, act, to, stands);
        assert_eq!(history::status(&last), history::Status::Abandoned);
        assert_eq!(after(&[&adopted, &last]), (installed.to_owned(), bringer, held), "{act:?} {stands:?}");
    }

    let back = abandoned(3, Act::Rollback, "1.0.0", Stands::New);
    assert_eq!(after(&[&adopted, &update, &back]), ("1.0.0".to_owned(), 3, 1), "what was taken back is held back");
    assert_eq!(after(&[&abandoned(1, Act::Install, "1.0.0", Stands::Nothing)]).0, "");
    assert_eq!(after(&[&abandoned(2, Act::Update, "1.1.0", Stands::Old)]).0, "1.0.0", "an earlier journal may be lost");

    let of_long_ago = abandoned(2, Act::Update, "1.1.0", Stands::Other);
    let later = told(3, Act::Update, "1.1.0", &good);
    let journals = [adopted, of_long_ago, later];
    assert_eq!(history::bringer(&journals).unwrap().plan().id, 3, "a later update has the word");
}

#[test]
fn the_words_of_all_records_are_known() {
    let error = serde_json::from_str::<Record>(r#"{"record":"unheard_of"}"#).unwrap_err().to_string();
    let expected: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert_eq!(expected, Record::WORDS);
}
