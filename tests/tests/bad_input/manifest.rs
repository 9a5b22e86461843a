//! Manifests that the vendor has signed and that still cannot be right, one after the other in one world.

use serde_json::{Value, json};
use surefoot_tests::notes::{Change, Hand};

use super::metadata::BYTES;
use super::{Outcome, is_refused, then_it_goes_in, world};

type Case = (&'static str, fn(&mut Value));

/// Each is a line of what was thought of; what is said must name what is wrong, or its place.
const CASES: &[Case] = &[
    ("version", |manifest| manifest["version"] = "v1.1.0".into()),
    ("version", |manifest| manifest["version"] = "01.1.0".into()),
    ("version", |manifest| manifest["version"] = "1.1.0+build".into()),
    ("version", |manifest| manifest["version"] = format!("1.1.0-{}", "a".repeat(10_000)).into()),
    ("disagree on its product", |manifest| manifest["product"] = "letters".into()),
    ("share one path", |manifest| again(manifest, |path| path.to_owned())),
    ("share one path", |manifest| again(manifest, str::to_uppercase)),
    ("survives an update", |manifest| again(manifest, |_| "data/notes.sqlite3".to_owned())),
    ("not allowed", |manifest| again(manifest, |_| "/etc/passwd".to_owned())),
    ("not allowed", |manifest| again(manifest, |_| "a//b".to_owned())),
    ("not allowed", |manifest| again(manifest, |_| "a\\b".to_owned())),
    ("not allowed", |manifest| again(manifest, |_| "a".repeat(300))),
    ("below a file", |manifest| again(manifest, |path| format!("{path}/below"))),
    ("", |manifest| manifest["files"][0]["mode"] = "4755".into()),
    ("", |manifest| manifest["files"][0]["size"] = (-1).into()),
    ("add up", |manifest| manifest["unpacked_size"] = 1.into()),
    ("", |manifest| manifest["files"][0]["sha256"] = "0".repeat(63).into()),
    ("", |manifest| manifest["files"][0]["sha256"] = "A".repeat(64).into()),
    ("no artifact", |manifest| manifest["artifacts"] = json!([])),
    ("", |manifest| manifest["artifacts"][0]["format"] = "zip".into()),
    ("schema", |manifest| manifest["schema"] = 2.into()),
];

/// Lists the first file once more, under another path.
fn again(manifest: &mut Value, path: impl FnOnce(&str) -> String) {
    let mut file = manifest["files"][0].clone();
    file["path"] = path(file["path"].as_str().unwrap()).into();
    let size = file["size"].as_u64().unwrap() + manifest["unpacked_size"].as_u64().unwrap();
    manifest["files"].as_array_mut().unwrap().push(file);
    manifest["unpacked_size"] = size.into();
}

#[test]
fn signed_manifests_that_cannot_be_right() -> Outcome {
    let mut world = world()?;
    let mut good = Value::Null;
    world.vendor.resign("1.1.0", |manifest| good = manifest.clone())?;
    for (number, (words, change)) in CASES.iter().enumerate() {
        world.vendor.resign("1.1.0", |manifest| {
            *manifest = good.clone();
            change(manifest);
        })?;
        is_refused(&world, words).map_err(|error| error.context(format!("case {number}")))?;
    }
    world.vendor.release("1.1.1", "Mended", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.1.1 is installed")?;
    world.serves("1.1.1", 3)
}

#[test]
fn signed_manifests_that_are_no_json() -> Outcome {
    let world = world()?;
    let forger = world.vendor.forger(Hand::Vendor);
    let good = forger.read("v1.1.0/manifest.json")?;
    for (name, change) in BYTES {
        forger.target("v1.1.0/manifest.json", &change(good.clone()), |_| {})?;
        is_refused(&world, "manifest").map_err(|error| error.context(*name))?;
    }
    forger.target("v1.1.0/manifest.json", &good, |_| {})?;
    then_it_goes_in(&world)
}
