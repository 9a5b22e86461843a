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
