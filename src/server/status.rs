//! What the page `/status` says: since when the process runs, and which providers it reaches. No models, no addresses, no
//! reasons: those are for the operator (`rivulet check`, the log).

use super::settings::Settings;
use futures::future::join_all;
use jiff::Timestamp;
use reqwest::Client;
use reqwest::redirect::Policy;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// How long a look at the providers counts: everybody may open the page, and providers are to notice nothing of it.
const AGAIN: Duration = Duration::from_secs(60);
/// A provider that takes longer than this, TLS included, is not reached.
const PATIENCE: Duration = Duration::from_secs(5);
/// From this answer on, what is in front of the provider says that the provider is not there.
const SERVER_FAULT: u16 = 500;

/// What is known for the page.
pub struct Status {
    since: Timestamp,
    last: Arc<Mutex<Option<LastLook>>>,
}

impl Default for Status {
    fn default() -> Self {
        Self { since: Timestamp::now(), last: Arc::default() }
    }
}

/// A look that counts for a while.
struct LastLook {
    at: Instant,
    look: Arc<Look>,
}

/// One look at all providers.
pub struct Look {
    pub at: Timestamp,
    /// By name, in the order of the settings.
    pub reached: Vec<(String, bool)>,
}

impl Status {
    /// When the process began.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Which providers answer, as of the last minute.
    ///
    /// # Errors
    /// A sentence for the log, when there can be no look.
    pub async fn providers(&self, settings: &Arc<Settings>) -> Result<Arc<Look>, String> {
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some(last) = last.as_ref().filter(|last| last.at.elapsed() < AGAIN) {
            return Ok(Arc::clone(&last.look));
        }
        let settings = Arc::clone(settings);
        // In a task of its own, with the lock: a caller who leaves does not make the next one look again.
        let looking = tokio::spawn(async move {
            let look = Arc::new(look(settings).await?);
            *last = Some(LastLook { at: Instant::now(), look: Arc::clone(&look) });
            Ok(look)
        });
        looking.await.unwrap_or_else(|error| Err(error.to_string()))
    }
}

async fn look(settings: Arc<Settings>) -> Result<Look, String> {
    // It reads files.
    let named = spawn_blocking(move || settings.providers()).await.map_err(|error| error.to_string())??;
    let client = Client::builder().timeout(PATIENCE).redirect(Policy::none()).build();
    let client = client.map_err(|error| format!("The HTTPS client cannot start: {error}"))?;
    let providers = named.providers.into_iter().map(|provider| (provider.origin.name, provider.base_url));
    let asked = providers.map(async |(name, url)| (name, answers(&client, &url).await));
    Ok(Look { at: Timestamp::now(), reached: join_all(asked).await })
}

/// Asked without a key: whatever the provider itself answers, it is there.
async fn answers(client: &Client, url: &str) -> bool {
    client.get(url).send().await.is_ok_and(|response| response.status().as_u16() < SERVER_FAULT)
}
