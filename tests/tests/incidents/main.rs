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

/// The client does not take it, and says so with these words.
fn is_refused(world: &World, words: &str) -> Outcome {
    world.client.surefoot(&["update"])?.says(5, words)?;
    is_untouched(world)
}

fn is_untouched(world: &World) -> Outcome {
    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    assert_eq!(world.client.kept_releases()?, ["1.0.0"]);
    let half = world.client.fetched()?.into_iter().find(|name| name.ends_with(".pending"));
    assert_eq!(half, None, "an artifact that was refused is left over");
    Ok(())
}

/// The next good cycle: what was published before the attack goes in.
fn then_it_goes_in(world: &World, kept: &Kept) -> Outcome {
    kept.put_back()?;
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}
