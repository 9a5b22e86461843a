//! The database server goes away in the middle of an update: stopped before the migration, for a while or for good, restarted within
//! the migration and on the way back. Nobody is needed where it comes back in time; else the agent says so and goes on when told.

use std::process::Child;
use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site, State};

/// The agent tries each revert for almost a minute.
const PATIENCE: Duration = Duration::from_secs(120);

const STOP: &str = "systemctl stop postgresql@15-main.service";
const START: &str = "systemctl start postgresql@15-main.service";

/// A machine with 1.1.0 and an agent that can be stopped.
fn boot(name: &str) -> Machine {
    let image = scenario::updated().expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

/// The records of the last journal, one a line.
fn journal(machine: &Machine) -> String {
    machine.sh("cat $(ls -d /var/lib/surefoot/kkt/updates/*/ | tail -n 1)/journal.jsonl")
}

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
        site.history().last().is_some_and(|line| line == "update 1.6.0 rolled_back")
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
    machine.wait_until("the way back has been tried", PATIENCE, || journal(&machine).contains("revert_failed"));
    assert_eq!(machine.sh("systemctl show --value --property ActiveState kkt-web.service").trim(), "inactive");
    machine.sh(START);

    is_back(&site, &faults, &before);
    let _ = command.wait();
}

#[test]
fn without_its_server_an_update_is_stuck_loudly_until_a_person_resumes_it() {
    let machine = boot("pg-gone");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let (before, mut command) = before_the_migration(&site, &faults);

    machine.sh(STOP);
    faults.go_on();

    assert_eq!(command.wait().expect("it is our child").code(), Some(8), "{}", journal(&machine));
    site.surefoot(&["status"]).ended_with(8).says("surefoot resume");
    site.surefoot(&["update"]).ended_with(8).says("stuck");
    let status = machine.sh("systemctl show --value --property StatusText surefoot.service");
    assert!(status.contains("stuck"), "{status}");
    assert_eq!(machine.sh("systemctl show --value --property ActiveState kkt-web.service").trim(), "inactive");
    machine.sh("systemctl disable --quiet postgresql.service");
    machine.reboot().expect("it reboots");
    site.wait_for_agent();
    site.surefoot(&["status"]).ended_with(8).says("surefoot resume");
    assert_eq!(machine.sh("systemctl show --value --property ActiveState kkt-web.service").trim(), "inactive");

    machine.sh("systemctl enable --quiet postgresql.service; systemctl start postgresql.service");
    site.surefoot(&["resume"]).well();
    is_back(&site, &faults, &before);
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
    let (before, mut command) = before_the_migration(&site, &faults);
    // The backup has just become the database again, and nobody has written that down.
    faults.park_at("put the backup in the place of the database");
    faults.kill_worker();
    faults.wait_until_parked("the swap");

    machine.sh("systemctl restart postgresql@15-main.service");
    faults.go_on();

    is_back(&site, &faults, &before);
    let _ = command.wait();
}
