//! Worlds to test Surefoot in.

pub mod execs;
pub mod forge;
pub mod hostile_server;
pub mod kkt;
pub mod machine;
pub mod notes;
pub mod oracle;
pub mod powercut;
pub mod scenario;
pub mod static_server;
pub mod xtask;

mod served;
