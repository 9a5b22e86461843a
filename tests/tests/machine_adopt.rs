//! Adopting an application that is there already, and giving it back.

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Site, Writer};

fn pids(machine: &Machine) -> String {
    machine.sh("systemctl show --value --property MainPID kkt-web.service kkt-bot.service")
}

#[test]
fn a_directory_is_adopted_and_given_back_without_a_stop() {
    let image = scenario::prepared().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("adopt")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.sh("echo note > /home/kktapp/kkt-system/TODO.txt");
    let (before, processes) = (site.insist_on("1.0.0"), pids(&machine));

    let dry = site.surefoot(&["adopt", "--dry-run"]).well();
    dry.says("TODO.txt");
    assert_eq!(site.insist_on("1.0.0"), before, "a dry run changes nothing");

    let writer = Writer::start(&machine);
    site.surefoot(&["adopt"]).well().says("TODO.txt");
    let written = writer.stop();

    assert!(written.without_gap(), "nobody noticed: {written:?}");
    assert_eq!(pids(&machine), processes, "nothing was restarted");
    let managed = site.state();
    assert_eq!(managed.directory, "/home/kktapp/kkt-system.surefoot/releases/1.0.0");
    assert_eq!(managed.env_access, "600 kktapp kktapp");
    assert_eq!(site.history(), ["adopt 1.0.0 completed"]);
    kkt::add_item(&machine, "bolt");
    machine.sh("systemctl restart kkt-web kkt-bot");
    Site::look_at(&machine).expect("it comes up again").insist_on("1.0.0");

    site.surefoot(&["release"]).well();
    let plain = site.state();
    assert_eq!(plain.directory, kkt::DIRECTORY);
    assert_eq!(machine.sh("cat /home/kktapp/kkt-system/TODO.txt"), "note\n");
    assert_eq!((&plain.env, &plain.unit_files), (&before.env, &before.unit_files));
    machine.sh("test ! -L /home/kktapp/kkt-system/.env; test ! -L /home/kktapp/kkt-system/uploads");
    machine.sh("test -z \"$(ls /etc/systemd/system/kkt-web.service.d 2>/dev/null)\"");
    machine.sh("systemctl restart kkt-web kkt-bot");
    Site::look_at(&machine).expect("it comes up again").insist_on("1.0.0");
    assert_eq!(site.history(), ["adopt 1.0.0 completed", "release 1.0.0 completed"]);
}
