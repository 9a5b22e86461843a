//! GitHub as a client sees it: what `publish` put there comes from the two public download addresses and from nowhere else.

// Helpers of tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use surefoot_tests::forge::{DownloadFault, Entry, Forge, Host};
use surefoot_tests::notes::{Change, World};

type Outcome = anyhow::Result<()>;

const SLUG: &str = "acme/notes";

/// A vendor who publishes on the stand-in, and a client that follows it.
fn world() -> anyhow::Result<(Forge, World)> {
    let forge = Forge::start();
    forge.add_repository(SLUG);
    let mut world = World::new()?;
    let (api, uploads, downloads) = (forge.api_base(), forge.uploads_base(), forge.public_base());
    world
        .vendor
        .configure(&format!("\n[github]\napi = \"{api}\"\nuploads = \"{uploads}\"\ndownloads = \"{downloads}\"\n"))?;
    let certificate = readable(forge.ca_pem(), &world.directory().join("ca.pem"))?;
    world.vendor.set_environment("SSL_CERT_FILE", &certificate);
    world.vendor.set_environment("GITHUB_TOKEN", forge.token());
    world.vendor.set_environment("SUREFOOT_GITHUB_PAUSE_MS", "0");
    world.client.set_environment("SSL_CERT_FILE", &certificate);
    world.configure(&format!("github:{SLUG}"), &format!("[github]\ndownloads = \"{downloads}\""))?;
    world.client.stop()?;
    world.client.start()?;
    Ok((forge, world))
}

/// A copy of the certificate where the client's user can read it.
fn readable(certificate: &Path, copy: &Path) -> anyhow::Result<String> {
    std::fs::copy(certificate, copy)?;
    std::fs::set_permissions(copy, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    Ok(copy.display().to_string())
}

/// Publishes a release on the stand-in; answers how many requests there had been by then.
fn publish(forge: &Forge, world: &mut World, version: &str, change: Change<'_>) -> anyhow::Result<usize> {
    world.vendor.commit(version, "A small thing", change)?;
    world.vendor.publish(&[&format!("v{version}"), "--to", &format!("github:{SLUG}")])?;
    Ok(forge.requests().len())
}

/// Where an agent may go: two public addresses, and the storage that they lead to. It never shows a token.
fn is_public_download(request: &Entry) -> bool {
    let latest = format!("/{SLUG}/releases/latest/download/");
    let tagged = format!("/{SLUG}/releases/download/");
    let is_ours = match request.host {
        Host::Web => request.path.starts_with(&latest) || request.path.starts_with(&tagged),
        Host::Storage => true,
        Host::Api | Host::Uploads => false,
    };
    is_ours && request.method == "GET" && request.authorization.is_none()
}

#[test]
fn what_publish_put_on_github_is_installed_and_updated_by_two_addresses_alone() -> Outcome {
    let (forge, mut world) = world()?;
    let published = publish(&forge, &mut world, "1.0.0", Change::default())?;
    world.client.surefoot(&["install"])?.says(0, "1.0.0 is installed")?;
    world.client.note("buy milk")?;
    let installed = forge.requests().split_off(published);

    let migration = Some("alter table notes add column author text;");
    let published = publish(&forge, &mut world, "1.1.0", Change { migration, ..Change::default() })?;
    world.client.surefoot(&["check"])?.says(0, "1.1.0 (minor) is available")?;
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    let updated = forge.requests().split_off(published);

    world.serves("1.1.0", 1)?;
    for request in installed.iter().chain(&updated) {
        assert!(is_public_download(request), "{request:?}");
    }
    assert!(installed.iter().any(|request| request.path.contains("/latest/download/timestamp.json")));
    assert!(updated.iter().any(|request| request.path.contains("/download/v1.1.0/")));
    assert!(forge.violations().is_empty(), "{:?}", forge.violations());
    Ok(())
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() -> Outcome {
    let (forge, mut world) = world()?;
    let bulk = noise(3 << 20);
    let edit = |checkout: &Path| std::fs::write(checkout.join("bulk"), &bulk).unwrap();
    let published = publish(&forge, &mut world, "1.0.0", Change { edit: Some(&edit), ..Change::default() })?;
    world.client.surefoot(&["check"])?.says(0, "1.0.0")?;
    // The install asks for the timestamp again, which comes at its leisure, and then for the artifact alone.
    forge.fail_next_download(DownloadFault::Slow(1 << 20));
    forge.cut_after(2 << 20);

    world.client.surefoot(&["install"])?.says(0, "1.0.0 is installed")?;

    let ranges: Vec<String> =
        forge.requests().split_off(published).into_iter().filter_map(|request| request.range).collect();
    let resumed =
        ranges.iter().filter_map(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse::<u64>().ok());
    assert!(resumed.max() >= Some(1 << 20), "nothing was resumed: {ranges:?}");
    world.serves("1.0.0", 0)
}

/// Bytes that no compression makes smaller, the same in each run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn a_draft_is_nothing_to_a_client() -> Outcome {
    let (forge, mut world) = world()?;
    publish(&forge, &mut world, "1.0.0", Change::default())?;
    world.client.surefoot(&["install"])?.well()?;
    world.vendor.commit("1.1.0", "Not yet", Change::default())?;
    let to = format!("github:{SLUG}");
    world.vendor.publish(&["v1.1.0", "--draft", "--to", &to])?;

    world.client.surefoot(&["check"])?.says(0, "nothing new")?;

    world.vendor.publish(&["v1.1.0", "--to", &to])?;
    world.client.surefoot(&["update"])?.says(0, "1.1.0 is installed")?;
    world.serves("1.1.0", 0)
}
