//! The models that a local server has, where the settings list none: a newly pulled model can be chosen.

use super::service::Service;
use super::settings::Listed;
use crate::server::provider::excerpt::tidy;
use serde::Deserialize;
use std::time::Duration;

/// The server is nearby, or not running.
const PATIENCE: Duration = Duration::from_secs(5);
/// A thousand models are a quarter of this.
const MAX_BYTES: usize = 1 << 20;

/// Ollama's answer to `GET /api/tags`.
#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
}

/// The service's models, newest first, as the server orders them. None where it cannot be asked now.
pub(super) async fn models(service: &Service) -> Option<Vec<Listed>> {
    let name = &service.origin.name;
    let asked = tokio::time::timeout(PATIENCE, ask(service)).await;
    match asked.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}"))) {
        Ok(Tags { models }) => {
            let listed = models.into_iter().filter_map(|Tag { name }| {
                let id = tidy(&name);
                let asked_as = (id != name).then_some(name);
                (!id.is_empty()).then(|| Listed { id, asked_as, ..Listed::default() })
            });
            Some(listed.collect())
        }
        Err(why) => {
            tracing::debug!(provider = name, why, "The provider's models cannot be listed");
            None
        }
    }
}

async fn ask(service: &Service) -> Result<Tags, String> {
    let told = |error: reqwest::Error| error.without_url().to_string();
    let mut answer = service.get("/api/tags").await.and_then(|it| it.error_for_status()).map_err(told)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(told)? {
        body.extend_from_slice(&chunk);
        if MAX_BYTES < body.len() {
            return Err("its list is too long".into());
        }
    }
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}
