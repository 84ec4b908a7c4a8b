//! Carries the body of a stream past the layers around the routes: compression, traces and the catching of panics are for
//! answers that end, and each of them would be called for every event of every viewer.
//!
//! What a stream has to log is still logged with its request's id: `Follower` and `/chat/stream` keep the request's span.

use crate::server::sync::lock;
use crate::server::transport::STREAMING_HEADERS;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::stream;
use std::sync::{Arc, Mutex};

/// The body, on its way through the layers.
#[derive(Clone)]
struct Carried(Arc<Mutex<Option<Body>>>);

/// Takes the body of a stream out of the answer.
pub(super) async fn take_out(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let [_, (name, value)] = &STREAMING_HEADERS;
    if response.headers().get(name).is_some_and(|found| found.as_bytes() == value.as_bytes()) {
        // Of unknown length, as the stream is.
        let placeholder = Body::from_stream(stream::empty::<Result<bytes::Bytes, std::convert::Infallible>>());
        let body = std::mem::replace(response.body_mut(), placeholder);
        response.extensions_mut().insert(Carried(Arc::new(Mutex::new(Some(body)))));
    }
    response
}

/// Puts the body of a stream back.
pub(super) async fn put_back(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(Carried(body)) = response.extensions_mut().remove()
        && let Some(body) = lock(&body).take()
    {
        *response.body_mut() = body;
    }
    response
}
