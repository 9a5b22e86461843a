//! The clock's history as a table, and what becomes of a damaged one.

use super::*;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// A look: what the clock says, which boot it is, seconds since that boot.
type Look = (i64, &'static str, i64);

fn sight((now, boot, up_seconds): Look) -> Sight {
    Sight {
        now: "2026-11-21T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(now),
        boot: boot.to_owned(),
        up_seconds,
    }
}

fn seen(looks: &[Look]) -> Seen {
    let mut seen = None;
    for look in looks {
        seen = Some(Seen::after(seen.as_ref(), sight(*look)));
    }
    seen.unwrap()
}

#[test]
fn a_day_of_one_steady_clock_is_enough_and_nothing_less() {
    // What happened, the looks, whether things may go.
    let cases: &[(&str, &[Look], bool)] = &[
        ("the first look", &[(0, "a", 0)], false),
        ("not quite a day", &[(0, "a", 0), (DAY - 1, "a", DAY - 1)], false),
        ("a day", &[(0, "a", 0), (DAY, "a", DAY)], true),
        ("a day with a reboot", &[(0, "a", 900), (HOUR, "a", 4500), (DAY, "b", 10)], true),
        ("off for a weekend", &[(0, "a", 0), (3 * DAY, "b", 10)], true),
        ("off for more than a week", &[(0, "a", 0), (DAY, "a", DAY), (9 * DAY, "b", 10)], false),
        ("and a day after it", &[(0, "a", 0), (9 * DAY, "b", 0), (10 * DAY, "b", DAY)], true),
        (
            "corrected by minutes",
            &[(0, "a", 0), (HOUR, "a", HOUR), (HOUR - 600, "a", HOUR + 60), (DAY, "a", DAY + 660)],
            true,
        ),
        ("two years back", &[(0, "a", 0), (DAY, "a", DAY), (DAY - 2 * YEAR, "a", DAY + 5)], false),
        ("and there again", &[(0, "a", 0), (DAY, "a", DAY), (-2 * YEAR, "a", DAY), (DAY, "a", DAY + 9)], false),
        ("five years ahead", &[(0, "a", 0), (DAY, "a", DAY), (5 * YEAR, "a", DAY + 5)], false),
        ("ahead over a reboot", &[(0, "a", 0), (DAY, "a", DAY), (5 * YEAR, "b", 10)], false),
        ("back over a reboot", &[(0, "a", 0), (DAY, "a", DAY), (DAY - 2 * HOUR, "b", 10)], false),
        ("six days ahead, while the machine ran", &[(0, "a", 0), (DAY, "a", DAY), (7 * DAY, "a", DAY + 5)], false),
        ("asleep for six days", &[(0, "a", 0), (7 * DAY, "a", 7 * DAY)], true),
        ("a clock that is set ahead each hour", &[(0, "a", 0), (DAY, "a", HOUR), (2 * DAY, "a", 2 * HOUR)], false),
        ("back by more than an hour", &[(0, "a", 0), (DAY, "a", DAY), (DAY - HOUR - 1, "b", 9)], false),
        ("a machine that hides its boots", &[(0, "", 0), (DAY, "", 0)], true),
        ("back by an hour", &[(0, "a", 0), (DAY + HOUR, "a", DAY + HOUR), (DAY, "b", 9)], true),
    ];
    for (what, looks, enough) in cases {
        let seen = seen(looks);
        assert_eq!(seen.is_enough(), *enough, "{what}: {seen:?}");
        assert_eq!(seen.holds_back().is_none(), *enough, "{what}");
    }
}

#[test]
fn what_was_seen_outlives_the_process_and_a_damaged_file_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clock.json");
    watch(&path, sight((0, "a", 0))).unwrap();
    assert!(look(&path, sight((DAY, "a", DAY))).is_enough());
    for damage in ["", "{", "{\"since\":\"never\"}", "[]"] {
        durable::write_atomic(&path, damage.as_bytes(), 0o644).unwrap();
        assert!(!look(&path, sight((DAY, "a", DAY))).is_enough(), "{damage:?}");
    }
    watch(&path, sight((DAY, "a", DAY))).unwrap();
    assert!(look(&path, sight((2 * DAY, "a", 2 * DAY))).is_enough(), "and it was written anew");
}

#[test]
fn a_container_that_is_booted_again_is_another_run_of_the_machine() {
    let stat = |began| {
        format!("1 (a) b (init) S 0 1 1 0 -1 4194560 9 8 7 6 5 4 3 2 20 0 1 0 {began} 107 9 18446744073709551615")
    };
    assert_eq!(began(&stat("2652878269")), Some("2652878269"));
    assert_eq!(began(""), None);
    assert!(!boot().is_empty());
    assert_eq!(boot(), boot());
}
