//! Where secrets must not be: in arguments, in the environments of children that do not need them, in files that others can read.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod client;
mod vendor;

use surefoot_tests::execs::Exec;

type Outcome = anyhow::Result<()>;

/// In whatever is planted.
const CANARY: &str = "canary";

/// No arguments have it, whoever was started; `ps` shows them to all users.
#[track_caller]
fn not_in_arguments(execs: &[Exec]) {
    assert!(!execs.is_empty(), "nothing was recorded");
    let told: Vec<&Exec> = execs.iter().filter(|exec| exec.arguments.contains(CANARY)).collect();
    assert!(told.is_empty(), "{told:#?}");
}
