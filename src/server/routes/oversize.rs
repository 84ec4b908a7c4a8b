//! Requests that declare too large a body, or compress it so that its size is unknown.

use crate::error::Problem;
use crate::model::Image;
use crate::server::bounds::{MAX_BODY_BYTES, UPLOADS};
use crate::server::problem::too_large;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use std::time::Duration;
use tokio::time::timeout;

/// How much of a refused body is read and discarded, and for how long. A server that answers and closes in the middle
/// of a body resets the connection, and the client may never see why.
const MAX_DISCARDED_BYTES: usize = 16 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Answers 413 before any handler runs.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    let packed = request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    if packed {
        discard(request.into_body()).await;
        return Problem::Unsupported("Send the body as it is, without a Content-Encoding.".into()).into_response();
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let most = if request.uri().path() == UPLOADS { Image::MAX_UPLOAD_BYTES } else { MAX_BODY_BYTES };
    if length.is_none_or(|length: usize| length <= most) {
        return next.run(request).await;
    }
    discard(request.into_body()).await;
    too_large(most).into_response()
}

/// Reads and discards the body, so that the client receives the answer.
pub(super) async fn discard(body: Body) {
    let mut body = body.into_data_stream();
    let discard = async {
        let mut read = 0;
        while let Some(Ok(chunk)) = body.next().await {
            read += chunk.len();
            if MAX_DISCARDED_BYTES < read {
                return;
            }
        }
    };
    // The answer does not depend on whether this timed out.
    let _ = timeout(DISCARD_TIME, discard).await;
}
