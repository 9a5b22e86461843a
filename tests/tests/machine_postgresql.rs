//! The database server goes away in the middle of an update: stopped before the migration, late after a power cut, restarted within the
//! migration and on the way back. Nobody is needed where it comes back in time, which is a quarter of an hour.

use std::process::Child;
use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site, State};

const PATIENCE: Duration = Duration::from_secs(120);

const STOP: &str = "systemctl stop postgresql@15-main.service";
const START: &str = "systemctl start postgresql@15-main.service";

/// A machine with 1.1.0 and an agent that can be stopped.
fn boot(name: &str) -> Machine {
    let image = scenario::updated().expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

/// Starts the server only when the agent has waited for it in vain.
const LATE: &str = r#"[Service]
ExecStart=/bin/sh -c 'until journalctl -b 0 -u surefoot.service | grep "trying again"; do sleep 0.2; done; exec systemctl start postgresql@15-main.service'
[Install]
WantedBy=multi-user.target
"#;

/// Puts an update to 1.6.0 before its migration, whose end nobody would live to see.
fn before_the_migration(site: &Site<'_>, faults: &Faults<'_>) -> (State, Child) {
    site.offer("with-1.6.0");
    kkt::add_item(site.machine(), "last");
    let before = site.insist_on("1.1.0");
    (before, faults.stop_at("begun migrate", &["update", "1.6.0"]))
}

fn is_back(site: &Site<'_>, faults: &Faults<'_>, before: &State) {
    let machine = site.machine();
    machine.wait_until("it is put back", PATIENCE, || {
        site.history().last().is_some_and(|line| line.starts_with("update 1.") && line.ends_with("rolled_back"))
    });
    machine.wait_until("1.1.0 serves", PATIENCE, || kkt::health(machine).as_deref() == Some("1.1.0"));
    assert_eq!(site.insist_on("1.1.0"), *before);
    faults.insist_on_matching_starts();
    kkt::add_item(machine, "bolt");
    site.surefoot(&["status"]).well();
}

#[test]
fn a_server_that_comes_back_in_time_needs_nobody() {
    let machine = boot("pg-back");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let (before, mut command) = before_the_migration(&site, &faults);

    machine.sh(STOP);
    faults.go_on();
    machine.wait_until("the way back waits for it", PATIENCE, || {
        machine.journal("surefoot.service").contains("undoing: applying migrations")
    });
    assert_eq!(machine.sh("systemctl show --value --property ActiveState kkt-web.service").trim(), "inactive");
    machine.sh(START);

    is_back(&site, &faults, &before);
    let _ = command.wait();
}

/// For the agent and its workers two minutes are a second, waiting included.
const FAST: &str = "[Service]
Environment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 FAKETIME_TIMESTAMP_FILE=/run/agents-clock
Environment=FAKETIME_NO_CACHE=1 NO_FAKE_STAT=1
";

#[test]
fn a_server_that_is_away_for_an_hour_needs_nobody_when_it_is_back() {
    let machine = boot("pg-hour");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.write("/run/agents-clock", "+0 x120");
    machine.write("/etc/systemd/system/surefoot.service.d/clock.conf", FAST);
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let (before, mut command) = before_the_migration(&site, &faults);

    machine.sh(STOP);
    faults.go_on();
    let _ = command.wait();
    let waited = || machine.journal("surefoot.service").matches("cannot be reverted").count();
    machine.wait_until("it has been tried for an hour", PATIENCE, || waited() > 4);
    assert_eq!(machine.sh("systemctl show --value --property ActiveState kkt-web.service").trim(), "inactive");
    // At its own pace again, and ahead of what it was: no clock that counts since the boot goes back.
    machine.sh("echo '+86400 x1' > /run/agents-clock.new; mv /run/agents-clock.new /run/agents-clock");
    machine.sh(START);

    is_back(&site, &faults, &before);
}

#[test]
fn a_server_that_comes_up_late_after_a_power_cut_is_waited_for() {
    let machine = boot("pg-late");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let (before, mut command) = before_the_migration(&site, &faults);
    machine.write("/etc/systemd/system/late.service", LATE);
    machine.sh("systemctl disable --quiet postgresql.service; systemctl enable --quiet late.service; sync");

    // Its boot is complete when the agent has recovered.
    machine.cut_power().expect("it boots again");

    let _ = command.wait();
    is_back(&site, &faults, &before);
    let lines = machine.sh("journalctl -b 0 -o cat --no-pager");
    let at = |words: &str| lines.find(words).unwrap_or_else(|| panic!("nothing says {words:?} in\n{lines}"));
    assert!(at("kkt-web.service - kkt web was skipped") < at("trying again"), "{lines}");
    assert!(at("trying again") < at("Started postgresql@15-main.service"), "{lines}");
    assert!(at("Started postgresql@15-main.service") < at("Started kkt-web.service"), "{lines}");
}

#[test]
fn a_server_that_restarts_within_a_migration_needs_nobody() {
    let machine = boot("pg-within");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let (before, mut command) = before_the_migration(&site, &faults);
    faults.go_on();
    let sleeps = "select count(*) from pg_stat_activity where query like '%pg_sleep(3600)%' and datname = 'kkt' and pid <> pg_backend_pid()";
    machine.wait_until("the migration is half done", PATIENCE, || kkt::psql(&machine, sleeps) == "1");

    machine.sh("systemctl restart postgresql@15-main.service");

    let _ = command.wait();
    is_back(&site, &faults, &before);
}

#[test]
fn a_server_that_restarts_on_the_way_back_needs_nobody() {
    let machine = boot("pg-way-back");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    site.offer("with-1.7.0");
    kkt::add_item(&machine, "last");
    let before = site.insist_on("1.1.0");
    let mut command = faults.stop_at("applied migrate", &["update", "1.7.0"]);
    // The backup has just become the database again, and nobody has written that down.
    faults.park_at("put the backup in the place of the database");
    faults.kill_worker();
    faults.wait_until_parked("the swap");

    machine.sh("systemctl restart postgresql@15-main.service");
    faults.go_on();

    is_back(&site, &faults, &before);
    let _ = command.wait();
}
