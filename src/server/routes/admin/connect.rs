//! The page for Pusher clients: the key, the secret, the address.

use crate::server::State;
use crate::server::html::Sheet;
use crate::server::html::admin::{Connect, connect};
use crate::server::session::Admin;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, header};

/// Clients connect to the address of this admin's browser, unless a public address is set.
pub(super) async fn show(Extract(state): Extract<State>, admin: Admin, headers: HeaderMap) -> Sheet {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let address = state.settings.public_url.clone().unwrap_or_else(|| format!("http://{host}"));
    let url = reqwest::Url::parse(&address).ok();
    let url = url.as_ref();
    let app = &state.sockets.app;
    connect(
        admin.0.owner(),
        Connect {
            id: app.id.clone(),
            key: app.key.clone(),
            secret: app.secret().to_owned(),
            scheme: url.map_or("http", reqwest::Url::scheme).to_owned(),
            host: url.and_then(reqwest::Url::host_str).unwrap_or("localhost").to_owned(),
            port: url.and_then(reqwest::Url::port_or_known_default).unwrap_or(80),
            origins: state.settings.allowed_origins.clone(),
        },
    )
}
