//! Requests that say they are too large.

use super::MAX_BODY_BYTES;
use crate::server::problem::too_large;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use std::time::Duration;
use tokio::time::timeout;

/// How much of a refused body is read and thrown away, and for how long. A server that answers and hangs up in the
/// middle of a body resets the connection, and the client may never see why.
const MOST_DISCARDED_BYTES: usize = 8 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Answers 413 before any handler runs.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_none_or(|length: usize| length <= MAX_BODY_BYTES) {
        return next.run(request).await;
    }
    let mut body = request.into_body().into_data_stream();
    let discard = async {
        let mut read = 0;
        while let Some(Ok(chunk)) = body.next().await {
            read += chunk.len();
            if MOST_DISCARDED_BYTES < read {
                return;
            }
        }
    };
    // Late or not, the answer is the same.
    let _ = timeout(DISCARD_TIME, discard).await;
    too_large().into_response()
}
