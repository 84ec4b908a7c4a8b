//! A request whose body has arrived: who sends it is asked only then. A body may come half a minute after the head, and
//! what is withdrawn meanwhile does not hold any more when the last byte is there.

use crate::error::Problem;
use crate::server::problem::too_large;
use crate::server::routes::{MAX_BODY_BYTES, UPLOADS};
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode};
use bytes::Bytes;

/// Waits for the body, which is bounded. An upload is not held here: its handler asks again once it has read it.
pub(super) async fn whole(request: Request) -> Result<Request, Problem> {
    let looks = request.method() == Method::GET || request.method() == Method::HEAD;
    if looks || request.body().is_end_stream() || request.uri().path() == UPLOADS {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let mut sent = Request::new(body);
    // The limit of a body is kept there.
    *sent.extensions_mut() = parts.extensions.clone();
    let bytes = Bytes::from_request(sent, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(MAX_BODY_BYTES),
        _ => Problem::Malformed("The request did not arrive in full. Send it again.".into()),
    })?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}
