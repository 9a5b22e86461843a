//! What names the next release must be signed, as a whole.

use surefoot_tests::notes::{Hand, World};

use super::{Kept, Outcome, is_refused, then_it_goes_in, world};

/// Lets 1.1.0 mean something else, in an index that is right in all but who has signed it.
fn is_given_another_index(world: &World, hand: Hand) -> Outcome {
    let forger = world.vendor.forger(hand);
    let manifest = String::from_utf8(forger.read("v1.1.0/manifest.json")?)?;
    let evil = manifest.replace("bin/notes", "bin/evil!");
    forger.target("v1.1.0/manifest.json", evil.as_bytes(), |_| {})
}

/// The updater of Notepad++ read from its host which installer to fetch, and verified no signature of that answer: whoever
/// held the host for some months of 2025 sent chosen users elsewhere. Here the whole index is signed: who has the host and no key
/// can name nothing.
#[test]
fn notepad_plus_plus_cve_2025_15556_an_index_that_nobody_has_to_sign() -> Outcome {
    let world = world()?;
    let kept = Kept::of(&world)?;
    for hand in [Hand::Nobody, Hand::Stranger] {
        is_given_another_index(&world, hand)?;
        is_refused(&world, "sign")?;
        kept.put_back()?;
    }
    then_it_goes_in(&world, &kept)
}

/// Mender verified the checksums of an artifact's payload and not those of its headers, so that the state scripts of a signed
/// update could be replaced (MEN-1412). Here the manifest, which says what is run and how, is a signed target like the
/// archive: one other word in it, of the same length, refuses it.
#[test]
fn mender_men_1412_what_is_run_beside_the_payload_is_not_verified() -> Outcome {
    let world = world()?;
    let kept = Kept::of(&world)?;
    let directory = world.vendor.releases().join("targets/v1.1.0");
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with("manifest.json") {
            let evil = std::fs::read_to_string(&path)?.replace("bin/notes", "bin/evil!");
            std::fs::remove_file(&path)?;
            std::fs::write(path, evil)?;
        }
    }
    is_refused(&world, "manifest.json")?;
    then_it_goes_in(&world, &kept)
}
