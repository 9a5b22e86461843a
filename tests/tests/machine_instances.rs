//! A test instance beside production: other units, another port, another database, another release.

use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, POLL_ALWAYS, Site};

const SOON: Duration = Duration::from_secs(60);

const CONFIG: &str = r#"product = "kkt"
directory = "/home/kktapp/kkt-test"
source = "/srv/releases"
root = "kkt.root.json"
user = "kktapp"

[services.web]
unit = "kkt-test-web.service"

[services.bot]
unit = "kkt-test-bot.service"

[checks.web]
url = "http://127.0.0.1:8001/health"
"#;

/// What the admin does by hand: units of other names, a database, a `.env`.
const BY_HAND: &str = r#"
for name in web bot; do
    sed 's|/home/kktapp/kkt-system|/home/kktapp/kkt-test|' /etc/systemd/system/kkt-$name.service > /etc/systemd/system/kkt-test-$name.service
done
systemctl daemon-reload
(cd / && runuser -u postgres -- createdb --owner kkt kkt_test)
install -d /home/kktapp/kkt-test.surefoot/shared
cd /home/kktapp/kkt-test.surefoot/shared
sed 's|5432/kkt$|5432/kkt_test|; s|KKT_PORT=8000|KKT_PORT=8001|' /home/kktapp/kkt-system/.env > .env
chmod 600 .env && chown kktapp:kktapp .env
"#;

/// What the test instance says of its health; nothing where nothing answers.
fn test_serves(machine: &Machine) -> String {
    machine.sh("curl -sf http://127.0.0.1:8001/health || true")
}

/// A machine with kkt 1.0.0 in production and as a test instance, each with a source of its own.
fn with_both(name: &str) -> Machine {
    let image = scenario::adopted().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.sh(BY_HAND);
    machine.write("/etc/surefoot/kkt-test.toml", CONFIG.replace("/srv/releases", "/srv/of-test"));
    machine.sh("ln -s published/upto-1.0.0 /srv/of-test");
    site.surefoot(&["install", "--instance", "kkt-test"]).well();
    machine.sh("systemctl enable --quiet kkt-test-web.service kkt-test-bot.service");
    machine
}

fn history(site: &Site<'_>, instance: &str) -> String {
    let rows = site.json(&["history", "--instance", instance]);
    let rows = rows.as_array().or(rows["updates"].as_array()).cloned().expect("a history is a list");
    let last = rows.last().expect("it has a history");
    format!("{} {}", last["version"].as_str().unwrap_or_default(), last["status"].as_str().unwrap_or_default())
}

#[test]
fn a_test_instance_runs_the_next_release_beside_production() {
    let image = scenario::adopted().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("instances")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.sh(BY_HAND);
    let production = site.insist_on("1.0.0");
    machine.write("/etc/surefoot/kkt-test.toml", CONFIG);

    site.surefoot(&["update"]).ended_with(3).says("more than one instance");
    site.surefoot(&["install", "--instance", "kkt-test"]).well();
    assert!(test_serves(&machine).contains("1.0.0"));
    site.offer("upto-1.1.0");
    site.surefoot(&["update", "--instance", "kkt-test"]).well();

    assert!(test_serves(&machine).contains("1.1.0"));
    assert_eq!(machine.sh("readlink /home/kktapp/kkt-test"), "kkt-test.surefoot/releases/1.1.0\n");
    assert_eq!(site.insist_on("1.0.0"), production, "production has noticed nothing");
    kkt::add_item(&machine, "bolt");
    site.surefoot(&["update", "--instance", "kkt"]).well();
    site.insist_on("1.1.0");
    site.surefoot(&["status"]).well().says("kkt-test");
}

#[test]
fn one_that_fails_does_not_keep_the_other_from_its_update() {
    let machine = with_both("one-fails");
    let site = Site::look_at(&machine).expect("the site is there");
    let policy = "[policy]\nautomatic = [\"minor\", \"patch\"]\n";
    machine.sh("ln -sfn published/with-1.2.0 /srv/of-test");
    site.offer("upto-1.1.0");
    machine.write("/etc/surefoot/kkt-test.d/scenario.toml", format!("{policy}{POLL_ALWAYS}"));

    site.configure(&format!("{policy}{POLL_ALWAYS}"));

    machine.wait_until("both have been tried", SOON * 2, || {
        history(&site, "kkt") == "1.1.0 completed" && history(&site, "kkt-test") == "1.2.0 rolled_back"
    });
    site.insist_on("1.1.0");
    assert!(test_serves(&machine).contains("1.0.0"));
}

#[test]
fn one_that_is_stuck_does_not_keep_the_other_down() {
    let machine = with_both("one-stuck");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    machine.sh("ln -sfn published/upto-1.1.0 /srv/of-test");
    site.offer("upto-1.1.0");
    let production = site.insist_on("1.0.0");
    let mut command = faults.stop_at("begun migrate", &["update", "1.1.0", "--instance", "kkt-test"]);

    // In the middle of the update of one the machine boots; the other one serves as ever.
    machine.cut_power().expect("it boots again");
    Site::look_at(&machine).expect("production serves");
    assert_eq!(site.insist_on("1.0.0"), production);
    machine.wait_until("the test instance is back", SOON, || test_serves(&machine).contains("1.0.0"));
    assert_eq!(history(&site, "kkt-test"), "1.1.0 rolled_back");
    let started = machine.sh("journalctl -b 0 -o cat --no-pager -u kkt-web.service");
    assert!(!started.contains("skipped"), "production was not kept waiting: {started}");
    let _ = command.wait();

    // And without its backup there is no way back at all.
    let mut command = faults.stop_at("begun migrate", &["update", "1.1.0", "--instance", "kkt-test", "--again"]);
    machine.sh("rm -r /var/lib/surefoot/kkt-test/backups");
    faults.park_nowhere();
    faults.kill_worker();
    assert_eq!(command.wait().expect("it is our child").code(), Some(1));
    machine.wait_until("it is stuck", SOON * 2, || history(&site, "kkt-test") == "1.1.0 stuck");
    site.surefoot(&["update", "1.1.0", "--instance", "kkt-test"]).ended_with(8).says("stuck");
    machine.wait_until("the unit says so", SOON, || {
        let status = machine.sh("systemctl show --value --property StatusText surefoot.service");
        status.starts_with("STUCK: kkt-test 1.1.0")
    });
    site.surefoot(&["update", "1.1.0", "--instance", "kkt"]).well();
    production_serves_1_1_0(&site);

    machine.reboot().expect("it reboots");
    Site::look_at(&machine).expect("production serves");
    production_serves_1_1_0(&site);
    assert_eq!(test_serves(&machine), "", "what is stuck does not start");
    site.surefoot(&["status"]).ended_with(8).says("kkt-test");
    faults.insist_on_matching_starts();
}

/// Only what belongs to the update that is stuck lies around.
fn production_serves_1_1_0(site: &Site<'_>) {
    let state = site.state();
    assert_eq!((state.served.as_deref(), state.release.as_str()), (Some("1.1.0"), "1.1.0"), "{state:#?}");
    assert!(state.left_over.iter().all(|path| path.contains("kkt-test")), "{state:#?}");
}
