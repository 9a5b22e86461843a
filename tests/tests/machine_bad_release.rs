//! Releases that do not stand: everything is put back, no row is lost that was written before the stop, and they are not tried again.

use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, POLL_ALWAYS, Site, Writer};

const AUTOMATIC: &str = "[policy]\nautomatic = [\"minor\", \"patch\"]\n";

/// Tries `version` on a machine with 1.1.0 whose source has all releases up to it.
fn is_put_back(name: &str, version: &str, reason: &str) {
    let image = scenario::updated().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    site.offer(&format!("with-{version}"));
    let before = site.insist_on("1.1.0");

    let writer = Writer::start(&machine);
    let answer = site.surefoot(&["update", version]).ended_with(7);
    let written = writer.stop();

    answer.says(reason);
    let mut after = site.insist_on("1.1.0");
    let kept = before.items.iter().map(String::as_str);
    for item in kept.chain(written.before_the_stop()).chain(written.after_the_last_start()) {
        assert!(after.items.contains(item), "{item} is lost: {written:?}");
    }
    after.items.clone_from(&before.items);
    assert_eq!(after, before, "everything else is as it was");
    assert_eq!(site.history().last().map(String::as_str), Some(&*format!("update {version} rolled_back")));
    is_not_tried_again(&site, version);
}

/// Even where the policy lets everything in, and the vendor publishes nothing better.
fn is_not_tried_again(site: &Site<'_>, version: &str) {
    let history = site.history();
    site.surefoot(&["update", version]).ended_with(10).says("failed here once");
    site.machine().sh("rm -f /var/lib/surefoot/kkt/last-check.json");
    site.configure(&format!("{AUTOMATIC}{POLL_ALWAYS}"));
    site.machine().wait_until("it has looked", Duration::from_secs(30), || {
        site.machine().run(["test", "-e", "/var/lib/surefoot/kkt/last-check.json"]).status.success()
    });
    assert_eq!(site.history(), history, "it was not tried again");
    assert_eq!(kkt::health(site.machine()).as_deref(), Some("1.1.0"));
}

#[test]
fn an_unhealthy_release_is_put_back() {
    is_put_back("unhealthy", "1.2.0", "500");
}

#[test]
fn a_migration_that_fails_halfway_is_undone() {
    is_put_back("half", "1.3.0", "orders");
}

#[test]
fn a_release_that_dies_after_it_was_healthy_is_put_back() {
    is_put_back("dies", "1.4.0", "1.4.0 failed");
}

#[test]
fn a_release_that_crash_loops_from_its_start_is_put_back_with_its_data() {
    is_put_back("loops", "1.7.0", "not healthy within");
}

/// It is healthy when its stop is decided, does not end when it is asked to, and is gone when the old one starts.
#[test]
fn a_new_release_that_ignores_the_signal_to_stop_is_killed_on_the_way_back() {
    let image = scenario::updated().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("ignores")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    site.offer("with-1.5.0");
    let before = site.insist_on("1.1.0");
    let mut command = faults.stop_at("begun probe", &["update", "1.5.0"]);
    machine.wait_until("1.5.0 serves", Duration::from_secs(30), || kkt::health(&machine).as_deref() == Some("1.5.0"));

    faults.park_nowhere();
    faults.kill_worker();

    let _ = command.wait();
    assert_eq!(site.insist_on("1.1.0"), before);
    let killed = machine.sh("journalctl -u kkt-web.service -o cat --no-pager");
    assert!(killed.contains("State 'stop-sigterm' timed out. Killing."), "{killed}");
    assert_eq!(site.history().last().map(String::as_str), Some("update 1.5.0 rolled_back"));
}
