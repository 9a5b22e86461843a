//! What is behind `cargo xtask`, a verb per file.

pub mod advisories;
pub mod bench;
pub mod demo;
pub mod faults;
pub mod fuzz;
pub mod lint;
pub mod machine;
mod named_tests;
pub mod packages;
pub mod powercut;
pub mod recipe;
pub mod reproducible;
pub mod sbom;
pub mod test;
pub mod tools;
