//! Updates, through the command line that an admin uses: what a good release brings, what a bad one leaves, and the ways back.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad;
mod baseline;
mod decided;
mod good;
mod kept;
mod room;
mod setbacks;
mod taken_back;

use std::path::Path;

use surefoot_tests::notes::Change;

/// What the outcome of each test is.
type Outcome = anyhow::Result<()>;

const AUTHOR: &str = "alter table notes add column author text not null default 'nobody';";

/// A release with a migration that the release before cannot work with.
fn with_author() -> Change<'static> {
    Change { migration: Some(AUTHOR), ..Change::default() }
}

/// Lets `bin/stop` be what stops the application from this release on.
fn stopped_by(checkout: &Path, lines: &str) {
    let path = checkout.join("publish.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[\"bin/notes\", \"stop\"]", "[\"bin/stop\"]")).unwrap();
    write_script(checkout, "bin/stop", lines);
}

/// Makes an executable of the release.
fn write_script(checkout: &Path, name: &str, lines: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = checkout.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Lets `bin/start` be what starts the application from this release on.
fn started_by(checkout: &Path, lines: &str) {
    let path = checkout.join("publish.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[\"bin/notes\", \"start\"]", "[\"bin/start\"]")).unwrap();
    write_script(checkout, "bin/start", lines);
}
