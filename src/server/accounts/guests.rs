//! Guests that nobody comes back to. Every browser that opens the page is given one, and so is every crawler.

use crate::server::State;
use crate::server::journal::Topic;
use crate::server::times::ago;
use std::time::Duration;

/// Whoever has written nothing until the next day gets another guest, and misses nothing.
const UNUSED: Duration = Duration::from_secs(86_400);
/// Guests that are looked at, and deleted, at once: no other write waits for long.
const AT_ONCE: usize = 100;
/// How many times that in one sweep: ten thousand guests, faster than networks by the hundred can make them.
const MOST_TIMES: usize = 100;

/// Sweeps the guests that are not used and have nothing. Each sweep goes on where the one before has ended.
#[derive(Default)]
pub struct GuestSweep {
    /// The id of the last one that was looked at.
    after: String,
}

impl GuestSweep {
    pub async fn sweep(&mut self, state: &State) {
        for _ in 0..MOST_TIMES {
            match some(state, &self.after).await {
                Ok(Some(last)) => self.after = last,
                Ok(None) => {
                    self.after.clear();
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "Guests that nobody uses could not be deleted");
                    return;
                }
            }
        }
    }
}

/// Returns the last one that was looked at; none at the end.
async fn some(state: &State, after: &str) -> sqlx::Result<Option<String>> {
    let since = ago(UNUSED);
    let (mut unused, last) = state.store.unused_guests(&since, after, AT_ONCE).await?;
    // A page that has been open since yesterday is in use.
    let here = state.grants.accounts();
    unused.retain(|guest| !here.contains(guest));
    if !unused.is_empty() {
        state.store.delete_unused_guests(&since, &unused).await?;
        unused.into_iter().for_each(|guest| state.journals.end(Topic::Account(guest), None));
    }
    Ok(last)
}
