//! The agent's own package is upgraded, libraries are renewed under it, and an admin stops it: in the middle of an update, whose
//! application is down then, and while nothing is going on.

use std::process::Child;
use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site};

const SOON: Duration = Duration::from_secs(60);

/// The package as it is installed, and a newer one that differs by its version only.
const NEWER: &str = r#"
cd /root
dpkg-deb -R surefoot.deb newer
sed -i 's/^Version: .*/Version: 99.0.0/' newer/DEBIAN/control
dpkg-deb --build -Znone --root-owner-group newer newer.deb > /dev/null
"#;

/// As unattended-upgrades does it, with needrestart's leave to restart whatever it likes.
const UPGRADE: &str = "DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a apt-get install --yes /root/newer.deb 2>&1";

/// A service that nothing protects.
const WITNESS: &str = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n";

fn boot(name: &str) -> Machine {
    let image = scenario::adopted().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots");
    machine.copy_in(scenario::package().expect("the package is there"), "/root/surefoot.deb");
    machine.sh(NEWER);
    machine
}

/// Stops an update in front of its migration: the application is down.
fn in_the_middle(site: &Site<'_>, faults: &Faults<'_>) -> Child {
    site.offer("upto-1.1.0");
    let command = faults.stop_at("begun migrate", &["update", "1.1.0"]);
    assert_eq!(kkt::health(site.machine()), None, "it is down");
    command
}

fn agent(machine: &Machine) -> String {
    machine.sh("systemctl show --value --property MainPID surefoot.service").trim().to_owned()
}

/// Whether the agent that runs is the program that is installed.
fn is_renewed(machine: &Machine) -> bool {
    let script = "test \"$(readlink /proc/$(systemctl show --value --property MainPID surefoot.service)/exe)\" = /usr/bin/surefoot";
    machine.run(["sh", "-c", script]).status.success()
}

#[test]
fn an_upgrade_of_the_package_lets_an_update_end_and_then_takes_over() {
    let machine = boot("upgrade");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    let mut command = in_the_middle(&site, &faults);
    let old = agent(&machine);

    let said = machine.sh(UPGRADE);

    assert!(said.contains("the agent is at work"), "{said}");
    assert_eq!(machine.sh("dpkg-query --show --showformat='${Version}' surefoot"), "99.0.0");
    assert_eq!(agent(&machine), old, "the agent goes on: {said}");
    assert!(!is_renewed(&machine));
    faults.go_on();
    assert!(command.wait().expect("it is our child").success(), "the update goes on to its end");
    machine.wait_until("the new program takes over", SOON, || agent(&machine) != old && is_renewed(&machine));
    site.wait_for_agent();
    site.insist_on("1.1.0");
    assert_eq!(site.history(), ["adopt 1.0.0 completed", "update 1.1.0 completed"]);
    site.surefoot(&["check"]).well();
}

#[test]
fn an_upgrade_of_the_package_takes_over_at_once_where_nothing_is_going_on() {
    let machine = boot("upgrade-idle");
    let site = Site::look_at(&machine).expect("the site is there");
    let (before, old) = (site.insist_on("1.0.0"), agent(&machine));

    let said = machine.sh(UPGRADE);

    assert!(!said.contains("the agent is at work"), "{said}");
    machine.wait_until("the new program runs", SOON, || agent(&machine) != old && is_renewed(&machine));
    site.wait_for_agent();
    assert_eq!(site.insist_on("1.0.0"), before, "the application has noticed nothing");
    let restarts = machine.sh("systemctl show --value --property NRestarts surefoot.service");
    assert_eq!(restarts.trim(), "1", "it began anew once");
}

#[test]
fn needrestart_leaves_the_agent_alone() {
    let machine = boot("needrestart");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    machine.write("/etc/systemd/system/witness.service", WITNESS);
    machine.sh("systemctl daemon-reload; systemctl start witness.service");
    let mut command = in_the_middle(&site, &faults);
    let witness = || machine.sh("systemctl show --value --property MainPID witness.service");
    let (old, old_witness) = (agent(&machine), witness());

    // As an upgrade of libc6 does: every process still has the old file, which has no name any more.
    machine.sh("cd /usr/lib/x86_64-linux-gnu; cp -p libc.so.6 libc.new; mv libc.new libc.so.6");
    let listed = machine.sh("needrestart -b -r l 2>&1");
    let said = machine.sh("needrestart -q -r a 2>&1 < /dev/null");

    assert!(listed.contains("NEEDRESTART-SVC: witness.service"), "{listed}");
    machine.wait_until("the witness is restarted", SOON, || witness() != old_witness);
    assert_eq!(agent(&machine), old, "the agent is left alone: {said}");
    faults.go_on();
    let _ = command.wait();
    // PostgreSQL and the application were restarted as well: the release may be back or there, but whole.
    machine.wait_until("the update is over", SOON, || {
        site.history().last().is_some_and(|line| !line.ends_with("in_progress"))
    });
    let version = if site.history()[1].ends_with("completed") { "1.1.0" } else { "1.0.0" };
    machine.wait_until("it serves", SOON, || kkt::health(&machine).as_deref() == Some(version));
    site.insist_on(version);
    faults.insist_on_matching_starts();
}

#[test]
fn a_stop_of_the_agent_waits_until_the_application_serves_again() {
    let machine = boot("stop");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    // Shorter than the wait: only signs of life make systemd patient.
    machine.write("/etc/systemd/system/surefoot.service.d/impatient.conf", "[Service]\nTimeoutStopSec=1s\n");
    machine.sh("systemctl daemon-reload");
    let mut command = in_the_middle(&site, &faults);

    let mut stop = machine.spawn(["systemctl", "stop", "surefoot.service"]);
    machine.wait_until("the agent says what it waits for", SOON, || {
        machine.journal("surefoot.service").contains("it is finished or put back first")
    });
    let told = machine.sh("date +%s").trim().parse::<u64>().expect("seconds");
    machine.wait_until("systemd's own patience is over", SOON, || {
        machine.sh("date +%s").trim().parse::<u64>().expect("seconds") > told + 2
    });
    assert_eq!(machine.sh("systemctl show --value --property ActiveState surefoot.service").trim(), "deactivating");
    faults.go_on();

    assert!(stop.wait().expect("it is our child").success());
    let _ = command.wait();
    machine.wait_until("1.1.0 serves", SOON, || kkt::health(&machine).as_deref() == Some("1.1.0"));
    machine.sh("systemctl start surefoot.service");
    site.insist_on("1.1.0");
    assert_eq!(site.history().last().map(String::as_str), Some("update 1.1.0 completed"));
}
