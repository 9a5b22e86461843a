//! `history`, `log` and `backup list`, through the binary, on journals as the agent writes them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

mod cli_world;

use cli_world::{World, begin, steps};
use surefoot::plan::Act;

#[test]
fn history_is_a_table_with_errors_below() {
    let world = World::new();
    world.with_a_failure();
    let run = world.read(&["history"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(
        run.out,
        "\
ID  WHAT           SEVERITY  STATUS       STARTED           TOOK        BY
1   install 1.0.0  minor     completed    2024-11-21 03:12  44 s        root
2   1.0.0 → 1.1.0  minor     completed    2024-11-22 03:12  44 s        root
3   1.1.0 → 1.2.0  minor     rolled back  2024-11-23 03:12  1 min 17 s  root
    web: http://127.0.0.1:8000/health answers with status 500 instead of 200,
    three times in a row, and the service said that it cannot find the column…
"
    );
}

#[test]
fn history_for_programs_has_the_columns_of_system_updates() {
    let world = World::new();
    world.with_a_failure();
    let rows = world.run(&["history", "--json"]).json();
    let row = &rows[2];
    for column in ["id", "version", "severity", "status", "started_at", "completed_at", "error_message", "applied_by"] {
        assert!(!row[column].is_null(), "{column}: {row}");
    }
    assert_eq!(row["status"], "rolled_back");
}

#[test]
fn a_mistake_in_the_configuration_hides_no_history() {
    let world = World::new();
    world.with_two_releases();
    world.configure("kkt", "no_such_key = 1\n");
    assert_eq!(world.run(&["status"]).code, 3);
    assert_eq!(world.run(&["history"]).code, 0);
    assert_eq!(world.run(&["log"]).code, 0);
    std::fs::remove_file(world.layout.config().join("kkt.toml")).unwrap();
    assert_eq!(world.run(&["history"]).code, 0, "not even a missing one");
}

#[test]
fn an_instance_must_be_named_where_there_are_two() {
    let world = World::new();
    world.configure("test", "");
    let run = world.run(&["history"]);
    assert_eq!(run.code, 3);
    assert!(run.err.contains("kkt, test"), "{}", run.err);
    assert_eq!(world.run(&["history", "-i", "test"]).code, 0);
    assert_eq!(world.run(&["history", "-i", "other"]).code, 3);
}

#[test]
fn log_tells_an_update_step_by_step_with_what_commands_said() {
    let world = World::new();
    let directory = world.with_a_failure();
    let said: Vec<String> = (6..=15).map(|number| format!("line {number} \u{1b}[31mred")).collect();
    std::fs::write(directory.join("prepare.log"), said.join("\n")).unwrap();
    let run = world.read(&["log"]);
    let out = run.out.replace(&directory.display().to_string(), "UPDATE");
    assert_eq!(
        out,
        "\
kkt, update 3: 1.1.0 → 1.2.0 (minor), asked for by root: rolled back
planned 2024-11-23 03:12

03:12:00  planned in 5 steps
03:12:00  [1/5] preparing: 8.0 s
03:12:08  [2/5] stopping services: 2.0 s
03:12:10  [3/5] installing: 1.0 s
03:12:11  [4/5] starting services: 1.0 s
03:12:12  [5/5] health checks
03:13:12  FAILED in health checks, the release's fault: web:
          http://127.0.0.1:8000/health answers with status 500 instead of 200,
          three times in a row, and the service said that it cannot find the
          column that the migration was to add
03:13:12  put back: health checks, 0.0 s
03:13:13  put back: starting services, 1.0 s
03:13:14  put back: installing, 1.0 s
03:13:15  database main was left aside as kkt_left_0003 (11.77 MiB)
03:13:16  put back: stopping services, 1.0 s
03:13:17  put back: preparing, 1.0 s
03:13:17  everything is as before

UPDATE/prepare.log ends with:
  | line 11  [31mred
  | line 12  [31mred
  | line 13  [31mred
  | line 14  [31mred
  | line 15  [31mred
"
    );
}

#[test]
fn log_names_an_update_by_its_number() {
    let world = World::new();
    world.with_a_failure();
    assert!(world.read(&["log", "2"]).out.starts_with("kkt, update 2: 1.0.0 → 1.1.0"));
    let run = world.run(&["log", "9"]);
    assert_eq!((run.code, run.err.as_str()), (10, "surefoot: kkt: there is no update 9; see 'surefoot history'\n"));
    let records = world.run(&["log", "1", "--json"]).json();
    assert_eq!(records[0]["record"], "planned");
    assert_eq!(records.as_array().unwrap().last().unwrap()["record"], "finished");
}

#[test]
fn a_journal_that_cannot_be_read_is_told_and_not_left_out() {
    let world = World::new();
    let directory = world.with_a_failure();
    let path = directory.join("journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replace("reverted", "revolted");
    std::fs::write(&path, text).unwrap();
    let run = world.run(&["history"]);
    assert_eq!(run.code, 8);
    assert!(run.err.contains("journal.jsonl: line"), "{}", run.err);
}

#[test]
fn where_nothing_happened_that_is_said() {
    let world = World::new();
    assert_eq!(world.run(&["history"]).out, "kkt: nothing has happened yet\n");
    assert_eq!(world.run(&["history", "--json"]).out, "[]\n");
    assert_eq!(world.run(&["backup", "list"]).out, "kkt: there are no backups\n");
    assert_eq!(world.run(&["log"]).code, 10);
}

#[test]
fn a_reader_who_has_gone_is_no_error() {
    let world = World::new();
    world.with_two_releases();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = world.command(&["history"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn long_names_do_not_break_the_table() {
    let world = World::new();
    let mut plan = world.plan(1, Act::Update, Some("10.20.30-alpha.12345678"), "10.20.31-beta.12345678", steps());
    plan.applied_by = format!("asked for by {}", "x".repeat(60));
    plan.planned_at = begin();
    world.journal(plan, cli_world::failed());
    assert_eq!(world.read(&["history"]).code, 0);
    assert_eq!(world.read(&["log"]).code, 0);
}
