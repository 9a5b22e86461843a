//! The way back where the application's role may not make databases: in one transaction everything in the live database is
//! removed and the dump brought in. Until the commit the old contents are what everybody sees, and a failure leaves them.

use std::io::{Cursor, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread::{Scope, ScopedJoinHandle};

use super::super::error::{Keeping, Reading, StoreError};
use super::super::{Aside, BackupTag, LeftAside, Others, record};
use super::dump::{self, Source};
use super::session::{self, LONG, SHORT};
use super::{Postgres, tools};
use crate::durable;
use crate::host::child::{Child, ChildError, Ended, Input, Output};

/// Removes what is in the database. `pg_restore --clean` cannot: it stops at a table that a migration has made and that refers to
/// an old one. Schemas are made again as `initdb` leaves them, which is what a dump begins from.
const EMPTY: &str = "BEGIN READ WRITE;
SET LOCAL search_path = pg_catalog;
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '1min';
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
    PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;
    CREATE SCHEMA public;
    COMMENT ON SCHEMA public IS 'standard public schema';
    IF current_setting('server_version_num')::int >= 150000 THEN
        GRANT USAGE ON SCHEMA public TO PUBLIC;
        ALTER SCHEMA public OWNER TO pg_database_owner;
    ELSE
        GRANT ALL ON SCHEMA public TO PUBLIC;
    END IF;
END $$;
";

/// Brings the dump back in the live database itself. What is live is dumped first and kept as a file.
pub(super) fn restore(
    store: &Postgres,
    tag: &BackupTag,
    source: &Source<'_>,
    aside: &Aside<'_>,
) -> Result<Option<LeftAside>, StoreError> {
    let left = left_file(store, tag, aside.dir);
    if !has_happened(store, &left)? {
        record::verify_file(&source.path, source.sha256)?;
        end_own_sessions(store)?;
        let major = store.facts()?.major();
        aside.kept(store.live(), keep(store, &left, major))?;
        replace(store, &source.path, major)?;
        super::catalog::passed("replace the contents of the database")?;
    }
    self::left(store, tag, aside.dir)
}

/// What a restore of this tag kept.
pub(super) fn left(store: &Postgres, tag: &BackupTag, dir: &Path) -> Result<Option<LeftAside>, StoreError> {
    let left = left_file(store, tag, dir);
    if !left.exists() {
        return Ok(None);
    }
    Ok(Some(LeftAside { size: record::size_of(&left)?, name: left.display().to_string() }))
}

/// Whether an earlier run has replaced the contents. All schemas are made again then, and have other object ids than when what
/// was left was dumped. What was written since must not be replaced once more.
fn has_happened(store: &Postgres, left: &Path) -> Result<bool, StoreError> {
    let path = schemas_file(left);
    if !path.exists() {
        return Ok(false);
    }
    let text = std::fs::read_to_string(&path).reading("read", &path)?;
    Ok(text != schemas(store)?)
}

/// Dumps what is live, again where an earlier run has dumped it and came no further; then notes what it was a dump of.
fn keep(store: &Postgres, left: &Path, major: u32) -> Result<(), StoreError> {
    let schemas = schemas(store)?;
    dump::dump(store, left, major, &Others::Stay)?;
    durable::write_atomic(&schemas_file(left), schemas.as_bytes(), 0o600).keeping(store.live())
}

/// Object ids of the schemas, the server's own left out.
fn schemas(store: &Postgres) -> Result<String, StoreError> {
    let sql = "SELECT json_agg(oid::bigint ORDER BY oid) FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema';";
    store.application.run(store.live(), "ask for the schemas", sql, SHORT)
}

/// Where the contents that are being left are kept.
pub(super) fn left_file(store: &Postgres, tag: &BackupTag, dir: &Path) -> PathBuf {
    dir.join(format!("{}.left-{tag}.dump.zst", store.name))
}

fn schemas_file(left: &Path) -> PathBuf {
    durable::beside(left, ".schemas")
}

/// Removes what a restore of this tag kept.
pub(super) fn forget_left(store: &Postgres, tag: &BackupTag, dir: &Path) -> Result<(), StoreError> {
    let left = left_file(store, tag, dir);
    for path in [durable::beside(&left, ".partial"), schemas_file(&left), left] {
        durable::remove_file(&path).keeping(store.live())?;
    }
    Ok(())
}

/// Ends the role's own sessions, which would hold locks. Others' it may not end; if they hold locks, the time limit ends the wait.
fn end_own_sessions(store: &Postgres) -> Result<(), StoreError> {
    let sql = "DO $$ DECLARE deadline timestamptz := clock_timestamp() + interval '10 s'; BEGIN
        LOOP
            PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid();
            EXIT WHEN NOT FOUND OR clock_timestamp() > deadline;
            PERFORM pg_sleep(0.02); PERFORM pg_stat_clear_snapshot();
        END LOOP;
    END $$;";
    store.application.run(store.live(), "end the application's sessions", sql, SHORT).map(drop)
}

/// `pg_restore` turns the dump into SQL and `psql` runs it after [`EMPTY`]. The commit is only sent once `pg_restore` has ended well.
fn replace(store: &Postgres, path: &Path, major: u32) -> Result<(), StoreError> {
    let act = "bring the dump back into the database";
    let (reader, writer) = std::io::pipe().reading("make a pipe for", path)?;
    let program = tools::for_server("pg_restore", major)?;
    let user = store.application.user.as_ref();
    let mut dump = dump::open(path)?;
    let psql = session::psql()?;
    let ended = std::thread::scope(|scope| {
        let mut script = Script::new(scope, reader, move || {
            let output = Output::File(OwnedFd::from(writer).into());
            let child = Child::new(program, LONG).user(user).args(["--file=-", "--exit-on-error"]);
            child.input(Input::Reader(&mut dump)).output(output).run_well()
        });
        store.application.script(&psql, store.live(), LONG).input(Input::Reader(&mut script)).run()
    });
    store.application.judge(store.live(), act, ended).map(drop)
}

/// What `psql` reads: the emptying, what `pg_restore` writes, and the commit.
struct Script<'scope> {
    head: Cursor<&'static str>,
    body: PipeReader,
    producer: Option<ScopedJoinHandle<'scope, Result<Ended, ChildError>>>,
    foot: Cursor<&'static str>,
}

impl<'scope> Script<'scope> {
    fn new<'env>(
        scope: &'scope Scope<'scope, 'env>,
        body: PipeReader,
        produce: impl FnOnce() -> Result<Ended, ChildError> + Send + 'scope,
    ) -> Self {
        Self { head: Cursor::new(EMPTY), body, producer: Some(scope.spawn(produce)), foot: Cursor::new("\nCOMMIT;\n") }
    }
}

impl Read for Script<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.head.read(buffer)?;
        if length > 0 {
            return Ok(length);
        }
        if self.producer.is_some() {
            let length = self.body.read(buffer)?;
            if length > 0 {
                return Ok(length);
            }
        }
        // The error ends psql before it can commit.
        if let Some(producer) = self.producer.take() {
            let ended = producer.join().map_err(|_| std::io::Error::other("the thread of pg_restore ended"))?;
            ended.map_err(std::io::Error::other)?;
        }
        self.foot.read(buffer)
    }
}
