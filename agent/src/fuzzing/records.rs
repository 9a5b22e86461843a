//! What the agent itself wrote and finds again, after whatever has happened to the disk: journals, the audit log, small files of
//! state.

use std::path::Path;

use jiff::Timestamp;

use super::network::is_stable;
use super::{directory, memory};
use crate::audit::{self, Audit, Did, Said, chain};
use crate::clock::steady::{self, Sight};
use crate::decide;
use crate::durable;
use crate::journal::read::{Reading, understand};
use crate::journal::{Entry, Journal, history, standing};
use crate::store::{BackupRecord, LeftAside};
use crate::update::resume;

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

/// A journal: what can be read is the same when it is written and read again, all that is folded from it can be, and each of
/// its beginnings is a journal.
pub fn journal(bytes: &[u8]) -> bool {
    let path = Path::new("/var/lib/surefoot/kkt/updates/0001-1.1.0/journal.jsonl");
    let (journal, whole) = match understand(path, bytes) {
        Reading::Whole(journal) => (journal, true),
        Reading::Damaged { beginning: Some(journal), error } => {
            let _ = (crate::exit::chain(&error), error.way_out(""));
            (journal, false)
        }
        Reading::Damaged { beginning: None, .. } | Reading::NeverBegan => return false,
    };
    let lines: Vec<String> = journal.entries().iter().map(line).collect();
    assert_eq!(read(path, &lines).entries(), journal.entries(), "it reads differently once it is written");
    for count in 1..lines.len() {
        assert_eq!(read(path, &lines[..count]).entries(), &journal.entries()[..count], "its beginning is none");
    }
    fold(&[journal]);
    whole
}

fn line(entry: &Entry) -> String {
    serde_json::to_string(entry).expect("a record has only text keys")
}

fn read(path: &Path, lines: &[String]) -> Journal {
    let reading = understand(path, format!("{}\n", lines.join("\n")).as_bytes());
    let Reading::Whole(journal) = reading else { panic!("what was written cannot be read: {reading:?}") };
    journal
}

fn fold(journals: &[Journal]) {
    drop(history::rows(journals));
    drop(standing::standing(journals));
    let _ = (history::installed(journals), history::bringer(journals), history::can_be_taken_back(journals));
    let _ = (history::next_id(journals), history::open(journals).map(resume::next));
    for setback in decide::setbacks(journals, &[]) {
        let _ = (setback.rest(now()), setback.rest_for_a_person(now()));
    }
}

/// The audit log. A `~` at the end of a line stands for the seal that it should have there. However it is damaged, one more line
/// can be written, follows what is there, and is believed.
pub fn audit(bytes: &[u8]) -> bool {
    let place = directory();
    let path = place.path().join("audit.jsonl");
    durable::write_over(&path, &sealed(bytes), 0o600).expect("written");
    let before = audit::verify(&path, None).expect("it can be read");
    drop(audit::entries(&path).expect("it can be read"));
    let mut log = Audit::at(path.clone());
    log.write(now(), "root", Said::new(Did::Asked, None, "check"));
    let trouble = log.trouble();
    assert!(trouble.is_none(), "{trouble:?}");
    let after = audit::verify(&path, None).expect("it can be read");
    assert_eq!(after.breaks.len(), before.breaks.len(), "{:?} {:?}", before.breaks, after.breaks);
    assert!(after.head.is_some() && !after.torn);
    durable::remove_file(&path).expect("removed");
    before.is_whole() && before.lines > 0
}

/// Each line with its seal where it asks for one, and bound to the one before where it says `"prev":"~"`.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let (mut log, mut last) = (Vec::new(), chain::NOTHING);
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if number > 0 {
            log.push(b'\n');
        }
        let Some(said) = line.strip_suffix(b"~") else {
            log.extend_from_slice(line);
            continue;
        };
        let said = String::from_utf8_lossy(said).replace("\"prev\":\"~\"", &format!("\"prev\":\"{last}\""));
        last = manifest_schema::digest::Sha256::of(said.as_bytes());
        log.extend_from_slice(format!("{said},\"hash\":\"{last}\"}}").as_bytes());
    }
    log
}

/// Small files: what was seen of the clock, approvals, records of backups.
pub fn state(bytes: &[u8]) -> bool {
    let (_file, path) = memory(bytes);
    let sight = Sight { now: now(), boot: "a boot".to_owned(), up_seconds: 1000 };
    let seen = steady::look(&path, sight);
    let _ = (seen.is_enough(), seen.holds_back());
    let knew = serde_json::from_slice::<steady::Seen>(bytes).is_ok();
    let approved = decide::read_approvals(&path).is_ok_and(|approvals| !approvals.is_empty());
    knew || approved || is_stable::<BackupRecord>(bytes) || is_stable::<LeftAside>(bytes)
}

/// A journal that has all records.
#[cfg(test)]
pub(super) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    use crate::health::Lives;
    use crate::journal::testing::told;
    use crate::journal::{Blame, Record, Stands};
    use crate::plan::Act;

    let failed = |step| Record::Failed { step, error: "no".to_owned(), blame: Blame::Environment };
    let watched = Record::Watched { boot: "a boot".to_owned(), lives: Lives::new(), falls: 1 };
    let aside = Record::LeftAside { database: "app".parse().unwrap(), name: "old".to_owned(), bytes: 7 };
    let (begun, applied) = (|step| Record::Begun { step }, |step| Record::Applied { step });
    let good = [begun(0), applied(0), watched, Record::Soaking, Record::Soaked { seconds: 12 }, Record::Committed];
    let bad = [begun(0), applied(0), begun(1), failed(Some(1)), Record::Reverted { step: 1 }, aside];
    let failing = Record::RevertFailed { step: 0, error: "still no".to_owned() };
    let stuck = [begun(0), failed(None), failing, Record::Stuck { reason: "why".to_owned() }, Record::Resumed];
    let ended = |records: &[Record], last| -> Vec<u8> {
        let journal = told(1, Act::Update, "1.1.0", &[records, &[last]].concat());
        journal.entries().iter().flat_map(|entry| [line(entry), "\n".to_owned()].concat().into_bytes()).collect()
    };
    vec![
        ("journal", "good-finished", ended(&good, Record::Finished)),
        ("journal", "good-failed", ended(&bad, Record::Resumed)),
        ("journal", "good-abandoned", ended(&stuck, Record::Abandoned { by: "root".to_owned(), stands: Stands::Old })),
    ]
}
