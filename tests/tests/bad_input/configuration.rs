//! Mistakes in what the client has written or laid down: nothing acts, and `config check` finds them.

use surefoot_tests::notes::{Change, Vendor, World};

use super::{Outcome, good, is_untouched, then_it_goes_in, world};

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
