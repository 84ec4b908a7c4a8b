//! The app's files: in the program, or on the disk where cargo-leptos puts them.

/// In the program with the feature `embed`, which `make build` turns on: one binary is all there is to install then.
#[cfg_attr(feature = "embed", path = "assets/embedded.rs")]
#[cfg_attr(not(feature = "embed"), path = "assets/on_disk.rs")]
mod site;

use crate::error::Problem;
use crate::server::State;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::borrow::Cow;
use std::sync::LazyLock;

/// A file of the site.
struct File {
    bytes: Cow<'static, [u8]>,
    /// Differs from that of any other contents under the name.
    tag: String,
}

/// The folder of the app's own files, as addresses name it.
static FOLDER: LazyLock<String> = LazyLock::new(site::folder);

pub fn folder() -> &'static str {
    &FOLDER
}

/// Whether the browser's half is there. Without it pages are drawn and forms work, but nothing is live.
pub fn is_complete() -> bool {
    site::get("pkg/rivulet.wasm").is_some()
}

/// Files at the root of the site, by their public names.
const AT_ROOT: [&str; 6] =
    ["favicon.ico", "icon.svg", "icon-192.png", "icon-512.png", "manifest.webmanifest", "robots.txt"];

/// Compressed beforehand, best first: the token in `Accept-Encoding`, and the file's ending.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

pub(super) fn routes() -> Router<State> {
    let file =
        |Path(name): Path<String>, headers: HeaderMap| async move { serve(&format!("pkg/{name}"), site::CACHING, &headers) };
    let router = Router::new().route(&format!("/{}/{{name}}", folder()), get(file));
    AT_ROOT.iter().fold(router, |router, name| {
        router.route(&format!("/{name}"), get(move |headers: HeaderMap| async move { serve(name, CHANGING, &headers) }))
    })
}

/// A name that stays while its contents change: browsers ask each time, and mostly hear "as you have it".
const CHANGING: &str = "no-cache";
fn serve(name: &str, caching: &'static str, headers: &HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |token: &str| accepted.split(',').any(|part| part.trim().split(';').next() == Some(token));
    let packed = ENCODINGS.iter().filter(|(token, _)| accepts(token));
    let found =
        packed.into_iter().find_map(|(token, ending)| Some((site::get(&format!("{name}{ending}"))?, Some(*token))));
    match found.or_else(|| Some((site::get(name)?, None))) {
        Some((file, encoding)) => {
            let mut response = answer(name, file, encoding, headers);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
            response
        }
        None => Problem::NotFound.into_response(),
    }
}

fn answer(name: &str, file: File, encoding: Option<&'static str>, request: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", file.tag);
    let mut response = if request.get(header::IF_NONE_MATCH).is_some_and(|known| known == etag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file.bytes.into_owned().into_response()
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
