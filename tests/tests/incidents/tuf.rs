//! What libraries of The Update Framework got wrong.

use manifest_schema::tuf::TargetPath;
use serde_json::json;
use surefoot_tests::notes::{Change, Forger, Hand};

use super::{Kept, Outcome, is_refused, is_untouched, then_it_goes_in, world};

/// tough counted the signatures of a role and not the keys that made them: one key was enough for any threshold
/// (CVE-2020-15093). Here two keys must sign the timestamp, and one of them signs twice, also under another key's name.
#[test]
fn tough_cve_2020_15093_one_key_signs_twice() -> Outcome {
    let world = world()?;
    world.vendor.publish(&["keys", "add", "timestamp", "--threshold", "2", "--no-passphrase"])?;
    let to = world.vendor.releases().display().to_string();
    world.vendor.publish(&["refresh", "--to", &to])?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    let kept = Kept::of(&world)?;
    for hand in [Hand::Vendor, Hand::Twice, Hand::TwiceInOtherNames] {
        world.vendor.forger(hand).timestamp(|_| {})?;
        is_refused(&world, "timestamp")?;
        kept.put_back()?;
    }
    then_it_goes_in(&world, &kept)
}

/// tough did not look whether the next root is the next version (CVE-2025-2885): a host could give the roots in any order, or
/// one again. Here the root that follows version 1 says 2, whoever signed what is there instead.
#[test]
fn tough_cve_2025_2885_a_root_of_another_version_than_the_next() -> Outcome {
    let world = world()?;
    let kept = Kept::of(&world)?;
    for version in [0_i64, 1, 3, 70] {
        world.vendor.forger(Hand::Vendor).root(|signed| signed["version"] = version.into())?;
        is_refused(&world, "")?;
        kept.put_back()?;
    }
    then_it_goes_in(&world, &kept)
}

/// tough went on looking in further delegations where one had said that it is the last (CVE-2025-2886), and so believed a role
/// that had no say. Here delegations are never followed: a role to which the vendor itself delegates everything names nothing.
#[test]
fn tough_cve_2025_2886_a_role_that_has_no_say() -> Outcome {
    let world = world()?;
    let key = Forger::strangers_key().public();
    let key_object =
        json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": hex::encode(key.as_bytes()) } });
    let role = |name: &str, is_last| json!({ "name": name, "keyids": [key.id().to_string()], "threshold": 1, "paths": ["*", "*/*"], "terminating": is_last });
    let vendor = world.vendor.forger(Hand::Vendor);
    let manifest = String::from_utf8(vendor.read("v1.1.0/manifest.json")?)?.replace("1.1.0", "6.6.6");
    let path: TargetPath = "v6.6.6/manifest.json".parse()?;
    let hash = manifest_schema::digest::Sha256::of(manifest.as_bytes());
    let custom = json!({
        "product": "notes", "version": "6.6.6", "channels": ["stable"], "severity": "critical",
        "released_at": "2026-01-10T00:00:00Z", "rollback_supported": true, "database_migration": false
    });
    let signed = json!({
        "_type": "targets", "spec_version": "1.0.31", "version": 1, "expires": "2099-01-01T00:00:00Z",
        "targets": { path.as_str(): {
            "length": manifest.len(), "hashes": { "sha256": hash.to_string() }, "custom": custom
        } }
    });
    let file = world.vendor.releases().join("targets").join(path.hashed(&hash));
    std::fs::create_dir_all(file.parent().unwrap())?;
    std::fs::write(file, manifest)?;
    world.vendor.forger(Hand::Stranger).other("1.evil.json", &signed)?;
    vendor.targets(|signed| {
        signed["delegations"] = json!({
            "keys": { key.id().to_string(): key_object }, "roles": [role("last", true), role("evil", false)]
        });
    })?;
    vendor.snapshot(|signed| signed["meta"]["evil.json"] = json!({ "version": 1 }))?;

    let said = world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    assert!(!said.out.contains("6.6.6"), "{said:?}");
    world.client.surefoot(&["update", "6.6.6"])?.says(10, "")?;
    is_untouched(&world)?;
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}

/// tough did not hold against a snapshot that it lists older targets than the one before (CVE-2025-2887, of delegated
/// targets): who had the keys of snapshot and timestamp could take clients back. Here no role goes back.
#[test]
fn tough_cve_2025_2887_a_snapshot_that_takes_the_targets_back() -> Outcome {
    let world = world()?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    let kept = Kept::of(&world)?;
    let forger = world.vendor.forger(Hand::Vendor);
    let old = forger.old_targets(1)?;
    forger.snapshot(|signed| signed["meta"]["targets.json"] = old)?;
    is_refused(&world, "goes back")?;
    kept.put_back()?;
    // The thief's timestamp was as good as any, and so was the version of the snapshot in it: the vendor's must be newer.
    forger.snapshot(|signed| signed["version"] = 50.into())?;
    forger.timestamp(|_| {})?;
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}

/// tough stored a timestamp before it compared the snapshot that it names with the one before (CVE-2025-2888): what was
/// refused stayed, and stood in the way of every good one after it. Here what was refused leaves nothing: a timestamp of version
/// 1000 that names the old snapshot does not make the right one look old.
#[test]
fn tough_cve_2025_2888_a_refused_timestamp_is_stored() -> Outcome {
    let world = world()?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    let trusted = || std::fs::read(world.client.state().join("trust/timestamp.json"));
    let before = trusted()?;
    let kept = Kept::of(&world)?;
    let forger = world.vendor.forger(Hand::Vendor);
    let old = forger.old_snapshot(1)?;
    forger.timestamp(|signed| {
        signed["version"] = 1000.into();
        signed["meta"]["snapshot.json"] = old;
    })?;
    is_refused(&world, "")?;
    assert_eq!(trusted()?, before, "what was refused is stored");
    then_it_goes_in(&world, &kept)
}

/// go-tuf took a threshold of 0 as it was configured (CVE-2026-23992): no signature at all was then enough. Here a root that says
/// so is no root, even where the vendor has signed it by mistake, and what nobody signed stays out.
#[test]
fn go_tuf_cve_2026_23992_a_threshold_of_zero() -> Outcome {
    let world = world()?;
    let kept = Kept::of(&world)?;
    let everywhere =
        ["root", "targets", "snapshot", "timestamp"].into_iter().flat_map(|role| [(role, 0_i64), (role, -1)]);
    for (role, threshold) in everywhere {
        world.vendor.forger(Hand::Vendor).root(|signed| {
            signed["version"] = 2.into();
            signed["roles"][role]["threshold"] = threshold.into();
        })?;
        world.vendor.forger(Hand::Nobody).targets(|signed| {
            signed["targets"]["v1.1.0/manifest.json"]["custom"]["severity"] = "critical".into();
        })?;
        is_refused(&world, "root")?;
        kept.put_back()?;
    }
    then_it_goes_in(&world, &kept)?;
    let mut world = world;
    world.vendor.release("1.2.0", "Life goes on", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.2.0 is installed").map(drop)
}
