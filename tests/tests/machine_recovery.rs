//! An update that is cut off in its middle: by a reboot, by the power, by the death of the agent. Release 1.6.0 is for this: its migration
//! changes the database statement by statement and then does not end.

use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Site, State};

const RECOVERY: Duration = Duration::from_secs(60);

fn boot(name: &str) -> Machine {
    let image = scenario::updated().expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

/// Begins the update to 1.6.0 and returns in the middle of its migration. The command goes on in the machine.
fn half_migrated(site: &Site<'_>) -> State {
    let machine = site.machine();
    site.offer("with-1.6.0");
    kkt::add_item(machine, "last");
    let before = site.insist_on("1.1.0");
    drop(machine.spawn(["surefoot", "update", "1.6.0"]));
    machine.wait_until("the migration is half done", RECOVERY, || {
        kkt::psql(machine, "select count(*) from pg_stat_activity where query like '%pg_sleep(3600)%' and datname = 'kkt' and pid <> pg_backend_pid()") == "1"
    });
    assert_eq!(kkt::health(machine), None, "it is down");
    before
}

/// Insists that everything is as before, and that the agent says what happened.
fn is_back(site: &Site<'_>, before: &State) {
    let machine = site.machine();
    machine.wait_until("it is put back", RECOVERY, || {
        site.history().last().is_some_and(|line| line == "update 1.6.0 rolled_back")
    });
    machine.wait_until("1.1.0 serves", RECOVERY, || kkt::health(machine).as_deref() == Some("1.1.0"));
    assert_eq!(site.insist_on("1.1.0"), *before);
    assert_eq!(
        kkt::psql(
            machine,
            "select count(*) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()"
        ),
        "0"
    );
    kkt::add_item(machine, "bolt");
    site.surefoot(&["status"]).well();
    site.surefoot(&["log"]).well();
}

/// When systemd and the agent did what at this boot, as lines of the journal without the others.
fn journal(machine: &Machine) -> Vec<String> {
    let units = "-u kkt-web.service -u kkt-bot.service -u surefoot.service -u surefoot-guard.service";
    machine.sh(&format!("journalctl -b 0 -o cat --no-pager {units}")).lines().map(str::to_owned).collect()
}

fn position(lines: &[String], words: &str) -> usize {
    let found = lines.iter().position(|line| line.contains(words));
    found.unwrap_or_else(|| panic!("nothing says {words:?} in {lines:#?}"))
}

/// At the boot the application's units were asked to start and did not, until the agent had put the database back.
fn the_door_was_closed(machine: &Machine) {
    let lines = journal(machine);
    let guard = position(&lines, "Finished surefoot-guard.service");
    let skipped = position(&lines, "kkt-web.service - kkt web was skipped because of an unmet condition check");
    let recovering = position(&lines, "Starting surefoot.service");
    let started = position(&lines, "Started kkt-web.service");
    assert!(guard < skipped && skipped < started && recovering < started, "{lines:#?}");
    position(&lines, "kkt-bot.service - kkt bot was skipped because of an unmet condition check");
    let serves = lines.iter().filter(|line| line.contains("Started kkt-web.service")).count();
    assert_eq!(serves, 1, "it was started once, by the agent: {lines:#?}");
}

#[test]
fn a_reboot_in_the_middle_of_a_migration_puts_everything_back() {
    let machine = boot("reboot");
    let site = Site::look_at(&machine).expect("the site is there");
    let before = half_migrated(&site);

    machine.reboot().expect("it reboots");

    is_back(&site, &before);
    the_door_was_closed(&machine);
}

#[test]
fn a_power_cut_in_the_middle_of_a_migration_starts_nothing_before_all_is_back() {
    let machine = boot("power");
    let site = Site::look_at(&machine).expect("the site is there");
    let before = half_migrated(&site);

    machine.cut_power().expect("it boots again");

    is_back(&site, &before);
    the_door_was_closed(&machine);
    machine.cut_power().expect("it boots once more");
    Site::look_at(&machine).expect("it serves").insist_on("1.1.0");
}

#[test]
fn a_killed_agent_comes_back_and_puts_everything_back() {
    let machine = boot("killed");
    let site = Site::look_at(&machine).expect("the site is there");
    let before = half_migrated(&site);

    machine.sh("systemctl kill --kill-whom=all --signal=SIGKILL surefoot.service");

    is_back(&site, &before);
}

#[test]
fn a_killed_worker_is_made_good_by_the_daemon() {
    let machine = boot("worker");
    let site = Site::look_at(&machine).expect("the site is there");
    let before = half_migrated(&site);
    let daemon = machine.sh("systemctl show --value --property MainPID surefoot.service");

    machine.sh("for pid in $(pgrep -f '[i]nternal worker'); do kill -KILL $pid; done");

    is_back(&site, &before);
    assert_eq!(machine.sh("systemctl show --value --property MainPID surefoot.service"), daemon);
}
