//! A clock that is wrong: two years back and five ahead, in the middle of an update and between two. A container has the clock of its
//! host, which is not the tests' to set; so it is the agent and its workers that see another time, by libfaketime. The
//! application, PostgreSQL and systemd see the right one.

use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, POLL_ALWAYS, Site};

const SOON: Duration = Duration::from_secs(60);

/// What the agent takes its time from: read anew at each look. The clock that never steps back stays the kernel's, as it does when
/// an admin sets the time of day (clock_settime(2)).
const OTHER_TIME: &str = "[Service]
Environment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 FAKETIME_TIMESTAMP_FILE=/run/agents-clock
Environment=FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1
";

const BACK: &str = "-730d";
const AHEAD: &str = "+1826d";

/// A machine with 1.1.0, updated from 1.0.0 just now, and an agent that can be stopped and has a clock of its own.
fn boot(name: &str) -> Machine {
    let image = scenario::updated().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots");
    set(&machine, "+0");
    machine.write("/etc/systemd/system/surefoot.service.d/clock.conf", OTHER_TIME);
    machine
}

fn set(machine: &Machine, offset: &str) {
    machine.write("/run/agents-clock.new", offset);
    machine.sh("mv /run/agents-clock.new /run/agents-clock");
}

/// The year in which the last update ended, as the agent saw it.
fn year_of_the_last_update(site: &Site<'_>) -> i16 {
    let rows = site.json(&["history"]);
    let rows = rows.as_array().or(rows["updates"].as_array()).cloned().expect("a history is a list");
    let at: jiff::Timestamp =
        rows.last().and_then(|row| row["completed_at"].as_str()).and_then(|at| at.parse().ok()).expect("it is over");
    at.to_zoned(jiff::tz::TimeZone::UTC).year()
}

fn this_year() -> i16 {
    jiff::Zoned::now().year()
}

/// Changes the clock at a place, and lets the update go on.
fn an_update_goes_on(name: &str, place: &str, offset: &str, years: i16) {
    let machine = boot(name);
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    site.offer("upto-1.1.1");
    kkt::add_item(&machine, "last");
    let before = site.insist_on("1.1.0");
    let mut command = faults.stop_at(place, &["update", "1.1.1"]);

    set(&machine, offset);
    faults.go_on();

    assert!(command.wait().expect("it is our child").success());
    assert_eq!(site.insist_on("1.1.1").items, before.items);
    let year = year_of_the_last_update(&site);
    assert!((year - this_year() - years).abs() <= 1, "the agent saw the other time: {year}");
    // Nor is anything taken for old that is not: the way back is still there.
    site.surefoot(&["rollback", "--dry-run"]).well().says("goes back to 1.1.0");
}

/// Changes the clock in the middle of a migration, and has the update put back.
fn an_update_is_put_back(name: &str, offset: &str) {
    let machine = boot(name);
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    site.offer("with-1.3.0");
    kkt::add_item(&machine, "last");
    let before = site.insist_on("1.1.0");
    let mut command = faults.stop_at("begun migrate", &["update", "1.3.0"]);

    set(&machine, offset);
    faults.go_on();

    assert_eq!(command.wait().expect("it is our child").code(), Some(7));
    assert_eq!(site.insist_on("1.1.0"), before);
}

#[test]
fn an_update_goes_on_while_the_clock_is_set_two_years_back() {
    an_update_goes_on("clock-back", "begun start", BACK, -2);
}

#[test]
fn an_update_goes_on_while_the_clock_is_set_five_years_ahead() {
    an_update_goes_on("clock-ahead", "begun start", AHEAD, 5);
}

#[test]
fn a_soak_goes_on_while_the_clock_is_set_five_years_ahead() {
    an_update_goes_on("clock-soak-a", "soaking", AHEAD, 5);
}

#[test]
fn a_soak_comes_to_its_end_while_the_clock_is_set_two_years_back() {
    an_update_goes_on("clock-soak-b", "soaking", BACK, -2);
}

#[test]
fn an_update_is_put_back_while_the_clock_is_set_two_years_back() {
    an_update_is_put_back("clock-undo-b", BACK);
}

#[test]
fn an_update_is_put_back_while_the_clock_is_set_five_years_ahead() {
    an_update_is_put_back("clock-undo-a", AHEAD);
}

#[test]
fn between_updates_a_wrong_clock_costs_nothing_that_a_right_one_does_not_bring_back() {
    let machine = boot("clock-between");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.sh("systemctl daemon-reload; systemctl restart surefoot.service");
    site.wait_for_agent();
    kkt::add_item(&machine, "last");
    let before = site.insist_on("1.1.0");
    let backups = || machine.sh("find /var/lib/surefoot/kkt/backups | sort");
    let kept = backups();
    assert!(!kept.is_empty());

    set(&machine, AHEAD);
    site.surefoot(&["check"]).ended_with(12).says("expired");
    site.surefoot(&["update"]).ended_with(12);
    it_has_polled(&site);
    assert_eq!(backups(), kept, "nothing goes by its age after a jump");
    assert_eq!(site.insist_on("1.1.0"), before);

    set(&machine, BACK);
    it_has_polled(&site);
    assert_eq!(backups(), kept);

    set(&machine, "+0");
    site.surefoot(&["check"]).well();
    site.offer("upto-1.1.1");
    it_has_polled(&site);
    machine.wait_until("the next release goes in by itself", SOON, || {
        site.history().last().is_some_and(|line| line == "update 1.1.1 completed")
    });
    assert_eq!(site.insist_on("1.1.1").items, before.items);
}

/// Lets the agent begin anew, and look for releases as it does by its schedule.
fn it_has_polled(site: &Site<'_>) {
    let last_check = "/var/lib/surefoot/kkt/last-check.json";
    site.machine().sh(&format!("systemctl stop surefoot.service; rm {last_check}"));
    site.configure(POLL_ALWAYS);
    site.machine()
        .wait_until("it has looked", SOON, || site.machine().run(["test", "-e", last_check]).status.success());
}
