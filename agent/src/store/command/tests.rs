use std::panic::AssertUnwindSafe;

use super::super::testing::{Files, listing, tag};
use super::super::{Administration, Store};
use super::*;
use crate::fault::testing::{Fault, with};

/// An application whose database is the file `state`, with commands that copy it.
fn application(backup: &str) -> Files {
    let files = Files::new();
    files.write("release/backup.sh", &format!("#!/bin/sh\nset -e\n{backup}\n"));
    files.write("release/restore.sh", "#!/bin/sh\nset -e\ncp \"$SUREFOOT_BACKUP/sub/state\" state\n");
    files.write("release/state", "before");
    files
}

const COPY: &str = "mkdir \"$SUREFOOT_BACKUP/sub\"; cp state \"$SUREFOOT_BACKUP/sub/state\"";

fn store(files: &Files) -> Store<'_> {
    let script = |name| vec![files.path(name).display().to_string()];
    let database = serde_json::json!({
        "type": "command", "backup": script("release/backup.sh"), "restore": script("release/restore.sh")
    });
    files.open(database, Administration::Never).unwrap()
}

fn state(files: &Files) -> String {
    std::fs::read_to_string(files.path("release/state")).unwrap()
}

#[test]
fn the_commands_go_there_and_back_as_often_as_wanted() {
    let files = application(COPY);
    let store = store(&files);
    store.backup(&tag(), &files.backups(), Way::Dump).unwrap();
    let record = store.backup(&tag(), &files.backups(), Way::Dump).unwrap();
    assert_eq!(record.size, 6);
    files.write("release/state", "after");
    for _ in 0..2 {
        assert_eq!(store.restore(&record, &files.backups()).unwrap(), None);
        assert_eq!(state(&files), "before");
    }
    store.discard(&tag(), &files.backups()).unwrap();
    store.discard(&tag(), &files.backups()).unwrap();
    assert_eq!(listing(&files.backups()), [""; 0]);
}

#[test]
fn a_command_that_fails_or_writes_nothing_makes_no_backup() {
    for (script, wanted) in [("exit 3", "the vendor's command to back up database main failed"), (":", "wrote nothing")]
    {
        let files = application(script);
        let error = store(&files).backup(&tag(), &files.backups(), Way::Dump).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!listing(&files.backups()).contains(&"main.backup".to_owned()));
    }
}

#[test]
fn a_changed_backup_is_not_brought_back() {
    let files = application(COPY);
    let store = store(&files);
    let record = store.backup(&tag(), &files.backups(), Way::Dump).unwrap();
    files.write("backup/main.backup/sub/state", "bEfore");
    files.write("release/state", "after");
    assert!(matches!(store.restore(&record, &files.backups()).unwrap_err(), StoreError::Damaged { .. }));
    assert_eq!(state(&files), "after");
}

#[test]
fn a_crash_at_any_point_of_a_backup() {
    let files = application(COPY);
    let store = store(&files);
    let backup = || store.backup(&tag(), &files.backups(), Way::Dump);
    backup().unwrap();
    let (_, points) = with(None, AssertUnwindSafe(|| backup().unwrap()));
    assert!(points >= 3, "{points}");
    for point in 0..points {
        for fault in [Fault::Error, Fault::Crash] {
            with(Some((point, fault)), AssertUnwindSafe(|| backup().map(drop)));
            let record = backup().unwrap();
            assert_eq!(listing(&files.backups()), ["main.backup"], "point {point}");
            store.restore(&record, &files.backups()).unwrap();
        }
    }
}

#[test]
fn sql_has_no_client() {
    let files = application(COPY);
    let step = serde_json::json!({"version": "1.1.0", "type": "sql", "file": "a.sql", "description": "x"});
    let step = serde_json::from_value(step).unwrap();
    let error = store(&files).migration(&step, Path::new("/a.sql"), Path::new("/")).unwrap_err();
    assert_eq!(error.to_string(), "database main: it has no client for SQL; a.sql must be a step of type command");
}
