//! Bad input: a configuration with a mistake, a source that is not there, a source that lies. After each refusal the exit code
//! says which it was, the old version serves, nothing half-made lies about, and the next good cycle succeeds.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod absent;
mod configuration;
mod decisions;
mod manifest;
mod metadata;
mod migration;
mod untrusted;

use std::path::PathBuf;

use surefoot_tests::notes::World;
use surefoot_tests::notes::refusal::{
    is_refused, is_untouched, offered as world, refuses, then_it_goes_in, with_author,
};

type Outcome = anyhow::Result<()>;

/// A refused check is remembered, for `surefoot status`.
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
