//! Bad releases, each in its own way: everything is put back.

use std::path::Path;
use std::process::Stdio;

use surefoot_tests::notes::{Change, PATIENCE, World, wait};

use super::{Outcome, started_by, with_author, write_script};

#[test]
fn an_ill_release_goes_back_and_is_not_tried_again_unless_told() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "A mistake", Change { ill: true, ..with_author() })?;

    world.client.surefoot(&["update"])?.says(7, "1.1.0 failed and was rolled back, 1.0.0 runs again")?;
    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    assert_eq!(world.client.kept_releases()?, ["1.0.0"]);

    world.client.surefoot(&["update"])?.says(10, "1.1.0 failed here once")?;
    world.client.surefoot(&["update", "1.1.0"])?.says(10, "or now with 'surefoot update 1.1.0 --again'")?;
    world.serves("1.0.0", 3)?;
    assert_eq!(world.client.story()?, ["install 1.0.0 completed", "update 1.1.0 rolled_back"]);

    world.client.surefoot(&["update", "1.1.0", "--again"])?.says(7, "1.0.0 runs again")?;
    world.serves("1.0.0", 3)?;
    assert_eq!(world.client.story()?.len(), 3);
    Ok(())
}

#[test]
fn what_is_written_until_the_stop_is_there_after_a_rollback() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "A mistake", Change { ill: true, ..with_author() })?;
    let mut update = world.client.command(&["update"])?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut written = 3;
    // Until the application is stopped it takes notes; each that it says it has kept must be there in the end.
    while update.try_wait()?.is_none() {
        match world.client.version() {
            Ok(version) if version == "1.0.0" => written += u64::from(world.client.note("while it is updated").is_ok()),
            Ok(_) | Err(_) => break,
        }
    }
    update.wait()?;
    assert!(written > 3, "no note could be written before the stop");
    // The last one may have been kept although its answer was cut off.
    let found = world.client.notes()?;
    assert!(found == written || found == written + 1, "{written} notes were kept, {found} are there");
    assert_eq!(world.client.version()?, "1.0.0");
    Ok(())
}

#[test]
fn a_newer_release_goes_in_after_a_bad_one() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "A mistake", Change { ill: true, ..with_author() })?;
    world.client.surefoot(&["update"])?.says(7, "")?;
    world.vendor.release("1.1.1", "The mistake is mended", Change::default())?;

    world.client.surefoot(&["update"])?.says(0, "1.1.1 is installed")?;

    world.serves("1.1.1", 3)?;
    assert_eq!(world.columns()?, ["id", "text", "author"]);
    Ok(())
}

#[test]
fn a_migration_that_fails_halfway_leaves_nothing_of_itself() -> Outcome {
    let mut world = World::installed()?;
    let halfway = "alter table notes add column author text;\ndelete from notes;\nselect * from no_such_table;\n";
    let change = Change { migration: Some(halfway), migration_keys: "transaction = false", ..Change::default() };
    world.vendor.release("1.1.0", "It fails halfway", change)?;

    world.client.surefoot(&["update"])?.says(7, "no_such_table")?;

    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    Ok(())
}

#[test]
fn a_script_that_fails_after_a_good_migration_takes_it_back_too() -> Outcome {
    let mut world = World::installed()?;
    let change = Change { script: Some("echo the converter is out of ink >&2\nexit 3"), ..with_author() };
    world.vendor.release("1.1.0", "Its script fails", change)?;

    world.client.surefoot(&["update"])?.says(7, "out of ink")?;

    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    Ok(())
}

#[test]
fn a_service_that_does_not_start_is_no_update() -> Outcome {
    let mut world = World::installed()?;
    let edit = |checkout: &Path| started_by(checkout, "echo no such module >&2\nexit 1");
    world.vendor.release("1.1.0", "It does not start", Change { edit: Some(&edit), ..with_author() })?;

    world.client.surefoot(&["update"])?.says(7, "no such module")?;

    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    Ok(())
}

#[test]
fn a_process_of_the_old_release_that_survives_the_stop_is_noticed() -> Outcome {
    let mut world = World::new()?;
    // The first release leaves a second process behind that no stop ends; the next one takes that for its own. It ends
    // with the world, when its directory is gone.
    let lingers = "sh -c 'while [ -e VERSION ]; do sleep 0.2; done' & echo $! > data/linger.pid\nexec bin/notes start";
    let edit = |checkout: &Path| started_by(checkout, lingers);
    world.vendor.release("1.0.0", "Leaves something behind", Change { edit: Some(&edit), ..Change::default() })?;
    world.client.surefoot(&["install"])?.well()?;
    let edit = |checkout: &Path| write_script(checkout, "bin/start", "cp data/linger.pid data/notes.pid");
    world.vendor.release("1.1.0", "Takes it for its own", Change { edit: Some(&edit), ..Change::default() })?;

    world.client.surefoot(&["update"])?.says(7, "was running before")?;

    wait(PATIENCE, || world.client.version().is_ok_and(|version| version == "1.0.0"))
}

#[test]
fn a_release_that_dies_during_the_soak_goes_back() -> Outcome {
    let mut world = World::installed()?;
    let dies = |checkout: &Path| started_by(checkout, "bin/notes start\n(sleep 0.7; kill -9 $(cat data/notes.pid)) &");
    world.vendor.release("1.1.0", "Healthy at first, then dead", Change { edit: Some(&dies), ..with_author() })?;

    world.client.surefoot(&["update"])?.says(7, "healthy for")?;

    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    Ok(())
}

#[test]
fn a_failed_preparation_leaves_the_old_release_alone() -> Outcome {
    let mut world = World::installed()?;
    let edit = |checkout: &Path| {
        let path = checkout.join("publish.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            &path,
            text + "\n[application.hooks.prepare]\nrun = [\"sh\", \"-c\", \"echo no compiler >&2; exit 1\"]\n",
        )
        .unwrap();
    };
    let before = world.client.ask("GET", "/pid", "")?;
    world.vendor.release("1.1.0", "Cannot be built", Change { edit: Some(&edit), ..with_author() })?;

    world.client.surefoot(&["update"])?.says(6, "no compiler")?;

    world.serves("1.0.0", 3)?;
    assert_eq!(world.client.ask("GET", "/pid", "")?, before, "the application must not have been stopped");
    assert_eq!(world.client.kept_releases()?, ["1.0.0"]);
    assert_eq!(world.client.story()?, ["install 1.0.0 completed", "update 1.1.0 failed"]);
    Ok(())
}

#[test]
fn a_first_release_that_is_ill_is_removed_again() -> Outcome {
    let mut world = World::new()?;
    world.vendor.release("1.0.0", "A mistake", Change { ill: true, ..Change::default() })?;

    world.client.surefoot(&["install"])?.says(7, "was removed again")?;

    assert!(!world.client.directory().is_symlink(), "nothing must be installed");
    assert!(world.client.kept_releases()?.is_empty());
    world.vendor.release("1.0.1", "Mended", Change::default())?;
    world.client.surefoot(&["install"])?.well()?;
    world.serves("1.0.1", 0)
}
