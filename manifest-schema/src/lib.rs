//! What Surefoot's publisher and agent agree on, and nothing that touches a disk or a network.
//!
//! - [`manifest`], [`migration`] and [`profile`]: what a release is and how its application lives;
//! - [`version`], [`path`], [`digest`]: the small values they are made of, each legal once it exists;
//! - [`strict`] and [`canonical`]: how bytes from strangers become values;
//! - [`tuf`]: signed metadata, and the only way to a [`tuf::Verified`] anything;
//! - [`schema`]: the JSON Schema of the manifest.

pub mod canonical;
pub mod digest;
pub mod manifest;
pub mod migration;
pub mod path;
pub mod profile;
pub mod schema;
pub mod strict;
pub mod tuf;
pub mod version;
