//! The agent.

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod decide;
pub mod durable;
pub mod event;
pub mod exit;
mod fault;
pub mod health;
pub mod host;
pub mod journal;
pub mod layout;
pub mod lock;
pub mod plan;
mod program;
pub mod request;
pub mod schedule;
pub mod source;
pub mod store;
pub mod trust;
pub mod unpack;
pub mod update;
pub mod worker;
