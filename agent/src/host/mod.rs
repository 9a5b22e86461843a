//! What the agent needs of the machine it runs on: children, the vendor's commands, services and their processes, and
//! the door that keeps the application still while an update is open.

pub mod child;
pub mod commands;
pub mod guard;
pub mod process;
pub mod services;
pub mod systemd;
pub(crate) mod transient;
pub mod vendor;

/// The name of a user of this machine, for people and for the audit log.
pub fn user_name(uid: u32) -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("user {uid}"), |user| user.name)
}

pub use services::{Observed, ServiceError, Services};
