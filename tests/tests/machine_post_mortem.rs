//! The post-mortem on the real machine: units, their journal, PostgreSQL; and no secret in any of it.

use surefoot_tests::kkt;
use surefoot_tests::machine::{Machine, MachineOptions};
use surefoot_tests::scenario::{self, Site};

/// In whatever is planted here.
const CANARY: &str = "canary";
/// Whatever is told, none of these is in it: the database's password as it is and as its URL has it.
const SECRETS: [&str; 3] = [CANARY, kkt::PASSWORD, "p%40ss%3Aw%23rd"];

/// Secrets in the three places that systemd knows, and a unit that says all of them whenever it starts.
const PLANT: &str = r#"
env=$(readlink -f /home/kktapp/kkt-system/.env)
printf 'PAYMENT_TOKEN=canary-payment-4711\nexport MAIL="smtp://kkt:canary%%2Fmail@mail.internal"\n' >> "$env"
printf 'LICENCE_SECRET=canary of the unit file\n' > /etc/default/kkt-more
mkdir -p /etc/systemd/system/kkt-web.service.d
cat > /etc/systemd/system/kkt-web.service.d/more.conf <<'END'
[Service]
EnvironmentFile=/etc/default/kkt-more
Environment="GREETING_KEY=canary of the environment"
ExecStartPre=/bin/sh -c 'echo starting, with; env; echo decoded canary/mail >&2'
END
systemctl daemon-reload
"#;

/// Everything that is told of the last update, and what was kept of it.
fn told(site: &Site<'_>) -> Vec<(&'static str, String)> {
    let machine = site.machine();
    let say = |arguments: &[&str]| {
        let answer = site.surefoot(arguments);
        answer.out + &answer.err
    };
    let told = vec![
        ("log", say(&["log"])),
        ("log --full", say(&["log", "--full"])),
        ("log --json", say(&["log", "--json"])),
        ("log --save", say(&["log", "--save", "/root/support.txt"])),
        ("the file", machine.sh("cat /root/support.txt")),
        ("status", say(&["status"])),
        ("history", say(&["history"])),
        ("the agent's own journal", machine.journal("surefoot.service")),
        ("the state", machine.sh("cd /var/lib/surefoot/kkt; cat last-check.json updates/*/*.log updates/*/evidence/*")),
    ];
    for (what, text) in &told {
        let line = text.lines().find(|line| SECRETS.iter().any(|secret| line.contains(secret)));
        assert_eq!(line, None, "{what} tells a secret");
    }
    told
}

#[test]
fn what_failed_on_the_machine_is_explained_and_tells_no_secret() {
    let image = scenario::updated().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("postmortem")).expect("the machine boots");
    machine.sh(PLANT);
    let site = Site::look_at(&machine).expect("the site is there");

    site.offer("with-1.2.0");
    site.surefoot(&["update", "1.2.0"]).ended_with(7).says("500");

    assert!(machine.journal("kkt-web.service").contains(CANARY), "the unit has said its secrets");
    let told = told(&site);
    let of = |wanted: &str| &told.iter().find(|(what, _)| *what == wanted).expect("it was asked").1;
    for wanted in ["1.2.0 failed in health checks", "journal of kkt-web.service", "✗ check web of 1.2.0", "THE MACHINE"]
    {
        assert!(of("log").contains(wanted), "{wanted}:\n{}", of("log"));
    }
    for wanted in [
        "PAYMENT_TOKEN=[redacted: PAYMENT_TOKEN]",
        "LICENCE_SECRET=[redacted: LICENCE_SECRET]",
        "GREETING_KEY=[redacted: GREETING_KEY]",
        "journal of kkt-bot.service",
        "THE CONFIGURATION",
    ] {
        assert!(of("the file").contains(wanted), "{wanted}:\n{}", of("the file"));
    }
    let log = site.json(&["log"]);
    let after = &log["machine"]["after"];
    assert!(
        after["databases"][0]["says"].as_str().is_some_and(|says| says.contains("PostgreSQL database kkt")),
        "{after}"
    );
    assert!(after["systemd"].as_str().is_some_and(|says| says.starts_with("systemd ")), "{after}");
    assert!(after["postgresql_client"].as_str().is_some_and(|says| says.starts_with("pg_dump ")), "{after}");
    site.insist_on("1.1.0");
}

#[test]
fn a_failing_migration_on_the_machine_is_explained_and_tells_no_secret() {
    let image = scenario::updated().expect("the image is there");
    let machine = Machine::boot(&image, MachineOptions::named("postmortem-half")).expect("the machine boots");
    machine.sh(PLANT);
    let site = Site::look_at(&machine).expect("the site is there");

    site.offer("with-1.3.0");
    site.surefoot(&["update", "1.3.0"]).ended_with(7).says("orders");

    let told = told(&site);
    let log = &told[0].1;
    for wanted in ["1.3.0 failed in applying migrations", "orders", "migrate-0.log"] {
        assert!(log.contains(wanted), "{wanted}:\n{log}");
    }
}
