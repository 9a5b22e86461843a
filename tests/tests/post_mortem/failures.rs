//! Failures, each in its own way: explained, and without a secret.

use std::path::Path;

use anyhow::ensure;
use surefoot_tests::notes::{Change, PATIENCE, wait};

use super::told::told;
use super::{CANARY, CONFESS, LAST_WORDS, Outcome, change, keeps_env, world, write_script};

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
    world.client.leave("data/confession.txt", "no table at canary-key-1f3a canary/pass")?;
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
    wait(PATIENCE, || migrating.exists())?;

    world.client.kill_worker()?;
    update.wait()?;

    wait(PATIENCE, || {
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
fn what_a_hook_said_before_it_hung_is_told() -> Outcome {
    let mut world = world()?;
    let edit = |checkout: &Path| {
        let run = "[\"sh\", \"-c\", \"echo resolving 47 packages; sleep 1000\"]";
        change(checkout, |text| format!("{text}\n[application.hooks.prepare]\nrun = {run}\ntimeout_seconds = 1\n"));
    };
    world.vendor.release("1.1.0", "Hangs", Change { edit: Some(&edit), ..Change::default() })?;

    world.client.surefoot(&["update"])?.says(6, "did not end within")?;

    world.client.surefoot(&["log"])?.says(0, "resolving 47 packages")?;
    Ok(())
}
