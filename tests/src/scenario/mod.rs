//! The whole product on the real machine: the vendor of kkt has published, the package is installed, and a client's admin acts.
//!
//! Knows what a vendor publishes ([`Releases`]), how a machine comes to have Surefoot ([`prepared`], [`adopted`], [`updated`]), how a
//! person uses it and what must be true of the machine afterwards ([`Site`]). What happens in a scenario is for the tests to say.

// The rule is the agent's: what is written here is rubbish of the tests.
#![allow(clippy::disallowed_methods)]

mod act;
mod faults;
mod image;
mod package;
mod releases;
mod state;
mod writer;

pub use act::{Answer, POLL_ALWAYS, Site};
pub use faults::Faults;
pub use image::{SOURCE, adopted, prepared, updated};
pub use package::find as package;
pub use releases::Releases;
pub use state::State;
pub use writer::{Writer, Written};
