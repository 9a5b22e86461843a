//! What was verified must be what is used.

use std::path::PathBuf;
use std::process::Stdio;

use surefoot_tests::notes::{PATIENCE, World, wait};

use super::{Kept, Outcome, is_refused, is_untouched, then_it_goes_in, world};

/// The one file below a directory whose name ends like this.
fn one(directory: PathBuf, ending: &str) -> anyhow::Result<PathBuf> {
    let mut paths = std::fs::read_dir(&directory)?.map(|entry| entry.unwrap().path());
    Ok(paths.find(|path| path.to_string_lossy().ends_with(ending)).unwrap())
}

/// Lets the update come to a place, does something to the artifact that was verified, and lets it go on.
fn swapped_at(world: &mut World, place: &str, swap: fn(&PathBuf) -> std::io::Result<()>) -> Outcome {
    let faults = world.client.with_faults()?;
    faults.park_at(place)?;
    let mut update = world.client.command(&["update"])?;
    let mut update = update.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    wait(PATIENCE, || world.client.is_worker_parked())?;
    let spooled = one(world.client.state().join("fetch"), ".pending")?;
    swap(&spooled)?;
    world.client.give_to_its_user(&spooled)?;
    faults.none()?;
    world.client.wake_worker()?;
    let code = update.wait()?.code();
    assert_ne!(code, Some(0), "what was swapped went in");
    is_untouched(world)
}

/// RAUC verified a bundle's signature and then opened the file again to install it: who could replace it in between had
/// their own installed (CVE-2020-25860). Here each block is verified on the descriptor that it is unpacked from: another file
/// under the name, after the download was verified, does not go in.
#[test]
fn rauc_cve_2020_25860_the_bundle_is_replaced_after_it_was_verified() -> Outcome {
    let mut world = world()?;
    let kept = Kept::of(&world)?;
    swapped_at(&mut world, "begun stage", |spooled| {
        let mut bytes = std::fs::read(spooled)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::remove_file(spooled)?;
        std::fs::write(spooled, bytes)
    })?;
    then_it_goes_in(&world, &kept)
}

/// The same, written over in place: the name, the file and its length are what was verified.
#[test]
fn rauc_cve_2020_25860_the_bundle_is_written_over_after_it_was_verified() -> Outcome {
    let mut world = world()?;
    let kept = Kept::of(&world)?;
    swapped_at(&mut world, "begun stage", |spooled| {
        use std::os::unix::fs::FileExt;
        let file = std::fs::OpenOptions::new().write(true).open(spooled)?;
        file.write_all_at(&vec![0; 4096], file.metadata()?.len() / 2)
    })?;
    then_it_goes_in(&world, &kept)
}

/// Sparkle could be made to install another archive than the one whose signature it had verified (CVE-2025-0509). Here what a
/// check has verified binds what is fetched later: the host sends another archive of the same length.
#[test]
fn sparkle_cve_2025_0509_the_archive_is_replaced_after_the_check() -> Outcome {
    let world = world()?;
    let kept = Kept::of(&world)?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    let directory = world.vendor.releases().join("targets/v1.1.0");
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.to_string_lossy().contains(".tar.") {
            let length = std::fs::metadata(&path)?.len();
            std::fs::remove_file(&path)?;
            std::fs::write(&path, vec![b'x'; usize::try_from(length)?])?;
        }
    }
    is_refused(&world, "not what the vendor signed")?;
    then_it_goes_in(&world, &kept)
}
