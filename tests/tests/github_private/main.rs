//! A private repository on GitHub as a client sees it: through the API, with a token that may only read, and that nobody sees but
//! the API.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod limits;
mod token;
mod updates;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use surefoot_tests::forge::{Entry, Forge, Host};
use surefoot_tests::notes::{Change, World};

type Outcome = anyhow::Result<()>;

const SLUG: &str = "acme/notes";

/// A vendor who publishes to a private repository on the stand-in, and a client that follows it. The first release is installed.
fn world() -> anyhow::Result<(Forge, World)> {
    let forge = Forge::start();
    let (api, downloads) = (forge.api_base().to_owned(), forge.public_base());
    world_at(forge, &api, &downloads)
}

/// The same on an Enterprise server.
fn enterprise() -> anyhow::Result<(Forge, World)> {
    let forge = Forge::start();
    let (api, downloads) = (forge.enterprise_api_base(), forge.public_base());
    world_at(forge, &api, &downloads)
}

fn world_at(forge: Forge, api: &str, downloads: &str) -> anyhow::Result<(Forge, World)> {
    forge.add_repository(SLUG);
    forge.make_private(SLUG);
    let mut world = World::new()?;
    let uploads =
        if api == forge.api_base() { forge.uploads_base().to_owned() } else { forge.enterprise_uploads_base() };
    world
        .vendor
        .configure(&format!("\n[github]\napi = \"{api}\"\nuploads = \"{uploads}\"\ndownloads = \"{downloads}\"\n"))?;
    let certificate = world.directory().join("ca.pem");
    fs::copy(forge.ca_pem(), &certificate)?;
    fs::set_permissions(&certificate, fs::Permissions::from_mode(0o644))?;
    let certificate = certificate.display().to_string();
    world.vendor.set_environment("SSL_CERT_FILE", &certificate);
    world.vendor.set_environment("GITHUB_TOKEN", forge.token());
    world.vendor.set_environment("SUREFOOT_GITHUB_PAUSE_MS", "0");
    world.client.set_environment("SSL_CERT_FILE", &certificate);
    write_token(&world, forge.reader_token())?;
    configure(&world, api, downloads, "token_file = \"notes.token\"")?;
    world.client.stop()?;
    world.client.start()?;
    publish(&mut world, "1.0.0")?;
    world.client.surefoot(&["install"])?.says(0, "1.0.0 is installed")?;
    world.client.note("buy milk")?;
    Ok((forge, world))
}

/// Where the client's token is.
fn token_file(world: &World) -> PathBuf {
    world.client.root().join("etc/surefoot/notes.token")
}

/// As an admin would, whatever was there before.
fn write_token(world: &World, token: &str) -> Outcome {
    let path = token_file(world);
    let _ = fs::remove_file(&path);
    fs::write(&path, format!("{token}\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    world.client.give_to_its_user(&path)
}

fn configure(world: &World, api: &str, downloads: &str, token: &str) -> Outcome {
    let github = format!("[github]\napi = \"{api}\"\ndownloads = \"{downloads}\"\n{token}");
    world.configure(&format!("github:{SLUG}"), &github)
}

fn publish(world: &mut World, version: &str) -> Outcome {
    world.vendor.commit(version, "A small thing", Change::default())?;
    world.vendor.publish(&[&format!("v{version}"), "--to", &format!("github:{SLUG}")]).map(drop)
}

/// What the agent has asked since there were `before` requests.
fn since(forge: &Forge, before: usize) -> Vec<Entry> {
    forge.requests().split_off(before)
}

/// The API with the token, or the storage without it; nothing else, and nothing is changed.
fn is_as_it_must_be(forge: &Forge, asked: &Entry) -> bool {
    let bearer = format!("Bearer {}", forge.reader_token());
    let with_token = asked.authorization.as_deref() == Some(&bearer);
    asked.method == "GET"
        && match asked.host {
            Host::Api => with_token && asked.path.starts_with("/repos/acme/notes/releases/"),
            Host::Web => with_token && asked.path.starts_with("/api/v3/repos/acme/notes/releases/"),
            Host::Storage => asked.authorization.is_none(),
            Host::Uploads => false,
        }
}

/// What must hold after every refusal.
fn is_untouched(world: &World) -> Outcome {
    world.serves("1.0.0", 1)?;
    assert_eq!(world.client.kept_releases()?, ["1.0.0"]);
    assert!(!world.client.state().join("closed").exists(), "the door is left closed");
    Ok(())
}

/// The next good cycle.
fn then_it_goes_in(world: &World) -> Outcome {
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 1)
}
