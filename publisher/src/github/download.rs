//! Reading back: published metadata, and a draft's assets before anyone else can see them.

use manifest_schema::digest::{Hasher, Sha256};
use reqwest::{Method, Response, StatusCode};

use super::client::{Client, Kind, SILENCE, octets};
use super::renew::NEXT;
use super::shape::{RemoteAsset, RemoteRelease};
use crate::publication::{RepositoryError, TIMESTAMP};

/// The published metadata file `name`, at most `cap` bytes; `None` where there is none.
///
/// With a token through the API, which also serves private repositories; without one from the public address.
pub(super) async fn metadata(client: &Client, name: &str, cap: u64) -> Result<Option<Vec<u8>>, RepositoryError> {
    let url = match client.settings.token {
        Some(_) => current_asset(client, name).await?,
        None => Some(public(client, name)),
    };
    let Some(url) = url else { return Ok(None) };
    let read = async || {
        let response = open(client, &url).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => bytes(client, &url, response, cap).await.map(Some),
        }
    };
    client.again(read).await
}

fn public(client: &Client, name: &str) -> String {
    let settings = &client.settings;
    let base = settings.hosts.downloads.as_str().trim_end_matches('/');
    format!("{base}/{}/{}/releases/latest/download/{name}", settings.owner, settings.repo)
}

async fn current_asset(client: &Client, name: &str) -> Result<Option<String>, RepositoryError> {
    let complete = |assets: &[RemoteAsset], name: &str| {
        let mut assets = assets.iter().filter(|asset| asset.is_complete());
        assets.find(|asset| asset.name == name).cloned()
    };
    for release in carriers(client).await? {
        let assets = assets(client, &release).await?;
        let timestamp = [TIMESTAMP, NEXT].into_iter().find(|name| complete(&assets, name).is_some());
        if let Some(timestamp) = timestamp {
            let name = if name == TIMESTAMP { timestamp } else { name };
            return Ok(complete(&assets, name).map(|asset| address(client, &asset)));
        }
    }
    Ok(None)
}

/// The releases that may carry the current metadata: the latest one, then all others, newest first. The latest one lacks
/// its `timestamp.json` where a run was interrupted while it replaced it, and has it under the name [`NEXT`] then. To take
/// the repository for empty would be to begin again with version 1.
async fn carriers(client: &Client) -> Result<Vec<RemoteRelease>, RepositoryError> {
    let latest = client.read::<RemoteRelease>(&client.api("releases/latest")).await?;
    let mut others: Vec<RemoteRelease> = client.list(&client.api("releases")).await?;
    others.retain(|release| !release.draft);
    Ok(latest.into_iter().chain(others).collect())
}

/// All assets of a release, leftovers included. The release itself may list only some of them.
pub(super) async fn assets(client: &Client, release: &RemoteRelease) -> Result<Vec<RemoteAsset>, RepositoryError> {
    client.list(&client.api(&format!("releases/{}/assets", release.id))).await
}

fn address(client: &Client, asset: &RemoteAsset) -> String {
    client.api(&format!("releases/assets/{}", asset.id))
}

/// The bytes of an asset, at most `cap` of them.
pub(super) async fn content(client: &Client, asset: &RemoteAsset, cap: u64) -> Result<Vec<u8>, RepositoryError> {
    let url = address(client, asset);
    let read = async || bytes(client, &url, open(client, &url).await?, cap).await;
    client.again(read).await
}

/// Length and digest of an asset as it comes from the server, without keeping it.
pub(super) async fn measure(
    client: &Client,
    asset: &RemoteAsset,
    mut moved: impl FnMut(u64),
) -> Result<(u64, Sha256), RepositoryError> {
    let url = address(client, asset);
    let read = async || {
        let mut response = good(client, &url, open(client, &url).await?).await?;
        let (mut length, mut hasher) = (0, Hasher::new());
        while let Some(piece) = next(client, &url, &mut response).await? {
            length += piece.len() as u64;
            hasher.update(&piece);
            moved(piece.len() as u64);
        }
        Ok((length, hasher.finish()))
    };
    client.again(read).await
}

async fn open(client: &Client, url: &str) -> Result<Response, RepositoryError> {
    let what = format!("GET {url}");
    let attempt = async || {
        let answer = client.answer(&what, octets(client.request(Method::GET, url)?));
        let silent = |_| client.unreachable(&what, "no answer came");
        tokio::time::timeout(SILENCE, answer).await.map_err(silent)?
    };
    client.persist(&what, Kind::Read, attempt).await
}

async fn good(client: &Client, url: &str, response: Response) -> Result<Response, RepositoryError> {
    match response.status().is_success() {
        true => Ok(response),
        false => Err(client.refusal(&format!("GET {url}"), response).await),
    }
}

async fn bytes(client: &Client, url: &str, response: Response, cap: u64) -> Result<Vec<u8>, RepositoryError> {
    let mut response = good(client, url, response).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = next(client, url, &mut response).await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > cap {
            return Err(client.refused(format!("{url} has more than the {cap} B that it may have")));
        }
    }
    Ok(bytes)
}

async fn next(
    client: &Client,
    url: &str,
    response: &mut Response,
) -> Result<Option<impl AsRef<[u8]> + std::ops::Deref<Target = [u8]> + use<>>, RepositoryError> {
    let what = format!("GET {url}");
    let piece = tokio::time::timeout(SILENCE, response.chunk()).await;
    let piece = piece.map_err(|_| client.unreachable(&what, "nothing more came"))?;
    piece.map_err(|error| client.unreachable(&what, error.without_url()))
}
