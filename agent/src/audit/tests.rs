use std::path::PathBuf;

use super::*;
use crate::fault::testing::{self, Fault};

/// A log in a directory of its own.
struct Log {
    directory: tempfile::TempDir,
}

impl Log {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// One with so many lines.
    fn of(lines: u32) -> Self {
        let log = Self::new();
        (1..=lines).for_each(|number| log.say(&format!("act {number}")));
        log
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("audit.jsonl")
    }

    fn say(&self, words: &str) {
        let mut audit = Audit::at(self.path());
        audit.write(now(), "root", said(words));
        assert!(audit.trouble().is_none());
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "what somebody else does to it")]
    fn put(&self, text: &str) {
        std::fs::write(self.path(), text).unwrap();
    }

    fn verify(&self) -> Verdict {
        verify(&self.path(), None).unwrap()
    }

    /// What is said of its only break.
    fn only_break(&self) -> (usize, String) {
        let mut verdict = self.verify();
        assert_eq!(verdict.breaks.len(), 1, "{verdict:#?}");
        let found = verdict.breaks.remove(0);
        (found.line, found.says)
    }
}

fn now() -> Timestamp {
    "2026-03-01T04:00:00Z".parse().unwrap()
}

fn said(words: &str) -> Said {
    let instance = "kkt".parse().unwrap();
    Said { version: Some("1.1.0".parse().unwrap()), ..Said::new(Did::Began, Some(&instance), words) }
}

#[test]
fn a_chain_that_nobody_touched_is_whole() {
    let verdict = Log::of(5).verify();
    assert!(verdict.is_whole(), "{verdict:#?}");
    assert_eq!((verdict.lines, verdict.first, verdict.last), (5, Some(1), Some(5)));
}

#[test]
fn a_line_is_checked_by_hand_as_its_own_words_say() {
    let text = Log::of(1).text();
    let (before, hash) = text.trim_end().rsplit_once(",\"hash\":\"").unwrap();
    assert_eq!(hash, format!("{}\"}}", Sha256::of(before.as_bytes())));
}

#[test]
fn a_word_that_was_changed_is_found_in_its_line() {
    let log = Log::of(5);
    log.put(&log.text().replace("act 3", "act 7"));
    let (line, says) = log.only_break();
    assert_eq!(line, 3);
    assert!(says.contains("was changed"), "{says}");
}

#[test]
fn a_line_that_was_changed_with_its_hash_breaks_the_chain_behind_it() {
    let log = Log::of(5);
    let text = log.text();
    let third = text.lines().nth(2).unwrap();
    let mut entry: Entry = serde_json::from_str(third).unwrap();
    entry.says = "something else".to_owned();
    log.put(&text.replace(third, &chain::seal(&entry).0));
    let (line, says) = log.only_break();
    assert_eq!(line, 4);
    assert!(says.contains("does not follow"), "{says}");
}

#[test]
fn a_line_that_is_gone_or_twice_there_is_found() {
    for change in ["gone", "twice"] {
        let log = Log::of(5);
        let text = log.text();
        let third = format!("{}\n", text.lines().nth(2).unwrap());
        log.put(&text.replace(&third, if change == "gone" { String::new() } else { third.repeat(2) }.as_str()));
        let verdict = log.verify();
        assert!(!verdict.is_whole(), "{change}: {verdict:#?}");
        assert!(verdict.breaks[0].says.contains("has number"), "{change}: {verdict:#?}");
    }
}

#[test]
fn an_end_that_was_cut_off_is_seen_by_whoever_noted_its_hash() {
    let log = Log::of(5);
    let head = log.verify().head;
    let text = log.text();
    let end = text.trim_end().rfind('\n').unwrap();
    log.put(&text[..=end]);
    assert!(log.verify().is_whole(), "the chain alone cannot tell");
    let verdict = verify(&log.path(), head).unwrap();
    assert!(!verdict.is_whole() && verdict.knows == Some(false), "{verdict:#?}");
    log.say("another act 5");
    assert!(!verify(&log.path(), head).unwrap().is_whole());
}

#[test]
fn a_crash_at_any_byte_of_a_line_never_breaks_the_chain() {
    let text = Log::of(3).text();
    let second = text.match_indices('\n').nth(1).unwrap().0 + 1;
    for cut in second..=text.len() {
        let log = Log::new();
        log.put(&text[..cut]);
        let verdict = log.verify();
        assert!(verdict.is_whole(), "cut at {cut}: {verdict:#?}");
        assert_eq!(verdict.torn, cut != second && cut != text.len(), "cut at {cut}");
        log.say("after the crash");
        let verdict = log.verify();
        assert!(verdict.is_whole() && !verdict.torn, "cut at {cut}: {verdict:#?}");
        assert_eq!(verdict.last, Some(if cut == text.len() { 4 } else { 3 }), "cut at {cut}");
    }
}

#[test]
fn a_damaged_line_is_told_once_and_what_comes_after_is_bound_to_it() {
    for damage in ["nonsense", "", "{\"n\":2}"] {
        let log = Log::of(2);
        let text = log.text();
        log.put(&format!("{}\n{damage}\n", text.lines().next().unwrap()));
        log.say("after");
        log.say("and after");
        assert_eq!(log.only_break().0, 2, "{damage:?}: {:#?}", log.verify());
    }
}

#[test]
fn a_long_log_goes_on_in_another_part_and_the_oldest_is_forgotten() {
    let log = Log::new();
    let words = "x".repeat(WORDS);
    let mut audit = Audit::at(log.path());
    let lines = (KEPT as u64 + 2) * PART / 1200;
    // Without the disk's patience: parts as they would be, each almost full.
    let mut head = chain::head(&log.path()).unwrap();
    let mut text = String::new();
    for number in 1..=lines {
        let (line, hash) = chain::seal(&audit.entry(&head, now(), "root", said(&words)));
        head = Head { n: number, hash };
        text.push_str(&line);
        text.push('\n');
        if text.len() as u64 > PART {
            log.put(&text);
            text.clear();
            audit.turn_over(&head);
        }
    }
    log.put(&text);
    audit.write(now(), "root", said("the last"));
    assert!(audit.trouble().is_none());
    let verdict = log.verify();
    assert!(verdict.is_whole(), "{verdict:#?}");
    assert_eq!(verdict.last, Some(lines + 1));
    assert!(verdict.first > Some(1), "{verdict:#?}");
    assert!(parts(&log.path()).unwrap().len() <= KEPT + 1);
}

#[test]
fn a_part_that_was_taken_from_the_middle_is_missed() {
    let log = Log::new();
    for part in 0..3 {
        log.say(&format!("act {part}"));
        if part < 2 {
            let head = chain::head(&log.path()).unwrap();
            durable::rename(&log.path(), &chain::part_of(&log.path(), head.n)).unwrap();
        }
    }
    assert!(log.verify().is_whole());
    durable::remove_file(&chain::part_of(&log.path(), 2)).unwrap();
    assert!(log.only_break().1.contains("has number 3"));
}

#[test]
fn what_could_not_be_written_is_counted_in_the_next_line() {
    let log = Log::of(1);
    let hidden = durable::beside(&log.path(), ".hidden");
    durable::rename(&log.path(), &hidden).unwrap();
    durable::make_dir(&log.path(), 0o755).unwrap();
    let mut audit = Audit::at(log.path());
    audit.write(now(), "root", said("lost"));
    audit.write(now(), "root", said("lost"));
    assert!(audit.trouble().is_some() && audit.trouble().is_none(), "it is told once");
    durable::remove_tree(&log.path()).unwrap();
    durable::rename(&hidden, &log.path()).unwrap();
    audit.write(now(), "root", said("kept"));
    let entries = entries(&log.path()).unwrap();
    assert_eq!((entries[1].missed, entries[1].says.as_str()), (2, "kept"));
    assert!(log.verify().is_whole());
}

#[test]
fn a_fault_or_a_crash_while_a_line_is_written_loses_that_line_at_most() {
    for fault in [Fault::Error, Fault::Crash] {
        for number in 0.. {
            let log = Log::of(2);
            let write = || Audit::at(log.path()).write(now(), "root", said("in the middle"));
            let (_, passed) = testing::with(Some((number, fault)), std::panic::AssertUnwindSafe(write));
            if number >= passed {
                break;
            }
            log.say("after");
            let verdict = log.verify();
            assert!(verdict.is_whole() && !verdict.torn, "{fault:?} at {number}: {verdict:#?}");
            let words: Vec<String> = entries(&log.path()).unwrap().into_iter().map(|entry| entry.says).collect();
            assert_eq!((words.first(), words.last()), (Some(&"act 1".to_owned()), Some(&"after".to_owned())));
        }
    }
}

#[test]
fn a_line_of_a_newer_program_is_read_and_verified() {
    let log = Log::of(1);
    let head = chain::head(&log.path()).unwrap();
    let entry = Audit::at(log.path()).entry(&head, now(), "root", said("new"));
    let line = serde_json::to_string(&entry).unwrap().replace("\"began\"", "\"signed_off\",\"with\":[1]");
    let body = line.strip_suffix('}').unwrap();
    let sealed = format!("{body},\"hash\":\"{}\"}}\n", Sha256::of(body.as_bytes()));
    log.put(&format!("{}{sealed}", log.text()));
    assert!(log.verify().is_whole(), "{:#?}", log.verify());
    assert_eq!(entries(&log.path()).unwrap()[1].did, Did::Other);
}
