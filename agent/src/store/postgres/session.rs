//! A way to talk to the server: as whom, through `psql`, with errors told apart.
//!
//! Secrets go through the environment, never through arguments. SQL goes through standard input for the same reason: a setting
//! can be a secret too.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::super::StoreError;
use super::super::error::LOST;
use super::tools;
use super::url::Target;
use crate::host::child::{Child, ChildError, Ended, Input, User};

/// Time limit of a question.
pub(super) const SHORT: Duration = Duration::from_secs(60);
/// Time limit of work whose length grows with the database. Its end is a person's business; this only keeps a hanging server
/// from holding an update for ever.
pub(super) const LONG: Duration = Duration::from_secs(12 * 3600);

/// Only names of `pg_catalog` are meant, not somebody's own `count`; and limits that are set for the application's queries are not
/// meant for us. As statements, since a connection pooler between refuses them as options of the connection.
const CALM: &str = "SET search_path = pg_catalog; SET statement_timeout = 0;\n";

/// Who talks to which server.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The server, the role, the database that is meant when none is said.
    pub(super) target: Target,
    /// The operating system's user whose process it is; `None`: the agent's own.
    pub(super) user: Option<User>,
    /// What the session calls itself (`application_name`).
    pub(super) called: String,
}

impl Session {
    /// A program of PostgreSQL's that will connect to `database` as this session does.
    pub(super) fn child<'c>(&self, program: &Path, database: &str, limit: Duration) -> Child<'c> {
        let child = Child::new(program, limit)
            .user(self.user.as_ref())
            .args(["--no-password", "--dbname", &self.target.conninfo(database)])
            .env("PGAPPNAME", &self.called)
            .env("PGCONNECT_TIMEOUT", "10");
        match &self.target.password {
            Some(password) => child.env("PGPASSWORD", password),
            None => child,
        }
    }

    /// Runs SQL in `database`; answers what it printed.
    pub(super) fn run(&self, database: &str, act: &str, sql: &str, limit: Duration) -> Result<String, StoreError> {
        let text = format!("{CALM}{sql}");
        let child = self.script(&psql()?, database, limit);
        self.judge(database, act, child.input(Input::Reader(&mut text.as_bytes())).run())
    }

    /// What a `psql` printed, or why it failed.
    pub(super) fn judge(
        &self,
        database: &str,
        act: &str,
        ended: Result<Ended, ChildError>,
    ) -> Result<String, StoreError> {
        let ended = ended.map_err(|source| StoreError::Tool { act: act.to_owned(), source })?;
        match ended.status.code() {
            Some(0) => Ok(ended.out.text()),
            Some(2) => Err(self.not_connected(database, &ended)),
            Some(_) | None => Err(refused(act, &ended)),
        }
    }

    /// A `psql` that runs its standard input without anybody's start files and ends at the first error.
    pub(super) fn script<'c>(&self, psql: &Path, database: &str, limit: Duration) -> Child<'c> {
        let options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-f", "-"];
        self.child(psql, database, limit).args(options)
    }

    /// Asks for one JSON value.
    pub(super) fn ask<T: DeserializeOwned>(&self, database: &str, act: &str, sql: &str) -> Result<T, StoreError> {
        let answer = self.run(database, act, sql, SHORT)?;
        serde_json::from_str(answer.trim()).map_err(|source| StoreError::Answer { act: act.to_owned(), source })
    }

    /// The role, for people.
    pub(super) fn role(&self) -> String {
        let own = || self.user.as_ref().map_or("the agent's user".to_owned(), |user| user.name.clone());
        self.target.user.clone().unwrap_or_else(own)
    }

    /// Tells apart why there is no connection. The server's words may be in its administrator's language, so what they do not
    /// settle is found out by asking again.
    fn not_connected(&self, database: &str, ended: &Ended) -> StoreError {
        let detail = words(ended);
        let (server, user) = (self.target.server(), self.role());
        let says = |texts: &[&str]| texts.iter().any(|text| detail.contains(text));
        if says(&LOST) {
            return StoreError::Unreachable { server, detail };
        }
        if says(&["password authentication failed", "no password supplied"]) {
            return StoreError::WrongPassword { server, user, detail };
        }
        if says(&["could not translate host name", "No such file or directory", "timeout expired"]) || !self.is_served()
        {
            return StoreError::Unreachable { server, detail };
        }
        if says(&[&format!("database \"{database}\" does not exist")]) {
            return StoreError::UnknownDatabase { server, database: database.to_owned() };
        }
        // A server that is starting says so in its administrator's language, and may be up by the time it is asked again.
        if self.lets_in(database) {
            return StoreError::Unreachable { server, detail };
        }
        StoreError::NotAdmitted { server, user, detail }
    }

    fn lets_in(&self, database: &str) -> bool {
        let Ok(psql) = psql() else { return false };
        let mut question = b"SELECT 1;".as_slice();
        self.script(&psql, database, SHORT).input(Input::Reader(&mut question)).run_well().is_ok()
    }

    /// Whether a server answers there and takes connections (`pg_isready`, which needs no login).
    fn is_served(&self) -> bool {
        let Ok(program) = tools::newest("pg_isready") else { return true };
        let child =
            Child::new(&program, SHORT).user(self.user.as_ref()).args(["-q", "-d", &self.target.conninfo("postgres")]);
        child.run_well().is_ok()
    }
}

/// The `psql` to use: any version serves any server.
pub(super) fn psql() -> Result<PathBuf, StoreError> {
    tools::newest("psql")
}

fn words(ended: &Ended) -> String {
    let text = ended.err.text();
    let text = text.trim().trim_start_matches("psql: error: ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads the first error of a `psql` with `VERBOSITY=verbose`: `psql:<stdin>:1: ERROR:  42P01: relation …`.
fn refused(act: &str, ended: &Ended) -> StoreError {
    let text = ended.err.text();
    let after = |marker: &str| text.lines().find_map(|line| Some(line.split_once(marker)?.1.trim().to_owned()));
    let error = after("ERROR:").or_else(|| after("FATAL:"));
    let Some((code, message)) = error.as_deref().and_then(|error| error.split_once(": ")) else {
        return StoreError::Refused { act: act.to_owned(), detail: ended.err.last_words(), code: None };
    };
    let more = after("DETAIL:").map_or(String::new(), |detail| format!(" ({detail})"));
    StoreError::Refused { act: act.to_owned(), detail: format!("{message}{more}"), code: Some(code.to_owned()) }
}
