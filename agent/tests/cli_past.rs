//! `history`, `log` and `backup list`, through the binary, on journals as the agent writes them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

mod cli_world;

use cli_world::{World, begin, steps};
use serde_json::json;
use surefoot::journal::{Blame, Record};
use surefoot::plan::{Act, Step};

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
    the release's fault: web: http://127.0.0.1:8000/health answers with status
    500 instead of 200, three times in a row, and the service said that it…
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
    let said: Vec<String> = (1..=15).map(|number| format!("line {number} \u{1b}[31mred")).collect();
    std::fs::write(directory.join("prepare.log"), said.join("\n")).unwrap();
    let run = world.read(&["log"]);
    let out = run.out.replace(&directory.display().to_string(), "UPDATE");
    assert_eq!(
        out,
        "\
kkt, update 3: 1.1.0 → 1.2.0 (minor), asked for by root: rolled back
planned 2024-11-23 03:12, took 1 min 17 s, down for 1 min 8 s
1.2.0 failed in health checks; it is the release's fault. 1.1.0 was put back,
with its data

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
  | line 6  [31mred
  | line 7  [31mred
  | line 8  [31mred
  | line 9  [31mred
  | line 10  [31mred
  | line 11  [31mred
  | line 12  [31mred
  | line 13  [31mred
  | line 14  [31mred
  | line 15  [31mred
"
    );
}

#[test]
fn log_shows_what_was_gathered_of_a_failure() {
    let world = World::new();
    let directory = world.with_a_failure();
    gathered(&directory);
    let run = world.read(&["log"]);
    let (_, behind) = run.out.split_once("everything is as before\n").unwrap();
    assert_eq!(
        behind,
        "
services and health checks, each time that one changed:
  03:12:12 ✓ service web of 1.2.0: well | active (running)
  03:12:12 ✗ check web of 1.2.0: http://127.0.0.1:8000/health answers with
             status 500 instead of 200 | 500 {\"status\":\"ill\",\"error\":\"no column
             vat_rate\"}
  03:13:17 ✓ check web of 1.1.0: well | 200 {\"status\":\"ok\"}

journal of kkt-web.service says:
  | 2024-11-23T03:12:12+0000 kkt python[812]: Traceback (most recent call last):
  | 2024-11-23T03:12:12+0000 kkt python[812]: UndefinedColumn: vat_rate

THE MACHINE           BEFORE                          AFTER
at                    2024-11-23 03:12:00             2024-11-23 03:13:18
surefoot              0.1.0                           the same
system                Debian GNU/Linux 12 (bookworm)  the same
room for state        2.00 GiB of 20.00 GiB free      0 B of 20.00 GiB free
inodes for state      70000 free                      the same
room for databases    5.00 GiB of 40.00 GiB free      the same
inodes for databases  90000 free                      the same
memory                512.00 MiB of 2.00 GiB free     the same
swap                  0 B of 1.00 GiB free            the same
load                  0.10 0.20 0.30 on 2 processors  the same
up for                2 h                             the same
boot                  5ec838df                        the same
state: /var/lib/surefoot
application: /srv
databases: /var/lib/postgresql
database main: PostgreSQL database kkt at localhost:5432 15.14, 8192 bytes
"
    );
    let log = world.run(&["log", "--json"]).json();
    assert_eq!(log["update"]["downtime_seconds"], 68.0);
    assert_eq!(log["health"][1]["problem"], "http://127.0.0.1:8000/health answers with status 500 instead of 200");
    assert_eq!(log["machine"]["after"]["places"][0]["free"], 0);
    assert_eq!(log["journal"][0]["unit"], "kkt-web.service");
    assert_eq!(log["steps"][4]["error"], cli_world::ERROR);
}

#[test]
fn downtime_is_the_time_in_which_nobody_was_served() {
    let world = World::new();
    world.with_two_releases();
    let down = |number: &str| world.run(&["log", number, "--json"]).json()["update"]["downtime_seconds"].clone();
    assert_eq!(down("2"), 4.0, "from the stop to the start");
    let mut records = cli_world::up_to_the_probe();
    let failed = Record::Failed { step: Some(4), error: "ill again".to_owned(), blame: Blame::Release };
    records.extend([(14, Record::Soaking), (900, failed)]);
    records
        .extend([(901, 4), (903, 3), (904, 2), (906, 1), (907, 0)].map(|(at, step)| (at, Record::Reverted { step })));
    records.push((907, Record::RolledBack));
    world.journal(world.plan(3, Act::Update, Some("1.1.0"), "1.2.0", steps()), records);
    assert_eq!(down("3"), 10.0, "the release served for a while, and then there was the way back");
    world.journal(world.plan(4, Act::Update, Some("1.1.0"), "1.2.0", vec![Step::Prepare { hook: None }]), Vec::new());
    assert!(down("4").is_null(), "nothing was stopped");
}

/// Evidence as the worker writes it.
fn gathered(update: &std::path::Path) {
    let directory = surefoot::evidence::directory(update);
    std::fs::create_dir_all(&directory).unwrap();
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text).unwrap();
    let seen = |at: &str, version: &str, service: bool, problem: Option<&str>, says: &str| {
        let seen = json!({ "at": at, "version": version, "name": "web", "service": service, "problem": problem, "says": says });
        format!("{seen}\n")
    };
    let ill = "http://127.0.0.1:8000/health answers with status 500 instead of 200";
    let health = [
        seen("2024-11-23T03:12:12Z", "1.2.0", true, None, "active (running)"),
        seen("2024-11-23T03:12:12Z", "1.2.0", false, Some(ill), r#"500 {"status":"ill","error":"no column vat_rate"}"#),
        seen("2024-11-23T03:13:17Z", "1.1.0", false, None, r#"200 {"status":"ok"}"#),
    ];
    write("health.jsonl", health.concat() + "{\"at\":");
    let line = "2024-11-23T03:12:12+0000 kkt python[812]: ";
    write(
        "kkt-web.service.journal",
        format!("{line}Traceback (most recent call last):\n{line}UndefinedColumn: vat_rate\n"),
    );
    write("machine-before.json", machine("2024-11-23T03:12:00Z", 2 << 30, json!([])).to_string());
    let database = json!([{ "name": "main", "says": "PostgreSQL database kkt at localhost:5432 15.14, 8192 bytes" }]);
    write("machine-after.json", machine("2024-11-23T03:13:18Z", 0, database).to_string());
}

fn machine(at: &str, free: u64, databases: serde_json::Value) -> serde_json::Value {
    let place = |what: &str, path: &str, disk: u64, free: u64, gibibytes: u64, inodes: u64| json!({ "what": what, "path": path, "disk": disk, "free": free, "total": gibibytes << 30, "inodes_free": inodes, "read_only": false });
    json!({
        "at": at,
        "agent": "0.1.0",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "databases": databases,
        "places": [
            place("state", "/var/lib/surefoot", 1, free, 20, 70_000),
            place("application", "/srv", 1, free, 20, 70_000),
            place("databases", "/var/lib/postgresql", 2, 5 << 30, 40, 90_000),
        ],
        "memory": { "available": 512 << 20, "total": 2_u64 << 30, "swap_free": 0, "swap_total": 1 << 30 },
        "load": "0.10 0.20 0.30 on 2 processors",
        "clock": { "uptime": 7200, "boot": "5ec838df-0a20-4e29-81a1-6f1d5702c6e9" },
    })
}

#[test]
fn log_names_an_update_by_its_number() {
    let world = World::new();
    world.with_a_failure();
    assert!(world.read(&["log", "2"]).out.starts_with("kkt, update 2: 1.0.0 → 1.1.0"));
    let run = world.run(&["log", "9"]);
    assert_eq!((run.code, run.err.as_str()), (10, "surefoot: kkt: there is no update 9; see 'surefoot history'\n"));
    let log = world.run(&["log", "1", "--json"]).json();
    let records = log["entries"].as_array().unwrap();
    assert_eq!(records[0]["record"], "planned");
    assert_eq!(records.last().unwrap()["record"], "finished");
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
