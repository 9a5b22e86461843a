//! What an update needs and does not find: the source, the artifact, the database, room.

use std::path::{Path, PathBuf};

use surefoot_tests::notes::{Change, SmallDisk, World};

use super::{Outcome, artifacts, good, is_remembered, is_untouched, refuses, then_it_goes_in, with_author, world};

#[test]
fn a_source_that_nobody_listens_at() -> Outcome {
    let world = world()?;
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    world.configure(&format!("http://{nobody}"), "")?;
    refuses(&world, &["update"], 4, "unreachable", &nobody.to_string())?;
    is_remembered(&world, "unreachable")?;
    good(&world)?;
    then_it_goes_in(&world)
}

#[test]
fn a_source_directory_that_does_not_exist() -> Outcome {
    let world = world()?;
    world.configure("/nowhere/at/all", "")?;
    refuses(&world, &["update"], 4, "unreachable", "")?;
    is_remembered(&world, "unreachable")?;
    good(&world)?;
    then_it_goes_in(&world)
}

#[test]
fn an_artifact_that_is_not_there() -> Outcome {
    let world = world()?;
    let kept = world.directory().join("kept");
    std::fs::create_dir(&kept)?;
    let files = artifacts(&world);
    let elsewhere = |file: &PathBuf| kept.join(file.file_name().unwrap());
    for file in &files {
        std::fs::rename(file, elsewhere(file))?;
    }
    refuses(&world, &["update"], 4, "unreachable", "does not exist")?;
    for file in &files {
        std::fs::rename(elsewhere(file), file)?;
    }
    then_it_goes_in(&world)
}

#[test]
fn a_database_that_cannot_be_read() -> Outcome {
    let world = world()?;
    let path = world.client.shared().join("data/notes.sqlite3");
    let kept = world.client.shared().join("data/kept");
    std::fs::rename(&path, &kept)?;
    std::fs::write(&path, "this is no database")?;
    let answer = world.client.surefoot(&["update"])?;
    std::fs::rename(&kept, &path)?;
    answer.says(6, "database main")?;
    is_untouched(&world)?;
    then_it_goes_in(&world)
}

#[test]
fn a_disk_without_room() -> Outcome {
    let directory = tempfile::Builder::new().prefix("surefoot-small-").tempdir()?;
    surefoot_tests::notes::open_to_all(directory.path())?;
    let disk = SmallDisk::mount(&directory.path().join("srv"), 40)?;
    let mut world = World::installed_below(directory)?;
    let bulky = |checkout: &Path| std::fs::write(checkout.join("bulk"), vec![0; 20 << 20]).unwrap();
    world.vendor.release("1.1.0", "It is large", Change { edit: Some(&bulky), ..with_author() })?;

    refuses(&world, &["update"], 6, "refused", "free")?;
    is_remembered(&world, "refused")?;
    disk.resize(200)?;
    then_it_goes_in(&world)
}
