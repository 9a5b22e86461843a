//! Runs the SQL of a migration step on an SQLite file. This is the vendor's code: it runs in a process of the application's user.

use std::path::Path;

use rusqlite::OpenFlags;

use super::super::error::{Reading, StoreError};
use super::{connect, failed};

/// Runs the file's SQL on the database: in one transaction, or statement by statement. A database that is not there is made.
///
/// # Errors
/// When a statement fails; with `transaction` nothing has then changed.
pub fn apply(database: &Path, file: &Path, transaction: bool) -> Result<(), StoreError> {
    let sql = std::fs::read_to_string(file).reading("read", file)?;
    let connection = connect(database, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let run = |sql: &str| connection.execute_batch(sql).map_err(|source| failed("migrate", database, source));
    if transaction {
        run("BEGIN IMMEDIATE")?;
    }
    run(&sql)?;
    // Where the file has ended the transaction itself, there is nothing left to commit.
    if transaction && !connection.is_autocommit() { run("COMMIT") } else { Ok(()) }
}
