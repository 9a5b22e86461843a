//! More than one must sign: one thief is not enough.

use manifest_schema::tuf::RoleName;

use super::{Drill, Outcome};

#[test]
fn of_two_targets_keys_that_must_sign_one_is_stolen_with_the_keys_of_the_ci() -> Outcome {
    let mut drill = Drill::new()?;
    let stolen = drill.key_of("targets", 1)?;
    drill.keys(&["add", "targets", "--threshold", "2"])?;
    drill.publish(&["refresh", "--sign-targets", "--yes"])?;
    drill.is_accepted()?;
    let thief = drill.world.vendor.robbed_of(&[RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp])?;
    let kept = drill.kept()?;

    thief.release("v6.6.6")?;

    drill.is_refused()?;
    drill.put_back(&kept)?;
    drill.keys(&["rotate", "targets", "snapshot", "timestamp", "--old", &stolen[..16]])?;
    drill.publish(&["refresh", "--sign-targets", "--yes"])?;
    drill.is_accepted()?;
    drill.goes_on("1.1.0")
}

#[test]
fn thresholds_go_up_and_down_and_clients_follow() -> Outcome {
    let mut drill = Drill::new()?;
    for role in ["root", "targets", "snapshot", "timestamp"] {
        drill.keys(&["add", role, "--threshold", "2"])?;
    }
    drill.publish(&["refresh", "--sign-targets", "--yes"])?;
    assert_eq!(drill.is_accepted()?["root"], 5);
    drill.goes_on("1.1.0")?;
    for role in ["timestamp", "snapshot", "targets", "root"] {
        let first = drill.key_of(role, 1)?;
        drill.keys(&["revoke", &first, "--threshold", "1"])?;
    }
    drill.publish(&["refresh", "--sign-targets", "--yes"])?;
    assert_eq!(drill.is_accepted()?["root"], 9);
    drill.goes_on("1.2.0")
}
