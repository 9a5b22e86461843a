//! Mirrors: asked in their order, the newest valid metadata counts, and the artifact comes from whoever has it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use surefoot_tests::hostile_server::{Conduct, HostileServer};
use surefoot_tests::notes::{Change, World};

use super::{Outcome, is_untouched, then_it_goes_in, within, world};

/// A client of two sources, both of which have all of it.
fn pair() -> anyhow::Result<(World, HostileServer, HostileServer)> {
    let (world, first) = world()?;
    let second = HostileServer::serve(world.vendor.releases());
    follow(&world, &first, &second)?;
    Ok((world, first, second))
}

fn follow(world: &World, first: &HostileServer, second: &HostileServer) -> Outcome {
    world.configure(&first.base_url(), &format!("mirrors = [\"{}\"]", second.base_url()))
}

/// What `surefoot check --json` tells of each source: the version that it gave, and whether that counts.
fn checked(world: &World) -> anyhow::Result<Vec<(Option<u64>, bool)>> {
    let answer = world.client.surefoot(&["check", "--json"])?.well()?;
    let answer: serde_json::Value = serde_json::from_str(&answer.out)?;
    let sources = answer["sources"].as_array().unwrap().iter();
    Ok(sources.map(|source| (source["timestamp"].as_u64(), source["used"].as_bool().unwrap())).collect())
}

fn status(world: &World) -> anyhow::Result<serde_json::Value> {
    let answer = world.client.surefoot(&["status", "--json"])?;
    Ok(serde_json::from_str::<serde_json::Value>(&answer.out)?["instances"][0]["last_check"]["sources"].clone())
}

fn copy_of(tree: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let copy = tree.with_file_name(name);
    let done = Command::new("cp").arg("-a").arg(tree).arg(&copy).status()?;
    anyhow::ensure!(done.success(), "cp: {done}");
    Ok(copy)
}

#[test]
fn the_first_is_used_where_both_are_well() -> Outcome {
    let (world, _first, second) = pair()?;
    let found = checked(&world)?;
    assert_eq!(found.iter().map(|(_, used)| *used).collect::<Vec<_>>(), [true, false]);
    assert_eq!(found[0].0, found[1].0);
    assert!(!second.asked().iter().any(|path| path.contains("targets.json")), "what is known is not fetched twice");
    second.behave();
    then_it_goes_in(&world)?;
    assert!(!second.asked().iter().any(|path| path.contains(".tar.zst")), "{:?}", second.asked());
    Ok(())
}

#[test]
fn a_first_source_with_an_error_for_ever_is_told_and_the_mirror_is_used() -> Outcome {
    let (world, first, second) = pair()?;
    first.turn("/", Conduct::Status("500 Oh", String::new()));
    world.client.surefoot(&["check"])?.says(0, "does not count")?;
    let sources = status(&world)?;
    assert_eq!((&sources[0]["used"], &sources[1]["used"]), (&false.into(), &true.into()), "{sources}");
    assert!(sources[0]["failed"].as_str().unwrap().contains("500"), "{sources}");
    let told = world.client.surefoot(&["status"])?.out;
    assert!(told.contains("read from") && told.contains(&second.base_url()), "{told}");
    then_it_goes_in(&world)
}

#[test]
fn one_that_is_behind_does_not_hold_the_client_back() -> Outcome {
    let mut world = World::installed()?;
    let old = HostileServer::serve(&copy_of(world.vendor.releases(), "old")?);
    world.vendor.release("1.1.0", "Notes have an author", Change::default())?;
    let new = HostileServer::serve(world.vendor.releases());
    for (first, second, uses) in [(&old, &new, [false, true]), (&new, &old, [true, false])] {
        follow(&world, first, second)?;
        let found = checked(&world)?;
        assert_eq!(found.iter().map(|(_, used)| *used).collect::<Vec<_>>(), uses);
    }
    follow(&world, &old, &new)?;
    then_it_goes_in(&world)
}

#[test]
fn one_that_lies_does_not_hold_the_client_back() -> Outcome {
    let (world, first, second) = pair()?;
    first.turn("timestamp.json", Conduct::Lie);
    let found = checked(&world)?;
    assert!(found[0].0.is_none() && found[1].1, "{found:?}");
    first.behave();
    for at in ["manifest.json", ".tar.zst"] {
        first.turn(at, Conduct::Lie);
    }
    then_it_goes_in(&world)?;
    assert!(second.asked().iter().any(|path| path.contains(".tar.zst")), "{:?}", second.asked());
    Ok(())
}

#[test]
fn where_none_is_good_each_is_named_and_the_lie_is_what_counts() -> Outcome {
    let (world, first, second) = pair()?;
    for server in [&first, &second] {
        server.turn("timestamp.json", Conduct::Status("500 Oh", String::new()));
    }
    let answer = world.client.surefoot(&["update"])?.says(4, &first.base_url())?;
    assert!(answer.err.contains(&second.base_url()), "{}", answer.err);
    is_untouched(&world)?;
    second.behave();
    second.turn("timestamp.json", Conduct::Lie);
    world.client.surefoot(&["update"])?.says(5, &second.base_url())?;
    is_untouched(&world)?;
    second.behave();
    then_it_goes_in(&world)
}

/// The only case whose time is the agent's patience itself: 45 s for the head of one answer, once.
#[test]
fn one_that_hangs_costs_a_bounded_time() -> Outcome {
    let (world, first, _second) = pair()?;
    first.turn("/", Conduct::Silence);
    within("a first source that hangs", Duration::from_secs(100), || then_it_goes_in(&world))?;
    assert_eq!(first.asked().len(), 1, "it is not asked again: {:?}", first.asked());
    Ok(())
}
