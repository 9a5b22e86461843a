//! What the vendor decides about a release after it was published, and what a client makes of it that has seen it before.

use surefoot_tests::notes::refusal::{is_untouched, offered, then_it_goes_in};
use surefoot_tests::notes::{Change, Hand, World};

use super::Outcome;

/// `publish VERB …` where releases go, signed without a question.
fn publish(world: &World, arguments: &[&str]) -> anyhow::Result<String> {
    let to = world.vendor.releases().display().to_string();
    world.vendor.publish(&[arguments, &["--to", &to, "--yes"]].concat())
}

#[test]
fn a_release_withdrawn_after_the_client_has_seen_it_is_not_installed() -> Outcome {
    let world = offered()?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0 (minor) is available")?;
    let said = publish(&world, &["withdraw", "v1.1.0", "--reason", "it loses notes"])?;
    assert!(said.contains("withdrawn: nothing -> \"it loses notes\""), "what is signed is not shown: {said}");
    assert!(said.contains("says that v1.1.0 is withdrawn"), "{said}");
    world.client.surefoot(&["check"])?.says(0, "nothing new")?;
    for arguments in [&["update"][..], &["update", "1.1.0"], &["update", "1.1.0", "--again"]] {
        world.client.surefoot(arguments)?.says(10, "was withdrawn by the vendor: it loses notes")?;
    }
    is_untouched(&world)
}

#[test]
fn a_release_comes_with_its_wave_and_not_before() -> Outcome {
    let world = offered()?;
    for (wave, says) in [
        ("0%@2026-01-01T00:00:00Z", "is not released to this installation: so far its waves end at 0 %"),
        ("100%@2099-12-01T03:00:00Z", "it comes with the wave at 2099-12-01 03:00 UTC for 100 %"),
    ] {
        publish(&world, &["rollout", "v1.1.0", "--wave", wave])?;
        world.client.surefoot(&["update"])?.says(10, says)?;
        is_untouched(&world)?;
    }
    let place = std::fs::read_to_string(world.client.state().join("installation"))?;
    publish(
        &world,
        &["rollout", "v1.1.0", "--wave", "0%@2026-01-01T00:00:00Z", "--wave", "100%@2026-01-02T00:00:00Z"],
    )?;
    then_it_goes_in(&world)?;
    assert_eq!(std::fs::read_to_string(world.client.state().join("installation"))?, place, "the id is kept");
    Ok(())
}

#[test]
fn a_halted_rollout_reaches_nobody_more_until_it_is_resumed() -> Outcome {
    let world = offered()?;
    publish(&world, &["rollout", "v1.1.0", "--wave", "100%@2026-01-01T00:00:00Z", "--halt"])?;
    world.client.surefoot(&["update"])?.says(10, "is halted by the vendor: nobody more gets it for now")?;
    is_untouched(&world)?;
    publish(&world, &["rollout", "v1.1.0", "--resume"])?;
    then_it_goes_in(&world)
}

#[test]
fn who_names_a_release_does_not_wait_for_its_wave() -> Outcome {
    let world = offered()?;
    publish(&world, &["rollout", "v1.1.0", "--halt"])?;
    world.client.surefoot(&["update"])?.says(10, "name it to install it all the same")?;
    world.client.surefoot(&["update", "1.1.0"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}

#[test]
fn a_recall_to_a_newer_release_is_as_urgent_as_a_critical_one() -> Outcome {
    let world = offered()?;
    publish(&world, &["recall", "v1.0.0", "--instead", "v1.1.0"])?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0 is available and goes in by itself (recall of 1.0.0)")?;
    let words = world.client.surefoot(&["status"])?.well()?.out.replace('\n', " ");
    assert!(words.contains("RECALLED: the vendor says that 1.0.0 must not stay"), "{words}");
    then_it_goes_in(&world)?;
    let words = world.client.surefoot(&["status"])?.well()?.out;
    assert!(!words.contains("RECALLED"), "{words}");
    Ok(())
}

#[test]
fn a_recall_to_an_older_release_is_told_and_a_rollback_follows_it() -> Outcome {
    let world = offered()?;
    then_it_goes_in(&world)?;
    publish(&world, &["recall", "v1.1.0", "--instead", "v1.0.0"])?;
    world.client.surefoot(&["check"])?.says(0, "the vendor RECALLS 1.1.0 to 1.0.0")?;
    world.serves("1.1.0", 3)?;
    let words = world.client.surefoot(&["status"])?.well()?.out.replace("\n!!", "").replace('\n', " ");
    assert!(words.contains("RECALLED") && words.contains("goes back to it"), "{words}");
    world.client.surefoot(&["rollback", "--yes"])?.well()?;
    world.serves("1.0.0", 3)?;
    world
        .client
        .surefoot(&["update", "1.1.0", "--again"])?
        .says(10, "is recalled by the vendor: who has it goes to 1.0.0")?;
    world.serves("1.0.0", 3)
}

#[test]
fn a_promotion_brings_a_release_into_the_channel() -> Outcome {
    let mut world = World::installed()?;
    let beta = Change { arguments: &["--channel", "beta"], ..Change::default() };
    world.vendor.release("1.1.0", "Tried by some first", beta)?;
    world.client.surefoot(&["update"])?.says(10, "is not in the channel stable")?;
    publish(&world, &["promote", "v1.1.0", "--channel", "stable"])?;
    then_it_goes_in(&world)
}

#[test]
fn a_rollback_below_the_security_floor_says_so_first_and_status_afterwards() -> Outcome {
    let world = offered()?;
    then_it_goes_in(&world)?;
    world.vendor.forger(Hand::Vendor).targets(|signed| {
        signed["targets"]["v1.1.0/manifest.json"]["custom"]["security_floor"] = "1.1.0".into();
    })?;
    world.client.surefoot(&["check"])?.well()?;
    let cost = world.client.surefoot(&["rollback", "--dry-run"])?.well()?.out;
    assert!(cost.contains("SECURITY") && cost.contains("1.0.0 has a known hole"), "{cost}");
    world.client.surefoot(&["rollback", "--yes"])?.well()?;
    world.serves("1.0.0", 3)?;
    let words = world.client.surefoot(&["status"])?.well()?.out;
    assert!(words.contains("INSECURE: 1.0.0 has a known hole"), "{words}");
    Ok(())
}
