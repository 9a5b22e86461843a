//! A good release that an admin takes back.

use surefoot_tests::notes::{Change, PATIENCE, World, wait};

use super::{Outcome, with_author};

#[test]
fn a_rollback_brings_the_database_back_and_keeps_the_newer_one_under_a_name() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    world.client.surefoot(&["update"])?.well()?;
    world.client.note("written on 1.1.0")?;

    let cost = world.client.surefoot(&["rollback", "--dry-run"])?.says(0, "goes back to 1.0.0")?;
    assert!(cost.out.contains("database main") && cost.out.contains("kept aside"), "{}", cost.out);
    world.serves("1.1.0", 4)?;
    world.client.surefoot(&["rollback"])?.says(2, "--yes")?;
    world.serves("1.1.0", 4)?;

    world.client.surefoot(&["rollback", "--yes"])?.says(0, "back on 1.0.0")?;

    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    assert_eq!(notes_left_aside(&world)?, [4]);
    Ok(())
}

/// The notes in each database that lies beside the live one.
fn notes_left_aside(world: &World) -> anyhow::Result<Vec<u32>> {
    let mut counts = Vec::new();
    for entry in std::fs::read_dir(world.client.shared().join("data"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("notes.sqlite3.") {
            let database = rusqlite::Connection::open(&path)?;
            counts.push(database.query_row("select count(*) from notes", [], |row| row.get(0))?);
        }
    }
    Ok(counts)
}

#[test]
fn a_rollback_over_compatible_migrations_keeps_what_was_written() -> Outcome {
    let mut world = World::installed()?;
    let change = Change { migration_keys: "compatible_with_previous = true", ..with_author() };
    world.vendor.release("1.1.0", "Notes have an author", change)?;
    world.client.surefoot(&["update"])?.well()?;
    world.client.note("written on 1.1.0")?;

    world.client.surefoot(&["rollback", "--dry-run"])?.says(0, "its data stays as it is")?;
    world.client.surefoot(&["rollback", "--yes"])?.says(0, "back on 1.0.0")?;

    world.serves("1.0.0", 4)?;
    assert_eq!(world.columns()?, ["id", "text", "author"]);
    assert!(notes_left_aside(&world)?.is_empty());
    Ok(())
}

#[test]
fn what_an_admin_took_back_does_not_come_again_by_itself() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    world.client.surefoot(&["update"])?.well()?;
    world.client.surefoot(&["rollback", "--yes"])?.well()?;

    world.configure(world.source(), "[policy]\nautomatic = [\"minor\"]")?;
    world.client.surefoot(&["update"])?.says(10, "1.1.0 was taken back here")?;
    world.poll()?;
    wait(PATIENCE, || world.client.said_last().is_some_and(|message| message.contains("nothing new")))?;
    world.client.surefoot(&["rollback", "--yes"])?.says(10, "no update to take back")?;
    world.serves("1.0.0", 3)?;

    world.client.surefoot(&["update", "1.1.0", "--again"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}

/// What becomes of the one database, as `rollback --dry-run --json` has it.
fn fate(world: &World) -> anyhow::Result<serde_json::Value> {
    let cost = world.client.surefoot(&["rollback", "--dry-run", "--json"])?.well()?.out;
    let cost: serde_json::Value = serde_json::from_str(&cost)?;
    assert_eq!((&cost["from"], &cost["to"]), (&"1.1.0".into(), &"1.0.0".into()), "{cost}");
    assert!(cost["downtime_seconds"].as_u64().is_some_and(|seconds| (1..60).contains(&seconds)), "{cost}");
    assert_eq!((&cost["files"], &cost["services"]), (&serde_json::json!(["data"]), &serde_json::json!(["web"])));
    Ok(cost["databases"][0].clone())
}

#[test]
fn what_a_rollback_says_beforehand_is_what_then_happens() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    world.client.surefoot(&["update"])?.well()?;

    let said = fate(&world)?;
    let text = world.client.surefoot(&["rollback", "--dry-run"])?.well()?.out;
    assert!(text.lines().all(|line| line.chars().count() <= 80 || line.contains('/')), "{text}");
    assert!(text.contains("what is there now"), "{text}");
    assert_eq!((&said["database"], &said["becomes"]), (&"main".into(), &"before".into()), "{said}");
    assert!(said["age_seconds"].as_i64().is_some_and(|age| (0..3600).contains(&age)), "{said}");
    let file = std::path::PathBuf::from(said["kept_as"].as_str().unwrap());
    assert!(!file.exists(), "nothing is done yet");

    world.client.surefoot(&["rollback", "--yes"])?.well()?;

    assert!(file.exists(), "kept under the name that was said: {said}");
    assert!(said["bytes"].as_u64() > Some(0) && said["bytes_now"].as_u64() == Some(std::fs::metadata(&file)?.len()));
    world.serves("1.0.0", 3)
}

#[test]
fn where_no_migration_was_or_a_compatible_one_only_code_goes_back() -> Outcome {
    let compatible = Change { migration_keys: "compatible_with_previous = true", ..with_author() };
    for (change, migrated) in [(Change::default(), false), (compatible, true)] {
        let mut world = World::installed()?;
        world.vendor.release("1.1.0", "Something else", change)?;
        world.client.surefoot(&["update"])?.well()?;
        world.client.note("written on 1.1.0")?;
        let said = fate(&world)?;
        assert_eq!((&said["becomes"], &said["migrated"]), (&"stays".into(), &migrated.into()), "{said}");
        world.client.surefoot(&["rollback", "--yes"])?.says(0, "its data stays as it is")?;
        world.serves("1.0.0", 4)?;
    }
    Ok(())
}

#[test]
fn a_backup_that_is_not_whole_is_found_before_anything_stops() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    world.client.surefoot(&["update"])?.well()?;
    let pid = world.client.ask("GET", "/pid", "")?;
    let backup = world.client.state().join("backups/0002/main.sqlite");
    let good = std::fs::read(&backup)?;
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;

    std::fs::write(&backup, &bad)?;
    world.client.surefoot(&["rollback", "--dry-run"])?.says(6, "not those that were written")?;
    world.client.surefoot(&["rollback", "--yes"])?.says(6, "not those that were written")?;
    std::fs::remove_file(&backup)?;
    world.client.surefoot(&["rollback", "--yes"])?.says(6, "main.sqlite")?;
    assert_eq!(world.client.ask("GET", "/pid", "")?, pid, "the application must not have been stopped");
    assert_eq!(world.client.story()?.len(), 2, "nothing was begun");

    std::fs::write(&backup, &good)?;
    std::os::unix::fs::chown(&backup, Some(65534), Some(65534))?;
    world.client.surefoot(&["rollback", "--yes"])?.well()?;
    world.serves("1.0.0", 3)
}
