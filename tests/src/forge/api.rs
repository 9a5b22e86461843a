//! The REST API about releases, as far as a publisher, a private reader and `gh` use it.
//!
//! Paths are written as in GitHub's OpenAPI description, since [`contract`](super::contract) finds
//! the operation by them.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::{ACCEPT, LINK, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::model::{Change, NewRelease, Release, Repository};
use super::refusal::Refusal;
use super::world::{Caller, Door};
use super::{json as shape, repository, storage};

const RELEASES: &str = "/repos/{owner}/{repo}/releases";
const RELEASE: &str = "/repos/{owner}/{repo}/releases/{release_id}";

type Names = Path<(String, String)>;
type Numbered = Path<(String, String, u64)>;
type Answer = Result<Response, Refusal>;

/// The routes, below `https://api.github.com` or `https://HOST/api/v3`.
pub(crate) fn routes() -> Router<Door> {
    Router::new()
        .route(RELEASES, get(list).post(create))
        .route(RELEASE, get(view).patch(edit).delete(delete))
        .route("/repos/{owner}/{repo}/releases/latest", get(latest))
        .route("/repos/{owner}/{repo}/releases/tags/{tag}", get(by_tag))
        .route("/repos/{owner}/{repo}/releases/{release_id}/assets", get(assets))
        .route("/repos/{owner}/{repo}/releases/assets/{asset_id}", get(asset).delete(delete_asset))
        .merge(repository::routes())
        .fallback(|| async { Refusal::NotFound })
}

async fn list(
    State(door): State<Door>,
    Path((owner, repo)): Names,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Answer {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    let shown = door.world.reading(&slug, caller, |repository| {
        let releases = repository.releases.iter().rev();
        let seen = releases.filter(|release| visible(release, caller));
        Ok(seen.map(|release| shape::release(&slug, release, &door.links)).collect::<Vec<_>>())
    })?;
    let address = format!("{}/repos/{slug}/releases", door.links.api);
    Ok(page(&shown, &query, &address))
}

/// One page of a list, with the header `Link` where there is another.
fn page(items: &[Value], query: &HashMap<String, String>, address: &str) -> Response {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("per_page").unwrap_or(30).clamp(1, 100);
    let page = number("page").unwrap_or(1).max(1);
    let pages = items.len().div_ceil(size);
    let shown: Vec<&Value> = items.iter().skip((page - 1) * size).take(size).collect();
    let mut answer = Json(json!(shown)).into_response();
    if page < pages {
        let to = |page| format!("<{address}?per_page={size}&page={page}>");
        let link = format!("{}; rel=\"next\", {}; rel=\"last\"", to(page + 1), to(pages));
        let link = link.parse().expect("an address is a legal header value");
        answer.headers_mut().insert(LINK, link);
    }
    answer
}

fn visible(release: &Release, caller: Caller) -> bool {
    !release.draft || caller == Caller::Writer
}

async fn create(State(door): State<Door>, Path((owner, repo)): Names, headers: HeaderMap, body: Bytes) -> Answer {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    let body = legal(&door, RELEASES, "post", &body)?;
    let new = NewRelease {
        tag: text(&body, "tag_name").unwrap_or_default(),
        target: text(&body, "target_commitish"),
        change: change(&body),
    };
    let made = door.world.writing(&slug, caller, |repository, id| {
        let release = repository.create(id, new)?;
        Ok(shape::release(&slug, release, &door.links))
    })?;
    let location = made["url"].as_str().unwrap_or_default().to_owned();
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(made)).into_response())
}

async fn edit(State(door): State<Door>, Path((owner, repo, id)): Numbered, headers: HeaderMap, body: Bytes) -> Answer {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    let body = legal(&door, RELEASE, "patch", &body)?;
    let change = change(&body);
    let edited = door.world.writing(&slug, caller, |repository, _| {
        let release = repository.edit(id, change)?;
        Ok(shape::release(&slug, release, &door.links))
    })?;
    Ok(Json(edited).into_response())
}

/// A request body, if GitHub's description allows it; `make_latest: true` is refused here.
fn legal(door: &Door, path: &str, method: &str, body: &[u8]) -> Result<Value, Refusal> {
    let body = serde_json::from_slice(body).map_err(|_| Refusal::Malformed("Problems parsing JSON".to_owned()))?;
    match door.world.contract.judge_request(path, method, &body) {
        Some(why) => Err(Refusal::Malformed(why)),
        None => Ok(body),
    }
}

fn change(body: &Value) -> Change {
    Change {
        tag: text(body, "tag_name"),
        name: text(body, "name"),
        body: text(body, "body"),
        draft: body["draft"].as_bool(),
        prerelease: body["prerelease"].as_bool(),
        make_latest: text(body, "make_latest"),
    }
}

fn text(body: &Value, field: &str) -> Option<String> {
    body[field].as_str().map(str::to_owned)
}

async fn view(State(door): State<Door>, Path((owner, repo, id)): Numbered, headers: HeaderMap) -> Answer {
    show(&door, &owner, &repo, &headers, |repository| repository.release(id))
}

async fn latest(State(door): State<Door>, Path((owner, repo)): Names, headers: HeaderMap) -> Answer {
    show(&door, &owner, &repo, &headers, Repository::latest)
}

async fn by_tag(
    State(door): State<Door>,
    Path((owner, repo, tag)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    show(&door, &owner, &repo, &headers, |repository| repository.by_tag(&tag))
}

fn show(
    door: &Door,
    owner: &str,
    repo: &str,
    headers: &HeaderMap,
    find: impl FnOnce(&Repository) -> Result<&Release, Refusal>,
) -> Answer {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(headers)?;
    let shown = door.world.reading(&slug, caller, |repository| {
        let release = find(repository)?;
        let seen = visible(release, caller);
        seen.then(|| shape::release(&slug, release, &door.links)).ok_or(Refusal::NotFound)
    })?;
    Ok(Json(shown).into_response())
}

async fn assets(
    State(door): State<Door>,
    Path((owner, repo, id)): Numbered,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Answer {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    let shown = door.world.reading(&slug, caller, |repository| {
        let release = repository.release(id)?;
        let assets = release.assets.iter().filter(|_| visible(release, caller));
        let shown = assets.map(|asset| shape::asset(&slug, release, asset, &door.links));
        Ok(shown.collect::<Vec<_>>())
    })?;
    let address = format!("{}/repos/{slug}/releases/{id}/assets", door.links.api);
    Ok(page(&shown, &query, &address))
}

/// The asset's description, or a redirect to its bytes for `Accept: application/octet-stream`.
async fn asset(State(door): State<Door>, Path((owner, repo, id)): Numbered, headers: HeaderMap) -> Answer {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    let shown = door.world.reading(&slug, caller, |repository| {
        let release = repository.release_of(id)?;
        let mut assets = release.assets.iter().filter(|_| visible(release, caller));
        let asset = assets.find(|asset| asset.id == id).ok_or(Refusal::NotFound)?;
        Ok(shape::asset(&slug, release, asset, &door.links))
    })?;
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if accepted == Some("application/octet-stream") {
        return Ok(storage::redirect(&door.world, id));
    }
    Ok(Json(shown).into_response())
}

async fn delete(State(door): State<Door>, Path((owner, repo, id)): Numbered, headers: HeaderMap) -> Answer {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    door.world.writing(&slug, caller, |repository, _| repository.delete(id))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn delete_asset(State(door): State<Door>, Path((owner, repo, id)): Numbered, headers: HeaderMap) -> Answer {
    let slug = format!("{owner}/{repo}");
    let caller = Caller::of(&headers)?;
    door.world.writing(&slug, caller, |repository, _| repository.delete_asset(id))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
