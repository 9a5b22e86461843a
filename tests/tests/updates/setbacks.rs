//! What failed once is left alone for a while, by the daemon's own polls too; and what ends that.

use surefoot_tests::notes::{Change, PATIENCE, World, wait};

use super::{Outcome, with_author};

const CRITICAL: &[&str] = &["--severity", "critical"];

/// A world where a critical release has come by itself, failed, and was put back.
fn after_a_failure() -> anyhow::Result<World> {
    let mut world = World::installed()?;
    world.vendor.release("1.0.1", "A mistake", Change { ill: true, arguments: CRITICAL, ..with_author() })?;
    world.poll()?;
    wait(PATIENCE, || world.client.story().is_ok_and(|story| story.last().unwrap() == "update 1.0.1 rolled_back"))?;
    world.serves("1.0.0", 3)?;
    Ok(world)
}

#[test]
fn a_critical_release_that_failed_is_not_tried_at_the_next_poll() -> Outcome {
    let mut world = after_a_failure()?;

    world.poll()?;

    wait(PATIENCE, || world.client.said_last().is_some_and(|message| message.contains("nothing new")))?;
    assert_eq!(world.client.story()?.len(), 2);
    let status = world.client.surefoot(&["status"])?.says(0, "failed here once")?;
    assert!(status.out.contains("surefoot update 1.0.1 --again"), "{}", status.out);
    let json: serde_json::Value = serde_json::from_str(&world.client.surefoot(&["status", "--json"])?.out)?;
    assert_eq!(json["instances"][0]["setbacks"][0]["why"], "failed", "{json:#}");
    Ok(())
}

#[test]
fn a_newer_release_goes_in_at_the_next_poll_and_clears_the_failure() -> Outcome {
    let mut world = after_a_failure()?;
    world.vendor.release("1.0.2", "Mended", Change { arguments: CRITICAL, ..Change::default() })?;

    world.poll()?;

    wait(PATIENCE, || world.client.story().is_ok_and(|story| story.last().unwrap() == "update 1.0.2 completed"))?;
    world.serves("1.0.2", 3)?;
    let status = world.client.surefoot(&["status"])?.well()?;
    assert!(!status.out.contains("held back"), "{}", status.out);
    Ok(())
}

#[test]
fn an_admins_approval_clears_the_failure_once() -> Outcome {
    let world = after_a_failure()?;

    world.client.surefoot(&["approve", "1.0.1"])?.says(7, "1.0.0 runs again")?;

    world.serves("1.0.0", 3)?;
    assert_eq!(world.client.story()?.len(), 3);
    world.client.surefoot(&["update"])?.says(10, "1.0.1 failed here once")?;
    Ok(())
}
