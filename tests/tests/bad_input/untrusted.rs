//! A source that lies, and a vendor who signs what cannot be right.

use std::path::{Path, PathBuf};

use surefoot_tests::notes::{Answer, Change, World};

use super::{Outcome, artifacts, is_refused, is_remembered, refuses, then_it_goes_in, with_author, world};

/// Lets the source lie: `files` get other content until they are what they were.
fn lies<F: Fn(Vec<u8>) -> Vec<u8>>(files: &[PathBuf], change: F) -> impl FnOnce() + use<F> {
    let kept: Vec<(PathBuf, Vec<u8>)> = files.iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect();
    assert!(!kept.is_empty(), "nothing to tamper with");
    for (file, bytes) in &kept {
        replace(file, &change(bytes.clone()));
    }
    move || kept.iter().for_each(|(file, bytes)| replace(file, bytes))
}

/// A new file under the name, as a hard link of it may have another meaning.
fn replace(file: &Path, bytes: &[u8]) {
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, bytes).unwrap();
}

fn one_bit(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}

fn is_refused_as_untrusted(files: impl Fn(&World) -> Vec<PathBuf>, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Outcome {
    let world = world()?;
    let truth = lies(&files(&world), change);
    is_refused(&world, "")?;
    truth();
    then_it_goes_in(&world)
}

fn metadata(role: &str) -> impl Fn(&World) -> Vec<PathBuf> {
    move |world| {
        let entries = std::fs::read_dir(world.vendor.metadata()).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.to_string_lossy().contains(role));
        paths
    }
}

fn manifest(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.vendor.releases().join("targets/v1.1.0")).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with("manifest.json"))
        .collect()
}

#[test]
fn a_bit_flipped_in_the_artifact() -> Outcome {
    is_refused_as_untrusted(artifacts, one_bit)
}

#[test]
fn an_artifact_that_is_cut_short() -> Outcome {
    is_refused_as_untrusted(artifacts, |bytes| bytes[..bytes.len() / 2].to_vec())
}

#[test]
fn an_artifact_with_more_behind_it() -> Outcome {
    is_refused_as_untrusted(artifacts, |bytes| [bytes, b"and more".to_vec()].concat())
}

#[test]
fn a_bit_flipped_in_the_manifest() -> Outcome {
    is_refused_as_untrusted(manifest, one_bit)
}

#[test]
fn a_bit_flipped_in_the_timestamp() -> Outcome {
    is_refused_as_untrusted(metadata("timestamp"), one_bit)
}

#[test]
fn a_bit_flipped_in_the_snapshot() -> Outcome {
    is_refused_as_untrusted(metadata("snapshot"), one_bit)
}

#[test]
fn a_bit_flipped_in_the_targets() -> Outcome {
    is_refused_as_untrusted(metadata("targets"), one_bit)
}

#[test]
fn metadata_that_nobody_signed() -> Outcome {
    is_refused_as_untrusted(metadata("timestamp"), |bytes| {
        let mut document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        document["signatures"] = serde_json::json!([]);
        serde_json::to_vec(&document).unwrap()
    })
}

#[test]
fn metadata_that_is_no_metadata() -> Outcome {
    is_refused_as_untrusted(metadata("timestamp"), |_| b"<html>We will be back soon</html>".to_vec())
}

#[test]
fn metadata_that_the_client_has_seen_newer() -> Outcome {
    let mut world = World::installed()?;
    let timestamp = metadata("timestamp")(&world);
    let old = std::fs::read(&timestamp[0])?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    let truth = lies(&timestamp, |_| old.clone());

    world.client.surefoot(&["check"])?.says(5, "")?;
    is_refused(&world, "")?;
    truth();
    then_it_goes_in(&world)
}

#[test]
fn expired_metadata() -> Outcome {
    let mut world = World::installed()?;
    let long_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 60);
    world.vendor.set_environment("SOURCE_DATE_EPOCH", long_ago.as_second().to_string());
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;

    refuses(&world, &["update"], 12, "stale", "expired")?;

    is_remembered(&world, "stale")?;
    world.vendor.set_environment("SOURCE_DATE_EPOCH", jiff::Timestamp::now().as_second().to_string());
    world.vendor.release("1.1.1", "The metadata is renewed", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.1.1 is installed")?;
    world.serves("1.1.1", 3)
}

/// A manifest that is signed and still cannot be right.
fn is_refused_although_signed(change: impl FnOnce(&mut serde_json::Value), words: &str) -> Outcome {
    let mut world = world()?;
    world.vendor.resign("1.1.0", change)?;
    is_refused(&world, words)?;
    world.vendor.release("1.1.1", "Mended", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.1.1 is installed")?;
    world.serves("1.1.1", 3)
}

#[test]
fn a_type_of_migration_that_does_not_exist() -> Outcome {
    is_refused_although_signed(|manifest| manifest["migration_steps"][1]["type"] = "alembic".into(), "alembic")
}

#[test]
fn a_migration_that_is_not_in_the_release() -> Outcome {
    is_refused_although_signed(
        |manifest| manifest["migration_steps"][1]["file"] = "migrations/other.sql".into(),
        "migrations/other.sql",
    )
}

#[test]
fn a_health_check_that_the_agent_does_not_know() -> Outcome {
    is_refused_although_signed(
        |manifest| manifest["application"]["health"]["checks"][0]["type"] = "smell".into(),
        "smell",
    )
}

#[test]
fn a_file_outside_of_the_release() -> Outcome {
    is_refused_although_signed(|manifest| manifest["files"][0]["path"] = "../evil".into(), "../evil")
}

#[test]
fn a_manifest_of_another_version_than_its_name() -> Outcome {
    is_refused_although_signed(|manifest| manifest["version"] = "1.2.0".into(), "")
}

#[test]
fn every_refusal_says_something_to_a_person() -> Outcome {
    let world = world()?;
    let truth = lies(&metadata("timestamp")(&world), one_bit);
    let Answer { err, .. } = world.client.surefoot(&["update"])?;
    truth();
    assert!(err.starts_with("surefoot: ") && err.contains("timestamp"), "{err}");
    Ok(())
}
