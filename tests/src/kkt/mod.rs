//! The application that scenarios on the real machine update: its releases (`tests/apps/kkt`) and its life on a machine.
//!
//! Knows nothing of Surefoot: it makes a vendor's repository, and a client's server as it is before Surefoot comes.

// The rule is the agent's: what is written here is rubbish of the tests.
#![allow(clippy::disallowed_methods)]

mod machine;
mod source;

pub use machine::{
    DIRECTORY, PASSWORD, UNITS, USER, add_item, health, install_1_0_0, items_served, items_stored, prepared, psql,
    request,
};
pub use source::{RELEASES, Release, Severity, description, source, write_tree};
