//! The programs of one measurement, fresh for each: nothing of the one before is left in their memory.

use crate::http::Caller;
use crate::process::{Program, folder, free_address};
use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many users arrive concurrently.
const ARRIVE_TOGETHER: usize = 50;
/// The token for Rivulet's /metrics.
pub const METRICS_TOKEN: &str = "a-token-of-the-bench";

/// The measured program, unless RIVULET_BENCH_SERVER names another build.
const PROGRAM: &str = "target/release/rivulet";

/// The model's API.
pub async fn upstream() -> anyhow::Result<Program> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("upstream").arg(address.to_string());
    Program::start("upstream", &mut command, address, None).await
}

pub async fn relay(upstream: SocketAddr) -> anyhow::Result<Program> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("relay").arg(address.to_string()).arg(upstream.to_string());
    Program::start("relay", &mut command, address, None).await
}

/// Rivulet on a new database, with its limits on users raised and the other settings at their defaults.
pub async fn rivulet(upstream: SocketAddr) -> anyhow::Result<Program> {
    rivulet_on(&new_database()?, upstream).await
}

pub async fn rivulet_on(database: &Path, upstream: SocketAddr) -> anyhow::Result<Program> {
    rivulet_with(database, upstream, &[]).await
}

/// Rivulet with more settings.
pub async fn rivulet_with(database: &Path, upstream: SocketAddr, settings: &[(&str, &str)]) -> anyhow::Result<Program> {
    rivulet_at(free_address()?, database, upstream, settings).await
}

/// Rivulet with more settings, at a given address.
pub async fn rivulet_at(
    address: SocketAddr,
    database: &Path,
    upstream: SocketAddr,
    settings: &[(&str, &str)],
) -> anyhow::Result<Program> {
    let program = std::env::var_os("RIVULET_BENCH_SERVER").unwrap_or_else(|| PROGRAM.into());
    let mut command = Command::new(program);
    // No other variables: a setting in the developer's environment would change the measurement.
    command.env_clear().envs([
        ("RIVULET_LISTEN", address.to_string()),
        ("DATABASE_URL", format!("sqlite:{}", database.display())),
        ("ANTHROPIC_BASE_URL", format!("http://{upstream}")),
        ("RIVULET_MODELS", "anthropic/bench".into()),
        ("RIVULET_SENDS_PER_MINUTE", "1000000".into()),
        ("RIVULET_WRITES_PER_MINUTE", "60000".into()),
        ("RIVULET_CONVERSATIONS", "1000000".into()),
        ("RIVULET_OPEN_REPLIES", "1000000".into()),
        ("RIVULET_STREAMS", "1000000".into()),
        ("RIVULET_METRICS_TOKEN", METRICS_TOKEN.into()),
    ]);
    command.envs(settings.iter().copied());
    Program::start("rivulet", &mut command, address, Some("/readyz")).await
}

/// Lets the upstream answer its next request so: for a script that is too long for a message.
pub async fn next_answer(upstream: SocketAddr, script: &Value) -> anyhow::Result<()> {
    let scripted = Caller::new(upstream).await?.call(Method::POST, "/scripts", &[], Some(script)).await;
    scripted.map(drop)
}

/// A path without a database.
pub fn new_database() -> anyhow::Result<PathBuf> {
    let path = folder()?.join("rivulet.db");
    for ending in ["", "-wal", "-shm"] {
        let file = PathBuf::from(format!("{}{ending}", path.display()));
        if file.exists() {
            std::fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
        }
    }
    Ok(path)
}

/// A user with a conversation.
pub struct Person {
    pub caller: Caller,
    conversation: String,
}

impl Person {
    pub async fn new(address: SocketAddr) -> anyhow::Result<Self> {
        let mut caller = Caller::guest(address).await?;
        let made = caller.post("/api/v1/conversations", &json!({})).await?;
        let id = made["id"].as_str().context("a new conversation has no id")?;
        Ok(Self { caller, conversation: format!("/api/v1/conversations/{id}") })
    }

    /// Another connection of this user, to the same conversation.
    pub async fn again(&self) -> anyhow::Result<Self> {
        Ok(Self { caller: self.caller.again().await?, conversation: self.conversation.clone() })
    }

    pub async fn many(address: SocketAddr, count: usize) -> anyhow::Result<Vec<Self>> {
        let arriving = stream::iter(0..count).map(|_| Self::new(address));
        arriving.buffer_unordered(ARRIVE_TOGETHER).try_collect().await
    }

    /// The answer to a message that the upstream answers by `script`.
    pub async fn send(&mut self, script: &Value) -> anyhow::Result<Value> {
        let path = format!("{}/messages", self.conversation);
        self.caller.post(&path, &json!({ "content": ask(script) })).await
    }

    /// The answer to a message without a script.
    pub async fn say(&mut self, words: &str) -> anyhow::Result<Value> {
        let path = format!("{}/messages", self.conversation);
        self.caller.post(&path, &json!({ "content": words })).await
    }

    pub async fn cursor(&mut self) -> anyhow::Result<String> {
        let snapshot = self.caller.get(&self.conversation).await?;
        Ok(snapshot["cursor"].as_str().context("a snapshot has no cursor")?.to_owned())
    }

    pub fn path(&self) -> &str {
        &self.conversation
    }

    pub fn events(&self) -> String {
        format!("{}/events", self.conversation)
    }
}

/// A message that tells the upstream how to answer.
pub fn ask(script: &Value) -> String {
    format!("Please answer.\n@upstream {script}")
}

/// Headers that Anthropic's API requires.
pub const HEADERS: &[(&str, &str)] = &[("anthropic-version", "2023-06-01")];

/// A request of Anthropic's API with such a message.
pub fn request(script: &Value) -> Value {
    json!({
        "model": "bench",
        "max_tokens": 1000,
        "stream": true,
        "messages": [{ "role": "user", "content": ask(script) }],
    })
}
