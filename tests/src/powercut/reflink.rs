//! Whether a backup shares its bytes with the original, as the file system says itself (filefrag(8)).

use std::path::Path;
use std::process::Command;

use anyhow::ensure;

use super::act::{self, Base};
use super::command::run;
use super::disk::Kind;
use super::machine::Machine;
use super::{agent, application, place};

/// Updates a machine and insists that its uploads and their backup are one and the same blocks.
pub(super) fn insist_on_sharing(kind: Kind) -> anyhow::Result<()> {
    let machine = Machine::on(kind, Base::First)?;
    application::boot()?;
    application::wait_until_healthy()?;
    agent::ask_well(&act::update("1.1.0"))?;
    let upload = place::home().join("shared/uploads/picture");
    let backup = place::instance().join("backups/0002/files/uploads/picture");
    let (one, other) = (extents(&upload)?, extents(&backup)?);
    ensure!(one.iter().all(|line| line.contains("shared")), "{} is shared with nothing: {one:?}", upload.display());
    ensure!(one == other, "{} lies elsewhere: {one:?} and {other:?}", backup.display());
    machine.off()
}

/// Where the blocks of a file lie, a line each.
fn extents(path: &Path) -> anyhow::Result<Vec<String>> {
    let told = run(Command::new("filefrag").arg("-v").arg(path))?;
    let is_extent = |line: &&str| line.trim_start().starts_with(|letter: char| letter.is_ascii_digit());
    Ok(told.lines().filter(is_extent).map(str::to_owned).collect())
}
