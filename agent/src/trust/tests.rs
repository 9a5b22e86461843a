//! Cycles of the metadata against a source in memory, good and hostile.

mod bounds;
mod clock;

use std::panic::AssertUnwindSafe;

use jiff::SignedDuration;
use manifest_schema::tuf;

use super::*;
use crate::decide::Candidate;
use crate::exit::Exit;
use crate::fault::testing::{self, Fault};
use crate::update::tests::release::Release;
use crate::update::tests::repository::{Repository, custom, now};

/// A client and its vendor.
struct Pair {
    dir: tempfile::TempDir,
    settings: Settings,
    vendor: Repository,
    release: Release,
}

fn pair() -> Pair {
    let mut vendor = Repository::new();
    let release = Release::new("1.1.0", &[]);
    vendor.add_release(&release.manifest, &release.artifact);
    let (dir, settings) = super::testing::client(&vendor.first_root);
    Pair { dir, settings, vendor, release }
}

impl Pair {
    fn place(&self) -> PathBuf {
        self.dir.path().join("trust")
    }

    fn load(&self) -> Result<Trust, TrustError> {
        Trust::load(&self.settings, &self.place())
    }

    /// A cycle of an agent that has just started.
    fn cycle(&mut self) -> Result<Trust, TrustError> {
        self.cycle_at(now())
    }

    fn cycle_at(&mut self, time: Timestamp) -> Result<Trust, TrustError> {
        let mut trust = self.load()?;
        trust.refresh(&mut self.vendor.shelf, time)?;
        Ok(trust)
    }

    /// What a cycle asks for.
    fn asks(&mut self) -> Vec<String> {
        self.vendor.shelf.asked.clear();
        self.cycle().unwrap();
        self.vendor.shelf.asked.iter().map(|(name, _)| name.clone()).collect()
    }

    fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(self.place())
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_file())
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    }

    fn version(&self, role: RoleName) -> Option<u64> {
        self.load().unwrap().repository.known(role).map(|(version, _)| version)
    }

    fn served(&mut self, name: &str) -> &mut Vec<u8> {
        self.vendor.shelf.metadata.get_mut(name).unwrap()
    }

    fn tampered_manifest(&mut self) -> &mut Vec<u8> {
        let path = self.vendor.targets.iter().find(|(path, _)| path.file_name() == "manifest.json").unwrap();
        let hashed = path.0.hashed(&path.1.sha256);
        self.vendor.shelf.targets.get_mut(&hashed).unwrap()
    }
}

fn flip(bytes: &mut [u8], what: &str) {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let at = text.find(what).unwrap() + what.len();
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
}

fn the_release(trust: &Trust) -> Candidate {
    let releases = trust.releases();
    assert_eq!((releases.sound.len(), releases.refused.len()), (1, 0));
    releases.sound[0].clone()
}

#[test]
fn the_first_cycle_stores_what_it_verified_and_gives_the_release() {
    let mut pair = pair();
    let trust = pair.cycle().unwrap();
    let candidate = the_release(&trust);
    assert_eq!(candidate.custom.version.to_string(), "1.1.0");
    let names: Vec<String> = pair.stored().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["snapshot.json", "targets.json", "timestamp.json"]);
    let manifest = trust.manifest(&candidate, Some(&mut pair.vendor.shelf)).unwrap();
    assert_eq!(*manifest, pair.release.manifest);
    assert_eq!(*trust.manifest(&candidate, None).unwrap(), pair.release.manifest, "it is stored now");
    let artifact = (&manifest.artifacts[0]).into();
    let path = trust.artifact_path(&manifest.version, &artifact).unwrap();
    assert!(pair.vendor.shelf.targets.contains_key(&path), "{path}");
}

#[test]
fn where_nothing_is_new_only_the_timestamp_is_fetched() {
    let mut pair = pair();
    pair.cycle().unwrap();
    assert_eq!(pair.asks(), ["2.root.json", "timestamp.json"]);
    pair.vendor.publish();
    assert_eq!(pair.asks(), ["2.root.json", "timestamp.json", "3.snapshot.json", "3.targets.json"]);
}

#[test]
fn a_tampered_file_is_refused_and_does_not_stand_in_the_way() {
    for name in ["timestamp.json", "3.snapshot.json", "3.targets.json"] {
        for what in [r#""version":"#, r#""sig":""#] {
            let mut pair = pair();
            pair.cycle().unwrap();
            pair.vendor.publish();
            let good = pair.served(name).clone();
            flip(pair.served(name), what);
            let error = pair.cycle().err().unwrap();
            assert_eq!(error.exit(), Exit::NotTrusted, "{name}: {}", crate::exit::chain(&error));
            assert!(pair.stored().iter().all(|(_, bytes)| bytes != &pair.vendor.shelf.metadata[name]));
            *pair.served(name) = good;
            pair.cycle().unwrap();
            assert_eq!(pair.version(RoleName::Targets), Some(3));
        }
    }
}

#[test]
fn an_old_state_is_refused_however_well_it_is_signed() {
    let mut pair = pair();
    let old = pair.vendor.shelf.clone();
    pair.vendor.publish();
    pair.cycle().unwrap();
    let before = pair.stored();
    let new = std::mem::replace(&mut pair.vendor.shelf, old);
    let error = pair.cycle().err().unwrap();
    assert!(matches!(error, TrustError::Refused(tuf::Error::Rollback { role: RoleName::Timestamp, .. })), "{error:?}");
    assert_eq!(error.exit(), Exit::NotTrusted);
    assert_eq!(pair.stored(), before);
    pair.vendor.shelf = new;
    pair.cycle().unwrap();
}

#[test]
fn metadata_that_has_expired_is_stale_and_renewed_metadata_is_not() {
    let mut pair = pair();
    let later = now() + SignedDuration::from_hours(24 * 8);
    assert_eq!(pair.cycle_at(later).err().unwrap().exit(), Exit::Stale);
    assert!(pair.stored().is_empty(), "what is stale is not stored");
    pair.cycle().unwrap();
    assert_eq!(pair.cycle_at(later).err().unwrap().exit(), Exit::Stale);
    assert_eq!(pair.load().unwrap().resume(later).unwrap_err().exit(), Exit::Stale);
    pair.load().unwrap().resume(now()).unwrap();
    pair.vendor.expires = later + SignedDuration::from_hours(24);
    pair.vendor.publish();
    let trust = pair.cycle_at(later).unwrap();
    assert_eq!(trust.expires(), Some(pair.vendor.expires));
}

#[test]
fn a_source_that_changes_under_a_cycle_is_asked_again() {
    let mut pair = pair();
    for name in ["2.snapshot.json", "2.targets.json"] {
        pair.vendor.shelf.missing.insert(name.to_owned(), 1);
    }
    the_release(&pair.cycle().unwrap());
}

#[test]
fn a_source_that_lacks_a_file_for_good_is_no_source() {
    let mut pair = pair();
    pair.vendor.shelf.missing.insert("2.snapshot.json".to_owned(), u32::MAX);
    let error = pair.cycle().err().unwrap();
    assert!(matches!(&error, TrustError::Missing(name) if name == "2.snapshot.json"), "{error:?}");
    assert_eq!(error.exit(), Exit::Unreachable);
    assert_eq!(pair.vendor.shelf.asked.iter().filter(|(name, _)| name == "2.snapshot.json").count(), 4);
    pair.vendor.shelf.missing.clear();
    pair.cycle().unwrap();
}

#[test]
fn every_key_can_be_replaced_and_the_old_one_counts_for_nothing() {
    for role in RoleName::ALL {
        let mut pair = pair();
        pair.cycle().unwrap();
        let old = pair.vendor.shelf.metadata["timestamp.json"].clone();
        pair.vendor.rotate(role);
        pair.cycle().unwrap_or_else(|error| panic!("{role}: {}", crate::exit::chain(&error)));
        assert_eq!(pair.version(RoleName::Root), Some(2), "{role}");
        assert_eq!(pair.version(RoleName::Timestamp), Some(3), "{role}");
        // Another start, and another rotation on top of it.
        pair.vendor.rotate(role);
        pair.cycle().unwrap();
        assert_eq!(pair.version(RoleName::Root), Some(3), "{role}");
        *pair.served("timestamp.json") = old;
        assert_eq!(pair.cycle().err().unwrap().exit(), Exit::NotTrusted, "{role}");
    }
}

#[test]
fn a_client_that_slept_follows_all_roots_in_one_cycle() {
    let mut pair = pair();
    pair.cycle().unwrap();
    for role in [RoleName::Root, RoleName::Timestamp, RoleName::Root, RoleName::Targets, RoleName::Snapshot] {
        pair.vendor.rotate(role);
    }
    the_release(&pair.cycle().unwrap());
    assert_eq!(pair.version(RoleName::Root), Some(6));
}

#[test]
fn a_root_that_the_old_keys_did_not_sign_is_refused() {
    let mut pair = pair();
    let mut stranger = Repository::new();
    stranger.keys.insert(RoleName::Root, manifest_schema::tuf::SigningKey::from_seed([99; 32]));
    stranger.root.grant(RoleName::Root, stranger.keys[&RoleName::Root].public());
    stranger.root.version = 2;
    let root = manifest_schema::tuf::sign(&stranger.root, &[&stranger.keys[&RoleName::Root]]).unwrap();
    pair.vendor.shelf.metadata.insert("2.root.json".to_owned(), root);
    assert_eq!(pair.cycle().err().unwrap().exit(), Exit::NotTrusted);
    assert_eq!(pair.version(RoleName::Root), Some(1));
}

#[test]
fn a_crash_at_any_point_of_a_rotation_leaves_a_client_that_goes_on() {
    let rotated = || {
        let mut pair = pair();
        pair.cycle().unwrap();
        pair.vendor.rotate(RoleName::Timestamp);
        pair.vendor.rotate(RoleName::Root);
        pair
    };
    let mut whole = rotated();
    let (_, points) = testing::with(None, AssertUnwindSafe(|| whole.cycle().is_ok()));
    assert!(points > 20, "{points}");
    for point in 0..points {
        for fault in [Fault::Crash, Fault::Error] {
            let mut pair = rotated();
            let _ = testing::with(Some((point, fault)), AssertUnwindSafe(|| pair.cycle().is_ok()));
            let trust =
                pair.cycle().unwrap_or_else(|error| panic!("{fault:?} at {point}: {}", crate::exit::chain(&error)));
            the_release(&trust);
            assert_eq!(pair.stored(), whole.stored(), "{fault:?} at {point}");
        }
    }
}

#[test]
fn the_root_must_be_there_and_be_the_pinned_one() {
    let mut pair = pair();
    pair.settings.root_fingerprint = Some(Sha256::of(b"another"));
    assert_eq!(pair.load().err().unwrap().exit(), Exit::NotTrusted);
    pair.settings.root_fingerprint = Some(Sha256::of(&pair.vendor.first_root));
    pair.cycle().unwrap();
    durable::remove_file(&pair.settings.root).unwrap();
    assert_eq!(pair.load().err().unwrap().exit(), Exit::Configuration);
}

#[test]
fn a_stored_root_that_does_not_verify_is_never_replaced_by_the_first_one() {
    let mut pair = pair();
    pair.vendor.rotate(RoleName::Timestamp);
    pair.cycle().unwrap();
    let path = pair.place().join("root.json");
    let mut bytes = std::fs::read(&path).unwrap();
    flip(&mut bytes, r#""sig":""#);
    durable::write_atomic(&path, &bytes, 0o644).unwrap();
    assert_eq!(pair.cycle().err().unwrap().exit(), Exit::NotTrusted);
}

#[test]
fn stored_metadata_that_was_spoilt_is_fetched_again() {
    for name in ["timestamp.json", "snapshot.json", "targets.json"] {
        let mut pair = pair();
        pair.cycle().unwrap();
        durable::write_atomic(&pair.place().join(name), b"{}", 0o644).unwrap();
        the_release(&pair.cycle().unwrap());
    }
}

#[test]
fn a_manifest_is_what_was_signed_or_nothing() {
    let mut pair = pair();
    let trust = pair.cycle().unwrap();
    let candidate = the_release(&trust);
    let good = pair.tampered_manifest().clone();
    flip(pair.tampered_manifest(), r#""unpacked_size": "#);
    let error = trust.manifest(&candidate, Some(&mut pair.vendor.shelf)).unwrap_err();
    assert_eq!(error.exit(), Exit::NotTrusted);
    *pair.tampered_manifest() = good;
    trust.manifest(&candidate, Some(&mut pair.vendor.shelf)).unwrap();
    let stored = pair.place().join("manifests").join(format!("{}.json", candidate.manifest));
    durable::write_atomic(&stored, b"{}", 0o644).unwrap();
    assert!(trust.manifest(&candidate, None).is_err(), "never what is not signed");
}

#[test]
fn a_manifest_that_was_spoilt_on_the_disk_is_fetched_anew() {
    let mut pair = pair();
    let trust = pair.cycle().unwrap();
    let candidate = the_release(&trust);
    trust.manifest(&candidate, Some(&mut pair.vendor.shelf)).unwrap();
    let stored = pair.place().join("manifests").join(format!("{}.json", candidate.manifest));
    let good = std::fs::read(&stored).unwrap();
    for spoilt in [&b""[..], b"{", b"garbage", &good[..good.len() / 2], b"\0\0\0\0"] {
        durable::write_atomic(&stored, spoilt, 0o644).unwrap();
        trust.manifest(&candidate, Some(&mut pair.vendor.shelf)).unwrap();
        assert_eq!(std::fs::read(&stored).unwrap(), good);
    }
    durable::remove_file(&stored).unwrap();
    durable::make_dirs(&stored.join("something"), 0o755).unwrap();
    trust.manifest(&candidate, Some(&mut pair.vendor.shelf)).unwrap();
    assert_eq!(std::fs::read(&stored).unwrap(), good);
}

#[test]
fn cached_metadata_that_cannot_be_used_is_fetched_anew_and_said_so() {
    for name in ["timestamp.json", "snapshot.json", "targets.json"] {
        for spoilt in [None, Some(&b""[..]), Some(b"garbage"), Some(b"{\"signed\":{\"spec_version\":\"9.0.0\"}}")] {
            let mut pair = pair();
            pair.cycle().unwrap();
            let path = pair.place().join(name);
            let good = std::fs::read(&path).unwrap();
            match spoilt {
                Some(bytes) => durable::write_atomic(&path, bytes, 0o644).unwrap(),
                None => {
                    durable::remove_file(&path).unwrap();
                    durable::make_dirs(&path, 0o755).unwrap();
                }
            }
            assert!(!pair.load().unwrap().left_out().is_empty(), "{name} {spoilt:?}");
            the_release(&pair.cycle().unwrap());
            assert_eq!(std::fs::read(&path).unwrap(), good, "{name} {spoilt:?}");
            assert!(pair.load().unwrap().left_out().is_empty());
        }
    }
}

/// Publishes a release whose description in the metadata differs from its manifest.
fn contradicted(change: impl FnOnce(&mut manifest_schema::manifest::Manifest)) -> (Pair, Trust) {
    let mut pair = pair();
    let manifest = &pair.release.manifest;
    let mut described = manifest.clone();
    change(&mut described);
    let (bytes, description) = (manifest.write(), custom(&described));
    pair.vendor.add("v1.1.0/manifest.json", bytes, Some(description));
    pair.vendor.publish();
    let trust = pair.cycle().unwrap();
    (pair, trust)
}

#[test]
fn a_manifest_that_contradicts_what_is_signed_of_it_is_refused() {
    use manifest_schema::manifest::{Manifest, Severity};
    let changes: [fn(&mut Manifest); 4] = [
        |manifest| manifest.severity = Severity::Critical,
        |manifest| manifest.product = "other".parse().unwrap(),
        |manifest| manifest.minimum_version = Some("1.0.9".parse().unwrap()),
        |manifest| manifest.rollback_supported = false,
    ];
    for change in changes {
        let (mut pair, trust) = contradicted(change);
        let error = trust.manifest(&the_release(&trust), Some(&mut pair.vendor.shelf)).unwrap_err();
        assert!(matches!(error, TrustError::Contradiction { .. }), "{error:?}");
        assert_eq!(error.exit(), Exit::NotTrusted);
    }
    let (_, trust) = contradicted(|manifest| manifest.version = "1.2.0".parse().unwrap());
    let releases = trust.releases();
    assert_eq!(releases.sound.len(), 0);
    assert_eq!(releases.refused[0].name, "1.1.0", "as its path has it");
    assert_eq!(releases.refused[0].reason, "the metadata says that it is 1.2.0");
}
