//! The command as a vendor uses it: the built `publish` in real git repositories.
#![allow(clippy::disallowed_methods, reason = "tests prepare and spoil files on purpose")]
#![allow(clippy::unwrap_used, reason = "what tests prepare must succeed")]

mod bundles;
mod checkout;
mod conflicts;
mod init;
mod keys;
mod refreshing;
mod refusals;
mod releasing;
mod reproducible;
mod settings;
mod signers;
mod verifying;
