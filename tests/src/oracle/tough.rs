//! tough, the client of The Update Framework that Bottlerocket has, as a third opinion. It is in Rust, and yet a program of its own
//! (`tests/tough`): it brings the cryptography that `deny.toml` keeps out of everything else here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Verdict;
use crate::xtask::test::build_tough;

/// What tough makes of a repository that it meets for the first time, with every target.
///
/// # Errors
/// When the oracle cannot be built, or breaks.
pub fn reads(repository: &Path) -> Result<Verdict> {
    super::verdict(&Command::new(program()?).arg(repository).output()?)
}

fn program() -> Result<PathBuf> {
    build_tough()?;
    let target = crate::notes::programs()?.parent().context("programs lie below target")?.to_owned();
    Ok(target.join("tough/debug/tough-oracle"))
}
