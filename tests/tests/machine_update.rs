//! Good updates: approved, forced, watched by nobody, taken back.

use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Image, Machine, MachineOptions};
use surefoot_tests::scenario::{self, POLL_ALWAYS, Site, Writer};

const UPDATE: Duration = Duration::from_secs(60);

fn boot(image: anyhow::Result<Image>, name: &str) -> Machine {
    let image = image.expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

#[test]
fn an_update_waits_for_approval_and_then_loses_no_row() {
    let machine = boot(scenario::adopted(), "approve");
    let site = Site::look_at(&machine).expect("the site is there");
    site.offer("upto-1.1.0");

    site.surefoot(&["check"]).well().says("surefoot approve 1.1.0");
    site.surefoot(&["show", "1.1.0"]).well().says("Export settings");
    let before = site.insist_on("1.0.0");
    let writer = Writer::start(&machine);
    site.surefoot(&["approve", "1.1.0"]).well().says("1.1.0");
    let written = writer.stop();

    let after = site.insist_on("1.1.0");
    assert!(!written.without_gap(), "the services were stopped for the migration");
    for name in before.items.iter().map(String::as_str).chain(written.accepted()) {
        assert!(after.items.contains(name), "{name} is lost");
    }
    assert_eq!(kkt::psql(&machine, "select format from export_settings"), "csv");
    assert_eq!(site.history(), ["adopt 1.0.0 completed", "update 1.1.0 completed"]);
    site.surefoot(&["health"]).well();
    site.surefoot(&["status"]).well().says("1.1.0");
    site.surefoot(&["update"]).ended_with(10);
}

#[test]
fn a_critical_release_goes_in_by_itself() {
    let machine = boot(scenario::adopted(), "critical");
    let site = Site::look_at(&machine).expect("the site is there");
    site.offer("upto-1.1.1");
    let writer = Writer::start(&machine);

    site.configure(POLL_ALWAYS);

    machine.wait_until("1.1.1 is in", UPDATE, || {
        site.history().last().is_some_and(|line| line == "update 1.1.1 completed")
    });
    let written = writer.stop();
    let after = site.insist_on("1.1.1");
    assert!(written.accepted().iter().all(|name| after.items.contains(*name)), "a row is lost: {written:?}");
    let rows = site.json(&["history"]);
    assert!(rows.to_string().contains("\"applied_by\":\"critical\""), "{rows}");
}

#[test]
fn releases_come_over_http_and_closing_the_terminal_stops_nothing() {
    let machine = boot(scenario::adopted(), "terminal");
    let site = Site::look_at(&machine).expect("the site is there");
    site.offer("upto-1.1.0");
    machine.sh("systemd-run --quiet --unit=web-server --working-directory=/srv/releases/ python3 -m http.server --bind 127.0.0.1 8888");
    machine.wait_until("the web server serves", Duration::from_secs(10), || {
        machine.run(["curl", "-sfo", "/dev/null", "http://127.0.0.1:8888/metadata/timestamp.json"]).status.success()
    });
    site.configure("source = \"http://127.0.0.1:8888/\"\n");
    site.wait_for_agent();

    machine.sh("systemd-run --quiet --unit=terminal surefoot update 1.1.0");
    machine.wait_until("it has begun", UPDATE, || site.history().len() == 2);
    machine.sh(
        "systemctl kill --signal=SIGHUP terminal.service; systemctl kill --signal=SIGKILL terminal.service || true",
    );

    machine.wait_until("it is over", UPDATE, || {
        site.history().last().is_some_and(|line| line == "update 1.1.0 completed")
    });
    site.insist_on("1.1.0");
}

#[test]
fn a_good_update_is_taken_back_with_its_data_kept_aside() {
    let machine = boot(scenario::updated(), "rollback");
    let site = Site::look_at(&machine).expect("the site is there");
    kkt::add_item(&machine, "since");
    let before = site.insist_on("1.1.0");

    site.surefoot(&["rollback", "--dry-run"]).well().says("goes back to 1.0.0");
    assert_eq!(site.insist_on("1.1.0"), before, "a dry run changes nothing");
    site.surefoot(&["rollback"]).ended_with(2);
    site.surefoot(&["rollback", "--yes"]).well().says("back on 1.0.0");

    let after = site.insist_on("1.0.0");
    assert!(!after.items.contains("since"), "the database is as it was before the update: {after:?}");
    assert!(before.items.iter().filter(|name| *name != "since").all(|name| after.items.contains(name)));
    let aside = machine.sh(
        "cd / && runuser -u postgres -- psql -Atc \"select datname from pg_database where datname like 'kkt_%'\" | while read -r name; do
            runuser -u postgres -- psql -At -d \"$name\" -c \"select name from items where name = 'since'\"; done | sort -u",
    );
    assert_eq!(aside, "since\n", "what was written since is kept aside");
    assert_eq!(site.history(), ["adopt 1.0.0 completed", "update 1.1.0 rolled_back", "rollback 1.0.0 completed"]);
    kkt::add_item(&machine, "bolt");
    site.surefoot(&["update"]).ended_with(10).says("1.1.0");
    site.surefoot(&["update", "1.1.0", "--again"]).well();
    assert!(site.insist_on("1.1.0").items.contains("bolt"));
}

#[test]
fn a_release_that_hangs_when_it_is_stopped_goes_in_and_can_be_left() {
    let machine = boot(scenario::updated(), "hangs");
    let site = Site::look_at(&machine).expect("the site is there");
    site.offer("with-1.5.0");
    site.surefoot(&["update"]).well();
    site.insist_on("1.5.0");

    let writer = Writer::start(&machine);
    site.surefoot(&["rollback", "--yes"]).well().says("its data stays as it is");
    let written = writer.stop();

    let after = site.insist_on("1.1.0");
    assert!(written.accepted().iter().all(|name| after.items.contains(*name)), "a row is lost: {written:?}");
    let killed = machine.sh("journalctl -u kkt-web.service -o cat --no-pager");
    assert!(killed.contains("State 'stop-sigterm' timed out. Killing."), "{killed}");
}
