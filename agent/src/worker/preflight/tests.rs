//! What a database says against an update, before anything is touched: each with exit code 6 and a sentence.

use std::sync::Arc;

use super::super::{Recovered, memory};
use super::*;
use crate::clock::SystemClock;
use crate::config;
use crate::event::Event;
use crate::layout::Layout;
use crate::store::testing::{PASSWORD, Server, World};

/// An instance whose application has a database on a real server.
struct Bench {
    world: World,
    root: tempfile::TempDir,
    layout: Layout,
}

impl Bench {
    fn new(world: World, more: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::new(root.path());
        durable::make_dirs(&layout.config(), 0o755).unwrap();
        let directory = root.path().join("srv/kkt");
        let text = format!(
            "product = \"kkt\"\ndirectory = \"{}\"\nsource = \"/srv/releases\"\nuser = \"nobody\"\n{more}",
            directory.display()
        );
        durable::write_atomic(&layout.config().join("kkt.toml"), text.as_bytes(), 0o644).unwrap();
        let bench = Self { world, root, layout };
        bench.take_settings();
        bench
    }

    /// The application's settings as its database's world has them.
    fn take_settings(&self) {
        let shared = self.settings().app().shared();
        durable::make_dirs(&shared, 0o755).unwrap();
        let env = std::fs::read(self.world.files.path("shared/.env")).unwrap();
        durable::write_atomic(&shared.join(".env"), &env, 0o644).unwrap();
    }

    fn settings(&self) -> Settings {
        config::select(&self.layout, None).unwrap()
    }

    /// Looks at the database as before an update that migrates it; answers what was noted.
    fn examine(&self) -> Result<String, Failure> {
        let profile: Profile = serde_json::from_value(serde_json::json!({
            "services": [],
            "databases": [{ "name": "main", "type": "postgresql", "url": { "file": ".env", "key": "DATABASE_URL" } }],
        }))
        .unwrap();
        let mut noted = String::new();
        let mut tell = |event: Event| {
            if let Event::Note { text } = event {
                noted += &text;
            }
        };
        let secrets = memory::Secrets::of(&self.layout);
        let mut work = Work {
            layout: &self.layout,
            secrets: &secrets,
            clock: SystemClock::default(),
            tell: &mut tell,
            recovered: Recovered::default(),
            unexplained: Vec::new(),
            by: "root",
            audit: std::cell::RefCell::new(crate::audit::Audit::at(self.layout.audit())),
        };
        let ways = examine(&mut work, &self.settings(), &profile, &["main".parse().unwrap()]);
        assert!(self.root.path().exists());
        ways.map(|_| noted)
    }

    fn refusal(&self) -> String {
        let failure = self.examine().unwrap_err();
        assert_eq!(failure.exit, Exit::Refused, "{}", failure.message);
        assert!(failure.message.starts_with("database main: "), "{}", failure.message);
        failure.message
    }
}

#[test]
fn a_database_that_is_well_says_nothing() {
    assert_eq!(Bench::new(World::new(""), "").examine().unwrap(), "");
}

#[test]
fn a_server_that_is_down_is_told_at_once() {
    let bench = Bench::new(World::on(Arc::new(Server::start()), ""), "");
    bench.world.server.stop();
    assert!(bench.refusal().contains("cannot be reached"), "{}", bench.refusal());
}

#[test]
fn a_login_or_a_database_that_is_not_there_is_told() {
    let bench = Bench::new(World::new(""), "");
    bench.world.write_env("wrong");
    bench.take_settings();
    assert!(bench.refusal().contains("does not accept the password of app-"), "{}", bench.refusal());
    let server = &bench.world.server;
    server.sql("postgres", &format!("ALTER ROLE \"{}\" PASSWORD 'wrong' NOLOGIN;", bench.world.role));
    assert!(bench.refusal().contains("does not let app-"), "{}", bench.refusal());
    server.sql("postgres", &format!("ALTER ROLE \"{}\" LOGIN;", bench.world.role));
    server.sql("postgres", &format!("DROP DATABASE \"{}\";", bench.world.database));
    assert!(bench.refusal().contains("has no database kkt "), "{}", bench.refusal());
}

#[test]
fn a_database_that_can_only_be_read_is_told() {
    let bench = Bench::new(World::new(""), "");
    let read_only = format!("ALTER ROLE \"{}\" SET default_transaction_read_only TO on;", bench.world.role);
    bench.world.server.sql("postgres", &read_only);
    assert!(bench.refusal().ends_with("default_transaction_read_only is on for its role"), "{}", bench.refusal());
}

#[test]
fn a_prepared_transaction_is_told() {
    let bench = Bench::new(World::new(""), "");
    bench.world.sql("BEGIN; DELETE FROM people; PREPARE TRANSACTION 'forgotten';");
    assert!(bench.refusal().contains("prepared transaction forgotten of app-"), "{}", bench.refusal());
    bench.world.sql("ROLLBACK PREPARED 'forgotten';");
}

#[test]
fn a_client_that_holds_it_is_told_or_refuses_the_update_as_configured() {
    let world = World::new("");
    let role = format!("bob of {}", world.role);
    let create = format!("CREATE ROLE \"{role}\" LOGIN PASSWORD '{PASSWORD}' IN ROLE \"{}\";", world.role);
    world.server.sql("postgres", &create);
    let locking = "BEGIN; LOCK TABLE people IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600);";
    let _bob = world.server.linger(&role, &world.database, &format!("desk of {role}"), locking);
    let mut bench = Bench::new(world, "[database]\nclients = \"call-off\"\n");
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while bench.examine().is_ok() {
        assert!(std::time::Instant::now() < deadline, "its transaction is never old enough");
    }
    let refusal = bench.refusal();
    assert!(refusal.contains(&role) && refusal.contains("holds AccessExclusive on public.people"), "{refusal}");
    bench = Bench::new(bench.world, "[database]\nclients = \"disconnect\"\nclients_wait_seconds = 4\n");
    let noted = bench.examine().unwrap();
    assert!(noted.contains(&role) && noted.ends_with("for 4 s after the stop, it is disconnected then"), "{noted}");
}

#[test]
fn want_of_room_to_bring_it_back_is_told() {
    let bench = Bench::new(World::new(""), "");
    let main = "main".parse().unwrap();
    let profile = serde_json::json!({
        "name": "main", "type": "postgresql", "url": { "file": ".env", "key": "DATABASE_URL" }
    });
    let settings = bench.settings();
    let vendor = vendor(&settings.instance, &bench.layout.instance(&settings.instance.name));
    let database = serde_json::from_value(profile).unwrap();
    let mut condition = with_store(&database, &vendor, &settings.app(), |store| store.examine()).unwrap();
    condition.way = Way::Dump;
    condition.room = Some(condition.needed - 1);
    let error = condition.allow_change(&main, &settings.instance.clients).unwrap_err().to_string();
    assert!(error.starts_with("no room on the server to bring database main back: that needs "), "{error}");
    condition.room = Some(condition.needed);
    assert_eq!(condition.allow_change(&main, &settings.instance.clients).unwrap(), None);
}
