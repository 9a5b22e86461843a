//! Good releases, and the way from one to another.

use surefoot_tests::notes::{Change, World};

use super::{Outcome, with_author};

#[test]
fn an_update_migrates_and_keeps_every_row() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;

    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;

    world.serves("1.1.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text", "author"]);
    assert_eq!(world.client.story()?, ["install 1.0.0 completed", "update 1.1.0 completed"]);
    assert!(world.client.fetched()?.is_empty());
    Ok(())
}

#[test]
fn a_client_that_skips_a_release_runs_its_migrations_too() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    let stars = Some("alter table notes add column stars integer not null default 0;");
    world.vendor.release("1.2.0", "Notes have stars", Change { migration: stars, ..Change::default() })?;

    world.client.surefoot(&["update"])?.well()?;

    world.serves("1.2.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text", "author", "stars"]);
    assert_eq!(world.client.story()?, ["install 1.0.0 completed", "update 1.2.0 completed"]);
    Ok(())
}

#[test]
fn below_a_minimum_version_the_release_between_goes_in_first() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    let arguments = ["--minimum-version", "1.1.0"];
    world.vendor.release("1.2.0", "Builds on 1.1.0", Change { arguments: &arguments, ..Change::default() })?;

    world.client.surefoot(&["update"])?.says(0, "1.2.0 is installed")?;

    world.serves("1.2.0", 3)?;
    let story = ["install 1.0.0 completed", "update 1.1.0 completed", "update 1.2.0 completed"];
    assert_eq!(world.client.story()?, story, "each with its own backup and health check");
    Ok(())
}

#[test]
fn below_a_minimum_version_a_bad_release_between_ends_the_way() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "A mistake", Change { ill: true, ..Change::default() })?;
    let arguments = ["--minimum-version", "1.1.0"];
    world.vendor.release("1.2.0", "Builds on 1.1.0", Change { arguments: &arguments, ..Change::default() })?;

    world.client.surefoot(&["update"])?.says(7, "1.1.0 failed and was rolled back")?;
    world
        .client
        .surefoot(&["update"])?
        .says(10, "comes first: 1.2.0 cannot be reached in one step; it failed here once")?;

    world.serves("1.0.0", 3)
}

#[test]
fn only_the_current_release_and_the_one_before_are_kept() -> Outcome {
    let mut world = World::installed()?;
    for version in ["1.1.0", "1.2.0", "1.3.0"] {
        world.vendor.release(version, "A small thing", Change::default())?;
        world.client.surefoot(&["update"])?.well()?;
    }
    assert_eq!(world.client.kept_releases()?, ["1.2.0", "1.3.0"]);
    assert!(world.client.fetched()?.is_empty());
    world.serves("1.3.0", 3)
}
