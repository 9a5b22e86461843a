//! The agent.

pub mod durable;
pub mod host;
pub mod source;
pub mod store;
