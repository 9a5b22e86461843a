//! Databases: examine one, back it up, bring the backup back, and say how a migration step is run.
//!
//! The kinds are a closed set. This room knows databases; it does not know updates, journals or services. Whoever calls it has
//! stopped the application before [`Store::backup`] with [`Way::Clone`] and before [`Store::restore`].
//!
//! Everything here can be done again after a crash at any point, with the same result. At every instant a
//! consistent copy of the data exists: a restore makes the replacement complete beside what is live, swaps once, and keeps
//! what it took away under a name.

mod clients;
mod command;
pub(crate) mod env_file;
mod error;
pub(crate) mod postgres;
mod record;
pub mod sqlite;
mod vendor;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use manifest_schema::migration::MigrationStep;
use manifest_schema::path::Name;
use manifest_schema::profile::{Database, DatabaseKind};
use serde::{Deserialize, Serialize};

pub use self::clients::{Client, ClientKind, Clients, Farewell, Others, Stubborn};
pub use self::command::CommandStore;
pub use self::error::StoreError;
pub use self::postgres::{Grant, Postgres, Privilege, Properties, SessionSetting, UrlError};
pub use self::record::{Aside, BackupRecord, BackupTag, Contents, Counted, Held, Keep, LeftAside, TagError};
pub use self::sqlite::Sqlite;
pub use self::vendor::{RunVendor, VendorCommand};
pub use crate::host::child::User;

/// Where an application's databases are looked for, and with what rights.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The installed release's directory (the link that the units name).
    pub release: &'a Path,
    /// Where the surviving files live; looked into before `release`.
    pub shared: &'a Path,
    /// The application's user; `None`: the agent's own.
    pub user: Option<&'a User>,
    /// A directory of the agent's own for short-lived files, mode 700.
    pub scratch: &'a Path,
    /// The application's instance.
    pub instance: &'a Name,
    /// Whether the rights of the machine's administrator may be used.
    pub administration: Administration,
    /// Runs the vendor's commands of a `command` database.
    pub run: &'a RunVendor<'a>,
}

/// Whether the database server may be administered with the rights that the agent has on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Administration {
    /// Where the server runs on this machine, over its socket, as the user it runs as.
    Peer,
    /// Never: only what the application's own role may do.
    Never,
}

/// Which way a backup goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A copy on the database server itself. Needs the services stopped.
    Clone,
    /// Files in the backup's directory. Works while the services run.
    Dump,
}

/// What was found out about a database without changing anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// What and where, for people, without a secret: `PostgreSQL database kkt at 127.0.0.1:5432`.
    pub what: String,
    /// The server's or library's version: `15.14`.
    pub version: String,
    /// Size of the live database in bytes.
    pub size: u64,
    /// Which way a backup will go.
    pub way: Way,
    /// Why it is not [`Way::Clone`], as a sentence.
    pub why_not_clone: Option<String>,
    /// Bytes free where a clone would lie, if that can be known.
    pub room: Option<u64>,
    /// Bytes that a backup this way needs at most, with a margin, where it will lie.
    pub needed: u64,
    /// A directory of the file system that the live database lies on, if that can be known.
    pub place: Option<PathBuf>,
    /// Bytes that a copy needs there that is brought back from files.
    pub beside: u64,
    /// Bytes that a dump of what is left needs in the backup's directory, where no copy can be made beside.
    pub aside: u64,
    /// Why nothing can be changed in it, as a sentence.
    pub read_only: Option<String>,
    /// Others who hold it: strangers to the application, as far as can be told.
    pub clients: Vec<Client>,
}

impl Condition {
    /// Whether the database may be stopped for and migrated. Answers what is noteworthy.
    ///
    /// # Errors
    /// When it could not be changed, or not be brought back, or is held by others who are not to be disturbed.
    pub fn allow_change(&self, database: &Name, clients: &Clients) -> Result<Option<String>, StoreError> {
        if let Some(reason) = self.read_only.clone() {
            return Err(StoreError::NotPossible { database: database.to_string(), reason });
        }
        match (self.way, self.room) {
            // A dump comes back beside the live database, or in the place of its contents, which stay until the commit.
            (Way::Dump, Some(free)) if free < self.needed => {
                return Err(StoreError::NoRoom { database: database.to_string(), needed: self.needed, free });
            }
            (Way::Dump | Way::Clone, _) => {}
        }
        clients.allow(database.as_str(), &self.clients)
    }
}

/// A database of the application.
pub enum Store<'a> {
    /// PostgreSQL.
    Postgres(Postgres),
    /// An SQLite file.
    Sqlite(Sqlite),
    /// Anything else, by the vendor's commands.
    Command(CommandStore<'a>),
}

impl<'a> Store<'a> {
    /// Finds out where the database is, from the application's own files. Connects to nothing and changes nothing.
    ///
    /// # Errors
    /// When the URL is not where the profile says, or cannot be understood.
    pub fn open(database: &Database, place: &Place<'a>) -> Result<Self, StoreError> {
        Ok(match &database.kind {
            DatabaseKind::Postgresql { url } => Self::Postgres(Postgres::open(&database.name, url, place)?),
            DatabaseKind::Sqlite { path } => Self::Sqlite(Sqlite::open(&database.name, path, place)),
            DatabaseKind::Command { backup, restore, timeout_seconds } => {
                Self::Command(CommandStore::open(&database.name, backup, restore, *timeout_seconds, place))
            }
        })
    }

    /// Looks at the database: reachable, which version, how large, which way a backup will go.
    ///
    /// # Errors
    /// When an update must not start: unreachable, login refused, no such database, client programs missing or too old.
    pub fn examine(&self) -> Result<Condition, StoreError> {
        match self {
            Self::Postgres(store) => store.examine(),
            Self::Sqlite(store) => store.examine(),
            Self::Command(store) => Ok(store.examine()),
        }
    }

    /// The other machines that its server may be on, by name or address.
    #[must_use]
    pub fn elsewhere(&self) -> Vec<String> {
        match self {
            Self::Postgres(store) => store.elsewhere(),
            Self::Sqlite(_) | Self::Command(_) => Vec::new(),
        }
    }

    /// For how long the database's server has been up; nothing where there is no server.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn up_for(&self) -> Result<Option<Duration>, StoreError> {
        match self {
            Self::Postgres(store) => store.up_for().map(Some),
            Self::Sqlite(_) | Self::Command(_) => Ok(None),
        }
    }

    /// Does ahead, while the application serves, what makes a backup quick: a checkpoint. To be called just before the stop.
    ///
    /// # Errors
    /// When the server cannot be reached. That the checkpoint is not allowed is no error.
    pub fn prepare_backup(&self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.prepare_backup(),
            Self::Sqlite(_) | Self::Command(_) => Ok(()),
        }
    }

    /// Makes a backup and verifies it; a left-over one of the same tag is replaced. `dir` must exist.
    ///
    /// # Errors
    /// When there is no complete backup; then nothing has happened to the live database.
    pub fn backup(
        &self,
        tag: &BackupTag,
        dir: &Path,
        way: Way,
        others: &Others<'_>,
    ) -> Result<BackupRecord, StoreError> {
        match self {
            Self::Postgres(store) => store.backup(tag, dir, way, others),
            Self::Sqlite(store) => store.backup(tag, dir, others),
            Self::Command(store) => store.backup(tag, dir),
        }
    }

    /// Removes the backup of this tag, whole or half, if there is one. What a restore left aside stays.
    ///
    /// # Errors
    /// When some of it stays.
    pub fn discard(&self, tag: &BackupTag, dir: &Path) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.discard(tag, dir),
            Self::Sqlite(store) => store.discard(tag, dir),
            Self::Command(store) => store.discard(dir),
        }
    }

    /// Looks whether a backup still is where its record says, by its object id or its size: cheap enough for the downtime.
    ///
    /// # Errors
    /// When it is not, or nobody can tell.
    pub fn holds(&self, record: &BackupRecord, dir: &Path) -> Result<(), StoreError> {
        record.check_files(dir)?;
        match (self, &record.held) {
            (Self::Postgres(store), Held::Clone { name, oid }) => store.holds(name, *oid),
            (Self::Postgres(_) | Self::Sqlite(_) | Self::Command(_), _) => Ok(()),
        }
    }

    /// Brings a backup back, and answers what the live database was left aside as. Doing it again changes nothing more, as long
    /// as nobody has worked in the database meanwhile.
    ///
    /// # Errors
    /// When the backup is not back. The backup is then still there, and trying again is safe.
    pub fn restore(
        &self,
        record: &BackupRecord,
        dir: &Path,
        aside: &Aside<'_>,
    ) -> Result<Option<LeftAside>, StoreError> {
        match self {
            Self::Postgres(store) => store.restore(record, dir, aside),
            Self::Sqlite(store) => store.restore(record, dir),
            Self::Command(store) => store.restore(record, dir, aside),
        }
    }

    /// Looks whether a backup is where it was put and is what was written, and changes nothing.
    ///
    /// # Errors
    /// When it cannot be brought back: it is gone or damaged, or the server cannot be asked.
    pub fn verify(&self, record: &BackupRecord, dir: &Path) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.verify(record, dir),
            Self::Sqlite(store) => store.verify(record, dir),
            Self::Command(store) => store.verify(record, dir),
        }
    }

    /// All databases of the server by name, each with its object id; `None`: there is no server. Asked with the application's
    /// own rights.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn databases(&self) -> Result<Option<BTreeMap<String, u32>>, StoreError> {
        match self {
            Self::Postgres(store) => store.databases().map(Some),
            Self::Sqlite(_) | Self::Command(_) => Ok(None),
        }
    }

    /// The name under which a restore of this tag will leave the live database aside; `dir` is that of the act's own backup.
    ///
    /// # Errors
    /// When the server cannot be asked where a copy would lie.
    pub fn left_name(&self, tag: &BackupTag, dir: &Path) -> Result<String, StoreError> {
        match self {
            Self::Postgres(store) => store.left_name(tag, dir),
            Self::Sqlite(store) => Ok(store.left_name(tag)),
            Self::Command(store) => Ok(store.left_directory(tag, dir).display().to_string()),
        }
    }

    /// What the latest restore of this tag left aside, if it came so far; `dir` is the one that it was told.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub fn left(&self, tag: &BackupTag, dir: &Path) -> Result<Option<LeftAside>, StoreError> {
        match self {
            Self::Postgres(store) => store.left(tag, dir),
            Self::Sqlite(store) => store.left(tag),
            Self::Command(store) => store.left(tag, dir),
        }
    }

    /// Removes what restores of this tag left aside, if anything; `dir` is the one that they were told.
    ///
    /// # Errors
    /// When some of it stays.
    pub fn forget_left(&self, tag: &BackupTag, dir: &Path) -> Result<(), StoreError> {
        match self {
            Self::Postgres(store) => store.forget_left(tag, dir),
            Self::Sqlite(store) => store.forget_left(tag),
            Self::Command(store) => store.forget_left(tag, dir),
        }
    }

    /// How a migration step is run, as the application's user. `file` is the step's file in the new release, `release`
    /// that release's directory.
    ///
    /// # Errors
    /// When this kind of database has no client for SQL.
    pub fn migration(&self, step: &MigrationStep, file: &Path, release: &Path) -> Result<VendorCommand, StoreError> {
        match self {
            Self::Postgres(store) => store.migration(step, file, release),
            Self::Sqlite(store) => Ok(store.migration(step, file, release)),
            Self::Command(store) => store.migration(step, file, release),
        }
    }

    /// The variables by which the vendor's commands find the database, as the application itself would. Some are secrets.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        match self {
            Self::Postgres(store) => store.environment(),
            Self::Sqlite(store) => store.environment(),
            Self::Command(_) => Vec::new(),
        }
    }
}

/// Where a surviving file is: in `shared`, or in the release while it has not been moved there.
fn locate(place: &Place<'_>, path: &manifest_schema::path::ReleasePath) -> PathBuf {
    let shared = place.shared.join(path);
    let release = place.release.join(path);
    if shared.exists() || !release.exists() { shared } else { release }
}

#[cfg(test)]
pub(crate) mod testing;
