//! Who reads it, and how: short where all is well, whole in a file, and not more than the reader may see.

use std::os::unix::fs::PermissionsExt;

use anyhow::ensure;
use surefoot_tests::notes::{Change, PATIENCE, wait};

use super::told::flat;
use super::{CANARY, Outcome, world};

#[test]
fn a_mistake_in_the_configuration_is_told_without_its_secret() -> Outcome {
    let mut world = world()?;
    world.configure(world.source(), "token = \"canary-token-78\"\n")?;
    for verb in [&["config", "check"][..], &["status"], &["update"], &["doctor"]] {
        let answer = world.client.surefoot(verb)?.says(3, "[redacted: token]")?;
        ensure!(!format!("{}{}", answer.out, answer.err).contains(CANARY), "{verb:?}: {answer:?}");
    }
    world.client.stop()?;
    world.client.start()?;
    wait(PATIENCE, || world.client.log().contains("[redacted: token]"))?;
    ensure!(!world.client.log().contains(CANARY), "{}", world.client.log());
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
