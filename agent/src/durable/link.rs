//! Names: one atomic step from the old state to the new one.

use std::path::Path;

use rustix::fs::RenameFlags;

use super::file::unlink;
use super::place::{Held, hold};
use super::{Attempt, Result, beside, parent_of, sync_parent};
use crate::fault;

/// Renames `from` to `to`, replacing a file of that name, and makes both directories durable.
///
/// # Errors
/// When the rename fails, or is not known to be durable.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    let renamed = two(from, to, |one, other| rustix::fs::renameat(&one.above, one.name, &other.above, other.name));
    if renamed.is_ok() {
        fault::changed("rename from", from);
    }
    renamed.attempt("rename to", to)?;
    sync_parent(to)?;
    if parent_of(from) == parent_of(to) { Ok(()) } else { sync_parent(from) }
}

/// Swaps what two names stand for, in one step (renameat2(2), `RENAME_EXCHANGE`). Both must exist.
///
/// # Errors
/// When the file system cannot exchange, or the names lie on different ones.
pub fn exchange(one: &Path, other: &Path) -> Result<()> {
    let flags = RenameFlags::EXCHANGE;
    let exchanged =
        two(one, other, |one, other| rustix::fs::renameat_with(&one.above, one.name, &other.above, other.name, flags));
    if exchanged.is_ok() {
        fault::changed("exchange", other);
    }
    exchanged.attempt("exchange", one)?;
    sync_parent(one)?;
    if parent_of(one) == parent_of(other) { Ok(()) } else { sync_parent(other) }
}

fn two(
    one: &Path,
    other: &Path,
    act: impl FnOnce(&Held<'_>, &Held<'_>) -> rustix::io::Result<()>,
) -> std::io::Result<()> {
    Ok(act(&hold(one)?, &hold(other)?)?)
}

/// Points `link` at `target`, making it or replacing it in one step. What is there must not be a real directory.
///
/// # Errors
/// When the link cannot be made or replaced; the old one is then still there.
pub fn replace_link(link: &Path, target: &Path) -> Result<()> {
    let partial = beside(link, ".partial");
    unlink(&partial)?;
    hold(&partial)
        .and_then(|held| Ok(rustix::fs::symlinkat(target, &held.above, held.name)?))
        .attempt("make link", &partial)?;
    rename(&partial, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_replaced_and_a_directory_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("current");
        replace_link(&link, Path::new("releases/1.0.0")).unwrap();
        replace_link(&link, Path::new("releases/1.1.0")).unwrap();
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("releases/1.1.0"));
        let plain = dir.path().join("plain");
        crate::durable::make_dir(&plain, 0o755).unwrap();
        assert!(replace_link(&plain, Path::new("x")).is_err());
        assert!(plain.is_dir());
    }

    #[test]
    fn an_exchange_swaps_a_directory_and_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (plain, link) = (dir.path().join("app"), dir.path().join("link"));
        crate::durable::make_dir(&plain, 0o755).unwrap();
        replace_link(&link, Path::new("home")).unwrap();
        exchange(&plain, &link).unwrap();
        assert!(plain.is_symlink() && !link.is_symlink() && link.is_dir());
    }
}
