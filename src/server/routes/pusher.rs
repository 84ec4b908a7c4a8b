//! `GET /app/{key}`: where Pusher clients connect.

use super::input::Query;
use super::origin;
use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::outlet::Outlet;
use crate::server::serve::Lasting;
use crate::server::transport::pusher::message::Code;
use crate::server::transport::pusher::{self, MAX_BYTES_IN, READ_BUFFER_BYTES, WRITE_BUFFER_BYTES};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Path, State as Extract};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

/// The protocol versions whose clients understand close codes.
const VERSIONS: std::ops::RangeInclusive<u32> = 5..=7;

pub(super) fn routes() -> Table {
    Table::default().route("/app/{key}", get(connect))
}

#[derive(Deserialize)]
struct Client {
    protocol: Option<String>,
}

/// A refused client is told so by the protocol's close code: a browser learns nothing from a refused upgrade.
async fn connect(
    Extract(state): Extract<State>,
    Path(key): Path<String>,
    Query(client): Query<Client>,
    lasting: Option<Extension<Lasting>>,
    outlet: Option<Extension<Outlet>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| Problem::Malformed("Connect here with a Pusher client, by WebSocket.".into()))?;
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_frame_size(MAX_BYTES_IN)
        .max_message_size(MAX_BYTES_IN);
    let version = client.protocol.map_or(Some(7), |version| version.parse().ok());
    let refused = if key != state.sockets.app.key {
        Some((Code::NoSuchApp, "There is no app with this key"))
    } else if !version.is_some_and(|version| VERSIONS.contains(&version)) {
        Some((Code::Version, "Protocol versions 5 to 7 are supported"))
    } else if !origin::may_connect(&state.settings, &headers) {
        Some((Code::Unauthorized, "Pages of this origin may not connect: see RIVULET_ALLOWED_ORIGINS"))
    } else if state.drain.has_begun() {
        Some((Code::Later, "The server restarts"))
    } else {
        None
    };
    Ok(upgrade.on_upgrade(move |socket| {
        // In a box: each future around it would have room for it again.
        let socket = Box::new(socket);
        async move {
            // Held to the end: a socket keeps its connection's slot.
            let _lasting = lasting;
            match refused {
                Some((code, reason)) => pusher::refuse(socket, code, reason).await,
                None => pusher::serve(state, socket, outlet.map(|Extension(outlet)| outlet)).await,
            }
        }
    }))
}
