//! Migrations that do their work and say otherwise, never end, or never stop talking.

use std::path::Path;

use surefoot_tests::notes::{Change, World};

use super::{Outcome, with_author};

/// The next release, mended.
fn then_the_mended_one_goes_in(world: &mut World) -> Outcome {
    let quiet = |checkout: &Path| std::fs::write(checkout.join("migrations/1_1_0.command"), "#!/bin/sh\n").unwrap();
    world.vendor.release("1.1.1", "Mended", Change { edit: Some(&quiet), ..Change::default() })?;
    world.client.surefoot(&["update"])?.says(0, "1.1.1 is installed")?;
    world.serves("1.1.1", 3)
}

#[test]
fn a_migration_that_succeeds_and_exits_1() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Says it failed", Change { script: Some("exit 1"), ..with_author() })?;

    world.client.surefoot(&["update"])?.says(7, "1.1.0 failed")?;

    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"], "what it did is not kept");
    then_the_mended_one_goes_in(&mut world)
}

#[test]
fn a_migration_that_hangs() -> Outcome {
    let mut world = World::installed()?;
    let limit = |checkout: &Path| {
        let settings = std::fs::read_to_string(checkout.join("publish.toml")).unwrap();
        let limited = settings.replace("type = \"command\"\n", "type = \"command\"\ntimeout_seconds = 1\n");
        assert_ne!(limited, settings);
        std::fs::write(checkout.join("publish.toml"), limited).unwrap();
    };
    let change = Change { script: Some("echo half of it is done\nsleep 1000"), edit: Some(&limit), ..with_author() };
    world.vendor.release("1.1.0", "Hangs", change)?;

    world.client.surefoot(&["update"])?.says(7, "did not end within")?;

    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    world.client.surefoot(&["log"])?.says(0, "half of it is done")?;
    then_the_mended_one_goes_in(&mut world)
}

#[test]
fn a_migration_that_prints_a_gigabyte() -> Outcome {
    let mut world = World::installed()?;
    let script = "head -c 1G /dev/zero | tr '\\0' x\necho this is the end";
    world.vendor.release("1.1.0", "Talks", Change { script: Some(script), ..with_author() })?;

    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;

    world.serves("1.1.0", 3)?;
    let log = world.client.surefoot(&["log", "--json"])?.says(0, "this is the end")?;
    assert!(log.out.len() < 256 * 1024, "{} bytes of it are kept", log.out.len());
    Ok(())
}
