//! Worlds to test databases in: a real PostgreSQL server of the tests' own, and an application's files.

mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use manifest_schema::path::Name;
use manifest_schema::profile::Database;
use tempfile::TempDir;

pub(crate) use self::server::{Lingering, Server};
use super::{
    Administration, Aside, BackupRecord, BackupTag, Clients, Farewell, Keep, LeftAside, Others, Place, Store,
    StoreError, User, VendorCommand, Way,
};
use crate::durable;

/// Every character that a URL gives a meaning.
pub(crate) const PASSWORD: &str = "p@s/s:w#rd";
pub(crate) const ENCODED: &str = "p%40s%2Fs%3Aw%23rd";

/// An application's files: what survives, a release, room for backups.
pub(crate) struct Files {
    dir: TempDir,
    release: PathBuf,
    shared: PathBuf,
    scratch: PathBuf,
    user: Option<User>,
    instance: Name,
}

impl Files {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["shared", "release", "scratch", "backup"] {
            durable::make_dir(&dir.path().join(name), 0o711).unwrap();
        }
        // The application's user gets through to what is his, as on a real machine.
        rustix::fs::chmod(dir.path(), 0o711.into()).unwrap();
        let path = |name| dir.path().join(name);
        let (release, shared, scratch) = (path("release"), path("shared"), path("scratch"));
        let files = Self { dir, release, shared, scratch, user: stranger(), instance: "kkt".parse().unwrap() };
        files.give_shared();
        files
    }

    /// Gives the application what lies in its directory.
    pub(crate) fn give_shared(&self) {
        durable::give_tree(&self.shared, self.owner()).unwrap();
    }

    /// Whom the application's files may be given to.
    pub(crate) fn owner(&self) -> durable::Owner {
        let own = durable::Owner { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() };
        self.user.as_ref().map_or(own, User::owner)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn backups(&self) -> PathBuf {
        self.path("backup")
    }

    /// Another update's directory for backups.
    pub(crate) fn backups_of(&self, update: &str) -> PathBuf {
        let path = self.path(update);
        durable::make_dir(&path, 0o711).unwrap();
        path
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        durable::write_atomic(&self.path(name), text.as_bytes(), 0o755).unwrap();
        self.path(name)
    }

    /// Opens a database of a profile here.
    pub(crate) fn open<'a>(
        &'a self,
        database: serde_json::Value,
        administration: Administration,
    ) -> Result<Store<'a>, StoreError> {
        let database: Database = serde_json::from_value(database).unwrap();
        let place = Place {
            release: &self.release,
            shared: &self.shared,
            user: self.user.as_ref(),
            scratch: &self.scratch,
            instance: &self.instance,
            administration,
            run: &run_vendor,
        };
        Store::open(&database, &place)
    }
}

/// Someone with no rights to run the application as; as an ordinary user there is only oneself.
fn stranger() -> Option<User> {
    let nobody = User { name: "nobody".to_owned(), uid: 65534, gid: 65534 };
    rustix::process::geteuid().is_root().then_some(nobody)
}

/// Runs a vendor's command as a child of the test.
pub(crate) fn run_vendor(command: &VendorCommand) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut child = crate::host::child::Child::new(&command.argv[0], command.timeout).args(&command.argv[1..]);
    for (name, value) in &command.env {
        child = child.env(name, value);
    }
    child.directory(&command.directory).run_well()?;
    Ok(())
}

/// An application's database on the tests' server, with the files that name it.
pub(crate) struct World {
    pub(crate) server: Arc<Server>,
    pub(crate) files: Files,
    pub(crate) database: String,
    pub(crate) role: String,
}

impl World {
    /// A database with a few rows, grants and settings, whose role has these attributes.
    pub(crate) fn new(attributes: &str) -> Self {
        Self::on(Server::shared(), attributes)
    }

    /// The same on this server.
    pub(crate) fn on(server: Arc<Server>, attributes: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (database, role) = (format!("kkt {number}"), format!("app-{number}"));
        server.sql(
            "postgres",
            &format!(
                "CREATE ROLE \"{role}\" LOGIN PASSWORD '{PASSWORD}' {attributes};
             CREATE ROLE \"report-{number}\";"
            ),
        );
        server.sql("postgres", &format!("CREATE DATABASE \"{database}\" OWNER \"{role}\";"));
        server.sql(
            "postgres",
            &format!(
                "REVOKE ALL ON DATABASE \"{database}\" FROM PUBLIC;
             GRANT CONNECT ON DATABASE \"{database}\" TO \"report-{number}\" WITH GRANT OPTION;
             ALTER DATABASE \"{database}\" SET search_path TO '$user', public;
             ALTER DATABASE \"{database}\" SET statement_timeout TO '1h';
             ALTER DATABASE \"{database}\" CONNECTION LIMIT 50;
             COMMENT ON DATABASE \"{database}\" IS 'it''s K\\''s';"
            ),
        );
        let world = Self { server, files: Files::new(), database, role };
        world.write_env(ENCODED);
        world.sql(
            "CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL);
            INSERT INTO people SELECT n, 'person ' || n FROM generate_series(1, 1000) n;
            CREATE SEQUENCE numbers START 42;
            CREATE SCHEMA other; CREATE VIEW other.names AS SELECT name FROM people;
            CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';",
        );
        world
    }

    pub(crate) fn write_env(&self, encoded: &str) {
        let url = self.url(&self.role, encoded, self.server.port, &self.database);
        self.files.write("shared/.env", &format!("SECRET='x'\nDATABASE_URL={url}\n"));
    }

    pub(crate) fn url(&self, role: &str, encoded: &str, port: u16, database: &str) -> String {
        let database = database.replace(' ', "%20");
        format!("postgresql+asyncpg://{role}:{encoded}@127.0.0.1:{port}/{database}?ssl=disable&pool_size=5")
    }

    pub(crate) fn store(&self, administration: Administration) -> Store<'_> {
        self.try_store(administration).unwrap()
    }

    pub(crate) fn try_store(&self, administration: Administration) -> Result<Store<'_>, StoreError> {
        let database = serde_json::json!({"type": "postgresql", "url": {"file": ".env", "key": "DATABASE_URL"}});
        self.files.open(database, administration)
    }

    /// Runs SQL in the application's database as its role.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.server.sql_as(&self.role, &self.database, sql)
    }

    /// What distinguishes contents: all rows, the sequence, the tables there are.
    pub(crate) fn contents(&self) -> String {
        self.sql("SELECT count(*), sum(id), md5(string_agg(name, ',' ORDER BY id)) FROM people;
            SELECT last_value, is_called FROM numbers;
            SELECT string_agg(format('%s.%s:%s', relnamespace::regnamespace, relname, relkind), ' ' ORDER BY 1, relname) FROM pg_class
                WHERE relnamespace::regnamespace::text IN ('public', 'other') GROUP BY relkind ORDER BY 1;
            SELECT one(), (SELECT count(*) FROM other.names);
            SHOW search_path; SHOW statement_timeout;")
    }

    /// What a migration does: a table that refers to an old one, changed and lost rows.
    pub(crate) fn migrate(&self) {
        self.sql(
            "CREATE TABLE orders (id int PRIMARY KEY, person int REFERENCES people);
            INSERT INTO orders VALUES (1, 1); UPDATE people SET name = 'changed'; DELETE FROM people WHERE id > 500;
            ALTER TABLE people ADD COLUMN mail text; SELECT nextval('numbers');",
        );
    }

    /// A migration that needs no lock on a table.
    pub(crate) fn migrate_rows_only(&self) {
        self.sql("UPDATE people SET name = 'changed'; SELECT nextval('numbers');");
    }

    /// What the database has besides its contents.
    pub(crate) fn properties(&self, database: &str) -> String {
        self.server.sql("postgres", &format!(
            "SELECT datdba::regrole, datconnlimit, datacl, shobj_description(oid, 'pg_database'),
                (SELECT string_agg(setrole || ' ' || setconfig::text, ';') FROM pg_db_role_setting WHERE setdatabase = d.oid),
                encoding, datcollate, datctype
             FROM pg_database d WHERE datname = '{database}';"
        ))
    }

    /// The databases whose names begin with the live one's.
    pub(crate) fn databases(&self) -> Vec<String> {
        let sql =
            format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{}') ORDER BY 1;", self.database);
        // 'kkt 1' must not find 'kkt 10'.
        let ours = |name: &&str| name[self.database.len()..].chars().next().is_none_or(|next| !next.is_ascii_digit());
        self.server.sql("postgres", &sql).lines().filter(ours).map(str::to_owned).collect()
    }
}

impl Store<'_> {
    /// Backs up as an update does: a dump while others work, a copy when they are to leave.
    pub(crate) fn keep(&self, tag: &BackupTag, dir: &Path, way: Way) -> Result<BackupRecord, StoreError> {
        let clients = Clients { wait_seconds: 1, ..Clients::default() };
        let others = match way {
            Way::Dump => Others::Stay,
            Way::Clone => Others::Leave(Farewell { clients, tell: &|_| {} }),
        };
        self.backup(tag, dir, way, &others)
    }

    /// Restores, and keeps what is left in the same directory.
    pub(crate) fn back(&self, record: &BackupRecord, dir: &Path) -> Result<Option<LeftAside>, StoreError> {
        self.restore(record, dir, &Aside { dir, keep: Keep::Always, tell: &|_| {} })
    }
}

/// The tag that most tests use.
pub(crate) fn tag() -> BackupTag {
    BackupTag::of_update(7)
}

/// The names of what lies in a directory, in order.
pub(crate) fn listing(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
