//! What the vendor decides about a release, signed with the vendor's own keys and still not right: the release is refused by
//! itself, and nothing is installed on its account.

use serde_json::{Value, json};
use surefoot_tests::notes::{Change, Hand, World};

use super::{Outcome, is_refused, is_untouched, refuses, then_it_goes_in, world};

/// Signs anew what is said of a release.
fn says(world: &World, version: &str, change: impl FnOnce(&mut Value)) -> Outcome {
    let path = format!("v{version}/manifest.json");
    world.vendor.forger(Hand::Vendor).targets(|signed| change(&mut signed["targets"][&path]["custom"]))
}

/// A world where this is said of 1.1.0, and what was said of it before.
fn world_with(member: &str, value: Value) -> anyhow::Result<(World, Value)> {
    let world = world()?;
    let mut before = Value::Null;
    says(&world, "1.1.0", |custom| {
        before = custom.clone();
        custom[member] = value;
    })?;
    Ok((world, before))
}

/// 1.1.0 is refused with this member, in these words, and goes in when it is mended.
fn is_refused_with(member: &str, value: Value, words: &str) -> Outcome {
    let (world, before) = world_with(member, value)?;
    is_refused(&world, words)?;
    world.client.surefoot(&["check"])?.says(5, words)?;
    world.client.surefoot(&["update", "1.1.0"])?.says(5, words)?;
    world.client.surefoot(&["approve", "1.1.0"])?.says(5, words)?;
    is_untouched(&world)?;
    says(&world, "1.1.0", |custom| *custom = before)?;
    then_it_goes_in(&world)
}

fn rollout(percent: Value) -> Value {
    json!({ "salt": "notes-v1.1.0", "waves": [{ "start": "2026-01-01T00:00:00Z", "percent": percent }] })
}

fn is_refused_with_a_rollout_of(percent: Value) -> Outcome {
    is_refused_with("rollout", rollout(percent), "expected per cent as a whole number from 0 to 100")
}

#[test]
fn a_rollout_of_minus_one() -> Outcome {
    is_refused_with_a_rollout_of((-1).into())
}

#[test]
fn a_rollout_of_101() -> Outcome {
    is_refused_with_a_rollout_of(101.into())
}

#[test]
fn a_rollout_of_nan() -> Outcome {
    is_refused_with_a_rollout_of("NaN".into())
}

#[test]
fn a_rollout_of_text() -> Outcome {
    is_refused_with("rollout", "everybody".into(), "expected a rollout")
}

#[test]
fn a_rollout_without_waves() -> Outcome {
    is_refused_with("rollout", json!({ "salt": "notes-v1.1.0", "waves": [] }), "has 0 waves")
}

#[test]
fn a_rollout_whose_shares_shrink() -> Outcome {
    let waves = json!([
        { "start": "2026-01-01T00:00:00Z", "percent": 100 },
        { "start": "2026-01-02T00:00:00Z", "percent": 10 },
    ]);
    is_refused_with("rollout", json!({ "salt": "s", "waves": waves }), "less than the one before it")
}

#[test]
fn a_recall_to_an_unknown_version() -> Outcome {
    is_refused_with("recall", json!({ "from": ["1.0.0"], "to": "9.9.9" }), "to 9.9.9, and there is no such release")
}

#[test]
fn a_recall_to_itself() -> Outcome {
    is_refused_with("recall", json!({ "from": ["1.0.0", "1.1.0"], "to": "1.1.0" }), "1.1.0 is recalled to itself")
}

#[test]
fn a_recall_to_a_withdrawn_version() -> Outcome {
    let mut world = world()?;
    says(&world, "1.1.0", |custom| custom["withdrawn"] = "it loses notes".into())?;
    world.vendor.release("1.2.0", "A remedy", Change::default())?;
    says(&world, "1.2.0", |custom| custom["recall"] = json!({ "from": ["1.0.0"], "to": "1.1.0" }))?;
    is_refused(&world, "1.2.0 is refused: it recalls to 1.1.0, which is withdrawn itself")?;
    says(&world, "1.2.0", |custom| drop(custom.as_object_mut().unwrap().remove("recall")))?;
    world.client.surefoot(&["update"])?.says(0, "1.2.0 is installed")?;
    world.serves("1.2.0", 3)
}

#[test]
fn a_version_that_is_not_its_paths() -> Outcome {
    is_refused_with("version", "1.2.0".into(), "1.1.0 is refused: the metadata says that it is 1.2.0")
}

/// 1.1.0 is a good release, and not for this machine, as it is said in these words.
fn is_for_others(member: &str, value: Value, words: &str) -> Outcome {
    let (world, before) = world_with(member, value)?;
    refuses(&world, &["update"], 10, "not_found", words)?;
    says(&world, "1.1.0", |custom| *custom = before)?;
    then_it_goes_in(&world)
}

#[test]
fn another_platform() -> Outcome {
    is_for_others("platforms", json!(["linux-riscv64"]), "is for linux-riscv64, and this machine is linux-")
}

#[test]
fn another_product() -> Outcome {
    is_for_others("product", "letters".into(), "is a release of letters, not of notes")
}

#[test]
fn another_channel() -> Outcome {
    is_for_others("channels", json!(["beta"]), "is not in the channel stable")
}

#[test]
fn no_platform_at_all() -> Outcome {
    is_refused_with("platforms", json!([]), "leave it out for all of them")
}

/// The remedy must get through.
#[test]
fn a_release_that_is_refused_stops_no_other() -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.0.1", "A remedy", Change::default())?;
    world.vendor.release("1.1.0", "Wrongly described", Change::default())?;
    says(&world, "1.1.0", |custom| custom["rollout"] = rollout(101.into()))?;
    let said = world.client.surefoot(&["update"])?.says(0, "1.0.1 is installed")?;
    world.serves("1.0.1", 3)?;
    assert!(!said.err.contains("1.1.0 is installed"), "{said:?}");
    world.client.surefoot(&["update"])?.says(5, "1.1.0 is refused")?;
    world.serves("1.0.1", 3)
}
