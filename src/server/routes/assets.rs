//! The app's files, embedded in the program: one binary is all there is to install.
//!
//! A debug build reads them from the disk instead.

use crate::error::Problem;
use crate::server::State;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "target/site"]
#[allow_missing = true]
struct Site;

/// Files at the root of the site, by their public names.
const AT_ROOT: [&str; 6] =
    ["favicon.ico", "icon.svg", "icon-192.png", "icon-512.png", "manifest.webmanifest", "robots.txt"];

/// Compressed beforehand, best first: the token in `Accept-Encoding`, and the file's ending.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

pub(super) fn routes() -> Router<State> {
    let file = |Path(name): Path<String>, headers: HeaderMap| async move { serve(&format!("pkg/{name}"), &headers) };
    let router = Router::new().route("/pkg/{name}", get(file));
    AT_ROOT.iter().fold(router, |router, name| {
        router.route(&format!("/{name}"), get(move |headers: HeaderMap| async move { serve(name, &headers) }))
    })
}

fn serve(name: &str, headers: &HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |token: &str| accepted.split(',').any(|part| part.trim().split(';').next() == Some(token));
    let packed = ENCODINGS.iter().filter(|(token, _)| accepts(token));
    let found =
        packed.into_iter().find_map(|(token, ending)| Some((Site::get(&format!("{name}{ending}"))?, Some(*token))));
    match found.or_else(|| Some((Site::get(name)?, None))) {
        Some((file, encoding)) => answer(name, file, encoding, headers),
        None => Problem::NotFound.into_response(),
    }
}

fn answer(name: &str, file: EmbeddedFile, encoding: Option<&'static str>, request: &HeaderMap) -> Response {
    // The names stay while the contents change, so browsers ask each time; the answer is mostly "as you have it".
    let tag: String = file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{tag}\"");
    let mut response = if request.get(header::IF_NONE_MATCH).is_some_and(|known| known == etag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file.data.into_owned().into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "js" => "text/javascript",
        "wasm" => "application/wasm",
        "css" => "text/css",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webmanifest" => "application/manifest+json",
        _ => "text/plain; charset=utf-8",
    }
}
