//! Bad input: a configuration with a mistake, a source that is not there, a source that lies. After each refusal the exit code
//! says which it was, the old version serves, nothing half-made lies about, and the next good cycle succeeds.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod absent;
mod configuration;
mod manifest;
mod migration;
mod untrusted;

use std::path::PathBuf;

use surefoot_tests::notes::{Change, World};

type Outcome = anyhow::Result<()>;

/// A world where 1.0.0 serves and 1.1.0 is published.
fn world() -> anyhow::Result<World> {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    Ok(world)
}

fn with_author() -> Change<'static> {
    Change { migration: Some("alter table notes add column author text;"), ..Change::default() }
}

/// What must hold after every refusal.
fn is_untouched(world: &World) -> Outcome {
    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    assert_eq!(world.client.kept_releases()?, ["1.0.0"]);
    let half = world.client.fetched()?.into_iter().find(|name| name.ends_with(".pending"));
    assert_eq!(half, None, "an artifact that was refused is left over");
    assert!(!world.client.state().join("closed").exists(), "the door is left closed");
    Ok(())
}

/// The next good cycle.
fn then_it_goes_in(world: &World) -> Outcome {
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}

/// A refusal is one audit line, for whoever looks later.
fn is_remembered(world: &World, exit: &str) -> Outcome {
    let last: serde_json::Value =
        serde_json::from_slice(&std::fs::read(world.client.state().join("last-check.json"))?)?;
    assert_eq!(last["exit"], exit, "{last}");
    assert!(!last["message"].as_str().unwrap().is_empty());
    Ok(())
}

fn good(world: &World) -> Outcome {
    world.configure(world.source(), "")
}

/// The files that the source has of 1.1.0's artifact, under the agent's name and under people's.
fn artifacts(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.vendor.releases().join("targets/v1.1.0")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().contains(".tar.zst")).collect()
}
