//! A scriptable model API, as a program: `cargo run --example upstream -- --listen 127.0.0.1:4010`.
//!
//! Point `ANTHROPIC_BASE_URL`, `OPENAI_BASE_URL` (with `/v1`), `MISTRAL_BASE_URL` (with `/mistral`), `GEMINI_BASE_URL` or
//! `OLLAMA_HOST` at the address it prints. What it can do, and how to tell it, is in
//! `upstream/server.rs`; Rust tests include that file as a module instead, so that nothing here is dead code there.

#[path = "upstream/server.rs"]
mod server;

use std::{io, net::SocketAddr};

use clap::Parser;

/// A model API that stalls, cuts, splits and lies on demand.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; without it, any free port of 127.0.0.1.
    #[arg(long, env = "UPSTREAM_LISTEN")]
    listen: Option<SocketAddr>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let upstream = match Arguments::parse().listen {
        Some(address) => server::Upstream::listen(address).await?,
        None => server::Upstream::start().await,
    };
    announce(upstream.url());
    tokio::signal::ctrl_c().await
}

#[expect(clippy::print_stdout, reason = "the caller reads this line to know that it is ready")]
fn announce(url: &str) {
    println!("The upstream listens on {url}");
}
