//! What the page `/status` says: since when the process runs, and which providers it reaches. No models, no addresses, no
//! reasons: those are for the operator (`rivulet check`, the log).

use super::provider::Providers;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a look at the providers counts: everybody may open the page, and providers are to notice nothing of it.
const AGAIN: Duration = Duration::from_secs(60);

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
    pub async fn look(&self, providers: &Arc<Providers>) -> Arc<Look> {
        let last = Arc::clone(&self.last);
        let providers = Arc::clone(providers);
        // In a task of its own, with the lock: a caller who leaves does not make the next one look again.
        let looking = tokio::spawn(async move {
            let mut last = last.lock().await;
            if let Some(last) = last.as_ref().filter(|last| last.at.elapsed() < AGAIN) {
                return Arc::clone(&last.look);
            }
            let look = Arc::new(Look { at: Timestamp::now(), reached: providers.reached().await });
            *last = Some(LastLook { at: Instant::now(), look: Arc::clone(&look) });
            look
        });
        looking.await.expect("to look at the providers does not panic")
    }
}
