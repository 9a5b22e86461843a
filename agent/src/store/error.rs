//! What can go wrong with a database, told apart where somebody acts on the difference.

use std::path::PathBuf;

use manifest_schema::path::Name;

use super::postgres::UrlError;
use crate::{durable, host::child};

/// Why something could not be done with a database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file that should hold the URL cannot be read.
    #[error("cannot read {} for the URL of database {database}", path.display())]
    Settings {
        /// The database's name in the profile.
        database: Name,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a file of `KEY=value` lines.
    #[error("cannot understand {} (wanted: {key} for database {database})", path.display())]
    SettingsSyntax {
        /// The database's name in the profile.
        database: Name,
        /// The file.
        path: PathBuf,
        /// What was looked for.
        key: String,
    },
    /// The file says nothing about the database.
    #[error("{} does not set {key}, the URL of database {database}", path.display())]
    NoSetting {
        /// The database's name in the profile.
        database: Name,
        /// The file.
        path: PathBuf,
        /// What was looked for.
        key: String,
    },
    /// The URL cannot be used.
    #[error("cannot use the URL of database {database} ({key} in {})", path.display())]
    Url {
        /// The database's name in the profile.
        database: Name,
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Why.
        source: UrlError,
    },
    /// Nothing answers where the server should be, or it is starting or stopping.
    #[error("the database server at {server} cannot be reached: {detail}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// What the client said.
        detail: String,
    },
    /// The server refuses the password, or wants one and the URL has none.
    #[error("the database server at {server} does not accept the password of {user}: {detail}")]
    WrongPassword {
        /// Host and port.
        server: String,
        /// The role.
        user: String,
        /// What the server said.
        detail: String,
    },
    /// The server refuses the login for another reason (`pg_hba.conf`, an unknown role, no connection free).
    #[error("the database server at {server} does not let {user} in: {detail}")]
    NotAdmitted {
        /// Host and port.
        server: String,
        /// The role.
        user: String,
        /// What the server said.
        detail: String,
    },
    /// The server answers and has no such database.
    #[error("the database server at {server} has no database {database}")]
    UnknownDatabase {
        /// Host and port.
        server: String,
        /// The database's name on the server.
        database: String,
    },
    /// A client program of the database is not installed.
    #[error("{tool} is not installed: install the package {package}")]
    NoTool {
        /// The program.
        tool: &'static str,
        /// The Debian package that has it.
        package: String,
    },
    /// The installed client programs are older than the server, which they refuse to dump.
    #[error("{tool} {found} is too old for the server's version {server}: install the package {package}")]
    ToolTooOld {
        /// The program.
        tool: &'static str,
        /// Its major version.
        found: u32,
        /// The server's major version.
        server: u32,
        /// The Debian package that has one that will do.
        package: String,
    },
    /// Somebody else works in the database and could not be sent away.
    #[error("database {database} is in use and its sessions cannot be ended: {sessions}")]
    InUse {
        /// The database or file.
        database: String,
        /// Who they are.
        sessions: String,
    },
    /// Others hold the database, and the configuration says that they are not to be disconnected.
    #[error("database {database} is held, and clients = \"call-off\" is configured: {clients}")]
    CalledOff {
        /// The database or file.
        database: String,
        /// Who they are.
        clients: String,
    },
    /// A backup could not be brought back, for want of room beside the live database.
    #[error("no room on the server to bring database {database} back: that needs {needed} bytes, {free} are free")]
    NoRoom {
        /// The database.
        database: String,
        /// Bytes that are needed, with a margin.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// What was planned cannot be done with this database.
    #[error("database {database}: {reason}")]
    NotPossible {
        /// The database.
        database: String,
        /// Why, as a sentence.
        reason: String,
    },
    /// The server refused a statement, or SQLite a file.
    #[error("cannot {act}: {detail}")]
    Refused {
        /// What was attempted.
        act: String,
        /// The server's words.
        detail: String,
        /// The error's code (SQLSTATE), where it is known.
        code: Option<String>,
    },
    /// A client program of the database failed.
    #[error("cannot {act}")]
    Tool {
        /// What was attempted.
        act: String,
        /// How it ended.
        source: child::ChildError,
    },
    /// The server's answer is not what was asked for.
    #[error("cannot understand the database server's answer to: {act}")]
    Answer {
        /// What was asked.
        act: String,
        /// Where it does not fit.
        source: serde_json::Error,
    },
    /// SQLite failed.
    #[error("cannot {act} {}", path.display())]
    Sqlite {
        /// What was attempted.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A file is not the one that was written.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot {act} {}", path.display())]
    Io {
        /// What was attempted.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot keep the backup of database {database}")]
    Durable {
        /// The database.
        database: String,
        /// Why.
        source: durable::Error,
    },
    /// The vendor's command failed.
    #[error("the vendor's command to {act} database {database} failed")]
    Vendor {
        /// `back up` or `restore`.
        act: &'static str,
        /// The database's name in the profile.
        database: Name,
        /// How.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// SQLSTATEs of a server that is being shut down, has crashed or starts (manual, "PostgreSQL Error Codes"): `admin_shutdown`,
/// `crash_shutdown`, `cannot_connect_now`.
const PASSING: [&str; 3] = ["57P01", "57P02", "57P03"];

/// What PostgreSQL's programs say when the server goes away under them or is not there yet (libpq's and psql's own words).
pub(super) const LOST: [&str; 5] = [
    "the database system is ",
    "server closed the connection unexpectedly",
    "connection to server was lost",
    "terminating connection due to administrator command",
    "Connection refused",
];

impl StoreError {
    /// Whether it may go away by itself, as when the database server is restarted. The same can then be tried again: everything
    /// that this room does can be done again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { code, .. } => code.as_deref().is_some_and(|code| PASSING.contains(&code)),
            Self::Tool { source: child::ChildError::Failed { last_words, .. }, .. } => {
                // Whoever could not log in was turned away before, by `psql`.
                LOST.iter().chain(&["connection to server"]).any(|words| last_words.contains(words))
            }
            Self::Tool { .. }
            | Self::Settings { .. }
            | Self::SettingsSyntax { .. }
            | Self::NoSetting { .. }
            | Self::Url { .. }
            | Self::WrongPassword { .. }
            | Self::NotAdmitted { .. }
            | Self::UnknownDatabase { .. }
            | Self::NoTool { .. }
            | Self::ToolTooOld { .. }
            | Self::InUse { .. }
            | Self::CalledOff { .. }
            | Self::NoRoom { .. }
            | Self::NotPossible { .. }
            | Self::Answer { .. }
            | Self::Sqlite { .. }
            | Self::Damaged { .. }
            | Self::Io { .. }
            | Self::Durable { .. }
            | Self::Vendor { .. } => false,
        }
    }
}

/// Adds the path and the act to an error of the system.
pub(super) trait Reading<T> {
    fn reading(self, act: &'static str, path: &std::path::Path) -> Result<T, StoreError>;
}

impl<T, E: Into<std::io::Error>> Reading<T> for Result<T, E> {
    fn reading(self, act: &'static str, path: &std::path::Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io { act, path: path.to_owned(), source: source.into() })
    }
}

/// Adds the database to an error of the one writer.
pub(super) trait Keeping<T> {
    fn keeping(self, database: &str) -> Result<T, StoreError>;
}

impl<T> Keeping<T> for durable::Result<T> {
    fn keeping(self, database: &str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Durable { database: database.to_owned(), source })
    }
}
