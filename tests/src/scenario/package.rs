//! The Debian package under test.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// The package that `cargo xtask test` builds before it runs the tests.
///
/// # Errors
/// With the command that builds it, when it is not there.
pub fn find() -> Result<PathBuf> {
    let package = workspace().join("target/machine/surefoot.deb");
    ensure!(
        package.exists(),
        "{} is missing: run cargo xtask package --tested, or cargo xtask test",
        package.display()
    );
    Ok(package)
}

/// The workspace's directory.
pub(super) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in a workspace")
}
