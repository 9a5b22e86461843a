//! What each of the agent's processes can do on the real machine: the agent reaches this machine only, who fetches sees nothing of
//! it, and the vendor's code is the application's user with nothing of the agent's.

use std::time::{Duration, Instant};

use surefoot_tests::machine::{Image, Machine, MachineOptions};
use surefoot_tests::scenario::{self, Site};

/// For what takes seconds.
const SOON: Duration = Duration::from_secs(30);
/// What a fetch process may be silent for before it is given up, as the agent counts (50 s), and half of that again.
const SILENCE: Duration = Duration::from_secs(75);

/// An address that is not loopback, on a machine that has no other interface.
const ELSEWHERE: &str = "192.0.2.1";

/// Takes connections and never says a word.
const MUTE: &str = "import socket, time\n\
    server = socket.create_server(('127.0.0.1', 8899))\n\
    kept = []\n\
    while True: kept.append(server.accept())\n";

fn boot(image: anyhow::Result<Image>, name: &str) -> Machine {
    let image = image.expect("the image is there");
    Machine::boot(&image, MachineOptions::named(name)).expect("the machine boots")
}

/// Asks a URL from within the unit's own control group, where its limits hold for whoever is in it.
fn reaches(machine: &Machine, unit: &str, host: &str) -> bool {
    let ask = format!("exec curl -sS --max-time 5 --output /dev/null http://{host}:8890/");
    let within = format!("echo $$ > /sys/fs/cgroup/system.slice/{unit}/cgroup.procs && {ask}");
    machine.run(["sh", "-c", &within]).status.success()
}

#[test]
fn the_agent_reaches_this_machine_and_no_other() {
    let machine = boot(scenario::adopted(), "reach");
    let _site = Site::look_at(&machine).expect("the site is there");
    machine.sh(&format!(
        "ip address add {ELSEWHERE}/32 dev lo
         systemd-run --quiet --unit=web-server --working-directory=/srv python3 -m http.server 8890"
    ));
    let url = format!("http://{ELSEWHERE}:8890/");
    machine.wait_until("the web server serves", SOON, || {
        machine.run(["curl", "-sfo", "/dev/null", &url]).status.success()
    });

    assert!(reaches(&machine, "surefoot.service", "127.0.0.1"), "loopback, for health checks and databases");
    assert!(!reaches(&machine, "surefoot.service", ELSEWHERE), "nothing else");
}

/// A machine whose source takes connections and never answers, and the unit that is fetching from it.
fn fetching(machine: &Machine) -> String {
    let site = Site::look_at(machine).expect("the site is there");
    // A machine that has never checked does so at its start, and that fetch process would be taken for the one that is asked for.
    site.surefoot(&["check"]).well();
    machine.write("/root/mute.py", MUTE);
    machine.sh("systemd-run --quiet --unit=mute python3 /root/mute.py");
    machine.wait_until("it listens", SOON, || machine.sh("ss -Hltn").contains("127.0.0.1:8899"));
    site.configure("source = \"http://127.0.0.1:8899/\"\n");
    site.wait_for_agent();
    machine.sh(
        "systemd-run --quiet --unit=asking --property=RemainAfterExit=yes sh -c 'surefoot check; echo $? > /root/code'",
    );
    machine.wait_until("a fetch process is there", SOON, || !fetchers(machine).is_empty());
    fetchers(machine).remove(0)
}

fn fetchers(machine: &Machine) -> Vec<String> {
    let units = machine.sh("systemctl list-units --plain --no-legend 'surefoot-fetch@*.service'");
    units.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn pid_of(machine: &Machine, unit: &str) -> String {
    let mut pid = String::new();
    // Before that it is systemd's own, on its way into the sandbox.
    machine.wait_until("it is the program", SOON, || {
        pid = machine.sh(&format!("systemctl show --value --property=MainPID '{unit}'")).trim().to_owned();
        machine.run(["grep", "-qaF", "internal", &format!("/proc/{pid}/cmdline")]).status.success()
    });
    pid
}

/// What the check came to, and how long that took.
fn outcome(machine: &Machine, began: Instant) -> (String, Duration) {
    machine.wait_until("the check has ended", SILENCE, || machine.run(["test", "-s", "/root/code"]).status.success());
    (machine.sh("cat /root/code").trim().to_owned(), began.elapsed())
}

#[test]
fn who_fetches_has_no_rights_and_sees_no_secret() {
    let machine = boot(scenario::adopted(), "fetcher");
    let unit = fetching(&machine);
    let pid = pid_of(&machine, &unit);
    let tells = |script: &str| machine.sh(&format!("cd /proc/{pid}\n{script}"));

    assert_eq!(tells("stat -c %U ."), "surefoot\n");
    let status = tells("grep -E '^(CapPrm|CapBnd|NoNewPrivs|Seccomp|Groups):' status | tr -s '\\t ' ' '");
    for line in ["CapPrm: 0000000000000000", "CapBnd: 0000000000000000", "NoNewPrivs: 1", "Seccomp: 2"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    assert!(tells("grep 'Max file size' limits").split_whitespace().nth(3) == Some("0"), "it can fill no file");
    for secret in ["home", "root", "etc/surefoot", "var/lib/surefoot", "run/surefoot", "srv"] {
        assert_eq!(tells(&format!("ls -A root/{secret}")), "", "{secret} is hidden, even from root in its place");
    }
    for place in ["etc", "usr", "usr/lib", "var", "var/log", "run", "run/lock", "dev", "dev/shm"] {
        let tried = machine.run(["touch", &format!("/proc/{pid}/root/{place}/written")]);
        assert!(!tried.status.success(), "{place} can be written, by root in its place: {}", tells("cat mountinfo"));
    }
    let sockets = tells("ls -l fd | grep -c 'socket:'");
    assert!(sockets.trim().parse::<u32>().is_ok_and(|count| count >= 2), "it speaks over its connection: {sockets}");
    let arguments = tells("tr '\\0' ' ' < cmdline");
    assert_eq!(arguments.trim(), "/usr/bin/surefoot internal fetch");
}

#[test]
fn a_fetch_process_that_is_killed_makes_the_source_unreachable_at_once() {
    let machine = boot(scenario::adopted(), "fetch-kill");
    let unit = fetching(&machine);
    let (pid, began) = (pid_of(&machine, &unit), Instant::now());

    machine.sh(&format!("kill -KILL {pid}"));

    let (code, took) = outcome(&machine, began);
    assert_eq!(code, "4");
    assert!(took < SOON, "{took:?}");
    assert_eq!(machine.sh("systemctl list-units --plain --no-legend --failed 'surefoot*'"), "");
}

#[test]
fn a_fetch_process_that_hangs_makes_the_source_unreachable_and_is_ended() {
    let machine = boot(scenario::adopted(), "fetch-hang");
    let unit = fetching(&machine);
    let (pid, began) = (pid_of(&machine, &unit), Instant::now());

    machine.sh(&format!("kill -STOP {pid}"));

    let (code, took) = outcome(&machine, began);
    assert_eq!(code, "4");
    assert!(took < SILENCE, "{took:?}");
    machine.wait_until("it is ended", SOON, || fetchers(&machine).is_empty());
}

/// Stands before a program that the vendor's hook calls, and writes down what it was given.
const SPY: &str = r#"#!/bin/sh
{
    id -un
    grep -E '^(NoNewPrivs|CapEff|CapBnd|Umask):' /proc/self/status
    ls -l /proc/$$/fd
    echo environment:
    env
    echo secrets:
    cat /var/lib/surefoot/kkt/scratch/*.env /var/lib/surefoot/canary 2>/dev/null
    echo end
} > /var/tmp/seen
exec /usr/bin/getent "$@"
"#;

#[test]
fn the_vendors_code_is_the_applications_user_and_has_nothing_of_the_agents() {
    let machine = boot(scenario::adopted(), "vendor");
    let site = Site::look_at(&machine).expect("the site is there");
    machine.write("/usr/local/bin/getent", SPY);
    machine.write("/var/lib/surefoot/canary", "CANARY-IN-A-FILE");
    machine.write(
        "/etc/systemd/system/surefoot.service.d/canary.conf",
        "[Service]\nEnvironment=CANARY=CANARY-IN-AN-ENVIRONMENT\n",
    );
    machine.sh("chmod 755 /usr/local/bin/getent; chmod 600 /var/lib/surefoot/canary
         systemctl daemon-reload; systemctl restart surefoot.service");
    site.wait_for_agent();
    site.offer("upto-1.1.0");

    site.surefoot(&["update"]).well();

    let seen = machine.sh("cat /var/tmp/seen");
    assert!(seen.starts_with("kktapp\n"), "{seen}");
    let status: String = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in ["NoNewPrivs: 1", "CapEff: 0000000000000000", "Umask: 0022"] {
        assert!(status.contains(line), "{line}: {seen}");
    }
    assert!(!seen.contains("CANARY"), "{seen}");
    assert!(status.contains("secrets: end"), "a secret that is root's can be read: {seen}");
    assert!(
        !seen.contains("/var/lib/surefoot") && !seen.contains("/run/surefoot"),
        "a descriptor of the agent's: {seen}"
    );
    assert!(!seen.contains("CREDENTIALS_DIRECTORY") && !seen.contains("NOTIFY_SOCKET"), "{seen}");
    site.insist_on("1.1.0");
}

#[test]
fn the_audit_log_tells_who_did_what_and_outlives_a_power_cut() {
    let machine = boot(scenario::adopted(), "audit");
    let site = Site::look_at(&machine).expect("the site is there");
    site.offer("upto-1.1.0");
    site.surefoot(&["update"]).well();

    let lines = site.json(&["audit"]);
    let told: Vec<String> = lines.as_array().expect("lines").iter().map(|line| line["did"].to_string()).collect();
    assert!(told.concat().ends_with(r#""asked""decided""began""ended""#), "{told:?}");
    let began = lines.as_array().and_then(|lines| lines.iter().rfind(|line| line["did"] == "began")).expect("it began");
    assert_eq!((&began["version"], began["manifest"].as_str().map(str::len)), (&"1.1.0".into(), Some(64)), "{began}");
    assert!(began["by"].as_str().is_some_and(|by| by.contains("root")), "{began}");

    machine.cut_power().expect("it boots again");
    let site = Site::look_at(&machine).expect("the site is there");
    site.surefoot(&["audit", "verify"]).well().says("are whole");
    let after = site.json(&["audit"]);
    let (before, after) = (lines.as_array().expect("lines"), after.as_array().expect("lines"));
    assert!(before.iter().all(|line| after.contains(line)), "a line is gone: {before:#?} {after:#?}");
    machine.sh("sed -i '2s/\"by\":\"/&not /' /var/lib/surefoot/audit.jsonl");
    site.surefoot(&["audit", "verify"]).ended_with(5).says("line 2");
}
