//! The programs: how each is started and what its clients ask.

use super::door::Door;
use crate::http::Caller;
use crate::process::{self, Program, free_address};
use crate::scene;
use anyhow::{Context, ensure};
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::json;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Open WebUI loads for half a minute on two cores.
const START_LIMIT: Duration = Duration::from_secs(180);
/// Their key for the model's API, which checks none.
const KEY: &str = "key-of-the-bench";
/// The model's name.
pub(super) const MODEL: &str = "bench";

pub(super) enum Peer {
    Relay,
    Stateless,
    Conversation,
    OpenWebUi(PathBuf),
    LiteLlm(PathBuf),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relay => "bare relay",
            Self::Stateless => "Rivulet, /chat/stream",
            Self::Conversation => "Rivulet, a conversation",
            Self::OpenWebUi(_) => "Open WebUI",
            Self::LiteLlm(_) => "LiteLLM's proxy",
        })
    }
}

impl Peer {
    pub(super) fn all(open_webui: Option<PathBuf>, litellm: Option<PathBuf>) -> Vec<Self> {
        let own = [Self::Relay, Self::Stateless, Self::Conversation];
        own.into_iter().chain(litellm.map(Self::LiteLlm)).chain(open_webui.map(Self::OpenWebUi)).collect()
    }

    pub(super) async fn start(&self, upstream: SocketAddr) -> anyhow::Result<Program> {
        match self {
            Self::Relay => scene::relay(upstream).await,
            Self::Stateless | Self::Conversation => rivulet(upstream).await,
            Self::OpenWebUi(command) => open_webui(command, upstream).await,
            Self::LiteLlm(command) => litellm(command, upstream).await,
        }
    }

    /// How a message is sent to it.
    pub(super) async fn door(&self, address: SocketAddr) -> anyhow::Result<Door> {
        Ok(match self {
            Self::Relay => Door::open_ai(address, "/v1/chat/completions", KEY.to_owned()),
            Self::Stateless => Door::Stateless(address),
            Self::Conversation => Door::Conversation(address),
            Self::OpenWebUi(_) => Door::open_ai(address, "/api/chat/completions", signed_in(address).await?),
            Self::LiteLlm(_) => Door::open_ai(address, "/v1/chat/completions", KEY.to_owned()),
        })
    }
}

/// Rivulet on the API that the others use as well.
async fn rivulet(upstream: SocketAddr) -> anyhow::Result<Program> {
    let (base, model) = (format!("http://{upstream}/v1"), format!("openai/{MODEL}"));
    let settings = [("OPENAI_BASE_URL", base.as_str()), ("RIVULET_MODELS", &model)];
    scene::rivulet_with(&scene::new_database()?, upstream, &settings).await
}

/// With a new folder of its own, and without what loads files from the network or asks a model by itself.
async fn open_webui(command: &Path, upstream: SocketAddr) -> anyhow::Result<Program> {
    let (address, data) = (free_address()?, new_folder("open-webui")?);
    Caller::new(upstream).await?.call(Method::PUT, "/models", &[], Some(&json!([MODEL]))).await?;
    let mut command = Command::new(command);
    command.args(["serve", "--host", "127.0.0.1", "--port"]).arg(address.port().to_string());
    command.env("DATA_DIR", &data).env("OPENAI_API_BASE_URL", format!("http://{upstream}/v1")).envs([
        ("OPENAI_API_KEY", KEY),
        ("ENABLE_OLLAMA_API", "False"),
        ("WEBUI_AUTH", "False"),
        ("WEBUI_SECRET_KEY", KEY),
        ("OFFLINE_MODE", "True"),
        ("HF_HUB_OFFLINE", "1"),
        ("RAG_EMBEDDING_ENGINE", "openai"),
        ("BYPASS_EMBEDDING_AND_RETRIEVAL", "True"),
        ("ENABLE_VERSION_UPDATE_CHECK", "False"),
        ("ANONYMIZED_TELEMETRY", "False"),
        ("ENABLE_TITLE_GENERATION", "False"),
        ("ENABLE_TAGS_GENERATION", "False"),
        ("ENABLE_FOLLOW_UP_GENERATION", "False"),
    ]);
    Program::start_within(START_LIMIT, "open-webui", &mut command, address, Some("/health")).await
}

/// The token of the only user, who needs no password where WEBUI_AUTH is off. Open WebUI knows a model only after it has
/// listed them.
async fn signed_in(address: SocketAddr) -> anyhow::Result<String> {
    let mut caller = Caller::new(address).await?;
    let user = caller.post("/api/v1/auths/signin", &json!({ "email": "", "password": "" })).await?;
    let token = user["token"].as_str().context("Open WebUI gave no token")?;
    let authorization = format!("Bearer {token}");
    let listed = caller.call(Method::GET, "/api/models", &[("authorization", &authorization)], None).await?;
    let listed = listed.into_body().collect().await?.to_bytes();
    ensure!(String::from_utf8_lossy(&listed).contains(MODEL), "Open WebUI does not list the model");
    Ok(token.to_owned())
}

async fn litellm(command: &Path, upstream: SocketAddr) -> anyhow::Result<Program> {
    let (address, config) = (free_address()?, new_folder("litellm")?.join("config.yaml"));
    // JSON is YAML.
    let model =
        json!({ "model": format!("openai/{MODEL}"), "api_base": format!("http://{upstream}/v1"), "api_key": KEY });
    let list = json!({ "model_list": [{ "model_name": MODEL, "litellm_params": model }] });
    fs::write(&config, list.to_string())?;
    let mut command = Command::new(command);
    command.args(["--host", "127.0.0.1", "--telemetry", "False", "--port"]).arg(address.port().to_string());
    command.arg("--config").arg(config);
    Program::start_within(START_LIMIT, "litellm", &mut command, address, Some("/health/liveliness")).await
}

pub(super) fn new_folder(name: &str) -> anyhow::Result<PathBuf> {
    let folder = process::folder()?.canonicalize()?.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
