//! A disk that is full at the worst moment. What the downtime needs was set aside before it.

use std::path::Path;

use surefoot_tests::notes::{Change, SmallDisk, World, open_to_all};
use tempfile::TempDir;

use super::{Outcome, stopped_by, with_author, write_script};

/// A world of which one directory lies on a small disk, where the application stops as `stop` says.
fn world(small: &str, megabytes: u32, stop: &dyn Fn(&SmallDisk) -> String) -> anyhow::Result<(World, SmallDisk)> {
    let directory = tempfile::Builder::new().prefix("surefoot-small-").tempdir()?;
    open_to_all(directory.path())?;
    let disk = mount(&directory, small, megabytes)?;
    let mut world = World::below(directory)?;
    let script = stop(&disk);
    let edit = |checkout: &Path| stopped_by(checkout, &script);
    world.vendor.release("1.0.0", "Notes can be kept", Change { edit: Some(&edit), ..Change::default() })?;
    world.client.surefoot(&["install"])?.well()?;
    for note in ["buy milk", "call Ada", "water the plants"] {
        world.client.note(note)?;
    }
    Ok((world, disk))
}

fn mount(directory: &TempDir, small: &str, megabytes: u32) -> anyhow::Result<SmallDisk> {
    SmallDisk::mount(&directory.path().join(small), megabytes)
}

fn stops_as_ever(_: &SmallDisk) -> String {
    "exec bin/notes stop".to_owned()
}

/// Nothing is set aside any more.
fn nothing_is_set_aside(world: &World) -> Outcome {
    let home = world.client.releases().parent().unwrap().to_owned();
    for directory in [world.client.state(), home] {
        for entry in std::fs::read_dir(&directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            assert!(!name.ends_with("reserve"), "{name} is left in {}", directory.display());
        }
    }
    Ok(())
}

#[test]
fn a_disk_that_fills_up_before_the_stop_stops_nothing() -> Outcome {
    let (mut world, disk) = world("client/var/lib/surefoot", 40, &stops_as_ever)?;
    let (fill, pid) = (disk.filling_all_but("filler", 4), world.client.ask("GET", "/pid", "")?);
    let edit = |checkout: &Path| {
        let path = checkout.join("publish.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + "\n[application.hooks.prepare]\nrun = [\"bin/build\"]\n").unwrap();
        write_script(checkout, "bin/build", &fill);
    };
    world.vendor.release("1.1.0", "Its build is greedy", Change { edit: Some(&edit), ..with_author() })?;

    let answer = world.client.surefoot(&["update"])?.says(6, "there is no room for the backup of the databases")?;

    let said = format!("{}{}", answer.out, answer.err);
    assert!(said.contains("has 4 MiB free") && said.contains("10 MiB are needed"), "both figures: {said}");
    assert_eq!(world.client.ask("GET", "/pid", "")?, pid, "the application must not have been stopped");
    assert_eq!(world.client.story()?, ["install 1.0.0 completed", "update 1.1.0 failed"]);
    nothing_is_set_aside(&world)?;
    world.serves("1.0.0", 3)
}

#[test]
fn a_disk_that_fills_up_at_the_stop_does_not_keep_the_backup_from_being_made() -> Outcome {
    let stop = |disk: &SmallDisk| format!("bin/notes stop\n{}\ntrue", disk.filling("filler"));
    let (mut world, disk) = world("client/var/lib/surefoot", 40, &stop)?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;

    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;

    assert!(disk.filled("filler") > 1 << 20, "the disk was filled");
    world.serves("1.1.0", 3)?;
    let held = world.client.backups()?.pop().unwrap();
    assert!(held["held"].to_string().contains("database main"), "{held}");
    nothing_is_set_aside(&world)
}

#[test]
fn a_disk_that_fills_up_during_the_migration_has_room_for_the_way_back() -> Outcome {
    let (mut world, disk) = world("srv", 150, &stops_as_ever)?;
    let script = format!("{}\nexit 1", disk.filling("filler"));
    let change = Change { script: Some(&script), ..with_author() };
    world.vendor.release("1.1.0", "Its migration is greedy", change)?;

    world.client.surefoot(&["update"])?.says(7, "1.0.0 runs again")?;

    assert!(disk.filled("filler") > 1 << 20, "the disk was filled");
    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    nothing_is_set_aside(&world)
}

#[test]
fn a_rollback_without_room_is_refused_before_the_stop() -> Outcome {
    let (mut world, disk) = world("client/var/lib/surefoot", 40, &stops_as_ever)?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    world.client.surefoot(&["update"])?.well()?;
    let pid = world.client.ask("GET", "/pid", "")?;
    disk.resize(2)?;

    world.client.surefoot(&["rollback", "--yes"])?.says(6, "there is no room")?;

    assert_eq!(world.client.ask("GET", "/pid", "")?, pid, "the application must not have been stopped");
    disk.resize(40)?;
    world.client.surefoot(&["rollback", "--yes"])?.says(0, "back on 1.0.0")?;
    nothing_is_set_aside(&world)?;
    world.serves("1.0.0", 3)
}
