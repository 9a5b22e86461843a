//! Which version a release is must be signed with it, and what is withdrawn must lead to nothing else.

use surefoot_tests::notes::{Change, Hand, Vendor};

use super::{Kept, Outcome, is_refused, is_untouched, then_it_goes_in, world};

/// The names of a version's targets, without their hashes.
fn names(vendor: &Vendor, version: &str) -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(vendor.releases().join(format!("targets/v{version}")))?;
    Ok(entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect())
}

/// The updater of Tauri signed the archive and not the version beside it: a host could offer an old, signed, vulnerable
/// archive as the newest. Here the old release's files in the place of the new one's are not what the index names.
#[test]
fn tauri_an_old_signed_release_is_offered_as_the_newest() -> Outcome {
    let world = world()?;
    let kept = Kept::of(&world)?;
    let targets = world.vendor.releases().join("targets");
    for ending in ["manifest.json", ".tar.zst"] {
        let of = |version| names(&world.vendor, version).unwrap().into_iter().filter(|name| name.ends_with(ending));
        let old = of("1.0.0").next().unwrap();
        for new in of("1.1.0").collect::<Vec<_>>() {
            let new = targets.join("v1.1.0").join(new);
            std::fs::remove_file(&new)?;
            std::fs::copy(targets.join("v1.0.0").join(&old), &new)?;
        }
    }
    // Another length is told as a host that does not answer as it should.
    let answer = world.client.surefoot(&["update"])?;
    assert!([4, 5].contains(&answer.code), "{answer:?}");
    is_untouched(&world)?;
    then_it_goes_in(&world, &kept)
}

/// Sparkle's appcast, which has the version, need not be signed, while the archive is: an old archive under a higher number
/// took users back. Here the manifest names its version, too, and even where the vendor has signed the mistake the three must
/// agree: path, index, manifest.
#[test]
fn sparkle_an_old_release_under_a_higher_number() -> Outcome {
    let world = world()?;
    let forger = world.vendor.forger(Hand::Vendor);
    let (old, right) = (forger.read("v1.0.0/manifest.json")?, forger.read("v1.1.0/manifest.json")?);
    forger.target("v1.1.0/manifest.json", &old, |_| {})?;
    is_refused(&world, "disagree on its version")?;
    // The mistake was signed: only what is newer can follow it.
    forger.target("v1.1.0/manifest.json", &right, |_| {})?;
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 3)
}

/// When WordPress held back 5.5.2 for a moment, the servers answered the updaters with the next thing they had, and sites
/// installed 5.5.3-alpha. Here a withdrawal removes a choice and adds none: what is on no channel of the client's stays out, and
/// so does what is lower.
#[test]
fn wordpress_5_5_3_alpha_a_withdrawal_that_installs_something_else() -> Outcome {
    let mut world = world()?;
    let beta = Change { arguments: &["--channel", "beta"], ..Change::default() };
    world.vendor.release("1.2.0-alpha.1", "Not yet for anybody", beta)?;
    let forger = world.vendor.forger(Hand::Vendor);
    forger.targets(|signed| {
        signed["targets"]["v1.1.0/manifest.json"]["custom"]["withdrawn"] = "it loses notes".into();
    })?;

    let said = world.client.surefoot(&["update"])?.says(10, "1.1.0 was withdrawn by the vendor: it loses notes")?;
    assert!(said.err.contains("1.2.0-alpha.1 is not in the channel stable"), "{said:?}");
    is_untouched(&world)?;
    world.client.surefoot(&["update", "1.1.0"])?.says(10, "withdrawn")?;
    is_untouched(&world)?;

    world.vendor.release("1.2.0", "For everybody", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.2.0 is installed")?;
    world.serves("1.2.0", 3)
}
