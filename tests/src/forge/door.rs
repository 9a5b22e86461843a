//! What happens to every request at the door: it is written down, may be refused for asking too
//! often, and its answer gets an `ETag` and is held against GitHub's description.

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::faults::RateLimit;
use super::log::Host;
use super::world::Door;

/// Writes a request and the status of its answer down.
pub(crate) async fn record(State((door, host)): State<(Door, Host)>, request: Request, next: Next) -> Response {
    let place = door.world.log.begin(host, &request);
    let response = next.run(request).await;
    door.world.log.end(place, response.status().as_u16());
    response
}

/// The manners of the API: limits, validators, and its word kept.
pub(crate) async fn api(State(door): State<Door>, request: Request, next: Next) -> Response {
    if let Some(limit) = door.world.faults.next_limit() {
        return limited(limit);
    }
    let operation = operation(&request);
    let method = request.method().clone();
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let (mut parts, body) = next.run(request).await.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if method != Method::HEAD && is_json(&parts.headers) {
        let said = serde_json::from_slice(&body).expect("the stand-in writes JSON");
        let name = method.as_str().to_ascii_lowercase();
        let status = parts.status.as_u16();
        door.world.contract.judge_answer(&operation, &name, status, &said);
    }
    if method == Method::GET && parts.status == StatusCode::OK {
        let tag = etag(&body);
        if known.as_ref() == Some(&tag) {
            return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
        }
        parts.headers.insert(ETAG, tag);
    }
    Response::from_parts(parts, Body::from(body))
}

/// The path as GitHub's description writes it, without an Enterprise server's prefix.
fn operation(request: &Request) -> String {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map(MatchedPath::as_str).unwrap_or_default();
    let path = path.strip_prefix("/api/v3").unwrap_or(path);
    path.strip_prefix("/api/uploads").unwrap_or(path).to_owned()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

fn etag(body: &Bytes) -> HeaderValue {
    let tag = format!("W/\"{}\"", hex::encode(Sha256::digest(body)));
    tag.parse().expect("hex digits are a legal header value")
}

fn limited(limit: RateLimit) -> Response {
    let status = StatusCode::from_u16(limit.status).expect("a test asks for a legal status");
    let message = json!({
        "message": "You have exceeded a secondary rate limit.",
        "documentation_url": "https://docs.github.com/rest",
    });
    let mut response = (status, Json(message)).into_response();
    let headers = response.headers_mut();
    if let Some(seconds) = limit.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let Some(seconds) = limit.reset_in {
        let reset = jiff::Timestamp::now().as_second().saturating_add_unsigned(seconds);
        headers.insert("x-ratelimit-remaining", 0.into());
        headers.insert("x-ratelimit-reset", reset.into());
    }
    response
}
