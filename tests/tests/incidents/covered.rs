//! A signature must cover all of what it is taken for.

use surefoot_tests::notes::{Change, World};

use super::{Outcome, is_refused, world};

fn mended(mut world: World) -> Outcome {
    world.vendor.release("1.1.1", "Mended", Change::default())?;
    world.client.surefoot(&["update"])?.says(0, "1.1.1 is installed")?;
    world.serves("1.1.1", 3)
}

/// RAUC's plain bundles of more than 2 GiB were signed over their first part only, since a length did not fit its type
/// (CVE-2026-34155): the rest could be anything. Here a manifest whose blocks do not cover the whole length is no manifest, also
/// when the length is what an `i32` or `u32` would cut to the right one.
#[test]
fn rauc_cve_2026_34155_the_signature_covers_only_the_beginning() -> Outcome {
    let world = world()?;
    for more in [1_u64 << 20, (1 << 31) - (1 << 20), 1 << 31, 1 << 32] {
        world.vendor.resign("1.1.0", |manifest| {
            let length = manifest["artifacts"][0]["length"].as_u64().unwrap();
            manifest["artifacts"][0]["length"] = (length + more).into();
        })?;
        is_refused(&world, "block hashes")?;
    }
    mended(world)
}

/// The other way round: a block that is left out is no part of what is signed.
#[test]
fn rauc_cve_2026_34155_a_block_that_nobody_signed() -> Outcome {
    let world = world()?;
    world.vendor.resign("1.1.0", |manifest| {
        manifest["artifacts"][0]["blocks"].as_array_mut().unwrap().pop();
    })?;
    is_refused(&world, "block hashes")?;
    mended(world)
}
