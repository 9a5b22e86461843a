//! A key is stolen: somebody else signs with it as well, and can change what is served.

use manifest_schema::tuf::RoleName;

use super::{Drill, Outcome, USED_UP};

#[test]
fn the_timestamp_key_is_stolen_and_the_versions_are_used_up() -> Outcome {
    let mut drill = Drill::new()?;
    let thief = drill.world.vendor.robbed_of(&[RoleName::Timestamp])?;
    thief.timestamp(USED_UP)?;
    assert_eq!(drill.is_accepted()?["timestamp"], USED_UP, "the thief has the key: clients take it");
    drill.refuses(drill.publish(&["refresh"]), "publish keys rotate snapshot timestamp");

    drill.keys(&["rotate", "timestamp"])?;
    drill.publish(&["refresh"])?;

    assert!(drill.is_accepted()?["timestamp"].as_u64().unwrap() < 10, "clients do not go back to normal versions");
    let kept = drill.kept()?;
    thief.timestamp(USED_UP - 1)?;
    drill.is_refused()?;
    drill.put_back(&kept)?;
    drill.goes_on("1.1.0")
}

#[test]
fn the_snapshot_and_timestamp_keys_are_stolen_and_the_versions_are_used_up() -> Outcome {
    let mut drill = Drill::new()?;
    let thief = drill.world.vendor.robbed_of(&[RoleName::Snapshot, RoleName::Timestamp])?;
    thief.snapshot_and_timestamp(USED_UP)?;
    let versions = drill.is_accepted()?;
    assert_eq!((&versions["snapshot"], &versions["timestamp"]), (&USED_UP.into(), &USED_UP.into()));

    drill.keys(&["rotate", "snapshot", "timestamp"])?;
    drill.publish(&["refresh"])?;

    let versions = drill.is_accepted()?;
    assert!(versions["snapshot"].as_u64().unwrap() < 10 && versions["timestamp"].as_u64().unwrap() < 10, "{versions}");
    let kept = drill.kept()?;
    thief.snapshot_and_timestamp(20)?;
    drill.is_refused()?;
    drill.put_back(&kept)?;
    drill.goes_on("1.1.0")
}

/// Who has not seen the thief's metadata must not be worse off than who has.
#[test]
fn a_client_that_never_met_the_thief_goes_the_same_way() -> Outcome {
    let mut drill = Drill::new()?;
    let kept = drill.kept()?;
    let thief = drill.world.vendor.robbed_of(&[RoleName::Snapshot, RoleName::Timestamp])?;
    thief.snapshot_and_timestamp(USED_UP)?;
    drill.keys(&["rotate", "snapshot", "timestamp"])?;
    drill.publish(&["refresh"])?;
    let after = drill.kept()?;
    drill.put_back(&kept)?;
    drill.is_accepted()?;

    drill.put_back(&after)?;

    drill.is_accepted()?;
    drill.goes_on("1.1.0")
}

#[test]
fn the_snapshot_key_alone_is_stolen_and_names_nothing() -> Outcome {
    let mut drill = Drill::new()?;
    let thief = drill.world.vendor.robbed_of(&[RoleName::Snapshot])?;
    assert!(thief.snapshot_and_timestamp(20).is_err(), "it has no timestamp key");
    drill.is_accepted()?;

    drill.keys(&["rotate", "snapshot"])?;
    drill.publish(&["refresh"])?;

    drill.goes_on("1.1.0")
}

#[test]
fn the_keys_of_the_ci_are_stolen_and_a_release_is_made_with_them() -> Outcome {
    let mut drill = Drill::new()?;
    let stolen = [RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp];
    let thief = drill.world.vendor.robbed_of(&stolen)?;
    thief.release("v6.6.6")?;
    drill.world.client.surefoot(&["check"])?.says(0, "6.6.6")?;

    drill.keys(&["rotate", "targets", "snapshot", "timestamp"])?;
    drill.refuses(drill.publish(&["refresh"]), "the old ones' word: v1.0.0, v6.6.6");
    drill.publish(&["refresh", "--sign-targets", "--without", "v6.6.6", "--yes"])?;

    drill.is_accepted()?;
    let said = drill.world.client.surefoot(&["check"])?.says(0, "nothing new")?;
    assert!(!said.out.contains("6.6.6"), "{said:?}");
    let kept = drill.kept()?;
    thief.release("v7.7.7")?;
    drill.is_refused()?;
    drill.put_back(&kept)?;
    drill.goes_on("1.1.0")
}

/// The targets key says what a release is, but neither what is current nor for how long: without the other two it is not
/// heard.
#[test]
fn the_targets_key_alone_is_stolen_and_not_heard() -> Outcome {
    let mut drill = Drill::new()?;
    let kept = drill.kept()?;
    let thief = drill.world.vendor.robbed_of(&[RoleName::Targets])?;
    assert!(thief.release("v6.6.6").is_err(), "it has no snapshot key");
    drill.is_accepted()?;
    // What it left lying there is not taken up when other keys are replaced.
    drill.keys(&["rotate", "timestamp"])?;
    drill.refuses(drill.publish(&["refresh"]), "version 2 is signed as well, with v6.6.6");
    drill.put_back(&kept)?;

    drill.keys(&["rotate", "targets"])?;
    drill.publish(&["refresh", "--sign-targets", "--yes"])?;

    drill.goes_on("1.1.0")
}
