//! Through the door: the vendor has signed a release whose archive is evil.
//!
//! One world for the attacks of a family, one after the other: each refused archive is a release of its own.

use surefoot_tests::notes::refusal;
use surefoot_tests::notes::{Change, Vendor, World};

use super::cases::{BOMBS, Case, EXTENSIONS, KINDS, LENGTHS, LINKS, MODES, NAMES, SETS};
use super::everything_below;
use super::ustar::Archive;

type Outcome = anyhow::Result<()>;

/// The archive of a release as it was published.
fn published(vendor: &Vendor, version: &str) -> anyhow::Result<Archive> {
    let directory = vendor.releases().join(format!("targets/v{version}"));
    let mut paths = std::fs::read_dir(directory)?.map(|entry| entry.unwrap().path());
    let archive = paths.find(|path| path.to_string_lossy().ends_with(".tar.zst")).unwrap();
    Ok(Archive::read(&zstd::decode_all(&std::fs::read(archive)?[..])?))
}

fn are_all_refused(family: &[Case]) -> Outcome {
    let mut world = World::installed()?;
    world.vendor.release("1.1.0", "Notes have an author", Change::default())?;
    let good = published(&world.vendor, "1.1.0")?;
    let before = everything_below(world.client.directory().parent().unwrap());
    for case in family {
        world.vendor.repack("1.1.0", &(case.make)(good.clone()))?;
        is_refused(&world, case).map_err(|error| error.context(case.name))?;
        let after = everything_below(world.client.directory().parent().unwrap());
        assert_eq!(after, before, "{}: something has changed", case.name);
    }
    world.vendor.release("1.1.1", "Mended", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.1.1 is installed")?;
    world.serves("1.1.1", 3)
}

fn is_refused(world: &World, case: &Case) -> Outcome {
    refusal::is_refused(world, case.words)?;
    anyhow::ensure!(world.client.fetched()?.is_empty(), "a part of an artifact is left: {:?}", world.client.fetched());
    Ok(())
}

#[test]
fn names_that_lead_elsewhere() -> Outcome {
    are_all_refused(NAMES)
}

#[test]
fn links() -> Outcome {
    are_all_refused(LINKS)
}

#[test]
fn pipes_devices_and_other_kinds() -> Outcome {
    are_all_refused(KINDS)
}

#[test]
fn modes_that_nobody_may_have() -> Outcome {
    are_all_refused(MODES)
}

#[test]
fn extensions_of_the_format() -> Outcome {
    are_all_refused(EXTENSIONS)
}

#[test]
fn archives_that_end_early_or_late() -> Outcome {
    are_all_refused(LENGTHS)
}

#[test]
fn bombs() -> Outcome {
    are_all_refused(BOMBS)
}

#[test]
fn other_files_than_the_manifest_lists() -> Outcome {
    are_all_refused(SETS)
}
