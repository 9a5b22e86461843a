//! Updates, and what they cost.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use surefoot_tests::forge::{DownloadFault, Host};

use super::{Outcome, configure, enterprise, is_as_it_must_be, publish, since, then_it_goes_in, token_file, world};

#[test]
fn a_private_repository_is_followed_through_the_api_with_a_token_that_may_only_read() -> Outcome {
    for world in [world, enterprise] {
        let (forge, mut world) = world()?;
        publish(&mut world, "1.1.0")?;
        let before = forge.requests().len();
        world.client.surefoot(&["check"])?.says(0, "1.1.0 (minor) is available")?;
        then_it_goes_in(&world)?;
        let asked = since(&forge, before);
        for request in &asked {
            assert!(is_as_it_must_be(&forge, request), "{request:?}");
        }
        assert!(asked.iter().any(|request| request.path.ends_with("/releases/tags/v1.1.0")), "{asked:#?}");
        assert!(asked.iter().any(|request| request.host == Host::Storage), "{asked:#?}");
        assert!(forge.violations().is_empty(), "{:?}", forge.violations());
    }
    Ok(())
}

#[test]
fn an_idle_check_is_one_question_that_costs_nothing_of_the_limit() -> Outcome {
    let (forge, mut world) = world()?;
    world.client.surefoot(&["check"])?.says(0, "nothing new")?;
    world.client.stop()?;
    world.client.start()?;
    let before = forge.requests().len();
    world.client.surefoot(&["check"])?.says(0, "nothing new")?;
    let asked = since(&forge, before);
    let told: Vec<_> = asked.iter().map(|request| (request.path.as_str(), request.status)).collect();
    assert_eq!(told, [("/repos/acme/notes/releases/latest", Some(304))]);
    // What is new is seen nevertheless, and what changes on the release that is there already as well.
    publish(&mut world, "1.1.0")?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0 (minor) is available")?;
    world.vendor.publish(&["refresh", "--to", "github:acme/notes"])?;
    let before = forge.requests().len();
    world.client.surefoot(&["check"])?.says(0, "1.1.0 (minor) is available")?;
    assert!(since(&forge, before).iter().any(|request| request.host == Host::Storage), "the new timestamp is read");
    then_it_goes_in(&world)
}

#[test]
fn what_is_remembered_of_the_list_may_be_lost_or_damaged() -> Outcome {
    let (_forge, mut world) = world()?;
    publish(&mut world, "1.1.0")?;
    let path = world.client.state().join("sources.json");
    let good = fs::read_to_string(&path)?;
    let older = r#"{"https://elsewhere.example/": {"since": 1}}"#;
    for damaged in ["", "{", "[]", older, &good[..good.len() / 2], &good.replace("\"etag\"", "\"gate\"")] {
        fs::write(&path, damaged)?;
        world.client.surefoot(&["check"])?.says(0, "1.1.0 (minor) is available")?;
    }
    fs::remove_file(&path)?;
    then_it_goes_in(&world)
}

#[test]
fn an_artifact_that_broke_off_goes_on_at_a_newly_signed_address() -> Outcome {
    let (forge, mut world) = world()?;
    publish(&mut world, "1.1.0")?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0")?;
    let before = forge.requests().len();
    // The last question of an update is for the artifact: the others are answered from what is known.
    forge.fail_next_download(DownloadFault::Cut(100));
    then_it_goes_in(&world)?;
    let asked = since(&forge, before);
    let stored: Vec<_> = asked.iter().filter(|request| request.host == Host::Storage).collect();
    // A reset may take the first bytes with it, and then all of it is asked for again: no word about the range.
    let addresses: std::collections::BTreeSet<_> = stored.iter().map(|request| &request.query).collect();
    assert!(
        stored.len() > 1 && addresses.len() == stored.len(),
        "each is asked for at an address of its own: {asked:#?}"
    );
    assert!(asked.iter().all(|request| is_as_it_must_be(&forge, request)), "{asked:#?}");
    Ok(())
}

/// `LoadCredential=github-token:FILE` in a drop-in of the agent's unit.
#[test]
fn the_token_can_be_a_credential_of_the_unit() -> Outcome {
    let (forge, mut world) = world()?;
    let directory = world.directory().join("credentials");
    fs::create_dir(&directory)?;
    fs::copy(token_file(&world), directory.join("github-token"))?;
    fs::set_permissions(directory.join("github-token"), fs::Permissions::from_mode(0o440))?;
    world.client.give_to_its_user(&directory)?;
    fs::remove_file(token_file(&world))?;
    configure(&world, forge.api_base(), &forge.public_base(), "token_credential = \"github-token\"")?;
    publish(&mut world, "1.1.0")?;
    world.client.surefoot(&["check"])?.says(3, "the credential github-token for GitHub is not here")?;
    let told = world.client.surefoot(&["config", "check"])?.out;
    assert!(told.contains("LoadCredential="), "{told}");

    world.client.set_environment("CREDENTIALS_DIRECTORY", directory.display().to_string());
    world.client.stop()?;
    world.client.start()?;
    then_it_goes_in(&world)
}
