//! The ways in which GitHub says no, and the answer each of them is.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A request that is not done.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// The token is none of ours.
    BadCredentials,
    /// The release is immutable.
    Immutable,
    /// The body breaks the published description of the request.
    Malformed(String),
    /// A rule about one field of one resource.
    Invalid { resource: &'static str, field: &'static str, code: &'static str },
}

impl Refusal {
    /// The name or tag is in use.
    pub(crate) fn taken(resource: &'static str, field: &'static str) -> Refusal {
        Refusal::Invalid { resource, field, code: "already_exists" }
    }

    /// The field has a value that the resource cannot have.
    pub(crate) fn invalid(resource: &'static str, field: &'static str) -> Refusal {
        Refusal::Invalid { resource, field, code: "invalid" }
    }

    fn status(&self) -> StatusCode {
        match self {
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::BadCredentials => StatusCode::UNAUTHORIZED,
            Refusal::Immutable | Refusal::Malformed(_) | Refusal::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn body(&self) -> Value {
        match self {
            Refusal::NotFound => said("Not Found", "404"),
            Refusal::BadCredentials => said("Bad credentials", "401"),
            Refusal::Immutable => said("Cannot change an immutable release.", "422"),
            Refusal::Malformed(why) => said(&format!("Invalid request.\n\n{why}"), "422"),
            Refusal::Invalid { resource, field, code } => {
                let mut body = said("Validation Failed", "422");
                body["errors"] = json!([{"resource": resource, "code": code, "field": field}]);
                body
            }
        }
    }
}

fn said(message: &str, status: &str) -> Value {
    json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": status,
    })
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), Json(self.body())).into_response()
    }
}
