//! `surefoot show` and the progress of an update, through the binary, with a daemon that says what the test wants.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

mod cli_world;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::thread::JoinHandle;

use cli_world::World;
use manifest_schema::manifest::Manifest;
use serde_json::{Value, json};

/// A daemon for one request: answers with these events and gives back what it was asked.
fn daemon(world: &World, events: Vec<Value>) -> JoinHandle<Value> {
    let listener = UnixListener::bind(world.layout.socket()).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = String::new();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut asked).unwrap();
        for event in events {
            writeln!(stream, "{event}").unwrap();
        }
        serde_json::from_str(&asked).unwrap()
    })
}

fn ended(exit: &str, message: &str, answer: Value) -> Value {
    json!({ "event": "ended", "exit": exit, "message": message, "answer": answer })
}

fn manifest(version: &str, compatible: bool) -> Value {
    let zero = "0".repeat(64);
    json!({
        "schema": 1, "product": "kkt", "version": version, "release_date": "2026-11-21T12:00:00Z", "severity": "major",
        "requires_restart": true, "database_migration": true, "breaking_changes": false,
        "download_url": "https://example.org/kkt.tar.gz", "checksum": zero,
        "changelog": {
            "added": ["An export of everything that was ever entered, in a format that other programs can read as well"],
            "changed": [], "fixed": ["Totals are right on 29 February"], "security": [] },
        "migration_steps": [{
            "version": version, "type": "sql", "file": "migrations/011_export.sql", "description": "Add export settings",
            "compatible_with_previous": compatible }],
        "rollback_supported": true, "unpacked_size": 2048, "files": [],
        "artifacts": [{ "name": "kkt.tar.zst", "format": "tar.zst", "length": 1024, "sha256": zero, "blocks": [zero] }],
        "application": {
            "services": [], "keep": [{ "path": "data", "type": "directory" }],
            "databases": [{ "type": "sqlite", "path": "data/kkt.sqlite" }] },
    })
}

#[test]
fn show_tells_what_a_release_brings_and_what_it_would_do_here() {
    let world = World::new();
    world.with_two_releases();
    let daemon = daemon(&world, vec![ended("ok", "", manifest("1.2.0", false))]);
    let run = world.read(&["show", "1.2.0"]);
    assert_eq!(daemon.join().unwrap(), json!({ "verb": "show", "instance": null, "version": "1.2.0" }));
    assert_eq!(
        run.out,
        "\
kkt 1.2.0 (major), 2026-11-21

Added
  - An export of everything that was ever entered, in a format that other
    programs can read as well
Fixed
  - Totals are right on 29 February

Here it would go in over 1.1.0
  download    1.00 KiB, 2.00 KiB unpacked
  steps       downloading, unpacking, preparing, creating backup, stopping
              services, creating backup, applying migrations, installing,
              starting services, health checks
  migration   Add export settings (migrations/011_export.sql, database main):
              NOT compatible with the release before
  way back    surefoot rollback; database main goes back to its backup, and what
              was written since is kept aside
",
        "{}",
        run.err
    );
}

#[test]
fn a_compatible_migration_leaves_the_data_on_a_rollback() {
    let world = World::new();
    world.with_two_releases();
    let daemon = daemon(&world, vec![ended("ok", "", manifest("1.2.0", true))]);
    let out = world.read(&["show", "1.2.0"]).out;
    daemon.join().unwrap();
    assert!(out.contains("way back    surefoot rollback; the data stays as it is"), "{out}");
}

#[test]
fn show_for_programs_is_the_manifest() {
    let world = World::new();
    let daemon = daemon(&world, vec![ended("ok", "", manifest("1.2.0", true))]);
    let shown = world.run(&["show", "1.2.0", "--json"]);
    daemon.join().unwrap();
    assert_eq!(shown.json(), manifest("1.2.0", true));
    let _: Manifest = serde_json::from_str(&shown.out).unwrap();
}

#[test]
fn a_release_that_is_not_there_is_told_with_the_daemons_words() {
    let world = World::new();
    let daemon = daemon(&world, vec![ended("not_found", "the source has no release 9.0.0", Value::Null)]);
    let run = world.run(&["show", "9.0.0"]);
    daemon.join().unwrap();
    assert_eq!((run.code, run.err.as_str()), (10, "surefoot: the source has no release 9.0.0\n"));
}

#[test]
fn without_a_daemon_show_says_so() {
    let run = World::new().run(&["show", "1.2.0"]);
    assert_eq!(run.code, 11, "{}", run.err);
}

#[test]
fn progress_is_one_plain_line_a_step_where_there_is_no_terminal() {
    let world = World::new();
    let step =
        |number: usize, words: &str| json!({ "event": "step", "step": "x", "words": words, "number": number, "of": 2 });
    let daemon = daemon(
        &world,
        vec![
            step(1, "downloading"),
            json!({ "event": "progress", "done": 10, "total": 20, "unit": "bytes" }),
            json!({ "event": "note", "text": "the vendor says \u{1b}[2J" }),
            step(2, "health checks"),
            json!({ "event": "progress", "done": 1, "total": 2, "unit": "seconds" }),
            ended("ok", "kkt: 1.2.0 is installed", Value::Null),
        ],
    );
    let run = world.run(&["update"]);
    daemon.join().unwrap();
    assert_eq!(run.err, "[1/2] downloading\nthe vendor says  [2J\n[2/2] health checks\n");
    assert_eq!((run.code, run.out.as_str()), (0, "kkt: 1.2.0 is installed\n"));
}
