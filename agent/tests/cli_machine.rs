//! `health`, `config check` and `doctor`, through the binary: what they find on this machine.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test arranges what it needs as it likes")]

mod cli_world;

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use cli_world::{World, good, steps};
use manifest_schema::digest::Sha256;
use manifest_schema::profile::Profile;
use manifest_schema::tuf::{RoleName, Root, SigningKey, sign};
use serde_json::json;
use surefoot::layout::AppLayout;
use surefoot::plan::Act;

/// A world with an application that runs; it ends with the world.
struct Running {
    world: World,
    process: Child,
}

impl std::ops::Deref for Running {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The application's user where the test is root, as the configuration of these worlds names it.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// An application with one process, its user's, and one check.
fn with_application(address: &str) -> Running {
    let world = World::new();
    let mut plan = world.plan(1, Act::Install, None, "1.0.0", steps());
    plan.to.profile = profile(address);
    world.journal(plan, good());
    world.make_current("1.0.0");
    let mut command = Command::new("sleep");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let process = command.arg("600").spawn().unwrap();
    std::fs::write(world.directory("kkt").join("web.pid"), format!("{}\n", process.id())).unwrap();
    Running { world, process }
}

fn profile(address: &str) -> Profile {
    serde_json::from_value(json!({
        "services": [{ "name": "web", "start": ["bin/start"], "stop": ["bin/stop"], "pid_file": "web.pid" }],
        "keep": [{ "path": ".env", "type": "file" }],
        "databases": [{ "type": "postgresql", "url": { "file": ".env", "key": "DATABASE_URL" } }],
        "health": { "checks": [{ "name": "port", "type": "tcp", "address": address, "timeout_seconds": 2 }] },
    }))
    .unwrap()
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn a_healthy_application_has_a_tick_on_each_line() {
    let (_listener, address) = listen();
    let world = with_application(&address);
    let run = world.read(&["health"]);
    assert_eq!((run.code, run.out.as_str()), (0, "✓ service web\n✓ check port\n"), "{}", run.err);
}

#[test]
fn an_ill_application_has_its_own_exit_code() {
    let (listener, address) = listen();
    drop(listener);
    let world = with_application(&address);
    let run = world.read(&["health"]);
    assert_eq!(run.code, 6);
    assert!(run.out.contains(&format!("✗ check port: {address}: ")), "{}", run.out);
    let answer = world.run(&["health", "--json"]);
    assert_eq!(answer.code, 6);
    assert_eq!(answer.json()["healthy"], false);
    assert_eq!(answer.json()["checks"][1]["name"], "port");
}

#[test]
fn what_is_not_installed_has_no_health() {
    let run = World::new().run(&["health"]);
    assert_eq!((run.code, run.err.as_str()), (10, "surefoot: kkt: nothing is installed yet\n"));
}

#[test]
fn config_check_tells_what_is_understood_and_all_that_is_wrong() {
    let (_listener, address) = listen();
    let world = with_application(&address);
    world.configure("kkt", "[schedule]\ncheck = \"0 3 31 2 *\"\n[checks.prot]\nurl = \"http://127.0.0.1/\"\n");
    let run = world.read(&["config", "check"]);
    assert_eq!(run.code, 3, "{}", run.err);
    for wanted in [
        "source https://github.com/acme/kkt",
        "(managed)",
        "critical releases go in at once",
        "✗ schedule: the schedule never comes",
        "kkt.root.json: No such file",
        "the application has no health check prot",
        "✗ .env: the application needs it",
        "✗ database main: cannot read ",
        "5 problems",
    ] {
        assert!(run.flat().contains(wanted), "{wanted}: {}", run.out);
    }
    let answer = world.run(&["config", "check", "--json"]);
    assert_eq!((answer.code, &answer.json()["problems"]), (3, &json!(5)));
}

#[test]
fn config_check_agrees_with_a_good_configuration() {
    let world = World::empty();
    let key = SigningKey::from_seed([7; 32]);
    let mut root = Root::new(1, "2999-01-01T00:00:00Z".parse().unwrap());
    for role in [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
        root.grant(role, key.public());
    }
    let bytes = sign(&root, &[&key]).unwrap();
    std::fs::write(world.layout.config().join("kkt.root.json"), &bytes).unwrap();
    world.configure("kkt", &format!("root_fingerprint = \"{}\"\n", Sha256::of(&bytes)));
    world.with_two_releases();
    let run = world.read(&["config", "check"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.ends_with("\n\nno problems were found\n"), "{}", run.out);
    world.configure("kkt", &format!("root_fingerprint = \"{}\"\n", Sha256::of(b"another")));
    let run = world.read(&["config", "check"]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("✗ ") && run.out.contains("kkt.root.json: "), "{}", run.out);
}

#[test]
fn config_check_finds_a_missing_unit_and_an_url_that_is_not_understood() {
    let (_listener, address) = listen();
    let world = with_application(&address);
    let directory = world.directory("kkt");
    let text = format!(
        "product = \"kkt\"\ndirectory = {directory:?}\nsource = {:?}\nuser = \"nobody\"\n[services.web]\nunit = \"kkt-test@1.service\"\n",
        world.root.path()
    );
    std::fs::write(world.layout.config().join("kkt.toml"), text).unwrap();
    std::fs::write(directory.join(".env"), "DATABASE_URL=mysql://localhost/kkt\n").unwrap();
    let out = world.read(&["config", "check"]).out;
    assert!(out.contains("✗ service web: the application's profile names no unit for it"), "{out}");
    assert!(out.contains("✗ database main: cannot use the URL of database main"), "{out}");
    assert!(out.contains("✗ source: "), "{out}");
}

#[test]
fn config_check_says_so_where_a_file_cannot_be_used_or_there_is_none() {
    let empty = World::empty().run(&["config", "check"]);
    assert_eq!(empty.code, 3);
    assert!(empty.out.contains("nothing is configured"), "{}", empty.out);
    let world = World::new();
    assert_eq!(world.run(&["config", "check", "--json"]).json()["unusable"], json!([]));
    world.configure("kkt", "tpyo = 1\n");
    let broken = world.run(&["config", "check"]);
    assert_eq!(broken.code, 3);
    assert!(broken.out.contains("tpyo"), "{}", broken.out);
}

#[test]
fn doctor_finds_what_is_in_the_way_of_an_update() {
    let (_listener, address) = listen();
    let world = with_application(&address);
    let run = world.read(&["doctor"]);
    assert_eq!(run.code, 6, "{}", run.err);
    assert!(run.out.contains("✗ agent: it does not run"), "{}", run.out);
    assert!(run.out.contains("✗ database main: cannot read"), "{}", run.out);
    assert!(run.out.contains("✓ service web: it runs"), "{}", run.out);
    assert!(run.out.contains("in the way of an update"), "{}", run.out);
    let answer = world.run(&["doctor", "--json"]).json();
    assert_eq!(answer["instances"][0]["instance"], "kkt");
    assert!(answer["missing"].as_u64().unwrap() >= 3, "{answer}");
}

#[test]
fn doctor_tells_how_a_database_will_be_backed_up() {
    let world = World::new();
    let mut plan = world.plan(1, Act::Install, None, "1.0.0", steps());
    plan.to.profile = serde_json::from_value(json!({
        "keep": [{ "path": "data", "type": "directory" }],
        "databases": [{ "type": "sqlite", "path": "data/kkt.sqlite" }],
    }))
    .unwrap();
    world.journal(plan, good());
    world.make_current("1.0.0");
    let data = AppLayout::new(world.directory("kkt")).shared().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let database = rusqlite::Connection::open(data.join("kkt.sqlite")).unwrap();
    database.execute_batch("CREATE TABLE t (x)").unwrap();
    if is_root() {
        // The database is looked at with the rights of its owner, who must be able to come here.
        chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
        chown(data.join("kkt.sqlite"), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let out = world.read(&["doctor"]).flat();
    assert!(out.contains("✓ database main: SQLite") && out.contains("it is backed up into files"), "{out}");
}

#[test]
fn doctor_sees_a_clock_that_is_behind() {
    let world = World::new();
    let mut plan = world.plan(1, Act::Install, None, "1.0.0", steps());
    plan.planned_at = "2999-01-01T00:00:00Z".parse().unwrap();
    world.journal(plan, good());
    assert!(world.read(&["doctor"]).out.contains("✗ clock: "));
}
