//! Power cuts and kills, for real: the agent's own program, a PostgreSQL cluster, an application, and file systems on loop
//! devices that forget at one instant whatever had not been made durable.
//!
//! A world is a process with namespaces of its own (mounts, processes, network, IPC): what it mounts, starts and listens on
//! vanishes with it, however it ends, and two worlds never meet. In it a machine is switched on from a base image, the
//! agent is asked for an act and struck in its middle: SIGKILL for the worker alone, or the power for everything. What is
//! found afterwards is held against two lists: what holds at every instant, before anything is recovered, and what holds at rest.
//!
//! Knows the agent by its program, its files and its journal's words, never by its code: an error in the agent's own idea of
//! what is right must not hide here. Needs root; refuses to run without.

// The rule is the agent's: what is written here is rubbish.
#![allow(clippy::disallowed_methods)]

mod act;
mod agent;
mod application;
mod base;
mod blow;
mod campaign;
mod chosen;
mod cluster;
mod command;
mod database;
mod disk;
mod figures;
mod instant;
mod journal;
mod machine;
mod passed;
mod place;
mod processes;
mod progress;
mod random;
mod recovery;
mod reflink;
mod releases;
mod report;
mod rest;
mod rows;
mod run;
mod world;
mod writer;

pub use act::Act;
pub use blow::{Blow, Moment};
pub use campaign::{Campaign, Order};
pub use disk::{Disks, FileSystem, Kind};
