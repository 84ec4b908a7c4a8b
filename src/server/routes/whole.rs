//! Authenticates a request only after its body has arrived. A body may arrive half a minute after the head, and a
//! credential that is revoked meanwhile is no longer valid at the last byte.

use crate::error::Problem;
use crate::server::bounds::{MAX_BODY_BYTES, UPLOADS};
use crate::server::grants::kept;
use crate::server::problem::{in_place_of_page, too_large};
use crate::server::session::Slow;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use std::time::Instant;

/// Waits for the body, which is bounded, before the caller is authenticated. An upload is not awaited here: its handler
/// checks again once it has read it.
pub(super) async fn first(request: Request, next: Next) -> Response {
    let looks = request.method() == Method::GET || request.method() == Method::HEAD;
    if looks || request.body().is_end_stream() || request.uri().path() == UPLOADS {
        return next.run(request).await;
    }
    let began = Instant::now();
    let (mut parts, body) = request.into_parts();
    let mut sent = Request::new(body);
    // The limit of a body is enforced there.
    *sent.extensions_mut() = parts.extensions.clone();
    match Bytes::from_request(sent, &()).await {
        Ok(bytes) => {
            if kept::GOOD_FOR <= began.elapsed() {
                parts.extensions.insert(Slow);
            }
            next.run(Request::from_parts(parts, Body::from(bytes))).await
        }
        Err(rejection) => {
            let problem = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(MAX_BODY_BYTES),
                _ => Problem::Malformed("The request did not arrive in full. Send it again.".into()),
            };
            in_place_of_page(problem, &parts.headers)
        }
    }
}
