//! Builds a signed release of a server application and publishes it.
//!
//! The walk of `publish v1.1.0`: [`config`] is read, [`preflight`] looks at everything and lists what is wrong,
//! [`release`] has the files packed ([`pack`]), described and signed ([`metadata`]) in a staging directory, and the result,
//! a [`publication::Publication`], goes to each repository ([`directory`], [`github`]). [`verify`] reads it back.
//!
//! - [`destination`], [`config`]: what people write;
//! - [`git`], [`contents`], [`changelog`]: what the checkout says;
//! - [`keys`], [`init`]: the vendor's keys and the first root; [`rotation`]: the next ones;
//! - [`sign`], [`bundle`], [`words`]: who signs, what is passed on between them, and what they are shown;
//! - [`refresh`]: metadata signed anew without a release; [`memory`]: what was published from here;
//! - [`secret`]: files that nobody else may read; [`disk`]: the one writer; [`progress`]: what is told meanwhile; [`cli`], [`exit`]: the command.

pub mod block;
pub mod bundle;
pub mod change;
pub mod changelog;
pub mod cli;
pub mod config;
pub mod contents;
pub mod destination;
pub mod directory;
pub mod disk;
pub mod exit;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod git;
pub mod github;
pub mod init;
pub mod keys;
pub mod memory;
pub mod metadata;
pub mod pack;
pub mod passphrase;
pub mod preflight;
pub mod problem;
pub mod progress;
pub mod publication;
pub mod refresh;
pub mod release;
pub mod rotation;
pub mod secret;
pub mod sign;
pub mod verify;
pub mod words;
