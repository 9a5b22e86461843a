//! A health check that fails before an update is not held against the release.

use std::path::Path;

use surefoot_tests::notes::{Change, PATIENCE, World, wait};

use super::{Outcome, started_by, with_author};

/// A check that is well as long as there is no file of this name.
const MAIL: &str = "\n[[application.health.checks]]\nname = \"mail\"\ntype = \"command\"\n\
                    run = [\"sh\", \"-c\", \"test ! -e data/broken\"]\n";

/// A world where the check `mail` is known, and fails if it is told to.
fn with_mail(broken: bool) -> anyhow::Result<World> {
    let mut world = World::new()?;
    world.vendor.configure(MAIL)?;
    world.vendor.release("1.0.0", "Notes can be kept", Change::default())?;
    world.client.surefoot(&["install"])?.well()?;
    if broken {
        world.client.leave("data/broken", "")?;
    }
    Ok(world)
}

/// From this release on, mail works for a moment after the start and then no more.
fn mends_and_breaks(checkout: &Path) {
    started_by(checkout, "rm -f data/broken\nbin/notes start\n(sleep 0.5; touch data/broken) &");
}

#[test]
fn a_check_that_failed_before_is_not_held_against_the_release_even_if_it_recovers_and_falls_again() -> Outcome {
    let mut world = with_mail(true)?;
    world.vendor.release("1.1.0", "Mail is tried", Change { edit: Some(&mends_and_breaks), ..with_author() })?;

    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;

    world.serves("1.1.0", 0)?;
    wait(PATIENCE, || world.client.shared().join("data/broken").exists())?;
    let log = world.client.surefoot(&["log"])?.well()?;
    assert!(log.out.contains("failing before already, and not held against it: mail"), "{}", log.out);
    Ok(())
}

#[test]
fn the_same_check_fails_a_release_that_broke_it() -> Outcome {
    let mut world = with_mail(false)?;
    let breaks = |checkout: &Path| started_by(checkout, "touch data/broken\nbin/notes start");
    world.vendor.release("1.1.0", "Mail is broken", Change { edit: Some(&breaks), ..with_author() })?;

    world.client.surefoot(&["update"])?.says(7, "mail: ")?;

    let row = &world.client.history()?[1];
    assert_eq!((&row["status"], &row["blame"]), (&"rolled_back".into(), &"release".into()), "{row:#}");
    world.client.surefoot(&["history"])?.says(0, "the release's fault: not healthy within")?;
    Ok(())
}
