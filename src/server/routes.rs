//! The routes: what is served where, and the layers around it.

mod account;
mod admin;
mod apps;
mod assets;
mod broadcasting;
mod bulky;
mod chat;
mod delete_account;
mod desk;
mod export;
mod forms;
mod functions;
mod headers;
mod health;
mod images;
mod inbox;
mod input;
mod manage;
mod metrics;
mod oidc;
mod openapi;
mod origin;
mod oversize;
mod pages;
mod public;
mod pusher;
mod reset;
mod rest;
mod search;
mod settings;
mod shape;
mod sharing;
mod sign_in;
mod status;
mod streams;
mod table;
mod trace;
mod visitor;
mod whole;

pub use headers::page_policy;
pub use metrics::text as metrics_text;
pub use openapi::document;
pub use pages::page_routes;

use super::bounds::MAX_BODY_BYTES;
use super::problem::not_found;
use super::{State, session};
use crate::error::Problem;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use table::Table;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;
use tower_http::csrf::{CsrfLayer, ProtectionError};

/// All routes of Rivulet. `pages` adds the app, which this side does not know.
pub fn router(state: State, pages: impl FnOnce(Router<State>) -> Router<State>) -> Router {
    let metrics = Arc::clone(&state.metrics);
    let panicked = move |_| {
        metrics.panic("request");
        Problem::Internal.into_response()
    };
    let merged = |router: Router<State>, table: Table| router.merge(table.into_parts().0);
    let app = identified_routes()
        .into_iter()
        .fold(pages(Router::new()).layer(from_fn(functions::answer_in_place)).layer(from_fn(shape::tell)), merged)
        .fallback(not_found)
        .method_not_allowed_fallback(|| async { Problem::Method })
        .layer(from_fn_with_state(state.clone(), settings::find))
        .layer(from_fn(streams::take_out))
        .layer(from_fn_with_state(state.clone(), bulky::hold))
        .layer(from_fn_with_state(state.clone(), session::identify))
        .layer(from_fn(whole::first))
        .layer(csrf(&state))
        .merge(pusher(&state))
        .merge(visitor::router(&state))
        .layer(from_fn_with_state(origin::Guard::of(&state), origin::refuse))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(oversize::refuse))
        .layer(from_fn(settings::apply))
        .layer(CompressionLayer::new().gzip(true).compress_when(Html))
        .merge(
            open_routes()
                .into_iter()
                .fold(assets::routes(), merged)
                .method_not_allowed_fallback(|| async { Problem::Method }),
        )
        .layer(from_fn(headers::secure))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(trace::layer())
        .layer(from_fn(trace::name))
        .layer(from_fn(streams::put_back))
        .with_state(state.clone());
    public::around(state, app)
}

/// The routes that need a caller.
fn identified_routes() -> Vec<Table> {
    vec![
        rest::routes(),
        sharing::routes(),
        images::routes(),
        chat::routes(),
        forms::routes(),
        sign_in::routes(),
        oidc::routes(),
        account::routes(),
        export::routes(),
        delete_account::routes(),
        reset::routes(),
        admin::routes(),
        openapi::routes(),
        search::routes(),
        desk::routes(),
        inbox::routes(),
        settings::routes(),
        manage::routes(),
    ]
}

/// The routes for Pusher clients and their backends. They are called cross-site, and authenticate the caller
/// themselves.
fn connected() -> [Table; 3] {
    [pusher::routes(), broadcasting::routes(), apps::routes()]
}

fn pusher(state: &State) -> Router<State> {
    let router = connected().into_iter().fold(Router::new(), |router, table| router.merge(table.into_parts().0));
    router
        .method_not_allowed_fallback(|| async { Problem::Method })
        .layer(from_fn_with_state(state.clone(), session::identify))
        .layer(from_fn(whole::first))
}

/// The routes for monitoring.
fn open_routes() -> [Table; 3] {
    [health::routes(), metrics::routes(), status::routes()]
}

/// The paths of all routes but the app's pages, its server functions and its files.
pub fn paths() -> Vec<String> {
    let tables = identified_routes().into_iter().chain(connected()).chain(open_routes()).chain([visitor::routes()]);
    tables.flat_map(|table| table.into_parts().1).collect()
}

/// Refuses cross-site requests in the caller's name.
fn csrf(state: &State) -> CsrfLayer<fn(ProtectionError) -> Response> {
    let mut layer = CsrfLayer::new();
    if let Some(url) = &state.settings.public_url {
        match layer.clone().add_trusted_origin(url) {
            Ok(trusting) => layer = trusting,
            Err(error) => tracing::warn!(%error, "RIVULET_PUBLIC_URL is not an origin; only the Host header counts"),
        }
    }
    layer.with_rejection_response(|_| {
        Problem::Forbidden("This request came from another website, so it was not done.".into()).into_response()
    })
}

/// Pages are compressed, streams never: a compressor delays what it is given.
#[derive(Clone, Copy)]
struct Html;

impl Predicate for Html {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool {
        let is_html = |value: &HeaderValue| value.as_bytes().starts_with(b"text/html");
        response.headers().get(header::CONTENT_TYPE).is_some_and(is_html)
    }
}
