//! Metadata alone: it goes to the latest release, whose assets are the ones that agents read.
//!
//! `timestamp.json` is replaced last. GitHub can only delete and upload, so a copy under the name [`NEXT`] goes before it: a run
//! that was interrupted between the two has lost nothing. Where the latest release is immutable, a release `meta-N` is made of
//! the metadata and becomes the latest; N is the version of the timestamp.

use manifest_schema::tuf::{Partial, Timestamp};
use reqwest::Method;

use super::client::{Client, Kind};
use super::inventory::Inventory;
use super::shape::{MakeLatest, NewDraft, RemoteAsset, RemoteRelease, Undraft};
use super::walk::{bring, releases};
use super::{download, proof};
use crate::disk;
use crate::progress::Progress;
use crate::publication::{Asset, Published, RepositoryError, TIMESTAMP};

/// The name under which a timestamp waits while the one before it is replaced.
pub(super) const NEXT: &str = "next.timestamp.json";

/// How many versions stay for readers who have begun with them.
const KEPT: u64 = 2;

/// Replaces the published metadata.
pub(super) async fn renew(
    client: &Client,
    metadata: &[Asset],
    progress: &mut dyn Progress,
) -> Result<Published, RepositoryError> {
    let latest = client.read::<RemoteRelease>(&client.api("releases/latest")).await?;
    let latest = latest.ok_or_else(|| client.refused("it has no release yet: publish one first".to_owned()))?;
    if latest.immutable {
        return of_its_own(client, metadata, progress).await;
    }
    replace(client, &latest, metadata, progress).await?;
    Ok(Published::Public { location: latest.html_url })
}

async fn replace(
    client: &Client,
    latest: &RemoteRelease,
    metadata: &[Asset],
    progress: &mut dyn Progress,
) -> Result<(), RepositoryError> {
    let next = metadata.iter().filter(|asset| asset.name == TIMESTAMP);
    let next = next.map(|asset| Asset { name: NEXT.to_owned(), ..asset.clone() });
    let versioned = metadata.iter().filter(|asset| asset.name != TIMESTAMP).cloned();
    let before: Vec<Asset> = versioned.chain(next).collect();
    bring(client, latest, |present| Inventory::of_metadata(&before, present), progress).await?;
    bring(client, latest, |present| Inventory::of_metadata(metadata, present), progress).await?;
    prune(client, latest, metadata).await
}

/// Removes the copy that has done its work, and versions that nobody can be in the middle of reading any more.
async fn prune(client: &Client, latest: &RemoteRelease, metadata: &[Asset]) -> Result<(), RepositoryError> {
    for asset in download::assets(client, latest).await? {
        if asset.name == NEXT || is_old(&asset, metadata) {
            client.delete(&client.api(&format!("releases/assets/{}", asset.id))).await?;
        }
    }
    Ok(())
}

/// Roots are a chain, and each stays.
fn is_old(asset: &RemoteAsset, metadata: &[Asset]) -> bool {
    [".snapshot.json", ".targets.json"].iter().any(|suffix| {
        let version = |name: &str| name.strip_suffix(suffix).and_then(|version| version.parse::<u64>().ok());
        let current = metadata.iter().find_map(|asset| version(&asset.name));
        version(&asset.name).zip(current).is_some_and(|(found, current)| found.saturating_add(KEPT) < current)
    })
}

/// A release that holds the metadata and nothing else.
async fn of_its_own(
    client: &Client,
    metadata: &[Asset],
    progress: &mut dyn Progress,
) -> Result<Published, RepositoryError> {
    let tag = format!("meta-{}", version(client, metadata)?);
    let found = releases(client, &tag).await?;
    if let Some(shown) = found.iter().find(|release| !release.draft) {
        let reason = format!("{tag} is published already, with other metadata: is somebody else publishing?");
        let present = download::assets(client, shown).await?;
        let inventory = Inventory::of_metadata(metadata, &present);
        return match inventory.is_done() {
            true => Ok(Published::Public { location: shown.html_url.clone() }),
            false => Err(client.refused(reason)),
        };
    }
    let draft = match found.into_iter().min_by_key(|release| release.id) {
        Some(draft) => draft,
        None => create(client, &tag).await?,
    };
    bring(client, &draft, |present| Inventory::of_metadata(metadata, present), progress).await?;
    proof::prove_metadata(client, metadata, &download::assets(client, &draft).await?).await?;
    let undraft = Undraft {
        tag_name: &tag,
        name: &tag,
        body: BODY,
        draft: false,
        prerelease: false,
        make_latest: MakeLatest::Yes,
    };
    let url = client.api(&format!("releases/{}", draft.id));
    let shown: RemoteRelease = client.change(Kind::RepeatableChange, Method::PATCH, &url, &undraft).await?;
    Ok(Published::Public { location: shown.html_url })
}

const BODY: &str =
    "Signed metadata only. Agents read it from the latest release; the application is in the releases before.";

async fn create(client: &Client, tag: &str) -> Result<RemoteRelease, RepositoryError> {
    let new = NewDraft { tag_name: tag, name: tag, body: BODY, draft: true, prerelease: false };
    client.change(Kind::OnceOnlyChange, Method::POST, &client.api("releases"), &new).await
}

fn version(client: &Client, metadata: &[Asset]) -> Result<u64, RepositoryError> {
    let none = || client.refused("the metadata has no timestamp".to_owned());
    let asset = metadata.iter().find(|asset| asset.name == TIMESTAMP).ok_or_else(none)?;
    let bytes = disk::read(&asset.file, asset.length)?.ok_or_else(none)?;
    Ok(Partial::<Timestamp>::read(&bytes).map_err(|_| none())?.metadata().version)
}

#[cfg(test)]
mod tests {
    use manifest_schema::digest::Sha256;

    use super::*;

    #[test]
    fn two_versions_stay_and_every_root() {
        let asset = |name: &str| Asset { name: name.to_owned(), file: name.into(), length: 1, sha256: Sha256::of(b"") };
        let metadata = ["1.root.json", "4.targets.json", "9.snapshot.json", "timestamp.json"].map(asset);
        let remote = |name: &str| RemoteAsset {
            id: 1,
            name: name.to_owned(),
            state: "uploaded".to_owned(),
            size: 1,
            digest: None,
        };
        for kept in
            ["1.root.json", "2.targets.json", "4.targets.json", "7.snapshot.json", "photo.jpg", "timestamp.json"]
        {
            assert!(!is_old(&remote(kept), &metadata), "{kept}");
        }
        for old in ["1.targets.json", "6.snapshot.json"] {
            assert!(is_old(&remote(old), &metadata), "{old}");
        }
    }
}
