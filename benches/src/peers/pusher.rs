//! Servers of the Pusher protocol: how each is started, and how a client and a backend speak with it.

use super::peer::new_folder;
use crate::http::Caller;
use crate::process::{Program, free_address};
use crate::scene;
use crate::sockets::frame;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// As many sockets, and events in a second, as nobody opens or sends here.
const NO_LIMIT: &str = "1000000";

pub(super) enum Server {
    Rivulet,
    Sockudo(PathBuf),
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rivulet => "Rivulet",
            Self::Sockudo(_) => "Sockudo",
        })
    }
}

impl Server {
    pub(super) async fn start(&self) -> anyhow::Result<(Program, App)> {
        let app = App { id: "bench", key: "key-of-the-bench", secret: "secret-of-the-bench" };
        let program = match self {
            Self::Rivulet => rivulet(&app).await,
            Self::Sockudo(command) => sockudo(command, &app).await,
        };
        Ok((program?, app))
    }
}

async fn rivulet(app: &App) -> anyhow::Result<Program> {
    let settings =
        [("RIVULET_PUSHER_APP_ID", app.id), ("RIVULET_PUSHER_KEY", app.key), ("RIVULET_PUSHER_SECRET", app.secret)];
    // No model is asked.
    scene::rivulet_with(&scene::new_database()?, free_address()?, &settings).await
}

/// With its defaults, but for its limits on sockets and events, its rate limiter, and its second port for metrics.
async fn sockudo(command: &PathBuf, app: &App) -> anyhow::Result<Program> {
    let address = free_address()?;
    let mut command = Command::new(command);
    command.current_dir(new_folder("sockudo")?).env_clear().env("PORT", address.port().to_string()).envs([
        ("HOST", "127.0.0.1"),
        ("SOCKUDO_DEFAULT_APP_ID", app.id),
        ("SOCKUDO_DEFAULT_APP_KEY", app.key),
        ("SOCKUDO_DEFAULT_APP_SECRET", app.secret),
        ("SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS", NO_LIMIT),
        ("SOCKUDO_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SECOND", NO_LIMIT),
        ("RATE_LIMITER_ENABLED", "false"),
        ("METRICS_ENABLED", "false"),
    ]);
    Program::start("sockudo", &mut command, address, Some("/up")).await
}

/// An app's credentials.
pub(super) struct App {
    id: &'static str,
    key: &'static str,
    secret: &'static str,
}

impl App {
    /// The request that begins a socket.
    pub(super) fn upgrade(&self, address: SocketAddr) -> String {
        format!(
            "GET /app/{}?protocol=7&client=js&version=8.4.0 HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.key
        )
    }

    pub(super) fn subscribe(&self, channel: &str) -> Vec<u8> {
        frame(&json!({ "event": "pusher:subscribe", "data": { "channel": channel } }).to_string())
    }

    pub(super) fn backend(&self, address: SocketAddr) -> Backend<'_> {
        Backend { app: self, address }
    }
}

/// A program that has the secret.
pub(super) struct Backend<'a> {
    app: &'a App,
    address: SocketAddr,
}

impl Backend<'_> {
    /// On a connection of its own: Sockudo closes each after its answer.
    pub(super) async fn publish(&self, channel: &str, text: &str) -> anyhow::Result<()> {
        let event: Value =
            json!({ "name": "news", "channels": [channel], "data": json!({ "text": text }).to_string() });
        let path = format!("/apps/{}/events", self.app.id);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let md5 = hex(&Md5::digest(event.to_string()));
        // In the order of their names, as they are signed.
        let query = format!("auth_key={}&auth_timestamp={now}&auth_version=1.0&body_md5={md5}", self.app.key);
        let mac = Hmac::<Sha256>::new_from_slice(self.app.secret.as_bytes())?;
        let mac = mac.chain_update(format!("POST\n{path}\n{query}"));
        let signature = hex(&mac.finalize().into_bytes());
        let to = format!("{path}?{query}&auth_signature={signature}");
        Caller::new(self.address).await?.post(&to, &event).await.map(drop)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
