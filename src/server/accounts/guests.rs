//! Deletes abandoned guests. Every browser that opens the page is given a guest account, and so is every crawler.

use crate::server::State;
use crate::server::journal::Topic;
use crate::server::times::ago;
use std::time::Duration;

/// A guest that has written nothing by the next day is given a new account, and loses nothing.
const UNUSED: Duration = Duration::from_secs(86_400);
/// Guests that are checked and deleted in one write, so that no other write waits for long.
const AT_ONCE: usize = 100;
/// Batches in one sweep: ten thousand guests, more than hundreds of networks can create in the meantime.
const MAX_TIMES: usize = 100;

/// Sweeps unused guests that own nothing. Each sweep continues where the previous one stopped.
#[derive(Default)]
pub struct GuestSweep {
    /// The id of the last guest that was checked.
    after: String,
}

impl GuestSweep {
    pub async fn sweep(&mut self, state: &State) {
        for _ in 0..MAX_TIMES {
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

/// Returns the last guest that was checked; none at the end.
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
