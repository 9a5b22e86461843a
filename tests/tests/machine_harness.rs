//! The harness's own claims: what scenarios on the real machine rely on.

use std::time::Duration;

use surefoot_tests::machine::{Image, Machine, MachineOptions};

fn boot(name: &str) -> Machine {
    let image = Image::ensure().expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

fn query(machine: &Machine, sql: &str) -> String {
    machine.sh(&format!("cd / && runuser -u postgres -- psql --no-psqlrc -Atc \"{sql}\"")).trim().to_owned()
}

#[test]
fn systemd_is_the_first_process_and_postgresql_answers() {
    let machine = boot("harness-boots");

    assert_eq!(machine.sh("ps -o comm= 1").trim(), "systemd");
    assert_eq!(machine.sh("systemctl is-system-running").trim(), "running");
    assert_eq!(machine.sh("systemd-run --quiet --wait --pipe -p User=nobody id -un").trim(), "nobody");
    assert!(query(&machine, "show server_version").starts_with("15."));
    assert_eq!(query(&machine, "show server_encoding"), "UTF8");
}

#[test]
fn two_machines_run_side_by_side_on_the_same_port() {
    let (one, two) = (boot("harness-one"), boot("harness-two"));
    query(&one, "create table only_in_one()");

    assert_eq!(query(&one, "select count(*) from pg_tables where tablename = 'only_in_one'"), "1");
    assert_eq!(query(&two, "select count(*) from pg_tables where tablename = 'only_in_one'"), "0");
    assert_ne!(one.read("/etc/machine-id"), two.read("/etc/machine-id"));
    assert_eq!((one.sh("hostname").trim(), two.sh("hostname").trim()), ("harness-one", "harness-two"));
}

#[test]
fn a_power_cut_keeps_what_was_synced_and_loses_what_was_not() {
    let machine = boot("harness-cut");
    let id = machine.read("/etc/machine-id");
    query(&machine, "create table kept(n int)");
    query(&machine, "insert into kept select generate_series(1, 100)");
    machine.write("/root/synced", "synced");
    machine.sh("sync /root/synced /root");
    machine.write("/root/unsynced", "unsynced");

    machine.cut_power().expect("the machine comes up again");

    assert_eq!(machine.read("/root/synced"), b"synced");
    assert!(!machine.run(["grep", "-q", "unsynced", "/root/unsynced"]).status.success(), "it was never made durable");
    assert_eq!(query(&machine, "select count(*) from kept"), "100");
    assert_eq!(machine.read("/etc/machine-id"), id);
}

#[test]
fn a_reboot_stops_services_in_order_and_starts_them_again() {
    let machine = boot("harness-reboot");
    let unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo up >> /root/log'\nExecStop=/bin/sh -c 'echo down >> /root/log'\n[Install]\nWantedBy=multi-user.target\n";
    machine.write("/etc/systemd/system/witness.service", unit);
    machine.sh("systemctl enable --quiet --now witness");

    machine.reboot().expect("the machine reboots");

    assert_eq!(String::from_utf8_lossy(&machine.read("/root/log")), "up\ndown\nup\n");
}

#[test]
fn a_derived_image_is_made_once_and_holds_what_was_done() {
    let base = Image::ensure().expect("the image is there");
    let prepare = |machine: &Machine| {
        machine.sh("rm /usr/bin/less && mkdir /srv/made && echo made > /srv/made/it");
        Ok(())
    };
    let key = std::process::id().to_string();
    let derived = base.derive("harness-derived", &key, prepare).expect("it can be derived");
    let again = base.derive("harness-derived", &key, |_| panic!("it is made once")).expect("it is in the cache");
    assert_eq!(derived.name(), again.name());

    let machine = Machine::boot(&derived, MachineOptions::named("harness-on-derived")).expect("the machine boots");

    machine.sh("test ! -e /usr/bin/less");
    // On a real disk a folder of the image can be renamed; overlayfs must not stand in the way.
    machine.sh("mv /srv/made /srv/moved && grep -qx made /srv/moved/it");
}

#[test]
fn files_go_in_with_their_modes_and_come_out() {
    let machine = boot("harness-files");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tool.sh"), "#!/bin/sh\necho ran\n").expect("a file");
    machine.copy_in(folder.path(), "/srv/folder");
    machine.copy_in(folder.path().join("tool.sh"), "/srv/deep/renamed.sh");

    machine.sh("chmod 755 /srv/folder/tool.sh");

    assert_eq!(machine.sh("/srv/folder/tool.sh"), "ran\n");
    assert_eq!(machine.read("/srv/deep/renamed.sh"), b"#!/bin/sh\necho ran\n");
    assert_eq!(machine.sh("ls /srv/deep"), "renamed.sh\n");
}

#[test]
fn a_machine_with_a_small_disk_runs_out_of_space() {
    let image = Image::ensure().expect("the image is there");
    let options = MachineOptions { disk: 400 << 20, ..MachineOptions::named("harness-small") };
    let machine = Machine::boot(&image, options).expect("the machine boots");

    let output = machine.run(["fallocate", "--length", "500M", "/root/large"]);

    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"), "{output:?}");
    machine.sh("rm /root/large");
    assert_eq!(query(&machine, "select 1"), "1");
}

#[test]
fn the_power_can_be_cut_while_a_command_runs() {
    let machine = boot("harness-cut-busy");
    let mut sleeper = machine.spawn(["sleep", "infinity"]);
    machine.wait_until("the command runs", Duration::from_secs(5), || {
        machine.run(["pgrep", "-x", "sleep"]).status.success()
    });

    machine.cut_power().expect("the machine comes up again");

    assert!(!sleeper.wait().expect("it is our child").success());
    assert!(!machine.run(["pgrep", "-x", "sleep"]).status.success());
}
