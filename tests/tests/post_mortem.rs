//! The post-mortem of an update that failed: everything that explains it is there, and no secret is, wherever one was planted.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::ensure;
use surefoot_tests::notes::{Change, World};

type Outcome = anyhow::Result<()>;

/// Secrets as an application's `.env` has them. Whatever is told of an update, this word is nowhere in it.
const CANARY: &str = "canary";
const ENV: &str = "\
# the application's own
SECRET_KEY=canary-key-1f3a
export SMTP_PASSWORD=\"canary mail 'pa$$word'\"
DATABASE_URL=postgresql+asyncpg://notes:canary%2Fpass@db.internal/notes
UPLOADS=Zk3canary9QpL8Q7w6E5r4T
DEBUG=true
";
/// Says them in all the ways that programs do.
const CONFESS: &str = "\
cat .env
echo \"stderr: $(cat .env)\" >&2
echo \"decoded: canary/pass, json: \\\"canary mail 'pa\\$\\$word'\\\"\" >&2
echo 'the agent was told canary-token-77'
echo 'Authorization: Bearer canary.header' >&2
";
const LAST_WORDS: &str = "echo 'cannot connect to postgresql://notes:canary%2Fpass@db.internal/notes' >&2";

/// 1.0.0 serves, and secrets lie where applications and admins leave them.
fn world() -> anyhow::Result<World> {
    let world = World::installed()?;
    leave(&world, ".env", ENV)?;
    world.configure(world.source(), "# token = \"canary-token-77\"\n")?;
    Ok(world)
}

/// A file of the application's, among those that survive an update, with the owner of the others.
fn leave(world: &World, name: &str, text: &str) -> Outcome {
    let path = world.client.shared().join(name);
    let owner = std::fs::metadata(world.client.shared())?;
    std::fs::write(&path, text)?;
    Ok(std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid()))?)
}

/// From this release on the application keeps an `.env`.
fn keeps_env(checkout: &Path) {
    change(checkout, |text| {
        text.replacen(
            "[[application.keep]]",
            "[[application.keep]]\npath = \".env\"\ntype = \"file\"\n\n[[application.keep]]",
            1,
        )
    });
}

fn change(checkout: &Path, change: impl Fn(&str) -> String) {
    let path = checkout.join("publish.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, change(&text)).unwrap();
}

fn write_script(checkout: &Path, name: &str, lines: &str) {
    let path = checkout.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Everything that anybody is told of the second update.
struct Told {
    short: String,
    full: String,
    json: serde_json::Value,
    file: String,
    all: Vec<(&'static str, String)>,
}

fn told(world: &World) -> anyhow::Result<Told> {
    let say = |arguments: &[&str]| -> anyhow::Result<String> {
        let answer = world.client.surefoot(arguments)?;
        Ok(answer.out + &answer.err)
    };
    let path = world.client.root().join("support.txt");
    let saved = world.client.surefoot(&["log", "2", "--save", path.to_str().unwrap()])?.well()?;
    let (short, full) = (say(&["log", "2"])?, say(&["log", "2", "--full"])?);
    let json = say(&["log", "2", "--json"])?;
    let file = std::fs::read_to_string(&path)?;
    let all = vec![
        ("log", short.clone()),
        ("log --full", full.clone()),
        ("log --json", json.clone()),
        ("log --save", saved.out),
        ("log --save -", say(&["log", "2", "--save", "-"])?),
        ("the file", file.clone()),
        ("status", say(&["status"])?),
        ("status --json", say(&["status", "--json"])?),
        ("history", say(&["history"])?),
        ("history --json", say(&["history", "--json"])?),
        ("the daemon's log", world.client.log()),
        ("the state", state(world)?),
    ];
    Ok(Told { short, full, json: serde_json::from_str(&json)?, file, all })
}

/// What the agent itself wrote of the update. Plan and manifest must hold what is run, and a service writes its own log.
fn state(world: &World) -> anyhow::Result<String> {
    let update = world.client.state().join("updates/0002-1.1.0");
    let mut text = std::fs::read_to_string(world.client.state().join("last-check.json"))?;
    for path in files(&update) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let content = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        match name.as_str() {
            "journal.jsonl" => text.extend(content.lines().skip(1)),
            name if name.starts_with("service-") || name == "manifest.json" => {}
            _ => text.push_str(&content),
        }
    }
    Ok(text)
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

impl Told {
    fn keeps_secrets(&self) -> Outcome {
        for (what, text) in &self.all {
            let line = text.lines().find(|line| line.contains(CANARY));
            ensure!(line.is_none(), "{what} tells a secret: {}", line.unwrap_or_default());
        }
        Ok(())
    }

    fn has(&self, all: &[&str]) -> Outcome {
        for wanted in all {
            for (what, text) in [("log", &self.short), ("log --full", &self.full), ("the file", &self.file)] {
                ensure!(flat(text).contains(&flat(wanted)), "{what} lacks {wanted:?}:\n{text}");
            }
        }
        Ok(())
    }
}

/// As if lines had no end, and without the marks of quoted lines.
fn flat(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" ")
}

#[test]
fn a_failing_migration_is_explained_and_tells_no_secret() -> Outcome {
    let mut world = world()?;
    let script = format!("{CONFESS}\necho converting 3 of 10\n{LAST_WORDS}\nexit 3");
    world.vendor.release(
        "1.1.0",
        "Fails",
        Change { script: Some(&script), edit: Some(&keeps_env), ..Change::default() },
    )?;

    let said = world.client.surefoot(&["update"])?.says(7, "1.0.0 runs again")?;

    ensure!(!format!("{}{}", said.out, said.err).contains(CANARY), "{said:?}");
    let told = told(&world)?;
    told.keeps_secrets()?;
    told.has(&[
        "1.0.0 → 1.1.0",
        "1.1.0 failed in applying migrations; it is the release's fault. 1.0.0 was put back, with its data",
        "FAILED in applying migrations",
        "converting 3 of 10",
        "cannot connect to postgresql://notes:[redacted: DATABASE_URL]@db.internal/n",
        "put back: applying migrations",
        "THE MACHINE",
        "room for state",
    ])?;
    for wanted in ["SECRET_KEY=[redacted: SECRET_KEY]", "THE CONFIGURATION", "surefoot doctor", "[redacted: token]"] {
        ensure!(told.file.contains(wanted), "the file lacks {wanted}:\n{}", told.file);
    }
    Ok(())
}

#[test]
fn a_failing_hook_is_explained_and_tells_no_secret() -> Outcome {
    let mut world = world()?;
    let edit = |checkout: &Path| {
        keeps_env(checkout);
        write_script(checkout, "bin/build", &format!("{CONFESS}\necho no compiler >&2\n{LAST_WORDS}\nexit 1"));
        let hook = "\n[application.hooks.prepare]\nrun = [\"bin/build\", \"https://u:canary-argv@git.internal/x\"]\n";
        change(checkout, |text| format!("{text}{hook}"));
    };
    world.vendor.release("1.1.0", "Cannot be built", Change { edit: Some(&edit), ..Change::default() })?;

    world.client.surefoot(&["update"])?.says(6, "before 1.0.0 was stopped")?;

    let told = told(&world)?;
    told.keeps_secrets()?;
    told.has(&["1.1.0 failed in preparing", "1.0.0 was never stopped", "prepare.log", "no compiler"])?;
    ensure!(told.json["outcome"]["status"] == "failed", "{}", told.json["outcome"]);
    ensure!(told.json["update"]["downtime_seconds"].is_null(), "{}", told.json["update"]);
    Ok(())
}

#[test]
fn a_failing_health_check_is_explained_and_tells_no_secret() -> Outcome {
    let mut world = world()?;
    let edit = |checkout: &Path| {
        keeps_env(checkout);
        change(checkout, |text| text.replace("[\"bin/notes\", \"start\"]", "[\"bin/start\"]"));
        write_script(checkout, "bin/start", &format!("{CONFESS}\necho the service starts\nexec bin/notes start"));
    };
    leave(&world, "data/confession.txt", "no table at canary-key-1f3a canary/pass")?;
    world.vendor.release("1.1.0", "Ill", Change { ill: true, edit: Some(&edit), ..Change::default() })?;

    world.client.surefoot(&["update"])?.says(7, "1.0.0 runs again")?;

    let told = told(&world)?;
    told.keeps_secrets()?;
    told.has(&[
        "1.1.0 failed in health checks",
        "answers with status 500 instead of 200",
        "no table at [redacted: SECRET_KEY] [redacted: DATABASE_URL]",
        "✓ service web of 1.1.0",
        "✓ check web of 1.0.0",
        "the service starts",
        "service-web.log",
    ])?;
    let health = told.json["health"].as_array().unwrap();
    let ill =
        health.iter().filter(|seen| seen["version"] == "1.1.0" && seen["name"] == "web" && seen["service"] == false);
    ensure!((1..=3).contains(&ill.count()), "each change once: {health:?}");
    ensure!(told.json["machine"]["before"]["places"][0]["free"].as_u64() > Some(0), "{}", told.json["machine"]);
    ensure!(told.json["update"]["downtime_seconds"].as_f64() > Some(0.0), "{}", told.json["update"]);
    let steps = told.json["steps"].as_array().unwrap();
    ensure!(steps.iter().any(|step| step["step"] == "probe" && step["error"].is_string()), "{steps:?}");
    Ok(())
}

#[test]
fn what_a_crash_left_is_explained_by_the_recovery() -> Outcome {
    let mut world = world()?;
    let script = format!("{CONFESS}\ntouch data/migrating\nwhile [ -e data/migrating ]; do sleep 0.1; done");
    world.vendor.release(
        "1.1.0",
        "Hangs",
        Change { script: Some(&script), edit: Some(&keeps_env), ..Change::default() },
    )?;
    let mut update = world.client.command(&["update"])?.stdout(std::process::Stdio::null()).spawn()?;
    let migrating = world.client.shared().join("data/migrating");
    surefoot_tests::notes::wait(surefoot_tests::notes::PATIENCE, || migrating.exists())?;

    world.client.kill_worker()?;
    update.wait()?;

    surefoot_tests::notes::wait(surefoot_tests::notes::PATIENCE, || {
        world.client.story().is_ok_and(|story| story.last().is_some_and(|last| last.ends_with("rolled_back")))
            && world.client.state().join("updates/0002-1.1.0/evidence/machine-after.json").exists()
    })?;
    let told = told(&world)?;
    told.keeps_secrets()?;
    told.has(&["1.1.0 was cut off", "✓ check web of 1.0.0"])?;
    ensure!(told.json["outcome"]["blame"] == "agent", "{}", told.json["outcome"]);
    Ok(())
}

#[test]
fn a_good_update_stays_short() -> Outcome {
    let mut world = world()?;
    let script = "echo one row converted";
    world.vendor.release("1.1.0", "Fine", Change { script: Some(script), ..Change::default() })?;
    world.client.surefoot(&["update"])?.well()?;

    let log = world.client.surefoot(&["log"])?.well()?.out;

    ensure!(log.contains("surefoot log 2 --full") && log.lines().count() < 25, "{log}");
    ensure!(!log.contains("one row converted") && !log.contains("THE MACHINE"), "{log}");
    world.client.surefoot(&["log", "--full"])?.says(0, "one row converted")?;
    Ok(())
}

#[test]
fn the_file_is_new_and_for_its_owner_alone() -> Outcome {
    let world = world()?;
    let path = world.client.root().join("support.txt");
    let save = ["log", "--save", path.to_str().unwrap()];

    world.client.surefoot(&save)?.says(0, "look through it")?;

    ensure!(std::fs::metadata(&path)?.permissions().mode() & 0o777 == 0o600, "others can read it");
    let before = std::fs::read(&path)?;
    world.client.surefoot(&save)?.says(6, "support.txt")?;
    ensure!(std::fs::read(&path)? == before, "it was written over");
    Ok(())
}

#[test]
fn somebody_who_is_not_root_is_told_what_he_may_not_read() -> Outcome {
    let mut world = world()?;
    world.vendor.release("1.1.0", "Ill", Change { ill: true, ..Change::default() })?;
    world.client.surefoot(&["update"])?.says(7, "")?;

    let answer = world.client.surefoot_as_stranger(&["log"])?.well()?;

    ensure!(flat(&answer.out).contains("only root may read them, use sudo"), "{}", answer.out);
    ensure!(answer.out.contains("FAILED in health checks"), "{}", answer.out);
    Ok(())
}
