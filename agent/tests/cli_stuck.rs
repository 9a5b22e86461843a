//! Stuck updates and damaged journals, through the binary: what is said of them, and the ways out.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

mod cli_world;

use std::path::{Path, PathBuf};

use cli_world::{World, good, steps, up_to_the_probe};
use serde_json::json;
use surefoot::journal::{Blame, Record};
use surefoot::plan::Act;

const REASON: &str = "stop cannot be reverted: cannot start service web: no such program";

fn stuck() -> Vec<(i64, Record)> {
    let mut records = up_to_the_probe();
    records.push((20, Record::Failed { step: Some(4), error: "ill".to_owned(), blame: Blame::Release }));
    let (database, name) = ("main".parse().unwrap(), "kkt_left_0003".to_owned());
    records.push((25, Record::LeftAside { database, name, bytes: 12_345_678 }));
    records.push((30, Record::Stuck { reason: REASON.to_owned() }));
    records
}

/// 1.0.0, then 1.1.0, and the update to 1.2.0 is stuck with the door closed.
fn world() -> (World, PathBuf) {
    let world = World::new();
    world.with_two_releases();
    let directory = world.journal(world.plan(3, Act::Update, Some("1.1.0"), "1.2.0", steps()), stuck());
    std::fs::write(door(&world), "update 3 of kkt is open\n").unwrap();
    (world, directory)
}

fn door(world: &World) -> PathBuf {
    world.layout.instance(&"kkt".parse().unwrap()).closed()
}

fn abandon(world: &World, dry_run: bool) -> (String, String) {
    world.ask(&json!({ "verb": "abandon", "instance": null, "dry_run": dry_run }))
}

fn recover(world: &World) -> (String, String) {
    world.ask(&json!({ "verb": "recover" }))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn change(directory: &Path, change: impl Fn(&str) -> String) {
    let path = directory.join("journal.jsonl");
    std::fs::write(&path, change(&text(&path))).unwrap();
}

#[test]
fn a_stuck_update_stays_as_it_is_however_often_the_agent_starts() {
    let (world, directory) = world();
    let before = text(&directory.join("journal.jsonl"));
    for _ in 0..3 {
        let (exit, message) = recover(&world);
        assert_eq!(exit, "stuck");
        assert!(message.contains(REASON) && message.contains("surefoot resume"), "{message}");
        assert!(message.contains("surefoot abandon"), "{message}");
    }
    for verb in ["check", "release"] {
        assert_eq!(world.ask(&json!({ "verb": verb, "instance": null })).0, "stuck", "{verb}");
    }
    assert_eq!(text(&directory.join("journal.jsonl")), before, "it is not tried again by itself");
    assert!(door(&world).exists());
}

#[test]
fn what_an_abandoned_update_leaves_is_said_before() {
    let (world, directory) = world();
    let backup = world.layout.instance(&"kkt".parse().unwrap()).backup(3);
    std::fs::create_dir_all(backup.join("files")).unwrap();
    let record = r#"{"database":"main","tag":"0003","size":2048,"held":{"as":"clone","name":"kkt_0003","oid":4711}}"#;
    std::fs::write(backup.join("main.json"), record).unwrap();
    std::fs::write(backup.join("other.json"), "{").unwrap();
    let before = text(&directory.join("journal.jsonl"));
    let (exit, message) = abandon(&world, true);
    assert_eq!(exit, "ok", "{message}");
    for wanted in [
        "kkt: update 3 (1.1.0 → 1.2.0) stays as it is",
        "leads to 1.1.0, which counts as installed then",
        "service web DOES NOT RUN",
        "database main was left aside ",
        "days ago as kkt_left_0003",
        "database main was backed up 0 min ago as database kkt_0003 on its server",
        "files were backed up 0 min ago in",
        "other.json cannot be read",
        "Nothing is started or stopped",
    ] {
        assert!(message.contains(wanted), "{wanted}: {message}");
    }
    assert_eq!(text(&directory.join("journal.jsonl")), before, "and nothing is done");
    assert!(door(&world).exists());
}

#[test]
fn an_abandoned_update_is_over_and_the_door_is_open() {
    for (leads, last) in [("1.1.0", "old"), ("1.2.0", "new")] {
        let (world, directory) = world();
        world.make_current(leads);
        let (exit, message) = abandon(&world, false);
        assert_eq!(exit, "ok", "{message}");
        assert!(message.contains(&format!("update 3 is abandoned; {leads} counts as installed")), "{message}");
        assert!(
            text(&directory.join("journal.jsonl")).contains(&format!(r#""abandoned","by":"ann","stands":"{last}""#))
        );
        assert!(!door(&world).exists());
        assert_eq!(recover(&world).0, "ok");

        let run = world.read(&["status"]);
        assert_eq!(run.code, 0, "{}", run.out);
        assert!(run.out.contains(&format!("kkt: {leads} since ")) && !run.out.contains("leads to"), "{}", run.out);
        let status = &world.run(&["status", "--json"]).json()["instances"][0];
        assert_eq!(status["last_failure"].is_null(), last == "new");
        assert!(status["rollback"].is_null(), "what a person made is theirs to take back");
        assert!(world.run(&["history"]).out.contains("abandoned"));
        assert_eq!(world.run(&["history", "--json"]).json()[2]["status"], "abandoned");
        let log = world.read(&["log"]);
        assert!(log.flat().contains(&format!("abandoned by ann: {leads} stands")), "{}", log.out);
        assert!(!log.out.contains("goes on"));
        let (exit, message) = abandon(&world, false);
        assert_eq!((exit.as_str(), message.as_str()), ("not_found", "no update is stuck"));
    }
}

#[test]
fn a_first_install_that_is_stuck_leaves_nothing_managed() {
    let world = World::new();
    world.journal(world.plan(1, Act::Install, None, "1.0.0", steps()), stuck());
    let (exit, message) = abandon(&world, false);
    assert_eq!(exit, "ok", "{message}");
    assert!(message.contains("is not managed"), "{message}");
    assert!(world.run(&["status"]).out.contains("nothing is installed yet"));
}

#[test]
fn where_the_directory_leads_elsewhere_a_person_must_decide_first() {
    let (world, directory) = world();
    world.make_current("1.0.0");
    let before = text(&directory.join("journal.jsonl"));
    for dry_run in [true, false] {
        let (exit, message) = abandon(&world, dry_run);
        assert_eq!(exit, "refused");
        assert!(
            message.contains("leads to 1.0.0") && message.contains("ln -sfn kkt.surefoot/releases/1.1.0"),
            "{message}"
        );
    }
    assert_eq!(text(&directory.join("journal.jsonl")), before);
    assert!(door(&world).exists());
}

#[test]
fn the_door_that_a_crash_left_closed_is_opened_at_the_next_start() {
    let (world, _) = world();
    assert_eq!(abandon(&world, false).0, "ok");
    std::fs::write(door(&world), "as if the power had gone between the record and the door\n").unwrap();
    assert_eq!(recover(&world).0, "ok");
    assert!(!door(&world).exists());
}

#[test]
fn without_a_stuck_update_there_is_nothing_to_resume_or_abandon() {
    let world = World::new();
    world.with_two_releases();
    for (request, wanted) in [
        (json!({ "verb": "abandon", "instance": null, "dry_run": true }), "no update is stuck"),
        (json!({ "verb": "abandon", "instance": "kkt", "dry_run": false }), "kkt: no update is stuck"),
        (json!({ "verb": "resume", "instance": null }), "no update is stuck"),
        (json!({ "verb": "resume", "instance": "kkt" }), "kkt: no update is stuck"),
    ] {
        assert_eq!(world.ask(&request), ("not_found".to_owned(), wanted.to_owned()));
    }
}

#[test]
fn of_two_stuck_updates_one_must_be_named_and_the_other_stays() {
    let (world, directory) = world();
    let other = world.layout.instance(&"other".parse().unwrap()).updates().join("0001-1.0.0");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("journal.jsonl"), "garbage\n").unwrap();
    let (exit, message) = abandon(&world, true);
    assert_eq!(exit, "usage");
    assert!(message.contains("(kkt, other)") && message.contains("--instance"), "{message}");
    let (exit, message) = world.ask(&json!({ "verb": "abandon", "instance": "other", "dry_run": false }));
    assert_eq!(exit, "ok", "{message}");
    assert!(other.with_file_name("0001-1.0.0.damaged").is_dir());
    let (exit, message) = recover(&world);
    assert_eq!(exit, "stuck");
    assert!(message.starts_with("kkt: "), "{message}");
    assert!(directory.join("journal.jsonl").exists());
}

/// What happens, how, and what is said of it.
type Damage = (&'static str, fn(&Path), &'static str);

const DAMAGE: [Damage; 7] = [
    (
        "a line in the middle",
        |directory| change(directory, |text| text.replacen("\"reverted\"", "\"revolted\"", 1)),
        "line 12",
    ),
    ("NULs in the middle", |directory| change(directory, |text| nuls(text, 3)), "line 3 cannot be read"),
    ("records that cannot be", |directory| change(directory, |text| without(text, 2)), "had never begun"),
    ("a plan that is gone", |directory| change(directory, |text| without(text, 1)), "line 1 is no plan"),
    ("an empty file", empty, "the plan is gone"),
    ("a directory", directory_instead, "cannot read"),
    (
        "a newer record",
        |directory| change(directory, |text| text.replacen("\"failed\"", "\"paused\"", 1)),
        "a newer one wrote it",
    ),
];

fn nuls(text: &str, number: usize) -> String {
    let nuls = |(index, line): (usize, &str)| {
        if index + 1 == number { "\0".repeat(line.len() - 1) + "\n" } else { line.to_owned() }
    };
    text.split_inclusive('\n').enumerate().map(nuls).collect()
}

fn without(text: &str, number: usize) -> String {
    text.split_inclusive('\n').enumerate().filter(|(index, _)| index + 1 != number).map(|(_, line)| line).collect()
}

fn empty(directory: &Path) {
    std::fs::write(directory.join("prepare.log"), "it ran\n").unwrap();
    change(directory, |_| String::new());
}

fn directory_instead(directory: &Path) {
    std::fs::remove_file(directory.join("journal.jsonl")).unwrap();
    std::fs::create_dir(directory.join("journal.jsonl")).unwrap();
}

/// Every file below a directory, with its content.
fn everything(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_damaged_journal_stops_its_instance_and_is_said_everywhere() {
    for (what, damage, wanted) in DAMAGE {
        let world = World::new();
        let directory = world.with_a_failure();
        std::fs::write(door(&world), "as it was\n").unwrap();
        damage(&directory);
        let before = everything(&directory);

        let (exit, message) = recover(&world);
        assert_eq!(exit, "stuck", "{what}");
        assert!(message.contains(wanted) && message.contains("0003-1.2.0/journal.jsonl"), "{what}: {message}");
        assert_eq!(world.ask(&json!({ "verb": "check", "instance": null })), (exit, message.clone()), "{what}");
        let run = world.run(&["status"]);
        assert_eq!(run.code, 8, "{what}: {}", run.err);
        assert!(run.out.contains("!! NOTHING IS UPDATED:") && run.flat().contains(wanted), "{what}: {}", run.out);
        assert_eq!(world.run(&["status", "--json"]).json()["instances"][0]["problems"][0]["with"], "journal");
        for verb in ["history", "log"] {
            assert_eq!(world.run(&[verb]).code, 8, "{what}");
        }
        assert_eq!(world.run(&["internal", "guard"]).code, 0, "{what}");

        assert_eq!(everything(&directory), before, "{what}: nothing is changed");
        assert_eq!(text(&door(&world)), "as it was\n", "{what}: the door stays as it is");
    }
}

#[test]
fn the_guard_opens_no_door_of_a_damaged_journal_and_goes_on_with_the_others() {
    let (world, directory) = world();
    change(&directory, |text| nuls(text, 3));
    let other = world.layout.instance(&"zebra".parse().unwrap()).closed();
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::write(&other, "left over\n").unwrap();
    assert_eq!(world.run(&["internal", "guard"]).code, 0);
    assert!(door(&world).exists() && !other.exists());
    // And a door that is no file keeps nobody else out.
    std::fs::remove_file(door(&world)).unwrap();
    std::fs::remove_dir_all(world.layout.instance(&"kkt".parse().unwrap()).updates()).unwrap();
    std::fs::create_dir_all(door(&world).join("x")).unwrap();
    std::fs::write(&other, "left over\n").unwrap();
    let run = world.run(&["internal", "guard"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("closed") && !other.exists(), "{}", run.err);
}

#[test]
fn a_damaged_journal_is_left_behind_by_a_person_and_nothing_of_it_is_lost() {
    for (what, damage, _) in DAMAGE {
        let world = World::new();
        let directory = world.with_a_failure();
        damage(&directory);
        let before = everything(&directory);
        let (exit, message) = abandon(&world, true);
        assert_eq!(exit, "ok", "{what}: {message}");
        assert!(message.contains("0003-1.2.0/journal.jsonl"), "{what}: {message}");
        assert_eq!(everything(&directory), before, "{what}: nothing is done yet");

        let (exit, message) = abandon(&world, false);
        assert_eq!(exit, "ok", "{what}: {message}");
        assert!(message.contains("what was damaged is kept as"), "{what}: {message}");
        let kept = everything(directory.parent().unwrap());
        for (path, bytes) in before.iter().filter(|(path, _)| path.file_name().unwrap() != "reserve") {
            assert!(kept.iter().any(|(_, kept)| kept == bytes), "{what}: {} is lost", path.display());
        }
        assert_eq!(recover(&world).0, "ok", "{what}");
        let run = world.read(&["status"]);
        assert_eq!(run.code, 0, "{what}: {}", run.out);
        assert!(run.out.contains("kkt: 1.1.0 since "), "{what}: {}", run.out);
        assert_eq!(world.run(&["history"]).code, 0, "{what}");
    }
}

#[test]
fn a_plan_that_only_a_newer_version_knows_is_left_to_that_version() {
    let world = World::new();
    let directory = world.with_a_failure();
    change(&directory, |text| text.replacen("\"format\":1", "\"format\":2", 1));
    let before = everything(&directory);
    for (exit, message) in [recover(&world), abandon(&world, true), abandon(&world, false)] {
        assert!(exit == "stuck" || exit == "refused", "{exit}");
        assert!(message.contains("its plan has format 2") && message.contains("install that one again"), "{message}");
        assert!(!message.contains("abandon"), "{message}");
    }
    let run = world.run(&["status"]);
    assert_eq!(run.code, 8);
    assert!(run.flat().contains("install that one again") && !run.out.contains("abandon"), "{}", run.out);
    assert_eq!(everything(&directory), before);
}

#[test]
fn an_old_journal_that_is_damaged_does_not_say_what_is_installed() {
    let world = World::new();
    let directory = world.with_a_failure();
    world.journal(world.plan(4, Act::Update, Some("1.1.0"), "1.3.0", steps()), good());
    world.make_current("1.3.0");
    change(&directory, |text| nuls(text, 3));
    let (exit, message) = abandon(&world, false);
    assert_eq!(exit, "ok", "{message}");
    assert!(message.contains("what is installed is a later update's"), "{message}");
    let run = world.read(&["status"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("kkt: 1.3.0 since "), "{}", run.out);
}

#[test]
fn a_directory_among_the_updates_that_is_none_is_in_nobodys_way() {
    let world = World::new();
    world.with_two_releases();
    let updates = world.layout.instance(&"kkt".parse().unwrap()).updates();
    for name in ["lost+found", "0002-1.1.0.bak", "mine"] {
        std::fs::create_dir(updates.join(name)).unwrap();
        std::fs::write(updates.join(name).join("journal.jsonl"), "garbage\n").unwrap();
    }
    assert_eq!(recover(&world).0, "ok");
    assert_eq!(world.run(&["status"]).code, 0);
    assert_eq!(world.run(&["history", "--json"]).json().as_array().unwrap().len(), 2);
}
