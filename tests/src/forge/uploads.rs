//! Where assets are sent: a host of its own on github.com, a path on an Enterprise server.

use std::path::{Path as FilePath, PathBuf};

use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::faults::UploadFault;
use super::json as shape;
use super::model::{Asset, AssetState};
use super::names::stored_name;
use super::refusal::Refusal;
use super::world::{Caller, Door};

/// The one route, below `https://uploads.github.com` or `https://HOST/api/uploads`.
pub(crate) fn routes() -> Router<Door> {
    Router::new()
        .route("/repos/{owner}/{repo}/releases/{release_id}/assets", post(upload))
        .fallback(|| async { Refusal::NotFound })
}

async fn upload(
    State(door): State<Door>,
    Path((owner, repo, release)): Path<(String, String, u64)>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Refusal> {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(request.headers())?;
    let asset = begun(&query.unwrap_or_default(), request.headers(), &door.world.objects)?;
    let (id, file) = door.world.writing(&slug, caller, |repository, id| {
        let file = asset.file.join(id.to_string());
        let asset = Asset { id, file: file.clone(), ..asset };
        repository.begin_upload(release, asset)?;
        Ok((id, file))
    })?;
    let fault = door.world.faults.next_upload();
    let body = request.into_body();
    match fault {
        Some(UploadFault::Park) => {
            door.world.faults.park().await;
            Ok(StatusCode::BAD_GATEWAY.into_response())
        }
        Some(UploadFault::BadGateway) => {
            let _ = keep(body, file).await;
            Ok((StatusCode::BAD_GATEWAY, "<h1>Bad gateway</h1>").into_response())
        }
        None => finish(&door, &slug, release, id, keep(body, file).await),
    }
}

/// The asset at the start of its upload; its file is still only the directory.
fn begun(query: &str, headers: &HeaderMap, objects: &FilePath) -> Result<Asset, Refusal> {
    let field = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let name = field("name").map(stored_name).unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::invalid("ReleaseAsset", "name"));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.ok_or(Refusal::invalid("ReleaseAsset", "content_type"))?;
    Ok(Asset {
        id: 0,
        name,
        label: field("label").map(stored_name),
        content_type: content_type.to_owned(),
        size: 0,
        digest: None,
        state: AssetState::Starter,
        downloads: 0,
        created_at: jiff::Timestamp::now(),
        file: objects.to_owned(),
    })
}

/// Writes a body to its file; `None` if the body broke off.
async fn keep(body: Body, file: PathBuf) -> Option<(u64, String)> {
    let mut kept = tokio::fs::File::create(&file).await.ok()?;
    let mut bytes = body.into_data_stream();
    let (mut size, mut hash) = (0, Sha256::new());
    while let Some(piece) = bytes.next().await {
        let piece = piece.ok()?;
        size += piece.len() as u64;
        hash.update(&piece);
        kept.write_all(&piece).await.ok()?;
    }
    kept.flush().await.ok()?;
    Some((size, format!("sha256:{}", hex::encode(hash.finalize()))))
}

fn finish(door: &Door, slug: &str, release: u64, id: u64, kept: Option<(u64, String)>) -> Result<Response, Refusal> {
    let Some((size, digest)) = kept else {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    };
    let shown = door.world.writing(slug, Caller::Writer, |repository, _| {
        let asset = repository.asset_mut(id)?;
        asset.size = size;
        asset.digest = Some(digest);
        asset.state = AssetState::Uploaded;
        let asset = asset.clone();
        Ok(shape::asset(slug, repository.release(release)?, &asset, &door.links))
    })?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}
