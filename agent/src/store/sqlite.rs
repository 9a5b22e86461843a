//! SQLite: one file of the application's, with its write-ahead log or journal beside it.
//!
//! The backup is a file in the backup's directory, made by SQLite's backup interface and checked. A restore puts a copy of it beside the
//! live file and exchanges the two, after the live file's log has been folded into it: a log beside a foreign file would be
//! played into it.
//!
//! SQLite believes what lies beside a file: a journal may name other files, and these are then removed. The directory is the
//! application's. So SQLite never opens the live file in this process, which may be root's, but in a child with the rights of
//! the application's user.

mod apply;
mod child;
mod copy;
mod directory;
pub(crate) mod holders;
mod restore;
mod serve;

use std::path::{Path, PathBuf};
use std::time::Duration;

use manifest_schema::migration::{MigrationStep, MigrationType};
use manifest_schema::path::{Name, ReleasePath};
use rusqlite::{Connection, OpenFlags};

pub use self::apply::apply;
use self::directory::{Directory, is_there};
use self::holders::{Holder, Locks};
pub use self::serve::{Act, serve};
use super::error::{Keeping, Reading};
use super::record::{hash_file, size_of, verify_file};
use super::{
    BackupRecord, BackupTag, Client, Condition, Held, LeftAside, Others, Place, StoreError, User, VendorCommand, Way,
    clients, locate,
};
use crate::durable;
use crate::fault;

/// A lock that is still there so much later is not one of a moment.
const SECOND_LOOK: Duration = Duration::from_secs(3);

/// How long SQLite waits for somebody else's lock, unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// What SQLite writes beside a file (sqlite.org, "Temporary Files Used By SQLite").
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// An SQLite file of the application.
pub struct Sqlite {
    /// Its name in the profile.
    name: Name,
    live: PathBuf,
    /// Whose processes open it; `None`: the agent's own user's.
    user: Option<User>,
}

impl Sqlite {
    pub(super) fn open(name: &Name, path: &ReleasePath, place: &Place<'_>) -> Self {
        Self { name: name.clone(), live: locate(place, path), user: place.user.cloned() }
    }

    pub(super) fn examine(&self) -> Result<Condition, StoreError> {
        let mut size = 0;
        let mut clients = Vec::new();
        if is_there(&self.live) {
            // That a restore may work there is found out before anything is begun.
            Directory::of(self)?;
            child::ask(self, &Act::Examine)?.well()?;
            size = size_of(&self.live)?;
            clients = self.lasting();
        }
        Ok(Condition {
            what: format!("SQLite database {}", self.live.display()),
            version: rusqlite::version().to_owned(),
            size,
            way: Way::Dump,
            why_not_clone: Some("SQLite has no server that could hold a copy".to_owned()),
            room: None,
            // The user's copy, and the one that is made of it where the user cannot write.
            needed: 2 * size + size / 5 + 10_000_000,
            read_only: None,
            clients,
            place: self.live.parent().map(Path::to_owned),
            beside: if size == 0 { 0 } else { size + size / 10 + 1_000_000 },
            aside: 0,
        })
    }

    /// Strangers that have it locked for longer than a moment.
    fn lasting(&self) -> Vec<Client> {
        let strangers = || {
            let mut found = holders::holders(&self.live, Locks::Writing);
            found.retain(|holder| holder.is_stranger(self.user.as_ref()));
            found
        };
        let first = strangers();
        if first.is_empty() {
            return Vec::new();
        }
        std::thread::sleep(SECOND_LOOK);
        holders::in_both(&first, &strangers()).iter().map(Holder::client).collect()
    }

    pub(super) fn backup(&self, tag: &BackupTag, dir: &Path, others: &Others<'_>) -> Result<BackupRecord, StoreError> {
        self.discard(tag, dir)?;
        let record =
            |size, contents, held| BackupRecord { database: self.name.clone(), tag: tag.clone(), size, contents, held };
        if !is_there(&self.live) {
            return Ok(record(0, None, Held::Nothing));
        }
        let file = self.file_name();
        let path = dir.join(&file);
        let partial = durable::beside(&path, ".partial");
        let contents = copy::copy(self, &self.made(dir), &partial, self.patience(others))?;
        let sha256 = hash_file(&partial)?;
        durable::rename(&partial, &path).keeping(self.name.as_str())?;
        Ok(record(size_of(&path)?, Some(contents), Held::File { file, sha256 }))
    }

    /// How long others' locks are waited for. Who is waited for is told.
    fn patience(&self, others: &Others<'_>) -> Duration {
        let Others::Leave(farewell) = others else { return PATIENCE };
        let found = holders::holders(&self.live, Locks::Writing);
        if !found.is_empty() {
            let clients: Vec<Client> = found.iter().map(Holder::client).collect();
            (farewell.tell)(format!("database {}: waiting for {}", self.name, clients::list(&clients)));
        }
        Duration::from_secs(farewell.clients.wait_seconds)
    }

    pub(super) fn discard(&self, tag: &BackupTag, dir: &Path) -> Result<(), StoreError> {
        let path = dir.join(self.file_name());
        durable::remove_tree(&self.made(dir)).keeping(self.name.as_str())?;
        for path in [durable::beside(&path, ".partial"), path] {
            durable::remove_file(&path).keeping(self.name.as_str())?;
        }
        let Some(here) = Directory::of(self)? else { return Ok(()) };
        durable::remove_file(&restore::restoring(&here, tag)).keeping(self.name.as_str())
    }

    pub(super) fn restore(&self, record: &BackupRecord, dir: &Path) -> Result<Option<LeftAside>, StoreError> {
        match &record.held {
            Held::File { file, sha256 } => restore::file(self, &record.tag, &dir.join(file), sha256),
            Held::Nothing => restore::nothing(self, &record.tag),
            Held::Clone { .. } | Held::Dump { .. } | Held::Directory { .. } => Err(StoreError::NotPossible {
                database: self.name.to_string(),
                reason: "the backup is not one of an SQLite database".to_owned(),
            }),
        }
    }

    pub(super) fn verify(&self, record: &BackupRecord, dir: &Path) -> Result<(), StoreError> {
        match &record.held {
            Held::File { file, sha256 } => verify_file(&dir.join(file), sha256),
            Held::Nothing => Ok(()),
            Held::Clone { .. } | Held::Dump { .. } | Held::Directory { .. } => Err(StoreError::NotPossible {
                database: self.name.to_string(),
                reason: "the backup is not one of an SQLite database".to_owned(),
            }),
        }
    }

    pub(super) fn left_name(&self, tag: &BackupTag) -> String {
        restore::left_name(&self.live, tag).display().to_string()
    }

    pub(super) fn left(&self, tag: &BackupTag) -> Result<Option<LeftAside>, StoreError> {
        let Some(here) = Directory::of(self)? else { return Ok(None) };
        restore::latest_left(self, &here, tag)
    }

    pub(super) fn forget_left(&self, tag: &BackupTag) -> Result<(), StoreError> {
        let Some(here) = Directory::of(self)? else { return Ok(()) };
        for path in restore::left(&here, tag).into_iter().rev() {
            for companion in COMPANIONS {
                durable::remove_file(&durable::beside(&path, companion)).keeping(self.name.as_str())?;
            }
            durable::remove_file(&path).keeping(self.name.as_str())?;
        }
        Ok(())
    }

    pub(super) fn migration(&self, step: &MigrationStep, file: &Path, release: &Path) -> VendorCommand {
        let file = file.display().to_string();
        let argv = match step.kind {
            MigrationType::Command => vec![file],
            MigrationType::Sql => self.own_client(file, step.transaction),
        };
        let timeout = Duration::from_secs(step.timeout_seconds);
        VendorCommand { argv, env: self.environment(), directory: release.to_owned(), timeout }
    }

    /// This program's own client for SQLite: a machine need not have another.
    fn own_client(&self, file: String, transaction: bool) -> Vec<String> {
        // By its path, since a transient unit is started by systemd and not by this process.
        let own = own_path().map_or("surefoot".to_owned(), |path| still_there(path).display().to_string());
        let mut argv = vec![own, "internal".to_owned(), "sqlite".to_owned(), file, self.live.display().to_string()];
        argv.extend(transaction.then(|| "--transaction".to_owned()));
        argv
    }

    pub(super) fn environment(&self) -> Vec<(String, String)> {
        vec![("SUREFOOT_DATABASE".to_owned(), self.live.display().to_string())]
    }

    fn file_name(&self) -> String {
        format!("{}.sqlite", self.name)
    }

    /// The directory in the backup's that is the user's own while the copy is made.
    fn made(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.partial", self.name))
    }
}

#[cfg(not(test))]
fn own_path() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

#[cfg(test)]
fn own_path() -> std::io::Result<PathBuf> {
    Ok(crate::program::own_for_others())
}

/// The path of a program that has been replaced while it runs, as by an upgrade of its package, without what the kernel
/// appends to it then (proc(5), `/proc/pid/exe`): the new program lies there.
fn still_there(path: PathBuf) -> PathBuf {
    let bare = path.to_str().and_then(|path| path.strip_suffix(" (deleted)")).map(PathBuf::from);
    match bare {
        Some(bare) if !path.exists() && bare.exists() => bare,
        Some(_) | None => path,
    }
}

/// Opens a database file, in a process of the application's user. A link is not followed.
fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    connect_within(path, access, PATIENCE)
}

fn connect_within(path: &Path, access: OpenFlags, patience: Duration) -> Result<Connection, StoreError> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    // The directories above may well be links: the application's own directory is one.
    let path = &resolved(path);
    let connection = Connection::open_with_flags(path, flags).map_err(|source| failed("open", path, source))?;
    connection.busy_timeout(patience).map_err(|source| failed("open", path, source))?;
    Ok(connection)
}

/// The path with the links in the directories above resolved, and not in its last component.
fn resolved(path: &Path) -> PathBuf {
    match (path.parent().map(std::fs::canonicalize), path.file_name()) {
        (Some(Ok(parent)), Some(name)) => parent.join(name),
        (Some(_) | None, _) => path.to_owned(),
    }
}

/// Passes a fault point: what SQLite did to the file is done, and nobody knows it yet.
fn passed(path: &Path) -> Result<(), StoreError> {
    fault::point("act on an SQLite file").reading("go on with", path)
}

fn failed(act: &'static str, path: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { act, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
