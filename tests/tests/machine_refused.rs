//! What is refused before anything is touched: releases that cannot be trusted, and a machine that is not fit. The application serves on.

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site, State};

fn boot(name: &str) -> Machine {
    let image = scenario::adopted().expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

/// Insists that `surefoot update` ends with `code`, says so, and that nothing has happened.
#[track_caller]
fn refuses(site: &Site<'_>, before: &State, code: i32, words: &str) {
    site.surefoot(&["update"]).ended_with(code).says(words);
    assert_eq!(site.insist_on("1.0.0"), *before);
}

/// Copies a repository and changes the copy with a script that runs in it.
#[track_caller]
fn offer_changed(site: &Site<'_>, from: &str, script: &str) {
    site.machine()
        .sh(&format!("cd /srv/published && rm -rf changed && cp -a {from} changed && cd changed && {script}"));
    site.offer("changed");
}

/// Flips a byte in the middle of each file that is named. Two names of one file must not be named both.
const FLIP: &str = "flip() { for file in \"$@\"; do python3 -c '
import sys
path = sys.argv[1]; data = bytearray(open(path, \"rb\").read()); data[len(data) // 2] ^= 1
open(path, \"wb\").write(data)' \"$file\"; done; }";

#[test]
fn releases_that_cannot_be_trusted_are_refused_and_the_next_good_one_goes_in() {
    let machine = boot("trust");
    let site = Site::look_at(&machine).expect("the site is there");
    let before = site.insist_on("1.0.0");

    site.offer("stranger");
    refuses(&site, &before, 5, "signature");
    offer_changed(
        &site,
        "upto-1.1.0",
        "python3 -c '
import glob, json
for path in glob.glob(\"metadata/*.json\"):
    data = json.load(open(path)); data[\"signatures\"] = []
    json.dump(data, open(path, \"w\"))'",
    );
    refuses(&site, &before, 5, "signature");
    offer_changed(&site, "upto-1.1.0", &format!("{FLIP}; flip metadata/2.targets.json"));
    refuses(&site, &before, 5, "targets");
    offer_changed(&site, "upto-1.1.0", &format!("{FLIP}; flip targets/v1.1.0/????????????????*.manifest.json"));
    refuses(&site, &before, 5, "manifest");
    offer_changed(&site, "upto-1.1.0", &format!("{FLIP}; flip targets/v1.1.0/????????????????*.kkt-v1.1.0.tar.*"));
    refuses(&site, &before, 5, "kkt-v1.1.0");

    site.offer("upto-1.1.0");
    site.surefoot(&["update"]).well();
    site.insist_on("1.1.0");
    site.offer("upto-1.0.0");
    site.surefoot(&["check"]).ended_with(5);
    site.insist_on("1.1.0");
}

#[test]
fn a_machine_that_is_not_fit_is_told_so_and_serves_on() {
    let machine = boot("unfit");
    let site = Site::look_at(&machine).expect("the site is there");
    site.offer("upto-1.1.0");
    let before = site.insist_on("1.0.0");

    let env = "/home/kktapp/kkt-system.surefoot/shared/.env";
    machine.sh(&format!("cp -a {env} /root/env && sed -i 's/kkt:[^@]*@/kkt:wrong@/' {env}"));
    site.surefoot(&["update"]).ended_with(6).says("password");
    machine.sh(&format!("cp -a /root/env {env}"));
    assert_eq!(site.insist_on("1.0.0"), before);

    machine.sh("systemctl stop postgresql@15-main.service");
    site.surefoot(&["update"]).ended_with(6).says("database main");
    // The bot dies when its database is away; that is between the two.
    machine.sh("systemctl start postgresql@15-main.service && systemctl restart kkt-web.service kkt-bot.service");
    machine.wait_until("it is healthy again", std::time::Duration::from_secs(20), || {
        kkt::health(&machine).as_deref() == Some("1.0.0")
    });
    assert_eq!(site.insist_on("1.0.0"), before);

    machine.sh("rm /srv/releases");
    refuses(&site, &before, 4, "/srv/releases");
    site.configure("source = \"http://127.0.0.1:9/\"\n");
    site.wait_for_agent();
    refuses(&site, &before, 4, "127.0.0.1:9");
    site.configure("sauce = \"/srv/releases\"\n");
    site.surefoot(&["config", "check"]).ended_with(3).says("sauce");
    site.surefoot(&["update"]).ended_with(3);
    machine.sh("rm /etc/surefoot/kkt.d/scenario.toml && systemctl restart surefoot.service");
    site.wait_for_agent();
    site.offer("upto-1.1.0");
    site.surefoot(&["config", "check"]).well();
    site.surefoot(&["update"]).well();
    site.insist_on("1.1.0");
}

#[test]
fn a_full_disk_stops_nothing_that_runs() {
    let image = scenario::adopted().expect("the image is there");
    let options = MachineOptions { disk: 700 << 20, ..MachineOptions::named("full") };
    let machine = Machine::boot(&image, options).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    site.offer("upto-1.1.0");
    let before = site.insist_on("1.0.0");
    machine.sh("fallocate -l $(($(df --output=avail -B1 /home | tail -1) - 5000000)) /home/filler");
    refuses(&site, &before, 6, "no room");
    machine.sh("dd if=/dev/zero of=/home/filler-too bs=4k 2>/dev/null || true");
    refuses(&site, &before, 6, "No space left");

    machine.sh("rm /home/filler*");
    site.surefoot(&["update"]).well();
    site.insist_on("1.1.0");
}

#[test]
fn a_disk_that_fills_up_while_the_application_is_down_does_not_keep_it_down() {
    let image = scenario::adopted().expect("the image is there");
    let options = MachineOptions { disk: 700 << 20, ..MachineOptions::named("full-middle") };
    let machine = Machine::boot(&image, options).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    let faults = Faults::install(&site).expect("the agent can be stopped");
    site.offer("upto-1.1.0");
    let before = site.insist_on("1.0.0");
    let mut command = faults.stop_at("applied migrate", &["update", "1.1.0"]);
    faults.park_nowhere();
    machine
        .sh("for size in 1M 4k 1k; do dd if=/dev/zero of=/home/filler-$size bs=$size 2>/dev/null || true; done; sync");

    faults.kill_worker();

    let _ = command.wait();
    assert_eq!(site.history().last().map(String::as_str), Some("update 1.1.0 rolled_back"));
    assert_eq!(site.insist_on("1.0.0"), before);
    faults.insist_on_matching_starts();
    machine.sh("rm /home/filler*");
    site.surefoot(&["update", "1.1.0"]).well();
    site.insist_on("1.1.0");
}

/// As after the server was upgraded and its client programs were not.
#[test]
fn a_database_that_is_too_new_for_pg_dump_is_told_before_anything_stops() {
    let machine = boot("pg-dump");
    let site = Site::look_at(&machine).expect("the site is there");
    site.offer("upto-1.1.0");
    let before = site.insist_on("1.0.0");
    let services = || machine.sh("systemctl show --property MainPID,ActiveEnterTimestampMonotonic kkt-web kkt-bot");
    let running = services();
    machine
        .sh("mkdir -p /usr/lib/postgresql/14/bin && mv /usr/lib/postgresql/15/bin/pg_dump /usr/lib/postgresql/14/bin/");

    let answer = site.surefoot(&["update"]).ended_with(6);

    for words in ["pg_dump 14", "15", "postgresql-client-15"] {
        assert!(answer.err.contains(words), "{words}: {}", answer.err);
    }
    assert_eq!(services(), running, "nothing was stopped or started");
    assert_eq!(site.insist_on("1.0.0"), before);
    machine.sh("mv /usr/lib/postgresql/14/bin/pg_dump /usr/lib/postgresql/15/bin/ && rm -r /usr/lib/postgresql/14");
    site.surefoot(&["update"]).well();
    site.insist_on("1.1.0");
}
