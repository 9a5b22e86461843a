//! Bad input: a configuration with a mistake, a source that is not there, a source that lies. After each refusal the exit code
//! says which it was, the old version serves, nothing half-made lies about, and the next good cycle succeeds.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use surefoot_tests::notes::{Answer, Change, Vendor, World};

type Outcome = anyhow::Result<()>;

/// A world where 1.0.0 serves and 1.1.0 is published.
fn world() -> anyhow::Result<World> {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;
    Ok(world)
}

fn with_author() -> Change<'static> {
    Change { migration: Some("alter table notes add column author text;"), ..Change::default() }
}

/// What must hold after every refusal.
fn is_untouched(world: &World) -> Outcome {
    world.serves("1.0.0", 3)?;
    assert_eq!(world.columns()?, ["id", "text"]);
    assert_eq!(world.client.kept_releases()?, ["1.0.0"]);
    let half = world.client.fetched()?.into_iter().find(|name| name.ends_with(".pending"));
    assert_eq!(half, None, "an artifact that was refused is left over");
    assert!(!world.client.state().join("closed").exists(), "the door is left closed");
    Ok(())
}

/// The next good cycle.
fn then_it_goes_in(world: &World) -> Outcome {
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}

/// A refusal is one audit line, for whoever looks later.
fn is_remembered(world: &World, exit: &str) -> Outcome {
    let last: serde_json::Value =
        serde_json::from_slice(&std::fs::read(world.client.state().join("last-check.json"))?)?;
    assert_eq!(last["exit"], exit, "{last}");
    assert!(!last["message"].as_str().unwrap().is_empty());
    Ok(())
}

fn good(world: &World) -> Outcome {
    world.configure(world.source(), "")
}

/// A mistake in the configuration: nothing acts, `config check` finds it, and it is gone with the mistake.
fn is_found_in_the_configuration(more: &str, words: &str) -> Outcome {
    let world = world()?;
    world.configure(world.source(), more)?;
    for verb in [&["check"][..], &["update"], &["install"], &["rollback", "--yes"], &["config", "check"]] {
        world.client.surefoot(verb)?.says(3, words)?;
    }
    is_untouched(&world)?;
    good(&world)?;
    world.client.surefoot(&["config", "check"])?.says(0, "no problems")?;
    then_it_goes_in(&world)
}

#[test]
fn an_unknown_key() -> Outcome {
    is_found_in_the_configuration("[policy]\nautomatik = [\"minor\"]", "automatik")
}

#[test]
fn a_wrong_type() -> Outcome {
    is_found_in_the_configuration("keep_previous_days = \"seven\"", "keep_previous_days")
}

#[test]
fn a_severity_that_does_not_exist() -> Outcome {
    is_found_in_the_configuration("[policy]\nautomatic = [\"urgent\"]", "urgent")
}

#[test]
fn text_that_is_no_toml() -> Outcome {
    let world = world()?;
    std::fs::write(world.client.configuration(), "product = \"notes\ndirectory")?;
    for verb in [&["update"][..], &["config", "check"]] {
        world.client.surefoot(verb)?.says(3, "notes.toml")?;
    }
    is_untouched(&world)?;
    good(&world)?;
    then_it_goes_in(&world)
}

#[test]
fn a_file_that_nobody_reads() -> Outcome {
    let world = world()?;
    let stray = world.client.root().join("etc/surefoot/notes.toml.bak");
    std::fs::write(&stray, "")?;
    for verb in [&["update"][..], &["config", "check"]] {
        world.client.surefoot(verb)?.says(3, "notes.toml.bak")?;
    }
    is_untouched(&world)?;
    std::fs::remove_file(stray)?;
    then_it_goes_in(&world)
}

#[test]
fn two_instances_that_claim_one_directory() -> Outcome {
    let world = world()?;
    let other = world.client.root().join("etc/surefoot/other.toml");
    std::fs::copy(world.client.configuration(), &other)?;
    for verb in [&["update", "--instance", "notes"][..], &["config", "check"]] {
        world.client.surefoot(verb)?.says(3, "both claim")?;
    }
    is_untouched(&world)?;
    std::fs::remove_file(other)?;
    then_it_goes_in(&world)
}

#[test]
fn a_source_over_plain_http() -> Outcome {
    let world = world()?;
    world.configure("http://releases.example.com/notes", "")?;
    for verb in [&["update"][..], &["config", "check"]] {
        world.client.surefoot(verb)?.says(3, "not encrypted")?;
    }
    is_untouched(&world)?;
    good(&world)?;
    then_it_goes_in(&world)
}

#[test]
fn a_health_check_that_the_application_does_not_have() -> Outcome {
    let world = world()?;
    world.configure(world.source(), "[checks.wbe]\nurl = \"http://127.0.0.1:1/\"")?;
    world.client.surefoot(&["update"])?.says(3, "no health check wbe")?;
    is_untouched(&world)?;
    good(&world)?;
    then_it_goes_in(&world)
}

/// Before the first install the pinned root is all the trust there is.
fn fresh() -> anyhow::Result<World> {
    let mut world = World::new()?;
    world.vendor.release("1.0.0", "Notes can be kept", Change::default())?;
    Ok(world)
}

fn then_it_can_be_installed(world: &World) -> Outcome {
    assert!(!world.client.directory().is_symlink(), "nothing must be installed");
    good(world)?;
    world.client.surefoot(&["install"])?.well()?;
    world.serves("1.0.0", 0)
}

#[test]
fn a_missing_root() -> Outcome {
    let world = fresh()?;
    let root = world.client.root().join("etc/surefoot/notes.root.json");
    std::fs::rename(&root, world.directory().join("kept"))?;
    for verb in [&["check"][..], &["install"], &["config", "check"]] {
        world.client.surefoot(verb)?.says(3, "notes.root.json")?;
    }
    std::fs::copy(world.directory().join("kept"), &root)?;
    then_it_can_be_installed(&world)
}

#[test]
fn a_root_with_another_fingerprint() -> Outcome {
    let world = fresh()?;
    world.configure(world.source(), &format!("root_fingerprint = \"{}\"", "0".repeat(64)))?;
    world.client.surefoot(&["check"])?.says(5, "")?;
    world.client.surefoot(&["install"])?.says(5, "")?;
    let found = world.client.surefoot(&["config", "check"])?;
    assert_ne!(found.code, 0, "config check must compare the fingerprint: {found:?}");
    then_it_can_be_installed(&world)
}

#[test]
fn a_root_of_another_vendor() -> Outcome {
    let world = fresh()?;
    let other = world.directory().join("other");
    std::fs::create_dir(&other)?;
    let other = Vendor::new(&other)?;
    let root = world.client.root().join("etc/surefoot/notes.root.json");
    std::fs::copy(other.root(), &root)?;
    world.client.surefoot(&["install"])?.says(5, "")?;
    std::fs::copy(world.vendor.root(), &root)?;
    // What was never trusted is not stored: the right root works at once.
    then_it_can_be_installed(&world)
}

#[test]
fn a_source_of_another_product() -> Outcome {
    let world = fresh()?;
    let text = std::fs::read_to_string(world.client.configuration())?;
    std::fs::write(world.client.configuration(), text.replace("product = \"notes\"", "product = \"letters\""))?;
    world.client.surefoot(&["install"])?.says(10, "is a release of notes, not of letters")?;
    then_it_can_be_installed(&world)
}

#[test]
fn a_source_that_nobody_listens_at() -> Outcome {
    let world = world()?;
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    world.configure(&format!("http://{nobody}"), "")?;
    world.client.surefoot(&["update"])?.says(4, &nobody.to_string())?;
    is_untouched(&world)?;
    is_remembered(&world, "unreachable")?;
    good(&world)?;
    then_it_goes_in(&world)
}

#[test]
fn a_source_directory_that_does_not_exist() -> Outcome {
    let world = world()?;
    world.configure("/nowhere/at/all", "")?;
    world.client.surefoot(&["update"])?.says(4, "")?;
    is_untouched(&world)?;
    is_remembered(&world, "unreachable")?;
    good(&world)?;
    then_it_goes_in(&world)
}

/// The files that the source has of 1.1.0's artifact, under the agent's name and under people's.
fn artifacts(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.vendor.releases().join("targets/v1.1.0")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().contains(".tar.zst")).collect()
}

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
    world.client.surefoot(&["update"])?.says(5, "")?;
    is_untouched(&world)?;
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
    world.client.surefoot(&["update"])?.says(5, "")?;

    is_untouched(&world)?;
    truth();
    then_it_goes_in(&world)
}

#[test]
fn an_artifact_that_is_not_there() -> Outcome {
    let world = world()?;
    let kept = world.directory().join("kept");
    std::fs::create_dir(&kept)?;
    let files = artifacts(&world);
    let elsewhere = |file: &PathBuf| kept.join(file.file_name().unwrap());
    for file in &files {
        std::fs::rename(file, elsewhere(file))?;
    }
    world.client.surefoot(&["update"])?.says(4, "does not exist")?;
    is_untouched(&world)?;
    for file in &files {
        std::fs::rename(elsewhere(file), file)?;
    }
    then_it_goes_in(&world)
}

#[test]
fn expired_metadata() -> Outcome {
    let mut world = World::installed()?;
    let long_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 60);
    world.vendor.set_environment("SOURCE_DATE_EPOCH", long_ago.as_second().to_string());
    world.vendor.release("1.1.0", "Notes have an author", with_author())?;

    world.client.surefoot(&["update"])?.says(12, "expired")?;

    is_untouched(&world)?;
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
    world.client.surefoot(&["update"])?.says(5, words)?;
    is_untouched(&world)?;
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
fn a_database_that_cannot_be_read() -> Outcome {
    let world = world()?;
    let path = world.client.shared().join("data/notes.sqlite3");
    let kept = world.client.shared().join("data/kept");
    std::fs::rename(&path, &kept)?;
    std::fs::write(&path, "this is no database")?;
    let answer = world.client.surefoot(&["update"])?;
    std::fs::rename(&kept, &path)?;
    answer.says(6, "database main")?;
    is_untouched(&world)?;
    then_it_goes_in(&world)
}

/// A disk that is too small, where the application lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(place: &Path, megabytes: u32) -> Self {
        std::fs::create_dir_all(place).unwrap();
        mount(&["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=0755,uid=65534,gid=65534"), "none"], place);
        Self(place.to_owned())
    }

    fn resize(&self, megabytes: u32) {
        mount(&["-o", &format!("remount,size={megabytes}m")], &self.0);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        // The world could not remove its directory with the disk in it.
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn mount(arguments: &[&str], place: &Path) {
    let status = Command::new("mount").args(arguments).arg(place).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "a small disk can be mounted by root only: run this test as root"
    );
}

#[test]
fn a_disk_without_room() -> Outcome {
    let directory = tempfile::Builder::new().prefix("surefoot-small-").tempdir()?;
    surefoot_tests::notes::open_to_all(directory.path())?;
    let disk = SmallDisk::mount(&directory.path().join("srv"), 40);
    let mut world = World::installed_below(directory)?;
    let bulky = |checkout: &Path| std::fs::write(checkout.join("bulk"), vec![0; 20 << 20]).unwrap();
    world.vendor.release("1.1.0", "It is large", Change { edit: Some(&bulky), ..with_author() })?;

    world.client.surefoot(&["update"])?.says(6, "free")?;

    is_untouched(&world)?;
    is_remembered(&world, "refused")?;
    disk.resize(200);
    then_it_goes_in(&world)
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
