//! The addresses a browser uses: no API, no token, no limit on how often.
//!
//! Documented by GitHub in "Linking to releases". `latest` redirects to the tag, the tag redirects
//! to the storage host.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::model::AssetState;
use super::refusal::Refusal;
use super::storage;
use super::world::{Caller, Door};

/// The routes, below `https://github.com` or `https://HOST`.
pub(crate) fn routes() -> Router<Door> {
    Router::new()
        .route("/{owner}/{repo}/releases/latest/download/{name}", get(latest))
        .route("/{owner}/{repo}/releases/download/{tag}/{name}", get(download))
}

async fn latest(
    State(door): State<Door>,
    Path((owner, repo, name)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    let tag = door.world.reading(&slug, caller, |repository| Ok(repository.latest()?.tag.clone()))?;
    let to = format!("{}/{slug}/releases/download/{tag}/{name}", door.links.web);
    Ok(storage::found(&to).into_response())
}

async fn download(
    State(door): State<Door>,
    Path((owner, repo, tag, name)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    let id = door.world.reading(&slug, caller, |repository| {
        let mut assets = repository.by_tag(&tag)?.assets.iter();
        let found = assets.find(|asset| asset.name == name && asset.state == AssetState::Uploaded);
        Ok(found.ok_or(Refusal::NotFound)?.id)
    })?;
    Ok(storage::redirect(&door.world, id))
}
