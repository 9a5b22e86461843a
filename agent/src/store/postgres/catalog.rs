//! Questions to the server and acts on whole databases, through a session that may administer them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::StoreError;
use super::names::{identifier, literal};
use super::session::{LONG, SHORT, Session};
use crate::fault;

/// How long to wait between two looks at who has come while an act waits for a database without sessions. The server waits for
/// five seconds.
const USHER: Duration = Duration::from_millis(50);

/// SQLSTATE `object_in_use`.
const IN_USE: &str = "55006";

/// A session with the right to make, rename and remove databases, and the database it does that from: none of the
/// application's, so that nothing of the application's runs with this right.
#[derive(Clone, Debug)]
pub(super) struct Catalog {
    pub(super) session: Session,
    pub(super) from: String,
    /// The server's version, such as 150014.
    pub(super) version: u32,
}

impl Catalog {
    /// Opens the server's own database, or where that is not there or closed to the role, the template.
    pub(super) fn open(session: Session) -> Result<Self, StoreError> {
        let ask = |from: &str| -> Result<u32, StoreError> {
            session.ask(from, "ask for the version", "SELECT current_setting('server_version_num')::int;")
        };
        let (from, version) = match ask("postgres") {
            Ok(version) => ("postgres", version),
            Err(_) => ("template1", ask("template1")?),
        };
        Ok(Self { session, from: from.to_owned(), version })
    }

    /// Object ids of all databases by name.
    pub(super) fn databases(&self) -> Result<BTreeMap<String, u32>, StoreError> {
        let sql = "SELECT json_object_agg(datname, oid::bigint) FROM pg_database;";
        self.session.ask(&self.from, "list the databases", sql)
    }

    /// Size of a database in bytes.
    pub(super) fn size(&self, database: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT pg_database_size({});", literal(database));
        self.session.ask(&self.from, "ask for the size of the database", &sql)
    }

    /// Object id and size in bytes of a database, if it is there.
    pub(super) fn look_up(&self, database: &str) -> Result<Option<(u32, u64)>, StoreError> {
        let sql = format!(
            "SELECT to_json((SELECT json_build_array(oid::bigint, pg_database_size(oid)) FROM pg_database WHERE datname = {}));",
            literal(database)
        );
        let answer = self.session.run(&self.from, "look at the database", &sql, SHORT)?;
        match answer.trim() {
            "" => Ok(None),
            answer => serde_json::from_str(answer)
                .map(Some)
                .map_err(|source| StoreError::Answer { act: "look at the database".to_owned(), source }),
        }
    }

    /// Runs SQL that changes something, and passes a fault point when it is done.
    pub(super) fn act(&self, act: &'static str, sql: &str) -> Result<(), StoreError> {
        self.session.run(&self.from, act, sql, LONG)?;
        passed(act)
    }

    /// Ends what an earlier run of this program left working on the server: a client that is killed does not end its statement.
    pub(super) fn end_leftovers(&self) -> Result<(), StoreError> {
        let own = literal(&self.session.called);
        let ended = format!(
            "DO $$ DECLARE deadline timestamptz := clock_timestamp() + interval '30 s'; BEGIN
                LOOP
                    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE application_name = {own} AND pid <> pg_backend_pid();
                    EXIT WHEN NOT FOUND;
                    IF clock_timestamp() > deadline THEN RAISE 'sessions of an earlier run do not end'; END IF;
                    PERFORM pg_sleep(0.02); PERFORM pg_stat_clear_snapshot();
                END LOOP;
            END $$;"
        );
        self.session.run(&self.from, "end the sessions of an earlier run", &ended, SHORT).map(drop)
    }

    /// Removes a database, its sessions included. That there is none is fine.
    pub(super) fn drop_database(&self, name: &str) -> Result<(), StoreError> {
        if !self.databases()?.contains_key(name) {
            return Ok(());
        }
        let force = if self.version >= 130_000 { " WITH (FORCE)" } else { "" };
        let sql = format!("DROP DATABASE IF EXISTS {}{force};", identifier(name));
        self.without_sessions(name, "remove a database", &sql)
    }

    /// Runs SQL that needs `database` to have no sessions, after having ended them.
    pub(super) fn without_sessions(&self, database: &str, act: &'static str, sql: &str) -> Result<(), StoreError> {
        if self.end_sessions(database)? {
            // Who was ended may come back at once.
            return self.ushering(database, act, sql);
        }
        self.with_nobody_seen(database, act, sql)
    }

    /// The same where nobody was seen a moment ago.
    pub(super) fn with_nobody_seen(&self, database: &str, act: &'static str, sql: &str) -> Result<(), StoreError> {
        match self.act(act, sql) {
            Err(StoreError::Refused { code: Some(code), .. }) if code == IN_USE => self.ushering(database, act, sql),
            other => other,
        }
    }

    /// Ends sessions for as long as the act waits for them. It first takes its lock on the database, which lets nobody in any
    /// more, and then waits for those inside (`InitPostgres`, `CountOtherDBBackends` in PostgreSQL's source): so even a client
    /// that reconnects without pause cannot stay in its way. Closing the database instead (`ALLOW_CONNECTIONS`, a limit of 0)
    /// would leave it closed after a crash.
    fn ushering(&self, database: &str, act: &'static str, sql: &str) -> Result<(), StoreError> {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _end = SetWhenDropped(&is_over);
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // Whether it helped is told by the act.
                    let _ = self.end_sessions(database);
                    std::thread::sleep(USHER);
                }
            });
            match self.act(act, sql) {
                Err(StoreError::Refused { code: Some(code), detail, .. }) if code == IN_USE => {
                    Err(StoreError::InUse { database: database.to_owned(), sessions: detail })
                }
                other => other,
            }
        })
    }

    /// Ends the sessions in a database, and names them in the log; answers whether there were any.
    pub(super) fn end_sessions(&self, database: &str) -> Result<bool, StoreError> {
        let strangers = self.sessions(database)?;
        if strangers.is_empty() {
            return Ok(false);
        }
        let sessions = strangers.join(", ");
        tracing::warn!("ending sessions that are left in database {database}: {sessions}");
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = {} AND pid <> pg_backend_pid() AND usename IS NOT NULL;",
            literal(database)
        );
        match self.session.run(&self.from, "end sessions", &sql, SHORT) {
            Err(StoreError::Refused { code: Some(code), .. }) if code == "42501" => {
                Err(StoreError::InUse { database: database.to_owned(), sessions })
            }
            other => other.map(|_| true),
        }
    }

    /// Who works in a database: role and program of each session. The server's own workers have no role.
    pub(super) fn sessions(&self, database: &str) -> Result<Vec<String>, StoreError> {
        let sql = format!(
            "SELECT coalesce(json_agg(format('%s (%s)', usename, coalesce(nullif(application_name, ''), 'no name'))), '[]')
             FROM pg_stat_activity
             WHERE datname = {} AND pid <> pg_backend_pid() AND usename IS NOT NULL;",
            literal(database)
        );
        self.session.ask(&self.from, "ask who works in the database", &sql)
    }
}

/// Ends the usher, also when the act ends in a panic.
pub(super) struct SetWhenDropped<'a>(pub(super) &'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Passes the fault point of this name: what was done on the server is done.
pub(super) fn passed(act: &'static str) -> Result<(), StoreError> {
    fault::point(act).map_err(|source| StoreError::Io { act: "go on after:", path: act.into(), source })
}
