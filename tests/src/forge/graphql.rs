//! The two GraphQL queries without which `gh release list` and `gh release view` do not work.
//!
//! `gh` refuses an answer with fields that it did not ask for, and its versions ask for different
//! ones; so an answer is cut to the names that occur in the query. Any other query is an error
//! that names itself, for the day when a newer `gh` needs one.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::json::{seconds, shown_tag};
use super::model::{Release, Repository};
use super::refusal::Refusal;
use super::world::{Caller, Door};

/// Answers a query of `gh`.
pub(crate) async fn answer(
    State(door): State<Door>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Result<Response, Refusal> {
    let caller = Caller::of(&headers)?;
    let query = request["query"].as_str().unwrap_or_default();
    let variable = |name: &str| request["variables"][name].as_str().unwrap_or_default().to_owned();
    let slug = format!("{}/{}", variable("owner"), variable("name"));
    let data = door.world.reading(&slug, caller, |repository| {
        if query.contains("RepositoryReleaseList") {
            return Ok(list(repository, caller, query, &slug, &door.links.web));
        }
        if query.contains("RepositoryReleaseByTag") {
            return Ok(by_tag(repository, caller, &variable("tagName"), query));
        }
        Err(Refusal::Malformed(format!("the stand-in knows no answer to {query}")))
    })?;
    Ok(Json(json!({"data": {"repository": data}})).into_response())
}

fn list(repository: &Repository, caller: Caller, query: &str, slug: &str, web: &str) -> Value {
    let latest = repository.latest().map(|release| release.id).ok();
    let releases = repository.releases.iter().rev();
    let seen = releases.filter(|release| !release.draft || caller == Caller::Writer);
    let nodes = seen.map(|release| {
        let node = json!({
            "name": release.name,
            "tagName": release.tag,
            "isDraft": release.draft,
            "isLatest": Some(release.id) == latest,
            "isPrerelease": release.prerelease,
            "isImmutable": release.immutable,
            "createdAt": seconds(release.created_at),
            "publishedAt": release.published_at.map(seconds),
            "url": format!("{web}/{slug}/releases/tag/{}", shown_tag(release)),
        });
        asked(node, query)
    });
    let nodes: Vec<Value> = nodes.collect();
    json!({"releases": {"nodes": nodes, "pageInfo": {"hasNextPage": false, "endCursor": ""}}})
}

/// Finds drafts too, which the REST API does not.
fn by_tag(repository: &Repository, caller: Caller, tag: &str, query: &str) -> Value {
    let seen = |release: &&Release| release.tag == tag && (!release.draft || caller == Caller::Writer);
    let found = repository.releases.iter().find(seen);
    let release = found.map(|release| {
        let node = json!({"databaseId": release.id, "isDraft": release.draft});
        asked(node, query)
    });
    json!({"release": release})
}

fn asked(node: Value, query: &str) -> Value {
    let words: Vec<&str> = query.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let Value::Object(fields) = node else {
        return node;
    };
    let kept = fields.into_iter().filter(|(name, _)| words.contains(&name.as_str()));
    Value::Object(kept.collect::<Map<_, _>>())
}
