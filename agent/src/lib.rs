//! The agent: keeps an application up to date, and puts it back when an update does not stand.
//!
//! The walk of one update: a [`request`] reaches the [`daemon`], which starts a [`worker`]. That takes the [`lock`], recovers, asks
//! the [`source`], has [`trust`] verify what came, [`decide`]s, makes a [`plan`], begins a [`journal`], and lets [`update`] carry it
//! out step by step. Deciding and planning are pure; only [`durable`] changes the disk.
//!
//! - [`cli`], [`config`], [`exit`], [`event`], [`schedule`]: what people say and are told;
//! - [`layout`], [`clock`]: places and time, as arguments;
//! - [`audit`]: who asked for what, and what came of it;
//! - [`evidence`], [`redact`]: what is kept of an update for a post-mortem, and what is taken out of all that people are told;
//! - [`host`], [`store`], [`health`], [`unpack`]: the machine, its databases, whether the application is well, archives.

pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod decide;
pub mod durable;
pub mod event;
pub mod evidence;
pub mod exit;
mod fault;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod health;
pub mod host;
pub mod journal;
pub mod layout;
pub mod lock;
pub mod plan;
mod program;
pub mod redact;
pub mod request;
pub mod schedule;
pub mod source;
pub mod store;
pub mod trust;
pub mod unpack;
pub mod update;
pub mod worker;
