//! Response headers that keep a browser from doing what no page of ours asks for.

use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use leptos::nonce::use_nonce;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use std::sync::LazyLock;

/// For all answers that are not pages: nothing may run, load or frame them.
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Proxies that change pages (Cloudflare rewrites e-mail addresses) respect this.
const PAGE_CACHING: &str = "no-store, no-transform";

const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Conversation ids are in the URLs.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
    ),
];

/// Where `cargo leptos watch` announces a new build to the page: `reload-port` in Cargo.toml.
const RELOAD: &str = " ws://127.0.0.1:3001 ws://localhost:3001";

/// Whether `cargo leptos watch` started the program.
static IS_WATCHED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("LEPTOS_WATCH").is_some());

/// Adds the headers to every answer; a page's own policy stays.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // A visitor's page tells no site where its links were.
    let referrer = headers.remove(header::REFERRER_POLICY);
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(own) = referrer {
        headers.insert(header::REFERRER_POLICY, own);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NO_PAGE));
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|content| content.as_bytes().starts_with(b"text/html"));
    if is_page {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(PAGE_CACHING));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Gives the page that is being drawn its content security policy, with the nonce that its scripts carry.
///
/// Called in the context of a render; in that of a server function there is no nonce and nothing to do.
pub fn page_policy() {
    let (Some(nonce), Some(options)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let reload = if *IS_WATCHED { RELOAD } else { "" };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'{reload}; \
         manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    if let Ok(value) = HeaderValue::from_str(&policy) {
        options.insert_header(header::CONTENT_SECURITY_POLICY, value);
    }
}
