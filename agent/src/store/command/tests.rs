use std::panic::AssertUnwindSafe;

use super::super::testing::{Files, listing, tag};
use super::super::{Administration, Keep, Store};
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
    store.keep(&tag(), &files.backups(), Way::Dump).unwrap();
    let record = store.keep(&tag(), &files.backups(), Way::Dump).unwrap();
    assert_eq!(record.size, 6);
    files.write("release/state", "after");
    for _ in 0..2 {
        let left = store.back(&record, &files.backups()).unwrap().unwrap();
        assert_eq!(state(&files), "before");
        assert_eq!((left.name.as_str(), left.size), (files.path("backup/main.left-0007").to_str().unwrap(), 5));
        assert_eq!(std::fs::read_to_string(files.path("backup/main.left-0007/sub/state")).unwrap(), "after");
    }
    for _ in 0..2 {
        store.forget_left(&tag(), &files.backups()).unwrap();
        store.discard(&tag(), &files.backups()).unwrap();
    }
    assert_eq!(listing(&files.backups()), [""; 0]);
}

#[test]
fn what_cannot_be_kept_is_not_replaced_unless_only_a_migration_made_it() {
    let files = application(COPY);
    let store = store(&files);
    let (dir, told) = (files.backups(), std::cell::RefCell::new(Vec::new()));
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    files.write("release/state", "after");
    files.write("release/backup.sh", "#!/bin/sh\nexit 3\n");
    let tell = |text| told.borrow_mut().push(text);
    let restore = |keep| store.restore(&record, &dir, &Aside { dir: &dir, keep, tell: &tell });
    assert!(matches!(restore(Keep::Always).unwrap_err(), StoreError::Vendor { act: "back up", .. }));
    assert_eq!(state(&files), "after");
    assert_eq!(restore(Keep::WherePossible).unwrap(), None);
    assert_eq!(state(&files), "before");
    let told = told.into_inner().join("");
    assert!(told.starts_with("what the migration left of database main could not be kept: "), "{told}");
}

#[test]
fn a_crash_at_any_point_of_a_restore() {
    let files = application(COPY);
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    let (_, points) = with(None, AssertUnwindSafe(|| store.back(&record, &dir).unwrap()));
    assert!(points >= 4, "{points}");
    for (first, second) in (0..points).flat_map(|first| (0..=points).map(move |second| (first, second))) {
        for fault in [Fault::Error, Fault::Crash] {
            store.forget_left(&tag(), &dir).unwrap();
            files.write("release/state", "after");
            for point in [first, second] {
                with(Some((point, fault)), AssertUnwindSafe(|| store.back(&record, &dir).map(drop)));
            }
            store.back(&record, &dir).unwrap().expect("what was there is kept");
            let kept = std::fs::read_to_string(dir.join("main.left-0007/sub/state")).unwrap();
            assert_eq!((state(&files).as_str(), kept.as_str()), ("before", "after"), "points {first} and {second}");
            assert_eq!(listing(&dir), ["main.backup", "main.left-0007"], "points {first} and {second}");
        }
    }
}

#[test]
fn a_backup_that_has_gone_is_missed() {
    let files = application(COPY);
    let (store, dir) = (store(&files), files.backups());
    let record = store.keep(&tag(), &dir, Way::Dump).unwrap();
    store.holds(&record, &dir).unwrap();
    store.discard(&tag(), &dir).unwrap();
    assert!(store.holds(&record, &dir).is_err());
}

#[test]
fn a_command_that_fails_or_writes_nothing_makes_no_backup() {
    for (script, wanted) in [("exit 3", "the vendor's command to back up database main failed"), (":", "wrote nothing")]
    {
        let files = application(script);
        let error = store(&files).keep(&tag(), &files.backups(), Way::Dump).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!listing(&files.backups()).contains(&"main.backup".to_owned()));
    }
}

#[test]
fn a_changed_backup_is_not_brought_back() {
    let files = application(COPY);
    let store = store(&files);
    let record = store.keep(&tag(), &files.backups(), Way::Dump).unwrap();
    files.write("backup/main.backup/sub/state", "bEfore");
    files.write("release/state", "after");
    assert!(matches!(store.back(&record, &files.backups()).unwrap_err(), StoreError::Damaged { .. }));
    assert_eq!(state(&files), "after");
}

#[test]
fn a_crash_at_any_point_of_a_backup() {
    let files = application(COPY);
    let store = store(&files);
    let backup = || store.keep(&tag(), &files.backups(), Way::Dump);
    backup().unwrap();
    let (_, points) = with(None, AssertUnwindSafe(|| backup().unwrap()));
    assert!(points >= 3, "{points}");
    for point in 0..points {
        for fault in [Fault::Error, Fault::Crash] {
            with(Some((point, fault)), AssertUnwindSafe(|| backup().map(drop)));
            let record = backup().unwrap();
            assert_eq!(listing(&files.backups()), ["main.backup"], "point {point}");
            store.back(&record, &files.backups()).unwrap();
            store.forget_left(&tag(), &files.backups()).unwrap();
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
