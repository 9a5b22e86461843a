//! What a way back left aside: listed with age and size, removed after its days and not before, and never by a clock that jumped.

use std::path::PathBuf;

use surefoot_tests::notes::{Change, PATIENCE, World, wait};

use super::{Outcome, with_author};

/// After an automatic rollback of 1.1.0.
fn failed() -> anyhow::Result<World> {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "A mistake", Change { ill: true, ..with_author() })?;
    world.client.surefoot(&["update"])?.says(7, "1.0.0 runs again")?;
    Ok(world)
}

/// After an admin's rollback of 1.1.0.
fn taken_back() -> anyhow::Result<World> {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    world.client.surefoot(&["update"])?.well()?;
    world.client.note("written with 1.1.0")?;
    world.client.surefoot(&["rollback", "--yes"])?.well()?;
    Ok(world)
}

/// The one database that was left aside, as the list has it.
fn left(world: &World) -> anyhow::Result<serde_json::Value> {
    let backups = world.client.backups()?;
    let mut left = backups.iter().filter_map(|backup| backup["left_aside"].as_array()).flatten();
    let one = left.next().cloned().unwrap_or_default();
    anyhow::ensure!(left.next().is_none(), "more than one: {backups:?}");
    Ok(one)
}

/// Lets so many days pass, with a clock that has run steadily for so many hours, and the schedule be due.
fn days_later(world: &mut World, days: i64, steady_hours: i64) -> Outcome {
    world.client.stop()?;
    world.client.let_pass(days)?;
    world.client.steady_for(steady_hours)?;
    world.client.looked_last(jiff::Timestamp::UNIX_EPOCH)?;
    world.client.start()?;
    // The daemon has its check behind it when it has written how it went.
    let path = world.client.state().join("last-check.json");
    wait(PATIENCE, || std::fs::read_to_string(&path).is_ok_and(|text| !text.contains("1970-01-01")))
}

fn is_listed_until_its_days_are_over(mut world: World) -> Outcome {
    let kept = left(&world)?;
    let file = PathBuf::from(kept["name"].as_str().unwrap_or_default());
    assert!(file.is_file() && kept["presence"] == "there", "{kept}");
    assert_eq!(kept["bytes"].as_u64(), Some(std::fs::metadata(&file)?.len()));
    assert!(kept["age_seconds"].as_i64().is_some_and(|age| (0..3600).contains(&age)), "{kept}");
    let list = world.client.surefoot(&["backup", "list"])?.well()?.out;
    // A path stays whole, so that it can be copied.
    let fits = |line: &str| line.chars().count() <= 80 || line.contains('/');
    assert!(list.lines().all(fits) && list.contains("left aside as"), "{list}");

    days_later(&mut world, 6, 48)?;
    assert!(file.is_file(), "seven days are not over");
    days_later(&mut world, 2, 23)?;
    assert!(file.is_file(), "the clock has not run steadily for a day");
    let list = world.client.surefoot(&["backup", "list"])?.well()?.out;
    assert!(list.contains("old enough to go, and kept"), "{list}");
    days_later(&mut world, 0, 48)?;
    assert!(!file.exists(), "the days are over");
    assert!(left(&world)?.is_null());
    assert_eq!(world.client.surefoot(&["backup", "list"])?.well()?.out, "notes: there are no backups\n");
    world.serves("1.0.0", 3)
}

#[test]
fn what_an_automatic_rollback_left_is_listed_until_its_days_are_over() -> Outcome {
    is_listed_until_its_days_are_over(failed()?)
}

#[test]
fn what_an_admins_rollback_left_is_listed_until_its_days_are_over() -> Outcome {
    is_listed_until_its_days_are_over(taken_back()?)
}

#[test]
fn what_somebody_removed_by_hand_is_told() -> Outcome {
    let world = failed()?;
    std::fs::remove_file(left(&world)?["name"].as_str().unwrap_or_default())?;
    assert_eq!(left(&world)?["presence"], "gone");
    world.client.surefoot(&["backup", "list"])?.says(0, "GONE: somebody has removed it by hand")?;
    Ok(())
}
