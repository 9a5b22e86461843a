//! How much room a copy would have on the server's disk.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::Administration;
use super::catalog::Catalog;
use super::names::literal;

#[derive(Deserialize)]
struct Directory {
    path: PathBuf,
}

/// Bytes that a copy of `size` may need: a fifth more, and 100 MB for what else happens meanwhile.
pub(super) fn margin(size: u64) -> u64 {
    size + size / 5 + 100_000_000
}

/// Where the database's files lie; `None`: the server is elsewhere, or hides where they are.
pub(super) fn place(catalog: &Catalog, live: &str, administration: Administration) -> Option<PathBuf> {
    if administration == Administration::Never {
        return None;
    }
    catalog.session.target.local_port()?;
    let sql = format!(
        "SELECT json_build_object('path', coalesce(nullif(pg_tablespace_location(dattablespace), ''),
            current_setting('data_directory', true))) FROM pg_database WHERE datname = {};",
        literal(live)
    );
    let directory: Directory = catalog.session.ask(&catalog.from, "ask where the database lies", &sql).ok()?;
    Some(directory.path)
}

/// Bytes free on the file system of a directory.
pub(super) fn free(place: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(place).ok()?;
    Some(disk.f_bavail * disk.f_frsize)
}
