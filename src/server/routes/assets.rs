//! The app's files, embedded in the program: one binary is all there is to install.
//!
//! A debug build reads them from the disk instead.

use crate::error::Problem;
use crate::server::State;
use crate::server::secret::hex;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

#[derive(RustEmbed)]
#[folder = "target/site"]
#[allow_missing = true]
struct Site;

/// The folder of the app's own files, as addresses name it: it says which build they are of. A page that is still open
/// when another build is started is then refused what would not fit it, and browsers need never ask twice for a file.
static FOLDER: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Site::iter().collect();
    names.sort();
    let hashes = names.iter().filter_map(|name| Site::get(name)).map(|file| file.metadata.sha256_hash());
    let build = hashes.fold(Sha256::new(), |all, hash| all.chain_update(hash)).finalize();
    format!("pkg/{}", hex(&build[..8]))
});

pub fn folder() -> &'static str {
    &FOLDER
}

/// Files at the root of the site, by their public names.
const AT_ROOT: [&str; 6] =
    ["favicon.ico", "icon.svg", "icon-192.png", "icon-512.png", "manifest.webmanifest", "robots.txt"];

/// Compressed beforehand, best first: the token in `Accept-Encoding`, and the file's ending.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

pub(super) fn routes() -> Router<State> {
    let file =
        |Path(name): Path<String>, headers: HeaderMap| async move { serve(&format!("pkg/{name}"), LASTING, &headers) };
    let router = Router::new().route(&format!("/{}/{{name}}", folder()), get(file));
    AT_ROOT.iter().fold(router, |router, name| {
        router.route(&format!("/{name}"), get(move |headers: HeaderMap| async move { serve(name, CHANGING, &headers) }))
    })
}

/// A name that stays while its contents change: browsers ask each time, and mostly hear "as you have it".
const CHANGING: &str = "no-cache";
/// A name that another build does not have. A debug build reads its files from the disk, where they may change.
const LASTING: &str = if cfg!(debug_assertions) { CHANGING } else { "public, max-age=31536000, immutable" };

fn serve(name: &str, caching: &'static str, headers: &HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |token: &str| accepted.split(',').any(|part| part.trim().split(';').next() == Some(token));
    let packed = ENCODINGS.iter().filter(|(token, _)| accepts(token));
    let found =
        packed.into_iter().find_map(|(token, ending)| Some((Site::get(&format!("{name}{ending}"))?, Some(*token))));
    match found.or_else(|| Some((Site::get(name)?, None))) {
        Some((file, encoding)) => {
            let mut response = answer(name, file, encoding, headers);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
            response
        }
        None => Problem::NotFound.into_response(),
    }
}

fn answer(name: &str, file: EmbeddedFile, encoding: Option<&'static str>, request: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..16]));
    let mut response = if request.get(header::IF_NONE_MATCH).is_some_and(|known| known == etag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file.data.into_owned().into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
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
