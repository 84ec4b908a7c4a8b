//! The app's files as HTTP answers: precompressed, and cached for ever under a name that identifies the build.

use crate::error::Problem;
use crate::server::State;
use crate::server::assets::{self, CHANGING, File, caching, folder};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Files at the root of the site, by their public names.
const AT_ROOT: [&str; 14] = [
    "favicon.ico",
    "icon.svg",
    "icon-192.png",
    "icon-512.png",
    "inbox.css",
    "inbox.js",
    "live.js",
    "manifest.webmanifest",
    "robots.txt",
    "panels.css",
    "print.css",
    "sheet.css",
    "visitor.css",
    "visitor.js",
];

/// Precompressed encodings, best first: the token in `Accept-Encoding`, and the file's ending.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

pub(super) fn routes() -> Router<State> {
    let file = |Path(name): Path<String>, headers: HeaderMap| async move {
        serve(&format!("pkg/{name}"), caching(), &headers)
    };
    let router = Router::new().route(&format!("/{}/{{name}}", folder()), get(file));
    AT_ROOT.iter().fold(router, |router, name| {
        router.route(&format!("/{name}"), get(move |headers: HeaderMap| async move { serve(name, CHANGING, &headers) }))
    })
}

fn serve(name: &str, caching: &'static str, headers: &HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |token: &str| accepted.split(',').any(|part| part.trim().split(';').next() == Some(token));
    let packed = ENCODINGS.iter().filter(|(token, _)| accepts(token));
    let found =
        packed.into_iter().find_map(|(token, ending)| Some((assets::get(&format!("{name}{ending}"))?, Some(*token))));
    match found.or_else(|| Some((assets::get(name)?, None))) {
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
