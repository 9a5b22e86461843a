//! PostgreSQL's own programs, and which version of them serves which server.
//!
//! A `pg_dump` refuses a server newer than itself. Debian keeps all versions side by side below `/usr/lib/postgresql`; what
//! lies in `PATH` there is a wrapper that chooses by rules of its own, so it comes last.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::StoreError;
use crate::host::child::Child;

const VERSIONS: &str = "/usr/lib/postgresql";
const PATH: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/usr/pgsql/bin"];

/// The newest installed program of this name.
pub(super) fn newest(tool: &'static str) -> Result<PathBuf, StoreError> {
    let found = installed(tool).pop().map(|(_, path)| path);
    found.ok_or_else(|| StoreError::NoTool { tool, package: "postgresql-client".to_owned() })
}

/// The oldest installed program of this name that is not older than the server: its files are readable by most.
pub(super) fn for_server(tool: &'static str, server: u32) -> Result<PathBuf, StoreError> {
    let all = installed(tool);
    let package = format!("postgresql-client-{server}");
    let Some((newest, _)) = all.last() else { return Err(StoreError::NoTool { tool, package }) };
    let too_old = StoreError::ToolTooOld { tool, found: *newest, server, package };
    all.into_iter().find(|(version, _)| *version >= server).map(|(_, path)| path).ok_or(too_old)
}

/// All installed programs of this name with their major versions, oldest first.
fn installed(tool: &str) -> Vec<(u32, PathBuf)> {
    let mut found = below(Path::new(VERSIONS), tool);
    if found.is_empty() {
        let paths = PATH.iter().map(|dir| Path::new(dir).join(tool)).filter(|path| path.is_file());
        found = paths.filter_map(|path| Some((ask_version(&path)?, path))).collect();
    }
    found.sort();
    found
}

fn below(versions: &Path, tool: &str) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(versions) else { return Vec::new() };
    let version = |entry: std::fs::DirEntry| {
        let version = entry.file_name().to_str()?.parse().ok()?;
        let path = entry.path().join("bin").join(tool);
        path.is_file().then_some((version, path))
    };
    entries.flatten().filter_map(version).collect()
}

/// The major version that a program says it is: `pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn ask_version(program: &Path) -> Option<u32> {
    let ended = Child::new(program, Duration::from_secs(10)).args(["--version"]).run_well().ok()?;
    let text = ended.out.text();
    text.split_whitespace().nth(2)?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_programs_serve_an_older_server_and_refuse_a_newer_one() {
        assert!(for_server("pg_dump", 9).is_ok());
        let error = for_server("pg_dump", 99).unwrap_err();
        assert!(matches!(error, StoreError::ToolTooOld { server: 99, .. }), "{error}");
        assert!(error.to_string().ends_with("install the package postgresql-client-99"), "{error}");
    }

    #[test]
    fn a_program_says_its_version() {
        let (version, path) = installed("pg_dump").pop().unwrap();
        assert_eq!(ask_version(&path), Some(version));
    }

    #[test]
    fn a_program_that_is_not_there_is_named_with_its_package() {
        let error = newest("pg_nonsense").unwrap_err();
        assert_eq!(error.to_string(), "pg_nonsense is not installed: install the package postgresql-client");
    }
}
