//! The agent's worker is killed at every boundary that there is: before and after each step, on the way forward and on the way
//! back. The boundaries are those that an undisturbed act passes, so that a step which is added is covered the same day.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::{Child, Stdio};

use surefoot_tests::notes::{Change, Faults, PATIENCE, World, wait};

type Outcome = anyhow::Result<()>;

const AUTHOR: &str = "alter table notes add column author text not null default 'nobody';";

/// A world where 1.0.0 serves with three notes, 1.1.0 is published, and the agent can be stopped.
fn world(change: Change<'_>) -> anyhow::Result<(World, Faults)> {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", Change { migration: Some(AUTHOR), ..change })?;
    let faults = world.client.with_faults()?;
    Ok((world, faults))
}

/// Asks for something and kills the worker at a boundary. Answers when the daemon has put right what it left.
fn kill_at(world: &World, faults: &Faults, boundary: &str, arguments: &[&str]) -> Outcome {
    faults.park_at(boundary)?;
    let mut asked = ask(world, arguments)?;
    wait(PATIENCE, || world.client.is_worker_parked())?;
    faults.none()?;
    world.client.kill_worker()?;
    assert_eq!(asked.wait()?.code(), Some(1), "{boundary}: whoever watched must be told");
    Ok(())
}

fn ask(world: &World, arguments: &[&str]) -> anyhow::Result<Child> {
    Ok(world.client.command(arguments)?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// What stands after everything was put back: 1.0.0 with its schema and its notes.
fn is_old(world: &World) -> Outcome {
    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    // 1.1.0 may lie there whole, from before; nothing may lie there in part.
    let kept = world.client.kept_releases()?;
    assert!(kept[0] == "1.0.0" && kept.iter().all(|name| !name.ends_with(".pending")), "{kept:?}");
    Ok(())
}

fn is_new(world: &World) -> Outcome {
    world.serves("1.1.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text", "author"]);
    Ok(())
}

#[test]
fn a_worker_killed_at_any_boundary_of_an_update_leaves_the_old_release_or_the_new_one() -> Outcome {
    let (world, faults) = world(Change::default())?;
    world.client.surefoot(&["update"])?.well()?;
    let boundaries = faults.boundaries()?;
    let soaking = boundaries.iter().position(|name| name == "soaking").expect("it soaks");
    assert!(soaking > 15 && boundaries.len() > soaking + 2, "{boundaries:?}");
    world.client.surefoot(&["rollback", "--yes"])?.well()?;
    for (number, boundary) in boundaries.iter().enumerate() {
        kill_at(&world, &faults, boundary, &["update", "1.1.0", "--again"])?;
        if number < soaking {
            is_old(&world).map_err(|error| error.context(boundary.clone()))?;
        } else {
            is_new(&world).map_err(|error| error.context(boundary.clone()))?;
            world.client.surefoot(&["rollback", "--yes"])?.well()?;
        }
    }
    world.client.surefoot(&["update", "1.1.0", "--again"])?.well()?;
    is_new(&world)
}

#[test]
fn a_worker_killed_at_any_boundary_of_the_way_back_goes_all_the_way() -> Outcome {
    let (world, faults) = world(Change { ill: true, ..Change::default() })?;
    world.client.surefoot(&["update"])?.says(7, "1.0.0 runs again")?;
    let boundaries = faults.boundaries()?;
    let failed = boundaries.iter().position(|name| name == "failed probe").expect("it fails");
    assert!(boundaries.len() > failed + 8, "{boundaries:?}");
    for boundary in &boundaries[failed..] {
        kill_at(&world, &faults, boundary, &["update", "1.1.0", "--again"])?;
        is_old(&world).map_err(|error| error.context(boundary.clone()))?;
    }
    Ok(())
}

#[test]
fn half_a_manifest_that_a_killed_worker_leaves_goes() -> Outcome {
    let (world, faults) = world(Change::default())?;
    faults.park_at("planned")?;
    let mut asked = ask(&world, &["update"])?;
    wait(PATIENCE, || world.client.is_worker_parked())?;
    let partial = world.client.root().join("var/lib/surefoot/notes/updates/0002-1.1.0/manifest.json.partial");
    std::fs::write(&partial, "{")?;
    world.client.give_to_its_user(&partial)?;
    faults.none()?;

    world.client.kill_worker()?;

    asked.wait()?;
    wait(PATIENCE, || world.client.story().is_ok_and(|story| story.last().unwrap() == "update 1.1.0 failed"))?;
    assert!(!partial.exists(), "{} stays", partial.display());
    is_old(&world)
}
