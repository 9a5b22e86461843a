//! The little that the REST API tells about a repository beside its releases.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::refusal::Refusal;
use super::world::{Caller, Door};

/// The routes, below `https://api.github.com` or `https://HOST/api/v3`.
pub(crate) fn routes() -> Router<Door> {
    Router::new()
        .route("/repos/{owner}/{repo}/immutable-releases", get(immutable))
        .route("/repos/{owner}/{repo}/git/ref/tags/{tag}", get(tag))
}

async fn immutable(
    State(door): State<Door>,
    Path((owner, repo)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    let enabled = door.world.writing(&slug, caller, |repository, _| Ok(repository.immutable_releases))?;
    let answer = json!({"enabled": enabled, "enforced_by_owner": false});
    enabled.then(|| Json(answer).into_response()).ok_or(Refusal::NotFound)
}

/// The commit is made up: the stand-in knows no git.
async fn tag(
    State(door): State<Door>,
    Path((owner, repo, tag)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    let pushed = door.world.reading(&slug, caller, |repository| Ok(!repository.unpushed.contains(&tag)))?;
    let own = format!("{}/repos/{slug}/git", door.links.api);
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let answer = json!({
        "ref": format!("refs/tags/{tag}"),
        "node_id": "REF_1",
        "url": format!("{own}/refs/tags/{tag}"),
        "object": {"type": "commit", "sha": sha, "url": format!("{own}/commits/{sha}")},
    });
    pushed.then(|| Json(answer).into_response()).ok_or(Refusal::NotFound)
}
