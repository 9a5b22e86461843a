//! Incidents of other update systems, each by its name: what happened there, done to the client here by whoever did it there
//! (a hostile host, a careless vendor, an evil archive), through the built programs.
//!
//! After each the old version serves, nothing has changed, and the next good cycle succeeds.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod archives;
mod covered;
mod index;
mod swapped;
mod tuf;
#[path = "../archives/ustar.rs"]
#[allow(dead_code, reason = "made for more than what is used here")]
mod ustar;
mod version;

use std::path::PathBuf;

use surefoot_tests::notes::World;
use surefoot_tests::notes::refusal::{self, is_refused, is_untouched, offered as world};

type Outcome = anyhow::Result<()>;

/// All that is published, to be put back after the attack.
struct Kept(PathBuf, PathBuf);

impl Kept {
    fn of(world: &World) -> anyhow::Result<Self> {
        let kept = Self(world.vendor.releases().to_owned(), world.directory().join("kept"));
        copy(&kept.0, &kept.1)?;
        Ok(kept)
    }

    fn put_back(&self) -> Outcome {
        for folder in ["metadata", "targets"] {
            std::fs::remove_dir_all(self.0.join(folder))?;
        }
        copy(&self.1, &self.0)
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> Outcome {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, to) = (entry?, to);
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The next good cycle: what was published before the attack goes in.
fn then_it_goes_in(world: &World, kept: &Kept) -> Outcome {
    kept.put_back()?;
    refusal::then_it_goes_in(world)
}
