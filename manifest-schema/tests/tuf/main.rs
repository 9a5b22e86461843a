//! The TUF client and signer, tested through the door that agent and publisher use.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod flips;
mod metadata;
mod partial;
mod roots;
mod signatures;
mod strict_json;
mod workflow;
mod world;
