//! Every request has an id: in its answer, and in every line that is logged on its behalf. No user text is logged.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Duration;
use tower_http::classify::{ServerErrorsAsFailures, SharedClassifier};
use tower_http::trace::{DefaultOnRequest, DefaultOnResponse, OnResponse, TraceLayer};
use tracing::Span;
use tracing::field::Empty;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone)]
struct RequestId(HeaderValue);

/// Creates the request's id. One that the client sends is ignored: it could be anything.
pub(super) async fn name(mut request: Request, next: Next) -> Response {
    let mut digits = uuid::Uuid::encode_buffer();
    let id = uuid::Uuid::now_v7().simple().encode_lower(&mut digits);
    let id = HeaderValue::from_str(id).expect("hexadecimal digits are a header's value");
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// A span per request, entered while its answer is made and while its body is sent.
pub(super) fn layer() -> Layer {
    TraceLayer::new_for_http()
        .make_span_with(span as fn(&Request) -> Span)
        .on_response(answered as fn(&Response, Duration, &Span))
}

type Layer = TraceLayer<
    SharedClassifier<ServerErrorsAsFailures>,
    fn(&Request) -> Span,
    DefaultOnRequest,
    fn(&Response, Duration, &Span),
>;

/// Traces name the status.
fn answered(response: &Response, took: Duration, span: &Span) {
    span.record("status", response.status().as_u16());
    DefaultOnResponse::default().on_response(response, took, span);
}

fn span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|RequestId(id)| id.to_str().ok()).unwrap_or_default();
    // The query is left out: a form could put a secret into it by mistake.
    tracing::info_span!("request", id, method = %request.method(), path = without_secret(request.uri().path()), status = Empty)
}

/// A shared link's address is its secret.
fn without_secret(path: &str) -> &str {
    ["/join/", "/p/"].into_iter().find(|page| path.starts_with(page)).unwrap_or(path)
}
