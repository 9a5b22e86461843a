//! The root keys: some of them lost or stolen, and as many as must sign.

use std::path::Path;

use manifest_schema::digest::Sha256;
use manifest_schema::tuf::RoleName;
use surefoot_tests::notes::Change;

use super::{Drill, Outcome};

/// Two of three root keys must sign; the client has followed.
fn two_of_three() -> anyhow::Result<Drill> {
    let drill = Drill::new()?;
    drill.keys(&["add", "root", "--threshold", "2"])?;
    drill.keys(&["add", "root"])?;
    drill.publish(&["refresh"])?;
    assert_eq!(drill.is_accepted()?["root"], 3);
    Ok(drill)
}

#[test]
fn one_of_three_root_keys_is_lost() -> Outcome {
    let mut drill = two_of_three()?;
    let lost = drill.key_of("root", 1)?;
    drill.lose("root")?;

    drill.keys(&["rotate", "root", "--old", &lost[..16]])?;
    drill.publish(&["refresh"])?;

    assert_eq!(drill.is_accepted()?["root"], 4);
    drill.goes_on("1.1.0")
}

#[test]
fn one_of_three_root_keys_is_stolen() -> Outcome {
    let mut drill = two_of_three()?;
    let thief = drill.world.vendor.robbed_of(&[RoleName::Root])?;
    let kept = drill.kept()?;
    thief.root()?;
    drill.is_refused()?;
    drill.put_back(&kept)?;

    let stolen = drill.key_of("root", 1)?;
    drill.keys(&["revoke", &stolen[..16]])?;
    drill.publish(&["refresh"])?;

    assert_eq!(drill.is_accepted()?["root"], 4);
    let kept = drill.kept()?;
    thief.root()?;
    drill.is_refused()?;
    drill.put_back(&kept)?;
    drill.goes_on("1.1.0")
}

#[test]
fn the_only_root_key_is_replaced_before_anyone_has_stolen_it() -> Outcome {
    let mut drill = Drill::new()?;
    let thief = drill.world.vendor.robbed_of(&[RoleName::Root])?;

    drill.keys(&["rotate", "root"])?;
    drill.publish(&["refresh"])?;

    assert_eq!(drill.is_accepted()?["root"], 2);
    let kept = drill.kept()?;
    thief.root()?;
    drill.is_refused()?;
    drill.put_back(&kept)?;
    drill.goes_on("1.1.0")
}

/// A vendor who begins anew: other keys, another root, the same place.
fn begins_anew(drill: &mut Drill) -> anyhow::Result<()> {
    let checkout = drill.world.vendor.checkout().to_owned();
    for old in ["keys", ".surefoot"] {
        std::fs::rename(checkout.join(old), drill.world.directory().join(old))?;
    }
    std::fs::remove_dir_all(drill.world.vendor.metadata())?;
    drill.world.vendor.publish(&["init", "--no-passphrase"])?;
    drill.world.vendor.release("1.1.0", "Signed with new keys", Change::default()).map(drop)
}

/// The client forgets the old chain and begins with this root.
fn reset(drill: &mut Drill, root: &Path, fingerprint: &str) -> Outcome {
    let file = root.to_str().expect("a path of ours is text");
    let verb = ["trust", "reset", "--root", file, "--fingerprint", fingerprint, "--yes"];
    drill.world.client.surefoot(&verb)?.says(0, "trusts root version 1 from now on").map(drop)
}

/// A vendor who begins anew is a stranger to the client, which serves on and follows once it was told.
fn is_led_to_another_root(drill: &mut Drill) -> Outcome {
    begins_anew(drill)?;

    drill.is_refused()?;
    drill.world.serves("1.0.0", 3)?;
    let root = drill.world.vendor.root();
    reset(drill, &root, &fingerprint(&root)?)?;
    drill.world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    drill.world.serves("1.1.0", 3)
}

fn fingerprint(root: &Path) -> anyhow::Result<String> {
    Ok(Sha256::of(&std::fs::read(root)?).to_string())
}

#[test]
fn the_root_threshold_is_lost_and_clients_are_given_a_new_root_by_hand() -> Outcome {
    let mut drill = Drill::new()?;
    drill.lose("root")?;
    drill.refuses(drill.keys(&["rotate", "root"]), "0 of 1 signatures");
    // What is signed goes on being refreshed meanwhile.
    drill.publish(&["refresh"])?;
    drill.is_accepted()?;

    is_led_to_another_root(&mut drill)
}

/// The vendor's own words count for nothing any more, until each client is told otherwise by hand.
#[test]
fn the_root_threshold_is_stolen_and_the_thief_is_the_vendor_until_the_reset() -> Outcome {
    let mut drill = Drill::new()?;
    let thief = drill.world.vendor.robbed_of(&[RoleName::Root])?;
    thief.root()?;
    drill.is_refused()?;
    drill.world.client.surefoot(&["trust", "show"])?.says(0, "root       2")?;

    is_led_to_another_root(&mut drill)
}
