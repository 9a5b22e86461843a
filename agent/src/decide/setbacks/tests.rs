//! The fold as tables of journals, and the pauses as tables of falls.

use super::*;
use crate::journal::testing::told;
use crate::journal::{Record, Stands};

const NOW: i64 = 1_000_000;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

impl Setback {
    /// One that fell at these updates.
    pub(crate) fn of(version: ReleaseVersion, manifest: Sha256, falls: &[(u32, Timestamp, Why)]) -> Self {
        let falls = falls.iter().map(|&(id, at, why)| Fall { id, at, why, was_cut: false }).collect();
        Self { version, manifest, falls }
    }
}

/// Fell at these minutes, always for this reason.
fn fell(why: Why, minutes: &[i64]) -> Setback {
    let falls: Vec<_> = minutes.iter().zip(1..).map(|(&minute, id)| (id, at(minute), why)).collect();
    Setback::of("1.1.0".parse().unwrap(), Sha256::of(b"1.1.0"), &falls)
}

#[test]
fn the_pause_grows_with_each_failure() {
    let cases: [(Why, &[i64]); 3] = [
        (Why::Failed, &[HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY, 30 * DAY, 30 * DAY]),
        (Why::Interrupted, &[15, HOUR, 6 * HOUR, DAY, DAY, DAY]),
        (Why::Early, &[0, 0, HOUR, 6 * HOUR, DAY, DAY]),
    ];
    for (why, pauses) in cases {
        for (number, &pause) in (1..).zip(pauses) {
            let setback = fell(why, &vec![NOW; number]);
            let rest = setback.rest(at(NOW));
            assert_eq!((rest.why, rest.times, rest.last), (why, number, at(NOW)));
            let end = at(NOW + pause);
            assert_eq!(rest.until, if pause == 0 { Until::Over } else { Until::Then(end) }, "{why:?} {number}");
            assert_eq!(setback.rest(end).until, Until::Over, "{why:?} {number}: at its end it is over");
        }
    }
    assert_eq!(fell(Why::TakenBack, &[NOW]).rest(at(NOW + 1000 * DAY)).until, Until::AnAdmin);
}

#[test]
fn a_failure_dated_in_the_future_counts_and_keeps_nobody_waiting() {
    let far = NOW + 5 * 365 * DAY;
    assert_eq!(fell(Why::Failed, &[far]).rest(at(NOW)).until, Until::Over);
    assert_eq!(fell(Why::Failed, &[far, far, far]).rest(at(NOW)).until, Until::Over);
    let rest = fell(Why::Failed, &[NOW, far]).rest(at(NOW));
    assert_eq!((rest.times, rest.until), (2, Until::Then(at(NOW + 6 * HOUR))));
    // Once the future has come it is like any other.
    assert_eq!(fell(Why::Failed, &[far]).rest(at(far)).until, Until::Then(at(far + HOUR)));
}

#[test]
fn the_longest_rest_is_told_and_the_strongest_where_all_are_over() {
    let falls = [(1, at(NOW), Why::Interrupted), (2, at(NOW), Why::Failed), (3, at(NOW), Why::Interrupted)];
    let setback = Setback::of("1.1.0".parse().unwrap(), Sha256::of(b"1.1.0"), &falls);
    assert_eq!(setback.rest(at(NOW)).why, Why::Failed, "an hour each, and its own fault counts more");
    assert_eq!(setback.rest(at(NOW + DAY)).why, Why::Failed);
    assert_eq!(setback.rest_for_a_person(at(NOW)).unwrap().why, Why::Failed);
    let falls = [(1, at(NOW), Why::Failed), (2, at(NOW + 2 * HOUR), Why::Interrupted)];
    let setback = Setback::of("1.1.0".parse().unwrap(), Sha256::of(b"1.1.0"), &falls);
    assert_eq!(setback.rest(at(NOW + 2 * HOUR)).why, Why::Interrupted);
    assert!(!setback.rest_for_a_person(at(NOW + 2 * HOUR)).unwrap().holds());
}

#[test]
fn early_failures_count_only_in_a_row() {
    let early = |id| (id, at(NOW), Why::Early);
    let falls = [early(1), early(2), early(3), (4, at(0), Why::Interrupted), early(5)];
    let setback = Setback::of("1.1.0".parse().unwrap(), Sha256::of(b"1.1.0"), &falls);
    assert!(!setback.rest(at(NOW)).holds(), "{:?}", setback.rest(at(NOW)));
}

const STOP: Record = Record::Begun { step: 4 };

fn failed(blame: Blame) -> Record {
    Record::Failed { step: Some(6), error: "no".to_owned(), blame }
}

fn cut() -> Record {
    Record::Failed { step: None, error: "the machine stopped".to_owned(), blame: Blame::Agent }
}

fn update(id: u32, records: &[Record]) -> Journal {
    told(id, Act::Update, "1.1.0", records)
}

fn approval(manifest: Sha256, after: u32) -> Approval {
    Approval { at: at(0), version: "1.1.0".parse().unwrap(), manifest, by: "ada".to_owned(), after }
}

/// What is held against a release, and how often it happened.
type Held = Option<(Why, usize)>;

fn fold(journals: &[Journal], approvals: &[Approval]) -> Held {
    let mut all = setbacks(journals, approvals);
    assert!(all.len() <= 1);
    let setback = all.pop()?;
    assert_eq!(setback.version.to_string(), "1.1.0");
    let rest = setback.rest(crate::update::tests::repository::now());
    Some((rest.why, rest.times))
}

#[test]
fn only_a_failure_of_its_own_past_the_stop_is_remembered_as_bad() {
    let cases: [(&[Record], Held); 9] = [
        (&[STOP, failed(Blame::Release), Record::RolledBack], Some((Why::Failed, 1))),
        (&[STOP, failed(Blame::Environment), Record::RolledBack], Some((Why::Interrupted, 1))),
        (&[STOP, failed(Blame::Agent), Record::RolledBack], Some((Why::Interrupted, 1))),
        (&[STOP, cut(), Record::RolledBack], Some((Why::Interrupted, 1))),
        (&[failed(Blame::Release), Record::RolledBack], Some((Why::Early, 1))),
        (&[failed(Blame::Environment), Record::RolledBack], Some((Why::Early, 1))),
        (&[STOP, failed(Blame::Release)], None),
        (&[STOP, failed(Blame::Release), Record::Stuck { reason: "x".to_owned() }], None),
        (&[STOP, Record::Committed, Record::Finished], None),
    ];
    for (records, expected) in cases {
        assert_eq!(fold(&[update(1, records)], &[]), expected, "{records:?}");
    }
}

#[test]
fn a_release_is_blamed_for_cuts_only_when_they_repeat() {
    let cuts: Vec<Journal> = (1..=4).map(|id| update(id, &[STOP, cut(), Record::RolledBack])).collect();
    assert_eq!(fold(&cuts[..1], &[]), Some((Why::Interrupted, 1)));
    assert_eq!(fold(&cuts[..2], &[]), Some((Why::Interrupted, 2)));
    assert_eq!(fold(&cuts[..3], &[]), Some((Why::Failed, 1)));
    assert_eq!(fold(&cuts, &[]), Some((Why::Failed, 2)));
}

#[test]
fn what_was_taken_back_stays_back_until_an_admin_says_otherwise() {
    let good = [STOP, Record::Committed, Record::Finished];
    let journals = [update(1, &good), told(2, Act::Rollback, "1.0.0", &good)];
    let manifest = journals[0].plan().to.manifest.unwrap();
    assert_eq!(fold(&journals, &[]), Some((Why::TakenBack, 1)));
    // The approval by which it came is older than the taking back; the clock has no say in it.
    assert_eq!(fold(&journals, &[approval(manifest, 0)]), Some((Why::TakenBack, 1)));
    assert_eq!(fold(&journals, &[approval(manifest, 2)]), None);
}

#[test]
fn what_an_admin_gave_up_is_taken_back_too() {
    let given_up = |act, to, stands| {
        let stuck = Record::Stuck { reason: "x".to_owned() };
        told(2, act, to, &[STOP, failed(Blame::Agent), stuck, Record::Abandoned { by: "ada".to_owned(), stands }])
    };
    let cases = [
        (Stands::Old, Some((Why::TakenBack, 1))),
        (Stands::Nothing, Some((Why::TakenBack, 1))),
        (Stands::New, None),
        (Stands::Other, None),
    ];
    for (stands, expected) in cases {
        assert_eq!(fold(&[given_up(Act::Update, "1.1.0", stands)], &[]), expected, "{stands:?}");
    }
    let update = update(1, &[STOP, Record::Committed, Record::Finished]);
    let back = given_up(Act::Rollback, "1.0.0", Stands::New);
    assert_eq!(fold(&[update, back], &[]), Some((Why::TakenBack, 1)));
}

#[test]
fn an_approval_clears_what_came_before_it_and_nothing_else() {
    let bad = [STOP, failed(Blame::Release), Record::RolledBack];
    let journals: Vec<Journal> = (1..=3).map(|id| update(id, &bad)).collect();
    let manifest = journals[0].plan().to.manifest.unwrap();
    assert_eq!(fold(&journals, &[]), Some((Why::Failed, 3)));
    assert_eq!(fold(&journals, &[approval(manifest, 2)]), Some((Why::Failed, 1)));
    assert_eq!(fold(&journals, &[approval(manifest, 3)]), None);
    assert_eq!(fold(&journals, &[approval(Sha256::of(b"another"), 3)]), Some((Why::Failed, 3)));
}

#[test]
fn a_release_that_went_in_after_all_begins_anew() {
    let bad = [STOP, failed(Blame::Release), Record::RolledBack];
    let good = [STOP, Record::Committed, Record::Finished];
    let journals = [update(1, &bad), update(2, &good)];
    assert_eq!(fold(&journals, &[]), None);
    let back = told(3, Act::Rollback, "1.0.0", &good);
    assert_eq!(fold(&[&journals[..], &[back]].concat(), &[]), Some((Why::TakenBack, 1)));
}

#[test]
fn a_failed_rollback_or_install_is_held_against_nobody() {
    let bad = [STOP, failed(Blame::Release), Record::RolledBack];
    for act in [Act::Rollback, Act::Install, Act::Adopt, Act::Release] {
        assert_eq!(fold(&[told(1, act, "1.1.0", &bad)], &[]), None, "{act:?}");
    }
}
