//! `surefoot backup list`, through the command line: ages, days, and whether things are still there.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

mod cli_world;

use cli_world::{World, begin, failed};
use jiff::{SignedDuration, Timestamp};
use surefoot::clock::steady::{Sight, watch};
use surefoot::journal::Record;

/// A backup of update 2, and something that update 3 left aside.
fn world() -> World {
    let world = World::new();
    world.with_a_failure();
    let backup = world.layout.instance(&"kkt".parse().unwrap()).backup(2);
    std::fs::create_dir_all(backup.join("files/uploads")).unwrap();
    std::fs::write(backup.join("files/.env"), "A=b\n").unwrap();
    std::fs::write(backup.join("main.sqlite"), "x").unwrap();
    let record =
        r#"{"database":"main","tag":"0002","size":2048,"held":{"as":"file","file":"main.sqlite","sha256":"HASH"}}"#;
    std::fs::write(backup.join("main.json"), record.replace("HASH", &"0".repeat(64))).unwrap();
    world
}

/// The clock has run steadily for so many days.
fn steady(world: &World, days: i64) {
    let now = Timestamp::now() - SignedDuration::from_hours(24 * days);
    watch(&world.layout.clock(), Sight { now, boot: String::new(), up_seconds: 0 }).unwrap();
}

/// `12 days`, from a moment so many hours and minutes after the beginning here.
fn age(hours: i64, minutes: i64) -> String {
    let at = begin() + SignedDuration::from_mins(60 * hours + minutes);
    format!("{} days", Timestamp::now().duration_since(at).as_hours() / 24)
}

#[test]
fn backups_are_listed_with_their_age_their_day_and_what_was_left_aside() {
    let world = world();
    steady(&world, 2);
    let run = world.read(&["backup", "list"]);
    assert_eq!(
        run.out,
        format!(
            "\
ID  BEFORE         AGE       KEPT UNTIL  SIZE       HOW    WHAT
2   1.0.0 → 1.1.0  {0}  2024-11-29  4 B        copy   files
2   1.0.0 → 1.1.0  {0}  2024-11-29  2.00 KiB   file   database main
3   1.1.0 → 1.2.0  {1}  2024-11-30  11.77 MiB  aside  database main
    left aside as kkt_left_0003
    nobody could look whether it is still there: the release's profile does not
    name the database

2, 3: old enough to go: the next check removes it
",
            age(48, 0),
            age(72, 2)
        )
    );
    let list = world.run(&["backup", "list", "--json"]).json();
    assert_eq!(list[0]["held"][1]["bytes"], 2048);
    assert_eq!(list[0]["held"][1]["presence"], "there");
    assert_eq!(list[0]["kept_until"], "2024-11-29T03:12:45Z");
    assert!(list[0]["age_seconds"].as_i64().unwrap() > 365 * 86_400);
    assert_eq!(list[1]["left_aside"][0]["name"], "kkt_left_0003");
    assert_eq!(list[1]["left_aside"][0]["presence"], "unknown");
    assert!(list[1]["left_aside"][0]["age_seconds"].as_i64().unwrap() > 365 * 86_400);
}

#[test]
fn what_somebody_removed_by_hand_is_called_gone() {
    let world = world();
    let backup = world.layout.instance(&"kkt".parse().unwrap()).backup(2);
    std::fs::remove_file(backup.join("main.sqlite")).unwrap();
    let run = world.read(&["backup", "list"]);
    assert!(run.out.contains("database main\n    GONE: somebody has removed it by hand\n"), "{}", run.out);
    assert_eq!(world.run(&["backup", "list", "--json"]).json()[0]["held"][1]["presence"], "gone");
}

#[test]
fn a_clock_that_nobody_has_seen_run_steadily_holds_everything_back_and_that_is_said() {
    let world = world();
    let run = world.read(&["backup", "list"]);
    assert!(run.flat().contains("2, 3: old enough to go, and kept: the agent has seen the clock run steadily only"));
    let list = world.run(&["backup", "list", "--json"]).json();
    assert!(list[0]["kept_because"].as_str().unwrap().contains("steadily"), "{list}");
    let doctor = world.run(&["doctor"]);
    assert!(doctor.out.contains("steadily"), "{}", doctor.out);
    steady(&world, 2);
    assert!(!world.run(&["doctor"]).out.contains("steadily"));
}

#[test]
fn the_clients_days_are_what_counts() {
    let world = world();
    world.configure("kkt", "keep_previous_days = 100000\n");
    let run = world.read(&["backup", "list"]);
    assert!(run.out.contains("2298-09-0"), "{}", run.out);
    assert!(!run.out.contains("old enough"), "{}", run.out);
    world.configure("kkt", "keep_previous_days = 4000000000\n");
    assert_eq!(world.read(&["backup", "list"]).code, 0, "a number without an end is no crash");
    world.configure("kkt", "no_such_key = 1\n");
    let run = world.read(&["backup", "list"]);
    assert!(run.code == 0 && run.flat().contains("until when it is kept says the configuration"), "{}", run.out);
}

#[test]
fn what_an_update_without_an_end_left_aside_has_no_day() {
    let world = World::new();
    world.with_two_releases();
    let plan = world.plan(3, surefoot::plan::Act::Update, Some("1.1.0"), "1.2.0", cli_world::steps());
    let mut records = failed();
    records.retain(|(_, record)| *record != Record::RolledBack);
    records.push((80, Record::Stuck { reason: "it does not start".to_owned() }));
    world.journal(plan, records);
    let list = world.run(&["backup", "list", "--json"]).json();
    assert!(list[0]["kept_until"].is_null(), "{list}");
    assert!(world.read(&["backup", "list"]).flat().contains("3: it is kept until the update has come to its end"));
}

#[test]
fn what_was_removed_after_its_days_is_listed_no_more() {
    let world = World::new();
    let directory = world.with_a_failure();
    std::fs::write(directory.join("expired"), "").unwrap();
    assert_eq!(world.read(&["backup", "list"]).out, "kkt: there are no backups\n");
}
