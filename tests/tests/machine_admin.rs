//! What people do to a host in the middle of an update, without a thought of it: they ask for something else, start what is
//! down, remove the package or the configuration, renew systemd, restart the agent again and again.

use std::process::Child;
use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site};

const SOON: Duration = Duration::from_secs(60);

fn boot(name: &str) -> Machine {
    let image = scenario::adopted().expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

/// Stops the update to 1.1.0 at a place.
fn stopped_at(site: &Site<'_>, faults: &Faults<'_>, place: &str) -> Child {
    site.offer("upto-1.1.0");
    faults.stop_at(place, &["update", "1.1.0"])
}

fn states(machine: &Machine) -> String {
    machine.sh("echo $(systemctl show --value --property ActiveState kkt-web.service kkt-bot.service)")
}

fn agent(machine: &Machine) -> String {
    machine.sh("systemctl show --value --property MainPID surefoot.service").trim().to_owned()
}

#[test]
fn whoever_else_asks_is_told_and_whoever_starts_a_service_does_not() {
    let machine = boot("admins");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let before = site.insist_on("1.0.0");
    let mut command = stopped_at(&site, &faults, "begun migrate");

    let asked = [
        &["update"] as &[&str],
        &["update", "1.1.0"],
        &["rollback", "--yes"],
        &["install"],
        &["adopt"],
        &["release"],
        &["check"],
        &["approve", "1.1.0"],
        &["resume"],
        &["abandon", "--yes"],
    ];
    let others = asked.map(|arguments| (arguments, machine.spawn([&["surefoot"], arguments].concat())));
    for (arguments, other) in others {
        let output = other.wait_with_output().expect("it is our child");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(9), "{arguments:?}: {said}");
        assert!(said.contains("another update or check is running"), "{arguments:?}: {said}");
    }
    for reading in [&["status"] as &[&str], &["history"], &["log"], &["backup", "list"]] {
        site.surefoot(reading).well();
    }
    machine.sh("systemctl daemon-reload; systemctl start kkt-web kkt-bot; systemctl restart kkt-web kkt-bot");
    machine.sh("systemctl reset-failed; systemctl start multi-user.target");
    assert_eq!(states(&machine), "inactive inactive\n", "the door is closed");

    faults.go_on();
    assert!(command.wait().expect("it is our child").success());
    assert_eq!(site.insist_on("1.1.0").items, before.items);
    assert_eq!(site.history(), ["adopt 1.0.0 completed", "update 1.1.0 completed"]);
    assert_eq!(faults.insist_on_matching_starts(), 2, "each service was started once");
}

#[test]
fn the_package_stays_while_an_update_has_the_application_down_and_goes_without_its_data() {
    let machine = boot("purge");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let mut command = stopped_at(&site, &faults, "begun migrate");
    let old = agent(&machine);

    for verb in ["remove", "purge"] {
        let refused = machine.run(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", verb, "--yes", "surefoot"]);
        let said = String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).into_owned();
        assert!(!refused.status.success() && said.contains("its application is down"), "{said}");
    }
    assert_eq!(agent(&machine), old, "the agent goes on");
    faults.go_on();
    assert!(command.wait().expect("it is our child").success());
    let before = site.insist_on("1.1.0");

    machine.sh("DEBIAN_FRONTEND=noninteractive apt-get purge --yes surefoot 2>&1");
    machine.reboot().expect("it reboots");
    machine.wait_until("it serves without the agent", SOON, || kkt::health(&machine).as_deref() == Some("1.1.0"));
    machine.copy_in(scenario::package().expect("the package is there"), "/root/surefoot.deb");
    machine.sh("dpkg --install /root/surefoot.deb; systemctl start surefoot.service");
    assert_eq!(site.insist_on("1.1.0"), before);
    assert_eq!(site.history(), ["adopt 1.0.0 completed", "update 1.1.0 completed"]);
    site.surefoot(&["rollback", "--yes"]).well();
    site.insist_on("1.0.0");
}

#[test]
fn a_configuration_that_is_gone_in_the_middle_keeps_nothing_down() {
    let machine = boot("no-config");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let before = site.insist_on("1.0.0");
    let mut command = stopped_at(&site, &faults, "applied migrate");
    machine.sh("mv /etc/surefoot /root/surefoot; mkdir /etc/surefoot; sync");

    machine.cut_power().expect("it boots again");

    let _ = command.wait();
    machine.wait_until("1.0.0 serves", SOON, || kkt::health(&machine).as_deref() == Some("1.0.0"));
    machine.sh("mv /root/surefoot/* /etc/surefoot");
    site.wait_for_agent();
    assert_eq!(site.insist_on("1.0.0"), before);
    assert_eq!(site.history().last().map(String::as_str), Some("update 1.1.0 rolled_back"));
    site.surefoot(&["update", "1.1.0"]).well();
    assert_eq!(site.insist_on("1.1.0").items, before.items);
    faults.insist_on_matching_starts();
}

#[test]
fn a_vendors_command_outlives_systemd_dbus_and_the_journal() {
    let machine = boot("renewed");
    let site = Site::look_at(&machine).expect("the site is there");
    let before = site.insist_on("1.0.0");
    let old = agent(&machine);
    site.offer("upto-1.1.0");
    let mut command = machine.spawn(["surefoot", "update", "1.1.0"]);
    let hook = "surefoot-kkt-0002-prepare.service";
    machine.wait_until("the vendor's hook runs", SOON, || {
        machine.run(["systemctl", "kill", "--signal=STOP", hook]).status.success()
    });

    // As upgrades of systemd and of D-Bus do it, and worse.
    machine.sh("systemctl daemon-reexec; systemctl stop dbus.socket dbus.service 2>&1; systemctl start dbus.socket");
    machine.sh("systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service 2>&1");
    machine.sh(&format!("systemctl kill --signal=CONT {hook}"));

    let done = command.wait().expect("it is our child");
    machine.sh("systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service");
    assert!(done.success(), "{}", site.surefoot(&["log"]).out);
    assert_eq!(site.insist_on("1.1.0").items, before.items);
    assert_eq!(agent(&machine), old, "the agent is the same");
    site.surefoot(&["check"]).well();
}

#[test]
fn a_migration_that_fails_while_systemd_is_renewed_is_no_success() {
    let image = scenario::updated().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("renewed-half")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    let before = site.insist_on("1.1.0");
    site.offer("with-1.6.0");
    let mut command = machine.spawn(["surefoot", "update", "1.6.0"]);
    let sleeps =
        "from pg_stat_activity where query like '%pg_sleep(3600)%' and datname = 'kkt' and pid <> pg_backend_pid()";
    machine.wait_until("the migration is half done", SOON, || {
        kkt::psql(&machine, &format!("select count(*) {sleeps}")) == "1"
    });

    machine.sh("systemctl daemon-reexec; systemctl restart dbus.service");
    let _ = kkt::psql(&machine, &format!("select pg_terminate_backend(pid) {sleeps}"));

    assert_eq!(command.wait().expect("it is our child").code(), Some(7), "{}", site.surefoot(&["log"]).out);
    assert_eq!(site.insist_on("1.1.0"), before);
    let said = machine.journal("surefoot.service");
    assert!(!said.contains("] starting services"), "the new release was never started: {said}");
}

#[test]
fn an_agent_that_is_restarted_ten_times_in_a_soak_comes_to_its_end() {
    let machine = boot("restarts");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let before = site.insist_on("1.0.0");
    let mut command = stopped_at(&site, &faults, "soaking");
    faults.park_nowhere();
    let resumed =
        || machine.sh("grep -cx resumed /run/surefoot-trace || true").trim().parse::<u32>().expect("a number");

    for number in 1..=10 {
        machine.sh("systemctl restart --no-block surefoot.service");
        machine.wait_until("it is taken up again", SOON, || resumed() == number);
    }

    let _ = command.wait();
    machine
        .wait_until("it is over", SOON, || site.history().last().is_some_and(|line| line == "update 1.1.0 completed"));
    site.wait_for_agent();
    assert_eq!(site.insist_on("1.1.0").items, before.items);
    assert_eq!(faults.insist_on_matching_starts(), 2, "each service was started once");
}
