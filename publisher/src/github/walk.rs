//! The walk of a publication: find or make the draft, complete it, prove it, let it be seen.
//!
//! The draft is the transaction: until the last call nothing of it is visible, and that call shows release and metadata
//! together. Each step looks at what GitHub has before it acts, so the walk can be begun again anywhere.

use reqwest::Method;
use serde::de::IgnoredAny;

use super::client::{Client, Kind};
use super::inventory::Inventory;
use super::renew::renew;
use super::shape::{MakeLatest, NewDraft, RemoteAsset, RemoteRelease, Undraft};
use super::upload::upload;
use super::{download, limits, proof};
use crate::progress::{Amount, Progress};
use crate::publication::{Publication, Published, RepositoryError, TIMESTAMP, Visibility};

/// Brings `publication` to GitHub.
pub(super) async fn publish(
    client: &Client,
    publication: &Publication,
    visibility: Visibility,
    progress: &mut dyn Progress,
) -> Result<Published, RepositoryError> {
    limits::check(publication).map_err(|reason| client.refused(reason))?;
    let tag = tag(publication);
    let releases = releases(client, &tag).await?;
    if let Some(published) = releases.iter().find(|release| !release.draft) {
        confirm(client, publication, published).await?;
        announce(client, publication, progress).await?;
        return Ok(Published::Public { location: published.html_url.clone() });
    }
    require_tag(client, &tag).await?;
    let draft = draft(client, publication, releases).await?;
    complete(client, publication, &draft, progress).await?;
    let present = download::assets(client, &draft).await?;
    proof::prove(client, publication, &present, progress).await?;
    match visibility {
        Visibility::Draft => Ok(Published::Draft { location: draft.html_url }),
        Visibility::Public => show(client, publication, &draft, progress).await,
    }
}

/// `v1.1.0`
pub(super) fn tag(publication: &Publication) -> String {
    format!("v{}", publication.version)
}

/// Releases and drafts of this tag. Drafts are found in the list only, and there may be several of one tag.
pub(super) async fn releases(client: &Client, tag: &str) -> Result<Vec<RemoteRelease>, RepositoryError> {
    let mut releases: Vec<RemoteRelease> = client.list(&client.api("releases")).await?;
    releases.retain(|release| release.tag_name == tag);
    Ok(releases)
}

/// GitHub would make a missing tag itself, at whatever its default branch has by then.
async fn require_tag(client: &Client, tag: &str) -> Result<(), RepositoryError> {
    let url = client.api(&format!("git/ref/tags/{tag}"));
    match client.read::<IgnoredAny>(&url).await? {
        Some(_) => Ok(()),
        None => Err(client.refused(format!("it has no tag {tag}: git push origin {tag}"))),
    }
}

/// A published release must be this one. Its metadata may be newer by now: every later release signs it anew.
async fn confirm(client: &Client, publication: &Publication, published: &RemoteRelease) -> Result<(), RepositoryError> {
    let present = download::assets(client, published).await?;
    for asset in &publication.targets {
        if !present.iter().any(|remote| remote.name == asset.name && remote.is(asset)) {
            return Err(conflict(client, &asset.name, "it is published; give your change a new version"));
        }
    }
    if !present.iter().any(|remote| remote.name == TIMESTAMP && remote.is_complete()) {
        let reason = format!("{} is published without its metadata", published.tag_name);
        return Err(client.refused(reason));
    }
    Ok(())
}

/// The draft that an interrupted run left, or a new one.
async fn draft(
    client: &Client,
    publication: &Publication,
    existing: Vec<RemoteRelease>,
) -> Result<RemoteRelease, RepositoryError> {
    let mut existing = existing;
    let mut tried = 0;
    loop {
        // The oldest: whoever else resumes takes the same one.
        if let Some(draft) = existing.into_iter().min_by_key(|release| release.id) {
            return Ok(draft);
        }
        match create(client, publication).await {
            Err(RepositoryError::Unreachable { .. }) if tried + 1 < client.settings.patience.tries => {}
            outcome => return outcome,
        }
        // It may have been made all the same: look before making a second one.
        tokio::time::sleep(client.back_off(tried)).await;
        tried += 1;
        existing = releases(client, &tag(publication)).await?;
    }
}

async fn create(client: &Client, publication: &Publication) -> Result<RemoteRelease, RepositoryError> {
    let tag = tag(publication);
    let new = NewDraft {
        tag_name: &tag,
        name: &tag,
        body: &publication.notes,
        draft: true,
        prerelease: is_prerelease(publication),
    };
    client.change(Kind::OnceOnlyChange, Method::POST, &client.api("releases"), &new).await
}

/// Uploads what is missing until nothing is.
async fn complete(
    client: &Client,
    publication: &Publication,
    draft: &RemoteRelease,
    progress: &mut dyn Progress,
) -> Result<(), RepositoryError> {
    let wanted = |present: &[_]| Inventory::of_draft(publication, present);
    bring(client, draft, wanted, progress).await
}

/// Takes stock, removes, uploads, and takes stock again: after trouble in the middle, and in the end to be sure.
pub(super) async fn bring<'a>(
    client: &Client,
    release: &RemoteRelease,
    stock: impl Fn(&[RemoteAsset]) -> Inventory<'a>,
    progress: &mut dyn Progress,
) -> Result<(), RepositoryError> {
    let mut tried = 0;
    loop {
        let inventory = stock(&download::assets(client, release).await?);
        if let Some(name) = inventory.conflicts.first() {
            let advice = format!("delete the draft at {} and run again", release.html_url);
            return Err(conflict(client, name, &advice));
        }
        if inventory.is_done() {
            return Ok(());
        }
        tried += 1;
        let last = tried >= client.settings.patience.tries;
        match carry_out(client, release, &inventory, progress).await {
            Err(RepositoryError::Unreachable { .. }) if !last => {
                tokio::time::sleep(client.back_off(tried)).await;
            }
            Ok(()) if last => {
                return Err(client.refused(format!("{} does not keep what it is sent", release.html_url)));
            }
            outcome => outcome?,
        }
    }
}

async fn carry_out(
    client: &Client,
    release: &RemoteRelease,
    inventory: &Inventory<'_>,
    progress: &mut dyn Progress,
) -> Result<(), RepositoryError> {
    let label = format!("upload {} files", inventory.upload.len());
    progress.begin(&label, Amount::Bytes(inventory.bytes()));
    for asset in &inventory.upload {
        for old in inventory.remove.iter().filter(|old| old.name == asset.name) {
            client.delete(&client.api(&format!("releases/assets/{}", old.id))).await?;
        }
        upload(client, release, asset, progress).await?;
    }
    let replaced = |name: &str| inventory.upload.iter().any(|asset| asset.name == name);
    for old in inventory.remove.iter().filter(|old| !replaced(&old.name)) {
        client.delete(&client.api(&format!("releases/assets/{}", old.id))).await?;
    }
    progress.done();
    Ok(())
}

/// Lets everyone see the release, and with it the metadata that names it.
async fn show(
    client: &Client,
    publication: &Publication,
    draft: &RemoteRelease,
    progress: &mut dyn Progress,
) -> Result<Published, RepositoryError> {
    let tag = tag(publication);
    let undraft = Undraft {
        tag_name: &tag,
        name: &tag,
        body: &publication.notes,
        draft: false,
        prerelease: is_prerelease(publication),
        make_latest: make_latest(publication),
    };
    let url = client.api(&format!("releases/{}", draft.id));
    let shown: RemoteRelease = client.change(Kind::RepeatableChange, Method::PATCH, &url, &undraft).await?;
    if shown.draft {
        return Err(client.refused(format!("{} is still a draft", shown.html_url)));
    }
    announce(client, publication, progress).await?;
    Ok(Published::Public { location: shown.html_url })
}

/// A pre-release never becomes latest, so its metadata goes where agents read.
async fn announce(
    client: &Client,
    publication: &Publication,
    progress: &mut dyn Progress,
) -> Result<(), RepositoryError> {
    if !is_prerelease(publication) {
        return Ok(());
    }
    let latest = client.read::<RemoteRelease>(&client.api("releases/latest")).await?;
    if latest.is_none() {
        return Ok(());
    }
    renew(client, &publication.metadata, progress).await.map(drop)
}

/// Said explicitly: without it GitHub goes by the commit's date, and a fix of an old line would not become latest.
pub(super) fn make_latest(publication: &Publication) -> MakeLatest {
    if is_prerelease(publication) { MakeLatest::No } else { MakeLatest::Yes }
}

fn is_prerelease(publication: &Publication) -> bool {
    publication.version.is_prerelease()
}

fn conflict(client: &Client, name: &str, advice: &str) -> RepositoryError {
    RepositoryError::Conflict { repository: client.name(), name: name.to_owned(), advice: advice.to_owned() }
}
