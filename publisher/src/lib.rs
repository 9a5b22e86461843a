//! Builds a signed release of a server application and publishes it.

pub mod github;
pub mod progress;
pub mod publication;
