//! The backup as a file: `pg_dump`'s custom format, compressed as a whole with zstd on its way to the disk, and the way back into
//! a database beside the live one.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use manifest_schema::digest::{Hasher, Sha256};

use super::super::error::{Keeping, Reading, StoreError};
use super::super::record::{BackupRecord, BackupTag, Contents, Held, verify_file};
use super::super::{LeftAside, Others};
use super::catalog::{Catalog, passed};
use super::names::{self, Role};
use super::properties::{self, Properties};
use super::session::{LONG, Session};
use super::tally::Tally;
use super::{Postgres, clients, swap, tools, verify};
use crate::durable::{self, Partial};
use crate::host::child::{Child, Input, Output};

/// zstd's level and threads: a quarter of the time of pg_dump's own compression, and no larger.
const LEVEL: i32 = 3;
const THREADS: u32 = 2;
/// Bytes of a piece that one thread compresses, and the window (2^20): left to zstd the buffers of all threads take 45 MB.
const PIECE: u32 = 1 << 20;
const WINDOW_LOG: u32 = 20;

/// A client that has locked a table would otherwise be waited for without end.
const LOCK_WAIT: &str = "--lock-wait-timeout=20s";

/// A finished dump.
pub(super) struct Dumped {
    pub(super) size: u64,
    pub(super) sha256: Sha256,
    pub(super) contents: Contents,
}

/// The name of the file that a backup is.
pub(super) fn file_name(store: &Postgres) -> String {
    format!("{}.dump.zst", store.name)
}

/// Dumps the live database; a left-over dump is replaced. Sessions may go on working, unless it is to be still.
pub(super) fn backup(
    store: &Postgres,
    tag: &BackupTag,
    dir: &Path,
    others: &Others<'_>,
) -> Result<BackupRecord, StoreError> {
    if let Others::Leave(farewell) = others {
        clients::clear(store, farewell)?;
    }
    let facts = store.facts()?;
    let properties = properties::read(&store.application, store.live(), store.live())?;
    let file = file_name(store);
    let dumped = dump(store, &dir.join(&file), facts.major(), others)?;
    let contents = Some(dumped.contents);
    let held = Held::Dump { file, sha256: dumped.sha256, oid: facts.oid, properties };
    Ok(BackupRecord { database: store.name.clone(), tag: tag.clone(), size: dumped.size, contents, held })
}

/// Dumps the live database into `path` and reads the dump once through. The name exists only when all is well.
pub(super) fn dump(store: &Postgres, path: &Path, major: u32, others: &Others<'_>) -> Result<Dumped, StoreError> {
    let expected = verify::expected(store, others)?;
    let program = tools::for_server("pg_dump", major)?;
    let partial = durable::beside(path, ".partial");
    let file = durable::create_partial(&partial, 0o600).keeping(store.live())?;
    let mut sink = Sink::new(file).reading("compress into", &partial)?;
    let child =
        store.application.child(&program, store.live(), LONG).args(["--format=custom", "--compress=0", LOCK_WAIT]);
    let mut write = |bytes: &[u8]| sink.encoder.write_all(bytes);
    let ended = child.output(Output::Each(&mut write)).run_well();
    ended.map_err(|source| {
        clients::in_the_way(store, StoreError::Tool { act: format!("dump database {}", store.live()), source })
    })?;
    let (size, sha256) = sink.finish(store.live(), &partial)?;
    let contents = read_through(&store.application, &partial, major)?.judge(&expected);
    let contents = contents.map_err(|reason| StoreError::Damaged { path: partial.clone(), reason })?;
    durable::rename(&partial, path).keeping(store.live())?;
    Ok(Dumped { size, sha256, contents })
}

/// Compresses, then hashes and writes.
struct Sink {
    encoder: zstd::Encoder<'static, Hashing>,
}

struct Hashing {
    file: Partial,
    hasher: Hasher,
    size: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let length = Write::write(&mut self.file, bytes)?;
        self.hasher.update(&bytes[..length]);
        self.size += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Sink {
    fn new(file: Partial) -> std::io::Result<Self> {
        let mut encoder = zstd::Encoder::new(Hashing { file, hasher: Hasher::new(), size: 0 }, LEVEL)?;
        encoder.multithread(THREADS)?;
        encoder.window_log(WINDOW_LOG)?;
        encoder.set_parameter(zstd::zstd_safe::CParameter::JobSize(PIECE))?;
        encoder.include_checksum(true)?;
        Ok(Self { encoder })
    }

    fn finish(self, database: &str, path: &Path) -> Result<(u64, Sha256), StoreError> {
        let written = self.encoder.finish().reading("compress into", path)?;
        written.file.finish().keeping(database)?;
        Ok((written.size, written.hasher.finish()))
    }
}

/// Lets `pg_restore` read the whole dump as the application's user, and counts the rows in it. Only the data is asked for, since
/// a function's body may look like data.
fn read_through(application: &Session, path: &Path, major: u32) -> Result<Tally, StoreError> {
    let child = Child::new(tools::for_server("pg_restore", major)?, LONG).user(application.user.as_ref());
    let mut dump = open(path)?;
    let mut tally = Tally::default();
    let mut count = |bytes: &[u8]| {
        tally.feed(bytes);
        Ok(())
    };
    let child =
        child.args(["--data-only", "--file=-"]).input(Input::Reader(&mut dump)).output(Output::Each(&mut count));
    let ended = child.run_well();
    ended.map_err(|source| StoreError::Tool { act: format!("read the dump {}", path.display()), source })?;
    Ok(tally)
}

/// The decompressed bytes of a dump.
pub(super) fn open(path: &Path) -> Result<impl Read + Send + use<>, StoreError> {
    let file = File::open(path).reading("open", path)?;
    zstd::Decoder::with_buffer(BufReader::with_capacity(256 * 1024, file)).reading("decompress", path)
}

/// What a dump is brought back from.
pub(super) struct Source<'a> {
    pub(super) path: PathBuf,
    pub(super) sha256: &'a Sha256,
    pub(super) oid: u32,
    pub(super) properties: &'a Properties,
}

/// Brings the dump back into a database beside the live one and swaps them. The live database's object id says whether that
/// has happened already.
pub(super) fn restore_beside(
    store: &Postgres,
    catalog: &Catalog,
    tag: &BackupTag,
    source: &Source<'_>,
) -> Result<Option<LeftAside>, StoreError> {
    catalog.end_leftovers()?;
    let left = swap::left(catalog, store.live(), tag)?;
    let databases = catalog.databases()?;
    if !left.iter().any(|name| databases.get(name) == Some(&source.oid)) {
        verify_file(&source.path, source.sha256)?;
        let name = names::beside(store.live(), tag, Role::Restoring);
        catalog.drop_database(&name)?;
        catalog.act("make a database for the dump", &source.properties.creation(&name))?;
        fill(store, &name, &source.path, catalog.version / 10_000)?;
        properties::apply(&catalog.session, &catalog.from, &name, source.properties)?;
        passed("set the properties of the copy")?;
        swap::swap(catalog, store.live(), &name, tag)?;
    }
    swap::latest_left(catalog, store.live(), tag)
}

/// Fills an empty database as the application's role: what a dump holds is the application's, and runs with no more rights.
fn fill(store: &Postgres, name: &str, path: &Path, major: u32) -> Result<(), StoreError> {
    let program = tools::for_server("pg_restore", major)?;
    let mut dump = open(path)?;
    let child = store.application.child(&program, name, LONG).args(["--exit-on-error"]);
    let ended = child.input(Input::Reader(&mut dump)).run_well();
    ended.map_err(|source| StoreError::Tool { act: format!("bring back the dump {}", path.display()), source })?;
    store.application.run(name, "gather statistics", "ANALYZE;", LONG)?;
    passed("fill the database from the dump")
}
