//! `surefoot status`, through the binary.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

mod cli_world;

use cli_world::{World, failed, good, steps, up_to_the_probe};
use jiff::{SignedDuration, Timestamp};
use manifest_schema::digest::Sha256;
use serde_json::json;
use surefoot::journal::{Blame, Record};
use surefoot::plan::{Act, Plan};

/// Without the line that depends on the time of day.
fn timeless(out: &str) -> String {
    out.lines().filter(|line| !line.starts_with("  next check")).map(|line| format!("{line}\n")).collect()
}

fn check(exit: &str, message: &str, waiting: Option<&str>) -> serde_json::Value {
    json!({ "at": "2024-11-23T04:00:00Z", "exit": exit, "message": message, "expires": "2999-01-01T00:00:00Z", "waiting": waiting })
}

#[test]
fn a_quiet_machine_is_told_in_a_few_lines() {
    let world = World::new();
    world.with_two_releases();
    world.last_check(&check("ok", "kkt: 1.3.0 (minor) waits for approval", Some("1.3.0")));
    let run = world.read(&["status"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let out = timeless(&run.out).replace(&world.directory("kkt").display().to_string(), "DIRECTORY");
    assert_eq!(
        out,
        "\
!! The agent does not run: nothing is checked or updated.
   systemctl start surefoot
kkt: 1.1.0 since 2024-11-22 03:12 (asked for by root)
  waiting      1.3.0 waits for you: surefoot show 1.3.0, then
               surefoot approve 1.3.0
  last check   2024-11-23 04:00, 1.3.0 (minor) waits for approval
  rollback     surefoot rollback goes to 1.0.0, the data stays
  directory    DIRECTORY
"
    );
}

#[test]
fn what_programs_read_has_keys_that_stay() {
    let world = World::new();
    world.with_a_failure();
    world.last_check(&check("ok", "kkt: 1.3.0 (minor) waits for approval", Some("1.3.0")));
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["agent"], "not_running");
    let instance = status["instances"][0].as_object().unwrap();
    let keys: Vec<&str> = instance.keys().map(String::as_str).collect();
    let wanted = "below_floor current_instead directory force_critical installed instance last_check last_failure metadata next_check \
                  open problems product recalled rollback setbacks source waiting waiting_because waiting_severity";
    assert_eq!(keys.join(" "), wanted);
    assert_eq!(instance["installed"]["version"], "1.1.0");
    assert_eq!(instance["waiting"], "1.3.0");
    assert_eq!(instance["rollback"], json!({ "version": "1.0.0", "databases": [], "before": "2024-11-22T03:12:00Z" }));
    assert_eq!(instance["last_failure"]["version"], "1.2.0");
}

#[test]
fn an_update_on_probation_is_told_with_what_is_kept() {
    let world = World::new();
    world.with_two_releases();
    let mut plan = world.plan(3, Act::Update, Some("1.1.0"), "1.2.0", steps());
    plan.to.profile.health.soak_seconds = 4_000_000_000;
    let mut records = up_to_the_probe();
    records.push((14, Record::Soaking));
    world.journal(plan, records);
    let run = world.read(&["status"]);
    assert!(run.out.contains("open         1.2.0 on probation, "), "{}", run.out);
    assert!(run.out.contains("1.1.0 kept"), "{}", run.out);
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["instances"][0]["open"]["state"], "soaking");
    assert!(status["instances"][0]["rollback"].is_null(), "not while an update is open");
}

#[test]
fn an_update_under_way_is_told_by_its_step() {
    let world = World::new();
    world.with_two_releases();
    let plan = world.plan(3, Act::Update, Some("1.1.0"), "1.2.0", steps());
    world.journal(
        plan,
        vec![(0, Record::Begun { step: 0 }), (3, Record::Applied { step: 0 }), (3, Record::Begun { step: 1 })],
    );
    let run = world.read(&["status"]);
    assert!(run.out.contains("1.2.0: stopping services, step 2 of 5, 1.1.0 kept"), "{}", run.out);
    assert_eq!(run.code, 0);
}

#[test]
fn an_update_that_goes_back_or_tidies_up_is_told_so() {
    for (record, wanted) in [
        (
            Record::Failed { step: Some(4), error: "ill".to_owned(), blame: Blame::Release },
            "1.2.0 failed and everything is being put back: ill",
        ),
        (Record::Committed, "1.2.0 stays; tidying up"),
    ] {
        let world = World::new();
        world.with_two_releases();
        let mut records = up_to_the_probe();
        records.push((20, record));
        world.journal(world.plan(3, Act::Update, Some("1.1.0"), "1.2.0", steps()), records);
        let run = world.read(&["status"]);
        assert!(run.flat().contains(wanted), "{}", run.out);
    }
}

#[test]
fn a_stuck_update_shouts_and_has_its_own_exit_code() {
    let world = World::new();
    world.with_two_releases();
    let plan = world.plan(3, Act::Update, Some("1.1.0"), "1.2.0", steps());
    let mut records = up_to_the_probe();
    records.push((20, Record::Failed { step: Some(4), error: "ill".to_owned(), blame: Blame::Release }));
    records.push((30, Record::Stuck { reason: "start cannot be reverted: no such unit".to_owned() }));
    world.journal(plan, records);
    world.last_check(&check("stale", "the metadata has expired", None));
    let run = world.read(&["status"]);
    assert_eq!(run.code, 8, "stuck is worse than stale");
    assert!(run.out.contains("!! STUCK: 1.2.0 could neither be finished nor undone"), "{}", run.out);
    assert!(run.out.contains("!! STALE: "), "{}", run.out);
    assert!(run.out.contains("surefoot resume"), "{}", run.out);
}

#[test]
fn stale_metadata_shouts_whether_a_check_said_so_or_the_clock_does() {
    let world = World::new();
    world.with_two_releases();
    world.last_check(&check("stale", "the metadata has expired", None));
    assert_eq!(world.read(&["status"]).code, 12);
    let mut old = check("ok", "kkt: nothing new", None);
    old["expires"] = json!("2024-11-23T05:00:00Z");
    world.last_check(&old);
    let run = world.read(&["status"]);
    assert_eq!(run.code, 12);
    assert!(run.out.contains("STALE: the vendor's metadata has expired since 2024-11-23 05:00"), "{}", run.out);
    let status = world.run(&["status", "--json"]);
    assert_eq!(status.code, 12);
    assert_eq!(status.json()["instances"][0]["metadata"]["stale"], true);
}

#[test]
fn critical_releases_that_are_not_forced_are_said_loudly() {
    let world = World::empty();
    world.configure("kkt", "[policy]\nforce_critical = false\n");
    world.with_two_releases();
    assert!(world.read(&["status"]).out.contains("!! Critical releases are NOT installed at once"));
}

#[test]
fn a_failed_update_is_told_until_a_good_one_follows() {
    let world = World::new();
    world.with_a_failure();
    let run = world.read(&["status"]);
    assert!(run.out.contains("1.2.0 failed and was rolled back at 2024-11-23 03:13"), "{}", run.out);
    world.journal(world.plan(4, Act::Update, Some("1.1.0"), "1.2.1", steps()), good());
    world.make_current("1.2.1");
    assert!(!world.read(&["status"]).out.contains("failed"));
}

#[test]
fn a_link_that_was_changed_by_hand_is_noticed() {
    let world = World::new();
    world.with_two_releases();
    world.make_current("1.0.0");
    let run = world.read(&["status"]);
    assert!(run.out.contains("leads to 1.0.0, which is not what was installed last"), "{}", run.out);
}

#[test]
fn commands_name_the_instance_where_there_are_two() {
    let world = World::new();
    world.configure("test", "");
    world.with_two_releases();
    world.last_check(&check("ok", "kkt: 1.3.0 (minor) waits for approval", Some("1.3.0")));
    let run = world.read(&["status"]);
    assert!(run.out.contains("surefoot approve 1.3.0 -i kkt"), "{}", run.out);
    assert!(run.out.contains("test: nothing is installed yet: surefoot install -i test"), "{}", run.out);
    assert_eq!(world.run(&["status", "--json"]).json()["instances"].as_array().unwrap().len(), 2);
    assert!(!world.read(&["status", "-i", "test"]).out.contains("kkt:"));
}

#[test]
fn what_has_come_in_since_does_not_wait_any_more() {
    let world = World::new();
    world.with_two_releases();
    world.last_check(&check("ok", "kkt: 1.1.0 (minor) waits for approval", Some("1.1.0")));
    assert!(!world.read(&["status"]).out.contains("waits for you"));
}

/// An update to 1.2.0 as it is known by its manifest, planned so many seconds ago.
fn known(world: &World, id: u32, act: Act, seconds_ago: i64) -> Plan {
    let mut plan = world.plan(id, act, Some("1.1.0"), "1.2.0", steps());
    plan.to.manifest = Some(Sha256::of(b"1.2.0"));
    plan.planned_at = Timestamp::now() - SignedDuration::from_secs(seconds_ago);
    plan
}

#[test]
fn a_release_that_failed_is_told_with_when_it_is_tried_again() {
    let world = World::new();
    world.with_two_releases();
    world.journal(known(&world, 3, Act::Update, 600), failed());
    let run = world.read(&["status"]);
    let told = "held back 1.2.0 failed here once, last on";
    assert!(run.flat().contains(told), "{}", run.out);
    assert!(run.flat().contains("or now with surefoot update 1.2.0 --again"), "{}", run.out);
    let status = world.run(&["status", "--json"]).json();
    let held = &status["instances"][0]["setbacks"][0];
    assert_eq!((&held["version"], &held["why"], &held["times"]), (&json!("1.2.0"), &json!("failed"), &json!(1)));
    let until: Timestamp = held["until"].as_str().unwrap().parse().unwrap();
    let last: Timestamp = held["last"].as_str().unwrap().parse().unwrap();
    assert_eq!(until.duration_since(last), SignedDuration::from_hours(1));
    assert_eq!(held["rests"], true);

    world.journal(world.plan(4, Act::Update, Some("1.1.0"), "1.2.1", steps()), good());
    world.make_current("1.2.1");
    assert!(!world.read(&["status"]).out.contains("held back"), "a newer release clears it");
}

#[test]
fn a_release_that_failed_long_ago_is_told_and_not_held_back() {
    let world = World::new();
    world.with_two_releases();
    world.journal(known(&world, 3, Act::Update, 7200), failed());
    let run = world.read(&["status"]);
    assert!(run.flat().contains("it may be tried again"), "{}", run.out);
    assert_eq!(world.run(&["status", "--json"]).json()["instances"][0]["setbacks"][0]["rests"], false);
}

#[test]
fn a_release_that_was_taken_back_is_told_so() {
    let world = World::new();
    world.with_two_releases();
    world.journal(known(&world, 3, Act::Update, 7200), good());
    let back = world.plan(4, Act::Rollback, Some("1.2.0"), "1.1.0", steps());
    world.journal(back, good());
    let run = world.read(&["status"]);
    assert!(run.flat().contains("held back 1.2.0 was taken back here, on"), "{}", run.out);
    assert!(run.flat().contains("it comes back only with surefoot update 1.2.0 --again"), "{}", run.out);
    let held = &world.run(&["status", "--json"]).json()["instances"][0]["setbacks"][0];
    assert_eq!((&held["rests"], &held["until"]), (&json!(true), &json!(null)));
}

#[test]
fn a_critical_release_without_a_way_back_shouts() {
    let world = World::new();
    world.with_two_releases();
    let mut last = check("ok", "kkt: 1.3.0 (critical) waits for approval", Some("1.3.0"));
    last["because"] = json!("no_way_back");
    last["severity"] = json!("critical");
    world.last_check(&last);
    let run = world.read(&["status"]);
    assert!(run.out.contains("!! CRITICAL: 1.3.0 waits for you: it cannot be rolled back"), "{}", run.out);
    assert!(run.out.contains("surefoot approve 1.3.0"), "{}", run.out);
    last["severity"] = json!("minor");
    world.last_check(&last);
    let run = world.read(&["status"]);
    assert!(!run.out.contains("CRITICAL"), "{}", run.out);
    assert!(run.flat().contains("1.3.0 waits for you (it cannot be rolled back, so it never"), "{}", run.out);
}

#[test]
fn sources_that_do_not_count_are_told_and_so_is_the_one_that_does() {
    let world = World::new();
    world.with_two_releases();
    let told = |sources: serde_json::Value| {
        let mut last = check("ok", "kkt: nothing new", None);
        last["sources"] = sources;
        world.last_check(&last);
        world.read(&["status"]).out
    };
    let source = |source: &str, used: bool, failed: Option<&str>| json!({ "source": source, "timestamp": failed.is_none().then_some(7), "used": used, "failed": failed });
    let alone = told(json!([source("https://a.example/", true, None)]));
    assert!(!alone.contains("a.example"), "{alone}");
    let well = told(json!([source("https://a.example/", true, None), source("https://b.example/", false, None)]));
    assert!(!well.contains(".example"), "{well}");
    let broken = told(json!([
        source("https://a.example/", false, Some("cannot reach it")),
        source("https://b.example/", true, None),
    ]));
    assert!(broken.contains("  read from    https://b.example/\n"), "{broken}");
    assert!(broken.contains("  source       https://a.example/ does not count: cannot reach it\n"), "{broken}");
}
