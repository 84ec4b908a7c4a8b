//! Images: uploaded as raw bodies, one per request, and shown to callers with access.

use super::input::{Id, Query};
use super::openapi::{Conflicts, Limited};
use super::oversize;
use super::table::Table;
use crate::error::Problem;
use crate::model::{Image, ImageId};
use crate::server::picture::Picture;
use crate::server::principal::Viewer;
use crate::server::problem::too_large;
use crate::server::serve::timely::Late;
use crate::server::session::{Account, Address};
use crate::server::{State, images};
use axum::Json as Answer;
use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;
use utoipa_axum::routes;

/// Bytes of an upload that have to arrive in any [`upload_stretch`](crate::server::bounds::Bounds::upload_stretch);
/// otherwise its slot is freed.
const STRETCH_BYTES: usize = 64 << 10;
/// Opened by itself an image can run nothing; `attachment` makes a browser save it instead.
const POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";
/// The browser caches it and revalidates each time, which checks access again and costs a hash.
const CACHING: &str = "private, no-cache";

pub(super) fn routes() -> Table {
    Table::default().described(routes!(upload)).described(routes!(show, remove))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Named {
    /// The file's name.
    #[serde(default)]
    name: String,
}

/// Upload an image for the next message
///
/// The body is the file, PNG, JPEG, WebP or GIF. Its name and media type are ignored.
#[utoipa::path(post, path = "/api/v1/images", operation_id = "uploadImage", tag = "images", params(Named),
    request_body(content = [u8], content_type = "application/octet-stream"),
    responses((status = 201, body = Image), (status = 408, description = "It came too slowly"), Conflicts, Limited))]
async fn upload(
    Extract(state): Extract<State>,
    Account(account): Account,
    Address(address): Address,
    Query(Named { name }): Query<Named>,
    request: Request,
) -> Result<(StatusCode, Answer<Image>), Problem> {
    let places = state.limits.upload(account, address).and_then(|mine| Ok((mine, state.images.receive()?)));
    let _places = match places {
        Ok(places) => places,
        Err(problem) => {
            oversize::discard(request.into_body()).await;
            return Err(problem);
        }
    };
    let bytes = receive(state.bounds.upload_stretch, request.into_body()).await?;
    // Up to two minutes have passed since the head: a caller whose access was revoked meanwhile gets no decoding.
    state.store.ask_again().await?;
    let image = images::upload(&state, account, &name, bytes).await?;
    Ok((StatusCode::CREATED, Answer(image)))
}

/// Get an image
#[utoipa::path(get, path = "/api/v1/images/{id}", operation_id = "getImage", tag = "images",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is known")),
    responses((status = 200, content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"))),
        (status = 304, description = "As it is known")))]
async fn show(
    Extract(state): Extract<State>,
    viewer: Viewer,
    Id(id): Id<ImageId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let viewer = viewer.id();
    if let Some(known) = headers.get(header::IF_NONE_MATCH) {
        let hash = state.store.picture_hash(viewer, id).await?.ok_or(Problem::NotFound)?;
        if known.as_bytes() == tag(&hash).as_bytes() {
            return Ok((StatusCode::NOT_MODIFIED, caching(&hash)).into_response());
        }
    }
    let picture = state.store.picture(viewer, id).await?.ok_or(Problem::NotFound)?;
    Ok(shown(id, picture))
}

/// Reads the file, for as long as it arrives fast enough.
async fn receive(stretch: Duration, body: Body) -> Result<Bytes, Problem> {
    let (mut body, mut file) = (body.into_data_stream(), BytesMut::new());
    let (mut begun, mut before) = (Instant::now(), 0);
    loop {
        let next = timeout_at(begun + stretch, body.next()).await.map_err(|_| slow())?;
        let Some(piece) = next else { return Ok(file.freeze()) };
        file.extend_from_slice(&piece.map_err(|error| match error.into_inner().is::<Late>() {
            true => slow(),
            false => Problem::Malformed("The image did not arrive in full. Upload it again.".into()),
        })?);
        if Image::MAX_UPLOAD_BYTES < file.len() {
            return Err(too_large(Image::MAX_UPLOAD_BYTES));
        }
        if before + STRETCH_BYTES <= file.len() {
            (begun, before) = (Instant::now(), file.len());
        }
    }
}

fn slow() -> Problem {
    Problem::Slow("The image came too slowly, so it was not kept. Upload it again over a faster connection.".into())
}

fn shown(id: ImageId, picture: Picture) -> Response {
    let ending = if picture.media_type == "image/png" { "png" } else { "jpg" };
    // Not the uploaded file's name: that is arbitrary user text.
    let disposition = format!("attachment; filename=\"image-{id}.{ending}\"");
    let headers = [
        (header::CONTENT_TYPE, picture.media_type),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    (caching(&picture.hash), headers, picture.bytes).into_response()
}

fn caching(hash: &str) -> [(header::HeaderName, String); 2] {
    [(header::CACHE_CONTROL, CACHING.to_owned()), (header::ETAG, tag(hash))]
}

fn tag(hash: &str) -> String {
    format!("\"{hash}\"")
}

/// Delete an image that is in no message
#[utoipa::path(delete, path = "/api/v1/images/{id}", operation_id = "deleteImage", tag = "images",
    responses((status = 204), Conflicts))]
async fn remove(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ImageId>,
) -> Result<StatusCode, Problem> {
    images::remove(&state, account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use tokio::time::sleep;

    const STRETCH: Duration = Duration::from_secs(15);

    /// Reads an upload that arrives in pieces of this size, one per interval.
    async fn received(piece: usize, pieces: usize, seconds: u64) -> Result<usize, Problem> {
        let pieces = stream::iter(0..pieces).then(move |_| async move {
            sleep(Duration::from_secs(seconds)).await;
            Ok::<_, std::io::Error>(Bytes::from(vec![0; piece]))
        });
        receive(STRETCH, Body::from_stream(pieces)).await.map(|file| file.len())
    }

    #[tokio::test(start_paused = true)]
    async fn z37_an_upload_that_keeps_its_pace_is_read_and_one_that_drips_is_not() {
        assert_eq!(received(32 << 10, 10, 7).await.unwrap(), 320 << 10, "64 KiB in 14 seconds");
        assert!(matches!(received(32 << 10, 10, 8).await, Err(Problem::Slow(_))), "64 KiB in 16 seconds");
        assert!(matches!(received(1, 1_000, 1).await, Err(Problem::Slow(_))));
        assert_eq!(received(100, 1, 14).await.unwrap(), 100, "a small one has a stretch for all of it");
    }
}
