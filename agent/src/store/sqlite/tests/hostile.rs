//! What an application's user who means harm lays into his directory.

use super::*;

/// A journal that names a super-journal: SQLite plays it back and then removes the file of that name (sqlite.org, "Database File
/// Format", "The Rollback Journal"). Since 3.54 that file must be named like one and name the journal.
fn forge_journal(database: &Path, named: &Path) {
    let name = named.to_str().unwrap().as_bytes();
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    // No page records; nonce; the database's size in pages; sector size; page size.
    for number in [0_u32, 1, 2, 512, 4096] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(512, 0);
    // The page number of the lock byte, the name, its length and sum, the magic once more.
    journal.extend((0x4000_0000_u32 / 4096 + 1).to_be_bytes());
    journal.extend(name);
    journal.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    journal.extend(name.iter().map(|byte| u32::from(*byte)).sum::<u32>().to_be_bytes());
    journal.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    durable::write_atomic(&durable::beside(database, "-journal"), &journal, 0o644).unwrap();
}

/// A file of root's that SQLite takes for the super-journal of this database.
fn super_journal(files: &Files, database: &Path) -> PathBuf {
    files.write("victim-mj012345901", durable::beside(database, "-journal").to_str().unwrap())
}

fn small(path: &Path) {
    sql(path, "PRAGMA page_size = 4096; CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);");
}

#[test]
fn a_forged_journal_removes_no_file_of_another() {
    // That the journal does what it is to do, where SQLite runs with the rights for it.
    let files = Files::new();
    let bait = files.path("bait.db");
    let victim = super_journal(&files, &bait);
    small(&bait);
    forge_journal(&bait, &victim);
    let _ = Connection::open(&bait).unwrap().query_row("SELECT count(*) FROM people", [], |row| row.get::<_, i64>(0));
    assert!(!victim.exists(), "the forged journal is not one that SQLite believes");

    assert!(rustix::process::geteuid().is_root(), "this test must run as root, to have an application's user");
    let victim = super_journal(&files, &live(&files));
    let (store, dir) = (store(&files), files.backups());
    small(&live(&files));
    files.give_shared();
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    type Attempt<'a> = Box<dyn Fn() -> Result<(), StoreError> + 'a>;
    let attempts: [Attempt<'_>; 3] = [
        Box::new(|| store.examine().map(drop)),
        Box::new(|| store.keep(&tag(), &files.path("scratch"), Way::Dump).map(drop)),
        Box::new(|| store.back(&record, &dir).map(drop)),
    ];
    for attempt in attempts {
        forge_journal(&live(&files), &victim);
        files.give_shared();
        let _ = attempt();
        assert!(victim.exists());
    }
}

#[test]
fn a_directory_that_leads_elsewhere_is_refused() {
    assert!(rustix::process::geteuid().is_root(), "this test must run as root, to have an application's user");
    let files = Files::new();
    killed(&files);
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    durable::rename(&files.path("shared"), &files.path("elsewhere")).unwrap();
    durable::make_dir(&files.path("system"), 0o755).unwrap();
    durable::replace_link(&files.path("shared"), &files.path("system")).unwrap();
    let error = store.back(&record, &dir).unwrap_err();
    assert!(error.to_string().contains("is not a directory of nobody"), "{error}");
    assert_eq!(listing(&files.path("system")), Vec::<String>::new());
}

#[test]
fn a_pipe_in_the_place_of_the_database_keeps_nobody_waiting() {
    let files = Files::new();
    killed(&files);
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    durable::remove_file(&live(&files)).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, live(&files), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(store.back(&record, &dir).unwrap().is_some());
    assert_eq!(contents(&live(&files)), "2 a,b");
}

#[test]
fn a_link_in_the_place_of_the_database_is_not_followed() {
    let files = Files::new();
    sql(&files.path("elsewhere.db"), "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);");
    durable::replace_link(&live(&files), &files.path("elsewhere.db")).unwrap();
    let error = store(&files).keep(&tag(), &files.backups(), Way::Dump).unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
}
