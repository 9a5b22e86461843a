//! A key is lost: nobody has it any more.

use super::{Drill, Outcome};

#[test]
fn the_timestamp_key_is_lost() -> Outcome {
    let mut drill = Drill::new()?;
    drill.lose("timestamp")?;
    drill.refuses(drill.publish(&["refresh"]), "0 of 1 signatures");

    drill.keys(&["rotate", "timestamp"])?;
    drill.publish(&["refresh"])?;

    assert_eq!(drill.is_accepted()?["root"], 2);
    drill.goes_on("1.1.0")
}

#[test]
fn the_snapshot_key_is_lost() -> Outcome {
    let mut drill = Drill::new()?;
    drill.lose("snapshot")?;

    drill.keys(&["rotate", "snapshot"])?;
    drill.publish(&["refresh"])?;

    assert_eq!(drill.is_accepted()?["root"], 2);
    drill.goes_on("1.1.0")
}

#[test]
fn the_targets_key_is_lost() -> Outcome {
    let mut drill = Drill::new()?;
    drill.lose("targets")?;

    drill.keys(&["rotate", "targets"])?;
    drill.refuses(drill.publish(&["refresh"]), "the old ones' word: v1.0.0");
    drill.publish(&["refresh", "--sign-targets", "--yes"])?;

    assert_eq!(drill.is_accepted()?["targets"], 2);
    drill.goes_on("1.1.0")
}

#[test]
fn all_keys_but_the_root_key_are_lost() -> Outcome {
    let mut drill = Drill::new()?;
    ["targets", "snapshot", "timestamp"].iter().try_for_each(|role| drill.lose(role))?;

    drill.keys(&["rotate", "targets", "snapshot", "timestamp"])?;
    drill.publish(&["refresh", "--sign-targets", "--yes"])?;

    assert_eq!(drill.is_accepted()?["root"], 2);
    drill.goes_on("1.1.0")
}
