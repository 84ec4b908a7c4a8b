//! The routes of the app's pages.

use leptos_axum::AxumRouteListing;
use leptos_router::{Method, SsrMode};

/// The start page, and a conversation's. A page's title depends on its data, so the server waits for that.
pub fn page_routes() -> Vec<AxumRouteListing> {
    let page = |path: &str| AxumRouteListing::new(path.into(), SsrMode::Async, [Method::Get], []);
    ["/", "/c/{id}"].map(page).into()
}
