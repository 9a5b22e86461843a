//! The network and who owns it, through the command line that an admin uses: whatever a source does, it costs little time, the
//! exit code and one line of the audit log say what it was, nothing is touched, and the next good cycle succeeds.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hostile;
mod lines;
mod mirrors;
mod names;

use std::time::{Duration, Instant};

use surefoot_tests::hostile_server::HostileServer;
use surefoot_tests::notes::refusal::{is_untouched, refuses, then_it_goes_in};
use surefoot_tests::notes::{Change, World};

type Outcome = anyhow::Result<()>;

/// A world where 1.0.0 serves and 1.1.0 is published, and a server that has both and may turn hostile.
fn world() -> anyhow::Result<(World, HostileServer)> {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", Change::default())?;
    let server = HostileServer::serve(world.vendor.releases());
    world.configure(&server.base_url(), "")?;
    Ok((world, server))
}

/// How the audit log calls an exit code.
fn exit(code: i32) -> &'static str {
    match code {
        4 => "unreachable",
        5 => "not_trusted",
        _ => panic!("no source brings about exit code {code}"),
    }
}

/// Runs `act`, which must end within `limit`, and tells how long it took.
fn within<T>(what: &str, limit: Duration, act: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let begun = Instant::now();
    let outcome = act();
    let took = begun.elapsed();
    println!("{what}: {:.1} s", took.as_secs_f32());
    anyhow::ensure!(took < limit, "{what} took {took:?}");
    outcome
}
