//! An update that is stuck, with the daemon and the application as they are: it stays so, it is said, and a person ends it.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use surefoot_tests::notes::{Change, PATIENCE, World, wait};

type Outcome = anyhow::Result<()>;

/// The journal of the last update, opened again as if it had been cut off in the soak, and stuck: what a revert that keeps
/// failing leaves, without the minute that it takes. The new release serves.
fn stick(world: &mut World) -> anyhow::Result<PathBuf> {
    world.vendor.release("1.1.0", "A small thing", Change::default())?;
    world.client.surefoot(&["update"])?.well()?;
    world.client.stop()?;
    let path = world.client.state().join("updates/0002-1.1.0/journal.jsonl");
    let text = std::fs::read_to_string(&path)?;
    let open: String =
        text.lines().take_while(|line| !line.contains("\"committed\"")).flat_map(|line| [line, "\n"]).collect();
    let stuck =
        r#"{"at":"2026-11-20T03:12:00Z","record":"stuck","reason":"start cannot be reverted: no such program"}"#;
    std::fs::write(&path, format!("{open}{stuck}\n"))?;
    Ok(path)
}

#[test]
fn a_stuck_update_stays_so_and_the_application_goes_on() -> Outcome {
    let mut world = World::installed()?;
    let journal = stick(&mut world)?;
    let before = std::fs::read(&journal)?;
    let process = world.client.ask("GET", "/pid", "")?;
    for _ in 0..2 {
        world.client.start()?;
        wait(PATIENCE, || world.client.surefoot(&["check"]).is_ok_and(|answer| answer.code == 8))?;
        for verb in [&["update"][..], &["rollback", "--yes"], &["release"], &["approve", "1.1.0"]] {
            world.client.surefoot(verb)?.says(8, "surefoot resume")?;
        }
        world.client.surefoot(&["status"])?.says(8, "!! STUCK: 1.1.0")?;
        world.client.kill();
    }
    assert_eq!(std::fs::read(&journal)?, before, "nothing is tried by itself");
    assert_eq!(world.client.ask("GET", "/pid", "")?, process, "what runs goes on running");
    world.client.start()?;
    wait(PATIENCE, || world.client.surefoot(&["abandon", "--dry-run"]).is_ok_and(|answer| answer.code == 0))?;
    world.client.surefoot(&["abandon"])?.says(2, "--yes")?;
    world.client.surefoot(&["abandon", "--yes"])?.says(0, "1.1.0 counts as installed")?;
    world.client.surefoot(&["status"])?.well()?;
    world.vendor.release("1.2.0", "Another small thing", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.2.0 is installed")?;
    world.serves("1.2.0", 3)
}

#[test]
fn a_stuck_update_that_is_resumed_is_put_back_to_the_end() -> Outcome {
    let mut world = World::installed()?;
    stick(&mut world)?;
    world.client.start()?;
    wait(PATIENCE, || world.client.surefoot(&["check"]).is_ok_and(|answer| answer.code == 8))?;
    world.client.surefoot(&["resume"])?.says(0, "1.0.0 runs again")?;
    world.serves("1.0.0", 3)?;
    world.client.surefoot(&["status"])?.well()?;
    world.client.surefoot(&["resume"])?.says(10, "no update is stuck")?;
    Ok(())
}

#[test]
fn the_status_line_of_the_unit_says_it_and_keeps_saying_it() -> Outcome {
    let mut world = World::installed()?;
    stick(&mut world)?;
    // Where the client's user can reach it.
    let place = world.client.root().join("notify");
    let socket = UnixDatagram::bind(&place)?;
    std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    world.client.set_environment("NOTIFY_SOCKET", place.display().to_string());
    world.client.start()?;
    let is_idle = |line: &str| line.contains("next check of notes");
    for _ in 0..2 {
        // Each job is followed by the line of an idle daemon.
        let line = loop {
            let line = status_line(&socket)?;
            if is_idle(&line) {
                break line;
            }
        };
        assert!(line.starts_with("STUCK: notes 1.1.0: start cannot be reverted"), "{line}");
        wait(PATIENCE, || world.client.surefoot(&["check"]).is_ok_and(|answer| answer.code == 8))?;
    }
    Ok(())
}

/// The next `STATUS=` of sd_notify(3).
fn status_line(socket: &UnixDatagram) -> anyhow::Result<String> {
    let mut bytes = [0; 8192];
    loop {
        let length = socket.recv(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if let Some(line) = text.lines().find_map(|line| line.strip_prefix("STATUS=")) {
            return Ok(line.to_owned());
        }
    }
}

#[test]
fn another_instance_that_is_stuck_holds_nobody_up() -> Outcome {
    let mut world = World::installed()?;
    let other = world.client.root().join("var/lib/surefoot/other/updates/0001-1.0.0");
    std::fs::create_dir_all(&other)?;
    std::fs::write(other.join("journal.jsonl"), "garbage\n")?;
    world.vendor.release("1.1.0", "A small thing", Change::default())?;
    world.configure(world.source(), "[policy]\nautomatic = [\"patch\", \"minor\", \"major\"]")?;

    world.poll()?;

    wait(PATIENCE, || world.client.version().is_ok_and(|version| version == "1.1.0"))?;
    wait(PATIENCE, || world.client.log().contains("other: ") && world.client.log().contains("line 1 cannot be read"))?;
    world.serves("1.1.0", 3)
}
