//! The host that downloads are redirected to: signed addresses that live minutes.
//!
//! The signature in the address is the permission; a second one, in `Authorization`, is an error,
//! as with the object stores behind GitHub. `Range` is honoured.

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::world::{Door, World};

#[derive(Deserialize)]
struct Signed {
    /// Milliseconds since 1970.
    expires: i64,
    signature: String,
}

/// The one route, on the storage host.
pub(crate) fn routes() -> Router<Door> {
    Router::new().route("/objects/{id}", get(object))
}

/// Sends a client to the bytes of asset `id`, for as long as links live.
pub(crate) fn redirect(world: &World, id: u64) -> Response {
    let lifetime = *world.link_lifetime.lock().expect("no holder panics");
    let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX / 2);
    let expires = jiff::Timestamp::now().as_millisecond() + lifetime;
    let signature = signature(id, expires);
    found(&format!("{}/objects/{id}?expires={expires}&signature={signature}", world.storage))
}

/// A redirect as GitHub answers it.
pub(crate) fn found(location: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, location.to_owned())]).into_response()
}

/// Nobody attacks the stand-in: that the address was made here is all this has to tell.
fn signature(id: u64, expires: i64) -> String {
    let text = format!("storage of the stand-in: {id} until {expires}");
    hex::encode(Sha256::digest(text))
}

async fn object(
    State(door): State<Door>,
    Path(id): Path<u64>,
    Query(signed): Query<Signed>,
    request: Request,
) -> Response {
    if request.headers().contains_key(AUTHORIZATION) {
        let only_one = "Only one auth mechanism allowed";
        return (StatusCode::BAD_REQUEST, only_one).into_response();
    }
    let expired = jiff::Timestamp::now().as_millisecond() >= signed.expires;
    if expired || signed.signature != signature(id, signed.expires) {
        return (StatusCode::FORBIDDEN, "AuthenticationFailed").into_response();
    }
    let asset = door.world.memory().open_asset(id);
    match asset {
        Ok(asset) => {
            let served = ServeFile::new(asset.file).oneshot(request).await;
            let response = served.unwrap_or_else(|never| match never {});
            response.map(axum::body::Body::new).map(|body| door.world.faults.befall(body))
        }
        Err(refusal) => refusal.into_response(),
    }
}
