//! What is signed: JSON with one meaning, metadata of the four roles, manifests.

use std::sync::LazyLock;

use manifest_schema::canonical;
use manifest_schema::manifest::{Manifest, ReleaseCustom};
use manifest_schema::strict::{self, Value};
use manifest_schema::tuf::{
    Expiry, MetaFile, Partial, Role, RoleName, Root, SigningKey, Snapshot, Targets, Timestamp, TrustedRepository, sign,
};

use crate::decide::Candidate;
use crate::trust::releases_named_by;

/// Most bytes that are read.
const CAP: u64 = 1 << 20;

/// Any JSON: what is accepted is what serde_json reads, and its canonical form is its own canonical form.
pub fn json(bytes: &[u8]) -> bool {
    let Ok(document) = strict::parse_document(bytes, CAP) else {
        assert!(strict::parse(bytes, CAP).is_err(), "one line may hold what many lines may not");
        return false;
    };
    let other: serde_json::Value = serde_json::from_slice(bytes).expect("strict JSON is JSON");
    assert_eq!(serde_json::to_value(&document).expect("a value"), other, "it has two meanings");
    let Ok(value) = strict::parse(bytes, CAP) else { return true };
    let canonical = canonical::encode(&value);
    assert_eq!(strict::parse(&canonical, u64::MAX).expect("canonical JSON is strict JSON"), value);
    assert_eq!(canonical::to_canonical(&value).expect("a canonical form"), canonical);
    true
}

/// A manifest: what is accepted is the same when it is published and read again.
pub fn manifest(bytes: &[u8]) -> bool {
    let Ok(manifest) = Manifest::read(bytes) else { return false };
    let written = manifest.write();
    assert_eq!(Manifest::read(&written).expect("what is written can be read"), manifest);
    for file in &manifest.files {
        let path: &std::path::Path = file.path.as_ref();
        assert!(path.is_relative() && path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
        assert!(manifest.application.kept(&file.path).is_none(), "{} would overwrite what survives", file.path);
    }
    for artifact in &manifest.artifacts {
        let path = format!("{}/{}", manifest.version.tag(), artifact.name);
        path.parse::<manifest_schema::tuf::TargetPath>().expect("an artifact has a place in the repository");
    }
    let steps = &manifest.migration_steps;
    assert!(steps.iter().all(|step| manifest.files.iter().any(|file| file.path == step.file)));
    true
}

/// A vendor's repository: what was really signed, and by which keys.
struct Vendor {
    /// What its clients trust to begin with.
    trusted: TrustedRepository,
    keys: [SigningKey; 3],
    root: Root,
    /// The files, each as it is served.
    files: Vec<(RoleName, Vec<u8>)>,
}

fn expires() -> jiff::Timestamp {
    "2036-01-01T00:00:00Z".parse().expect("a time")
}

fn now() -> Expiry {
    Expiry::Enforce("2026-11-21T12:00:00Z".parse().expect("a time"))
}

/// Root and targets need two of three keys; snapshot and timestamp one.
static VENDOR: LazyLock<Vendor> = LazyLock::new(|| {
    let keys = [1, 2, 3].map(|number| SigningKey::from_seed([number; 32]));
    let mut root = Root::new(1, expires());
    for key in &keys {
        RoleName::ALL.iter().for_each(|role| root.grant(*role, key.public()));
    }
    root.root.threshold = 2;
    root.targets.threshold = 2;
    let two = [&keys[0], &keys[1]];
    let mut files = vec![(RoleName::Root, sign(&root, &two).expect("a root"))];
    files.push((RoleName::Root, sign(&Root { version: 2, ..root.clone() }, &two).expect("a root")));
    let targets = Targets { version: 1, expires: expires(), targets: std::collections::BTreeMap::new() };
    let targets_file = sign(&targets, &two).expect("targets");
    let snapshot = Snapshot::new(1, expires(), MetaFile::of(1, &targets_file));
    let snapshot_file = sign(&snapshot, &two[..1]).expect("a snapshot");
    let timestamp = timestamp(1, &snapshot_file);
    files.push((RoleName::Timestamp, sign(&timestamp, &two[..1]).expect("a timestamp")));
    files.push((RoleName::Snapshot, snapshot_file));
    files.push((RoleName::Targets, targets_file));
    let trusted = TrustedRepository::from_root(&files[0].1, None).expect("the vendor's root");
    Vendor { trusted, keys, root, files }
});

fn timestamp(snapshot_version: u64, snapshot: &[u8]) -> Timestamp {
    Timestamp { version: 1, expires: expires(), signed_at: None, snapshot: MetaFile::of(snapshot_version, snapshot) }
}

/// Metadata files as somebody serves them who has no key, one a line, roots first. Whatever is accepted says what the vendor
/// signed, however it is dressed.
pub fn metadata(bytes: &[u8]) -> bool {
    let vendor = &*VENDOR;
    let mut trusted = vendor.trusted.clone();
    let mut accepted = false;
    for line in bytes.split(|byte| *byte == b'\n') {
        let taken = [
            (RoleName::Root, trusted.update_root(line).is_ok()),
            (RoleName::Timestamp, trusted.update_timestamp(line, now()).is_ok()),
            (RoleName::Snapshot, trusted.update_snapshot(line, now()).is_ok()),
            (RoleName::Targets, trusted.update_targets(line, now()).is_ok()),
        ];
        for (role, _) in taken.into_iter().filter(|(_, taken)| *taken) {
            let genuine =
                |file: &&(RoleName, Vec<u8>)| file.0 == role && what_is_signed(&file.1) == what_is_signed(line);
            assert!(vendor.files.iter().any(|file| genuine(&file)), "nobody signed this {role}");
            accepted = true;
        }
    }
    accepted
}

fn what_is_signed(file: &[u8]) -> Option<Value> {
    let Value::Object(mut members) = strict::parse(file, CAP).ok()? else { return None };
    members.remove("signed")
}

/// Metadata that is signed by all who must, and says anything: the first line is the role, the rest what is signed.
pub fn signed(bytes: &[u8]) -> bool {
    let Some((role, content)) = bytes.iter().position(|byte| *byte == b'\n').map(|at| (&bytes[..at], &bytes[at + 1..]))
    else {
        return false;
    };
    let file = [br#"{"signatures":[],"signed":"#, content, b"}"].concat();
    let mut trusted = VENDOR.trusted.clone();
    match role {
        b"root" => sealed::<Root>(&file).is_some_and(|(root, file)| {
            let taken = trusted.update_root(&file).is_ok();
            assert!(!taken || **trusted.root() == root && root.version == VENDOR.root.version + 1);
            taken
        }),
        b"timestamp" => {
            sealed::<Timestamp>(&file).is_some_and(|(_, file)| trusted.update_timestamp(&file, now()).is_ok())
        }
        b"snapshot" => sealed::<Snapshot>(&file).is_some_and(|(it, file)| snapshot(&mut trusted, it.version, &file)),
        b"targets" => sealed::<Targets>(&file).is_some_and(|(it, file)| targets(&mut trusted, &it, &file)),
        _ => false,
    }
}

/// The metadata, and its file with the signatures of two keys. What was read is the same when it is written and read again.
fn sealed<R: Role + PartialEq + std::fmt::Debug>(file: &[u8]) -> Option<(R, Vec<u8>)> {
    let mut partial = Partial::<R>::read(file).ok()?;
    let metadata = partial.metadata().clone();
    assert!(metadata.version() >= 1);
    if let Ok(again) = Partial::new(metadata.clone()) {
        assert_eq!(*Partial::<R>::read(&again.file()).expect("what is written can be read").metadata(), metadata);
    }
    let [one, two, _] = &VENDOR.keys;
    [one, two].into_iter().for_each(|key| partial.sign(key).expect("a signature"));
    Some((metadata, partial.file()))
}

fn snapshot(trusted: &mut TrustedRepository, version: u64, file: &[u8]) -> bool {
    let above = sign(&timestamp(version, file), &[&VENDOR.keys[0]]).expect("a timestamp");
    trusted.update_timestamp(&above, now()).is_ok() && trusted.update_snapshot(file, now()).is_ok()
}

fn targets(trusted: &mut TrustedRepository, targets: &Targets, file: &[u8]) -> bool {
    let above = Snapshot::new(1, expires(), MetaFile::of(targets.version, file));
    let above = sign(&above, &[&VENDOR.keys[0]]).expect("a snapshot");
    let taken = snapshot(trusted, 1, &above) && trusted.update_targets(file, now()).is_ok();
    decided(targets);
    taken
}

/// What is said of releases: each is believed or refused, what is believed is the same when it is written and read again, and no
/// recall leads nowhere.
fn decided(targets: &Targets) {
    let releases = releases_named_by(targets);
    let named = targets.targets.keys().filter(|path| path.file_name() == "manifest.json").count();
    assert_eq!(releases.sound.len() + releases.refused.len(), named, "a release is neither believed nor refused");
    for Candidate { custom, .. } in &releases.sound {
        let written = serde_json::to_vec(custom).expect("it has text keys only");
        let again: ReleaseCustom = serde_json::from_slice(&written).expect("what is written can be read");
        assert_eq!(again, *custom);
        // The agent makes a path of the version that is named.
        let path = format!("{}/manifest.json", custom.version.tag());
        path.parse::<manifest_schema::tuf::TargetPath>().expect("a version makes a path");
        if let Some(rollout) = &custom.rollout {
            assert!(rollout.waves().windows(2).all(|pair| pair[0].start < pair[1].start));
            assert!(rollout.waves().iter().all(|wave| wave.percent.number() <= 100));
        }
        if let Some(recall) = &custom.recall {
            let goal = releases.sound.iter().find(|other| other.custom.version == *recall.to());
            assert!(goal.is_none_or(|goal| goal.custom.withdrawn.is_none()), "it leads to what is withdrawn");
        }
    }
}

/// Targets with all that a vendor can decide about a release.
#[cfg(test)]
fn decided_targets() -> Vec<u8> {
    let custom = |version: &str, more: serde_json::Value| {
        let mut custom = serde_json::json!({
            "product": "kkt", "version": version, "channels": ["stable"], "severity": "minor",
            "released_at": "2026-01-10T12:00:00Z", "rollback_supported": true, "database_migration": false,
        });
        custom.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::json!({
            "length": 1, "hashes": { "sha256": manifest_schema::digest::Sha256::of(version.as_bytes()) }, "custom": custom,
        })
    };
    let waves = serde_json::json!([
        { "start": "2026-12-01T03:00:00Z", "percent": 10 },
        { "start": "2026-12-02T03:00:00Z", "percent": 100 },
    ]);
    let rollout = serde_json::json!({ "salt": "kkt-v1.2.0", "waves": waves, "halted": true });
    let signed = serde_json::json!({
        "_type": "targets", "spec_version": "1.0.34", "version": 1, "expires": "2036-01-01T00:00:00Z",
        "targets": {
            "v1.0.5/manifest.json": custom("1.0.5", serde_json::json!({ "platforms": ["linux-x86_64"] })),
            "v1.1.0/manifest.json": custom("1.1.0", serde_json::json!({
                "withdrawn": "it loses notes", "recall": { "to": "1.0.5", "from": ["1.1.0"] },
            })),
            "v1.2.0/manifest.json": custom("1.2.0", serde_json::json!({
                "rollout": rollout, "security_floor": "1.0.5",
            })),
        },
    });
    let signed = strict::parse(signed.to_string().as_bytes(), CAP).expect("strict JSON");
    [b"targets\n".as_slice(), &canonical::encode(&signed)].concat()
}

/// The vendor's own files, to begin with.
#[cfg(test)]
pub(super) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let files = || VENDOR.files.iter().skip(1).map(|(_, file)| file.clone());
    let mut seeds = vec![("metadata", "good-repository", files().collect::<Vec<_>>().join(&b'\n'))];
    seeds.push(("signed", "good-decided-targets", decided_targets()));
    for (role, file) in &VENDOR.files[1..] {
        let signed = canonical::encode(&what_is_signed(file).expect("a metadata file"));
        let name = ["good-root", "good-targets", "good-snapshot", "good-timestamp"][*role as usize];
        seeds.push(("signed", name, [role.as_str().as_bytes(), b"\n", &signed].concat()));
        seeds.push(("json", name, file.clone()));
    }
    seeds
}
