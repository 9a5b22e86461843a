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

use surefoot_tests::notes::refusal::{self, is_refused, is_untouched, offered as world};
use surefoot_tests::notes::{Kept, World};

type Outcome = anyhow::Result<()>;

/// The next good cycle: what was published before the attack goes in.
fn then_it_goes_in(world: &World, kept: &Kept) -> Outcome {
    kept.put_back()?;
    refusal::then_it_goes_in(world)
}
