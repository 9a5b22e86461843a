//! A release with other services than the one before: units come and go with it, in both directions and over a boot.

use surefoot_tests::machine::{Image, Machine, MachineOptions};
use surefoot_tests::scenario::{self, Site};

fn boot(image: anyhow::Result<Image>, name: &str) -> Machine {
    let image = image.expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

/// How a unit stands: whether it runs, whether it starts at every boot, whether it has a file and a door.
fn unit(machine: &Machine, name: &str) -> String {
    machine.sh(&format!(
        "cd /etc/systemd/system
         echo $(systemctl is-active {name}) $(systemctl is-enabled {name} 2>/dev/null || true) \
              $([ -e {name} ] && echo file) $([ -e {name}.d/50-surefoot.conf ] && echo door)"
    ))
}

const RUNS: &str = "active enabled file door\n";

fn has_reports_instead_of_a_bot(machine: &Machine, bot: &str) {
    assert_eq!(unit(machine, "kkt-web.service"), RUNS);
    assert_eq!(unit(machine, "kkt-report.service"), RUNS);
    assert_eq!(unit(machine, "kkt-bot.service"), bot);
}

#[test]
fn a_service_that_a_release_drops_is_retired_and_comes_back_with_the_release_before() {
    let machine = boot(scenario::updated(), "units");
    let site = Site::look_at(&machine).expect("the site is there");
    let before = site.insist_on("1.1.0");
    site.offer("with-1.8.0");

    site.surefoot(&["update"]).well();
    has_reports_instead_of_a_bot(&machine, "inactive\n");
    machine.reboot().expect("it reboots");
    site.wait_for_agent();
    has_reports_instead_of_a_bot(&machine, "inactive\n");

    site.surefoot(&["rollback", "--yes"]).well();
    assert_eq!(site.insist_on("1.1.0").unit_files, before.unit_files);
    assert_eq!(unit(&machine, "kkt-bot.service"), RUNS);
    assert_eq!(unit(&machine, "kkt-report.service"), "inactive\n");
    machine.reboot().expect("it reboots");
    Site::look_at(&machine).expect("it serves").insist_on("1.1.0");
}

#[test]
fn the_admins_own_unit_keeps_its_file_and_comes_back_with_the_adopted_release() {
    let machine = boot(scenario::adopted(), "own-units");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.sh("echo '# mine' >> /etc/systemd/system/kkt-bot.service; systemctl daemon-reload");
    let before = site.insist_on("1.0.0");
    site.offer("with-1.8.0");

    site.surefoot(&["update", "1.8.0"]).well();
    has_reports_instead_of_a_bot(&machine, "inactive disabled file\n");

    site.surefoot(&["rollback", "--yes"]).well();
    assert_eq!(site.insist_on("1.0.0").unit_files, before.unit_files);
    assert_eq!(unit(&machine, "kkt-bot.service"), RUNS);
}
