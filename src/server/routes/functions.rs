//! The server functions' answers.

use super::oversize;
use crate::error::Problem;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// More than the length of a problem document.
const MAX_PROBLEM_BYTES: usize = 64 << 10;

/// To a browser that submits a form (recognised by accepting HTML), server functions answer with a redirect to its
/// `Referer`, with errors in the URL. Our forms have routes of their own, and no redirect follows a header.
///
/// Server functions take JSON with the content type of JSON only: another website can make a browser send any bytes as
/// a form or as plain text, but not as JSON.
pub(super) async fn answer_in_place(mut request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    if *request.method() == Method::POST && !is_json(request.headers()) {
        oversize::discard(request.into_body()).await;
        let message = "Send JSON, with the header Content-Type: application/json.";
        return Problem::Unsupported(message.into()).into_response();
    }
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let response = next.run(request).await;
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => with_retry_after(response).await,
        _ => response,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let kind = kind.to_str().unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Server functions write the problem into the body only; programs and proxies need the header.
async fn with_retry_after(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MAX_PROBLEM_BYTES).await else { return Problem::Internal.into_response() };
    let problem = serde_json::from_slice::<Problem>(&body).ok();
    if let Some(seconds) = problem.and_then(|problem| problem.retry_after_seconds()) {
        parts.headers.insert(header::RETRY_AFTER, seconds.into());
    }
    Response::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z42_json_is_what_is_called_json() {
        let is_taken = |kinds: &[&'static str]| {
            let name = |kind: &&'static str| (header::CONTENT_TYPE, HeaderValue::from_static(kind));
            is_json(&kinds.iter().map(name).collect())
        };
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/json;x=y"] {
            assert!(is_taken(&[kind]), "{kind}");
        }
        for kind in ["", "text/plain", "text/plain; application/json", "application/jsonp", "multipart/form-data"] {
            assert!(!is_taken(&[kind]), "{kind}");
        }
        assert!(!is_taken(&[]));
    }
}
