//! The first release on a machine that has never had the application.

use std::time::Duration;

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site};

const SOON: Duration = Duration::from_secs(60);

/// As if kkt had never been there: no tree, no units, an empty database, and the `.env` that the admin brings.
const NEVER_THERE: &str = r#"
systemctl disable --now --quiet kkt-web.service kkt-bot.service
install -d /home/kktapp/kkt-system.surefoot/shared
mv /home/kktapp/kkt-system/.env /home/kktapp/kkt-system.surefoot/shared/
rm -r /home/kktapp/kkt-system /etc/systemd/system/kkt-*.service
systemctl daemon-reload
cd / && runuser -u postgres -- dropdb kkt && runuser -u postgres -- createdb --owner kkt kkt
"#;

#[test]
fn a_first_release_is_installed_and_comes_up_after_a_reboot() {
    let image = scenario::prepared().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("install")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.sh(NEVER_THERE);

    site.surefoot(&["update"]).ended_with(10).says("surefoot install");
    site.surefoot(&["install"]).well();
    kkt::add_item(&machine, "first");
    assert_eq!(kkt::health(&machine).as_deref(), Some("1.0.0"));
    assert_eq!(site.history(), ["install 1.0.0 completed"]);

    machine.reboot().expect("it reboots");
    machine
        .wait_until("kkt serves again", Duration::from_secs(20), || kkt::health(&machine).as_deref() == Some("1.0.0"));
    site.offer("upto-1.1.0");
    site.surefoot(&["update"]).well();
    assert_eq!(kkt::health(&machine).as_deref(), Some("1.1.0"));
    assert_eq!(kkt::items_stored(&machine), 1);
}

#[test]
fn a_power_cut_at_each_step_of_a_first_install_leaves_nothing_or_the_release() {
    let image = scenario::prepared().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("install-cut")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.sh(NEVER_THERE);
    let faults = Faults::install(&site).expect("the agent can be stopped");

    for place in
        ["begun stage", "applied stage", "begun prepare", "begun migrate", "applied migrate", "applied activate"]
    {
        let mut command = faults.stop_at(place, &["install"]);
        faults.park_nowhere();
        machine.cut_power().expect("it boots again");
        let _ = command.wait();

        assert!(is_never_there(&site), "{place}: {:?}", site.history());
    }
    let mut command = faults.stop_at("soaking", &["install"]);
    faults.park_nowhere();
    machine.cut_power().expect("it boots again");
    let _ = command.wait();

    machine.wait_until("1.0.0 serves", SOON, || kkt::health(&machine).as_deref() == Some("1.0.0"));
    machine
        .wait_until("it is over", SOON, || site.history().last().is_some_and(|line| line == "install 1.0.0 completed"));
    assert_eq!(kkt::items_stored(&machine), 0);
    kkt::add_item(&machine, "first");
}

/// Whether all that an attempt made is gone again: the directory, the units, the tables.
fn is_never_there(site: &Site<'_>) -> bool {
    let machine = site.machine();
    site.wait_for_agent();
    let over = site.history().last().is_some_and(|line| line.ends_with("failed") || line.ends_with("rolled_back"));
    let files = machine.sh("ls -d /home/kktapp/kkt-system /etc/systemd/system/kkt-*.service 2>/dev/null || true");
    let tables = kkt::psql(machine, "select count(*) from pg_tables where schemaname = 'public'");
    over && kkt::health(machine).is_none() && files.is_empty() && tables == "0"
}
