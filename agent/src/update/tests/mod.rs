//! Tests of the engine and its steps: a machine of their own, and whatever can befall it at any point.

mod data;
mod faults;
mod fetch;
mod foreign;
mod invariants;
mod keep;
pub(crate) mod machine;
pub(crate) mod processes;
mod recovery;
pub(crate) mod release;
pub(crate) mod repository;
mod scenarios;
mod soak;
mod standing;
mod steps;
mod swapped;
mod truncation;
