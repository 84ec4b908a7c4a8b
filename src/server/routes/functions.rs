//! The server functions' answers.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// To a browser that submits a form (who says that it takes HTML), server functions answer by sending it to its `Referer`, with
/// errors in the address. Our forms have routes of their own, and nobody is sent to where a header says.
pub(super) async fn answer_in_place(mut request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/api/") {
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    }
    next.run(request).await
}
