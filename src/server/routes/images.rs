//! Images: uploaded as they are, one in a request, and shown to those who may see them.

use super::input::{Id, Query};
use super::openapi::{Conflicts, Limited};
use super::oversize;
use super::table::Table;
use crate::error::Problem;
use crate::model::{Image, ImageId};
use crate::server::picture::Picture;
use crate::server::principal::Looker;
use crate::server::problem::too_large;
use crate::server::session::Account;
use crate::server::{State, images};
use axum::Json as Answer;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State as Extract};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::UtoipaMethodRouterExt;
use utoipa_axum::routes;

/// Wherever it is opened by itself, it can do nothing; `attachment` besides has a browser save it instead.
const POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";
/// The browser keeps it and asks each time whether it may still show it: that costs a hash.
const CACHING: &str = "private, no-cache";

pub(super) fn routes() -> Table {
    Table::default()
        .described(routes!(upload).layer(DefaultBodyLimit::max(Image::MOST_UPLOAD_BYTES)))
        .described(routes!(show, remove))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Named {
    /// What the file is called.
    #[serde(default)]
    name: String,
}

/// Upload an image for the next message
///
/// The body is the file, PNG, JPEG, WebP or GIF. What it calls itself, by name or media type, does not count.
#[utoipa::path(post, path = "/api/v1/images", operation_id = "uploadImage", tag = "images", params(Named),
    request_body(content = [u8], content_type = "application/octet-stream"),
    responses((status = 201, body = Image), Conflicts, Limited))]
async fn upload(
    Extract(state): Extract<State>,
    Account(account): Account,
    Query(Named { name }): Query<Named>,
    request: Request,
) -> Result<(StatusCode, Answer<Image>), Problem> {
    let places = state.limits.upload(account).and_then(|mine| Ok((mine, state.images.receive()?)));
    let _places = match places {
        Ok(places) => places,
        Err(problem) => {
            oversize::discard(request.into_body()).await;
            return Err(problem);
        }
    };
    let bytes = Bytes::from_request(request, &state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(Image::MOST_UPLOAD_BYTES),
        _ => Problem::Malformed("The image did not arrive in full. Upload it again.".into()),
    })?;
    let image = images::upload(&state, account, &name, bytes).await?;
    Ok((StatusCode::CREATED, Answer(image)))
}

/// What an image shows
#[utoipa::path(get, path = "/api/v1/images/{id}", operation_id = "getImage", tag = "images",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is known")),
    responses((status = 200, content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"))),
        (status = 304, description = "As it is known")))]
async fn show(
    Extract(state): Extract<State>,
    looker: Looker,
    Id(id): Id<ImageId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let viewer = looker.viewer();
    if let Some(known) = headers.get(header::IF_NONE_MATCH) {
        let hash = state.store.picture_hash(viewer, id).await?.ok_or(Problem::NotFound)?;
        if known.as_bytes() == tag(&hash).as_bytes() {
            return Ok((StatusCode::NOT_MODIFIED, caching(&hash)).into_response());
        }
    }
    let picture = state.store.picture(viewer, id).await?.ok_or(Problem::NotFound)?;
    Ok(shown(id, picture))
}

fn shown(id: ImageId, picture: Picture) -> Response {
    let ending = if picture.media_type == "image/png" { "png" } else { "jpg" };
    // Not the name that it was uploaded with: that is anybody's text.
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
