//! What the agent needs of the machine it runs on: children, the vendor's commands, services and their processes, and
//! the door that keeps the application still while an update is open.

pub mod child;
pub mod commands;
pub mod guard;
pub mod process;
pub mod services;
pub mod systemd;
mod transient;
pub mod vendor;

pub use services::{Observed, ServiceError, Services};
