//! What `surefoot doctor` tells on the real machine of secrets that others can read, and of a database that the agent's unit does not reach.

use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Faults, Site};

const ENV: &str = "/home/kktapp/kkt-system.surefoot/shared/.env";

/// An address that is not loopback, on a machine that has no other interface.
const ELSEWHERE: &str = "192.0.2.1";

/// Has the settings again as they were.
const RESTORE: &str = "rm -f /home/kktapp/kkt-system.surefoot/shared/.env /root/another && cp -a /root/env /home/kktapp/kkt-system.surefoot/shared/.env";

/// What the doctor says, on lines that fit a terminal. Paths are not broken.
#[track_caller]
fn told(site: &Site<'_>, code: i32, words: &[&str]) {
    let answer = site.surefoot(&["doctor"]).ended_with(code);
    let text: String = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in words {
        assert!(text.contains(words), "{words:?}: {}", answer.out);
    }
    for line in answer.out.lines() {
        assert!(line.chars().count() <= 80, "{line:?} is too long");
    }
}

fn change(machine: &Machine, script: &str) {
    machine.sh(&format!("{RESTORE}\n{script}"));
}

#[test]
fn the_doctor_tells_of_secrets_that_others_read_and_of_a_database_out_of_reach() {
    let image = scenario::adopted().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("doctor")).expect("the machine boots");
    let site = Site::look_at(&machine).expect("the site is there");
    let _program = Faults::install(&site).expect("the agent of this build is there");
    machine.sh(&format!("cp -a {ENV} /root/env"));
    site.offer("upto-1.1.0");

    told(&site, 0, &[&format!("{ENV}: nobody reads it who should not")]);
    change(&machine, &format!("chmod 644 {ENV}"));
    told(&site, 0, &["everybody on this machine can come at it (mode 0644)", &format!("Run chmod 600 {ENV}")]);
    change(&machine, &format!("ln {ENV} /root/another"));
    told(&site, 0, &["it has 2 names (hard links)"]);
    change(&machine, &format!("chown root: {ENV} && ln {ENV} /root/another"));
    told(&site, 6, &["it has 2 names (hard links)", "cannot read"]);
    site.surefoot(&["update"]).ended_with(6).says("hard links");
    change(&machine, &format!("rm {ENV} && ln -s /root/env {ENV} && chown -h kktapp: {ENV}"));
    told(&site, 6, &["belongs to somebody else"]);

    change(&machine, &format!("sed -i s/127.0.0.1/{ELSEWHERE}/ {ENV}"));
    machine.sh(&format!("ip address add {ELSEWHERE}/32 dev lo"));
    let file = "/etc/systemd/system/surefoot.service.d/database.conf";
    let lines = format!("[Service] IPAddressAllow={ELSEWHERE}");
    told(&site, 6, &["the agent reaches this machine only", file, &lines]);
    machine.write(file, format!("[Service]\nIPAddressAllow={ELSEWHERE}\n"));
    machine.sh("systemctl daemon-reload; systemctl restart surefoot.service");
    site.wait_for_agent();
    told(&site, 6, &[&format!("it is on {ELSEWHERE}, which the agent may reach")]);

    machine.sh(RESTORE);
    told(&site, 0, &["an update has all that it needs"]);
    site.insist_on("1.0.0");
}
