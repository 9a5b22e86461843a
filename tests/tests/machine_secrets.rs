//! Secrets on the real machine, while updates run: the database's password, what is in `.env`, what units have in their environment.
//!
//! Everything that is started is recorded, from the machine's PID 1 down, with all its arguments and its whole environment; and
//! afterwards the disk is searched. An update that goes well and one that is put back are looked at in one go.

use std::path::Path;

use surefoot_tests::execs::{self, Exec, Watch};
use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Site};

/// What is planted, and the database's password as it is and as its URL has it.
const SECRETS: [&str; 3] = ["canary", kkt::PASSWORD, "p%40ss%3Aw%23rd"];

/// Secrets in the two places from which units get them.
const PLANT: &str = r#"
env=$(readlink -f /home/kktapp/kkt-system/.env)
printf 'PAYMENT_TOKEN=canary-payment-4711\n' >> "$env"
printf 'LICENCE_SECRET=canary-of-the-unit-file\n' > /etc/default/kkt-more
chmod 600 /etc/default/kkt-more
mkdir -p /etc/systemd/system/kkt-web.service.d
printf '[Service]\nEnvironmentFile=/etc/default/kkt-more\n' > /etc/systemd/system/kkt-web.service.d/more.conf
systemctl daemon-reload
"#;

/// Files in which one of the words is, wherever the agent, systemd or a temporary file could have put it: owner, mode, path.
const SEARCH: &str = r#"
find /var/lib/surefoot /home/kktapp /run /tmp /var/tmp /var/log /etc /root -xdev -type f -size -64M -print0 |
    xargs -0 grep --files-with-matches --fixed-strings --text --null -e "$1" -e "$2" -e "$3" |
    xargs -0 --no-run-if-empty stat --format '%U %a %n'
"#;

/// The modes of whatever is below the backups.
const BACKUPS: &str = "find /var/lib/surefoot/kkt/backups -mindepth 1 -printf '%y %m %u %P\n'";

/// The host's ids of a machine's first process and of its agent, from which all others come.
fn roots(machine: &Machine) -> Vec<u32> {
    let group = format!("/surefoot-{}-", machine.name());
    let of = |process: &Path| -> Option<u32> {
        let groups = std::fs::read_to_string(process.join("cgroup")).ok()?;
        let words = std::fs::read_to_string(process.join("cmdline")).ok()?;
        let is_init = groups.contains("init.scope") && !words.contains("nspawn");
        let is_agent = groups.contains("surefoot.service") && words.contains("\0daemon\0");
        (groups.contains(&group) && (is_init || is_agent)).then(|| process.file_name()?.to_str()?.parse().ok())?
    };
    let all = std::fs::read_dir("/proc").expect("/proc is there");
    let found: Vec<u32> = all.flatten().filter_map(|entry| of(&entry.path())).collect();
    assert!(found.len() >= 2, "PID 1 and the agent of {group}: {found:?}");
    found
}

fn tells(text: &str) -> bool {
    SECRETS.iter().any(|secret| text.contains(secret))
}

/// Whoever runs, nobody's arguments have a secret; and only those have one in their environment who work with it.
#[track_caller]
fn judge(execs: &[Exec]) {
    for name in ["systemctl", "systemd-run", "psql", "pg_dump", "surefoot"] {
        assert!(execs.iter().any(|exec| exec.name() == name), "{name} was not seen: {} starts were", execs.len());
    }
    let told: Vec<&Exec> = execs.iter().filter(|exec| tells(&exec.arguments)).collect();
    assert!(told.is_empty(), "in arguments: {told:#?}");
    let (ours, vendors): (Vec<&Exec>, Vec<&Exec>) = execs
        .iter()
        .filter(|exec| tells(&exec.environment))
        .partition(|exec| !exec.program.starts_with(kkt::DIRECTORY));
    for exec in ours {
        let canary = exec.environment.contains("canary");
        match exec.name() {
            // The clients of the database get its password, and nothing else of the application's.
            "psql" | "pg_dump" | "pg_restore" | "createdb" | "dropdb" | "pg_isready" => {
                assert!(exec.environment.contains("PGPASSWORD=") && !canary, "{exec:?}");
            }
            // Debian's `psql` is a script that finds the newest one, and what the unit of the vendor's command begins with.
            _ => assert!(belongs_to_the_application(exec), "{exec:?}"),
        }
    }
    assert!(vendors.iter().all(|exec| !exec.environment.contains("PGPASSWORD")), "{vendors:#?}");
}

/// The application's own processes have its settings; systemd gives them to no other.
fn belongs_to_the_application(exec: &Exec) -> bool {
    exec.environment.contains("KKT_PORT=") || exec.environment.contains("\"LICENCE_SECRET=")
}

#[test]
fn no_process_and_no_file_has_a_secret_that_it_does_not_need() {
    let image = scenario::adopted().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("secrets")).expect("the machine boots");
    machine.sh(PLANT);
    let site = Site::look_at(&machine).expect("the site is there");
    let directory = tempfile::tempdir().expect("there is room");
    let record = directory.path().join("execs");

    let watch = Watch::of(&roots(&machine), &record).expect("strace may look");
    site.offer("upto-1.1.0");
    site.surefoot(&["update"]).well();
    // Its migration changes every item, then the web process dies: backup, migration, and the database brought back.
    site.offer("with-1.7.0");
    site.surefoot(&["update", "1.7.0"]).ended_with(7);
    watch.end().expect("strace ends");

    judge(&execs::read(&record).expect("what strace wrote is understood"));

    let search = ["sh", "-c", SEARCH, "search", SECRETS[0], SECRETS[1], SECRETS[2]];
    let found = String::from_utf8(machine.run(search).stdout).expect("names are UTF-8");
    let (mut settings, mut copies) = (0, 0);
    for line in found.lines() {
        let [owner, mode, path] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let is_settings = path.starts_with("/home/kktapp/") && path.ends_with("/.env");
        let is_copy = path.starts_with("/var/lib/surefoot/kkt/backups/") && path.ends_with("/files/.env");
        let is_units = path == "/etc/default/kkt-more";
        assert!(is_settings || is_copy || is_units, "a secret lies in {line}\n\nof all these:\n{found}");
        assert!(mode == "600" && owner == if is_units { "root" } else { "kktapp" }, "{line}");
        settings += usize::from(is_settings);
        copies += usize::from(is_copy);
    }
    assert!(settings >= 1 && copies >= 1, "the settings and their backup have them:\n{found}");

    let backups = machine.sh(BACKUPS);
    assert!(backups.contains(".dump") || backups.lines().count() > 3, "there are backups:\n{backups}");
    for line in backups.lines() {
        let [kind, mode, _owner, path] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let below_files = path.split_once("/files/").is_some();
        // Each update's directory can be passed, by the user of a vendor's own backup command, but not listed; what is below
        // `files` keeps the application's modes behind a door that only root passes.
        let good = match kind {
            "d" if !path.contains('/') => mode == "711",
            "d" => below_files || mode == "700",
            _ => below_files || mode == "600",
        };
        assert!(good, "{line}\n\nof all these:\n{backups}");
    }
}
