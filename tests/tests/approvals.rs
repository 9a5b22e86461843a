//! What goes in by itself, what waits for a person, and what a person's word is worth.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use surefoot_tests::notes::{Change, PATIENCE, World, wait};

type Outcome = anyhow::Result<()>;

const CRITICAL: Change<'static> = Change {
    arguments: &["--severity", "critical"],
    migration: None,
    migration_keys: "",
    script: None,
    edit: None,
    ill: false,
};

fn is_served(world: &World, version: &str) -> bool {
    world.client.version().is_ok_and(|found| found == version)
}

/// Waits until the schedule's check has left its word, and answers it.
fn what_the_poll_said(world: &World) -> anyhow::Result<String> {
    wait(PATIENCE, || world.client.said_last().is_some())?;
    Ok(world.client.said_last().unwrap_or_default())
}

#[test]
fn a_minor_release_waits_and_an_approval_lets_it_in() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "A small thing", Change::default())?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0 (minor) is available")?;

    world.poll()?;
    assert!(what_the_poll_said(&world)?.contains("1.1.0 (minor) waits for approval"));
    world.serves("1.0.0", 3)?;

    world.client.surefoot(&["approve", "1.1.0"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)?;
    let history = world.client.history()?;
    let by = history[1]["applied_by"].as_str().unwrap();
    assert!(by.starts_with("approved by "), "{by}");
    Ok(())
}

#[test]
fn a_critical_release_goes_in_at_the_daemons_own_poll() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.0.1", "A hole is closed", CRITICAL)?;

    world.poll()?;

    wait(PATIENCE, || is_served(&world, "1.0.1"))?;
    wait(PATIENCE, || world.client.story().is_ok_and(|story| story.last().unwrap() == "update 1.0.1 completed"))?;
    assert_eq!(world.client.history()?[1]["applied_by"], "critical");
    world.serves("1.0.1", 3)
}

#[test]
fn a_critical_release_waits_where_the_admin_says_so() -> Outcome {
    let mut world = World::installed()?;
    world.configure(world.source(), "[policy]\nforce_critical = false")?;
    world.vendor.release("1.0.1", "A hole is closed", CRITICAL)?;

    world.poll()?;

    assert!(what_the_poll_said(&world)?.contains("1.0.1 (critical) waits for approval"));
    world.serves("1.0.0", 3)?;
    let status = world.client.surefoot(&["status"])?.well()?;
    assert!(
        status.out.to_lowercase().contains("critical"),
        "status must say loudly what is turned off: {}",
        status.out
    );
    Ok(())
}

#[test]
fn what_the_policy_calls_automatic_goes_in_by_itself_and_the_rest_waits() -> Outcome {
    let mut world = World::installed()?;
    world.configure(world.source(), "[policy]\nautomatic = [\"patch\"]")?;
    world.vendor.release("1.0.1", "A typo", Change::default())?;
    world.vendor.release("1.1.0", "A small thing", Change::default())?;

    world.poll()?;

    wait(PATIENCE, || is_served(&world, "1.0.1"))?;
    wait(PATIENCE, || world.client.story().is_ok_and(|story| story.last().unwrap() == "update 1.0.1 completed"))?;
    assert_eq!(world.client.story()?.len(), 2);
    Ok(())
}

#[test]
fn a_release_without_a_way_back_waits_although_its_severity_is_automatic() -> Outcome {
    let mut world = World::installed()?;
    world.configure(world.source(), "[policy]\nautomatic = [\"minor\"]")?;
    world.vendor.release("1.1.0", "No way back", Change { arguments: &["--no-rollback"], ..Change::default() })?;

    world.poll()?;

    assert!(what_the_poll_said(&world)?.contains("1.1.0 (minor) waits for approval"));
    world.serves("1.0.0", 3)
}

#[test]
fn a_critical_release_without_a_way_back_waits_too_and_says_so_loudly() -> Outcome {
    let mut world = World::installed()?;
    let change = Change { arguments: &["--severity", "critical", "--no-rollback"], ..Change::default() };
    world.vendor.release("1.0.1", "A hole is closed, for good", change)?;

    world.poll()?;

    let said = what_the_poll_said(&world)?;
    assert!(said.contains("1.0.1 (critical) waits for approval (it cannot be rolled back"), "{said}");
    world.serves("1.0.0", 3)?;
    world.client.surefoot(&["status"])?.says(0, "!! CRITICAL: 1.0.1 waits for you: it cannot be rolled back")?;

    world.client.surefoot(&["approve", "1.0.1"])?.says(0, "1.0.1 is installed")?;
    world.serves("1.0.1", 3)?;

    world.client.surefoot(&["rollback", "--yes"])?.says(6, "the vendor says that 1.0.1 cannot be rolled back")?;
    world.serves("1.0.1", 3)?;
    world.client.surefoot(&["rollback", "--yes", "--force"])?.says(0, "back on 1.0.0")?;
    world.serves("1.0.0", 3)
}

#[test]
fn an_approval_is_worth_nothing_for_another_release_of_the_same_version() -> Outcome {
    let mut world = World::installed()?;
    let before = world.directory().join("before");
    copy(world.vendor.releases(), &before);
    world.vendor.release("1.1.0", "What the admin looks at", Change::default())?;
    // The release is approved, but cannot go in: its artifacts are not there.
    remove_artifacts(&world.vendor.releases().join("targets/v1.1.0"));
    let answer = world.client.surefoot(&["approve", "1.1.0"])?;
    assert_ne!(answer.code, 0, "{answer:?}");

    // The vendor takes it back and publishes another one of that name, after one more.
    world.vendor.forget_last("1.1.0")?;
    std::fs::remove_dir_all(world.vendor.releases().join("targets"))?;
    std::fs::remove_dir_all(world.vendor.releases().join("metadata"))?;
    copy(&before, world.vendor.releases());
    world.vendor.release("1.0.1", "A typo", Change::default())?;
    world.vendor.release("1.1.0", "What the admin has never seen", Change::default())?;

    world.client.surefoot(&["approve", "1.0.1"])?.says(0, "1.0.1 is installed")?;
    world.serves("1.0.1", 3)?;
    world.poll()?;
    assert!(what_the_poll_said(&world)?.contains("1.1.0 (minor) waits for approval"));
    world.serves("1.0.1", 3)?;

    world.client.surefoot(&["approve", "1.1.0"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    let status = std::process::Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap();
    assert!(status.success(), "cannot copy {}", from.display());
}

fn remove_artifacts(directory: &std::path::Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains(".tar.") {
            std::fs::remove_file(path).unwrap();
        }
    }
}
