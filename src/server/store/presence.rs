//! Which processes work on this database, and which of them are alive.
//!
//! On one machine the kernel knows (`processes`); of those on several, each judges the others by their beats
//! (`presence/beats`).

pub mod beats;
mod judge;

use futures::future::BoxFuture;
use sqlx::{Connection, PgConnection};
use std::io;

/// This process among those that work on the database.
pub trait Presence: Send + Sync {
    /// Its id. Another one from then on when others have declared it dead: what it does under the former is refused.
    fn process(&self) -> &str;

    /// Whether the process of this id is alive.
    fn lives(&self, process: &str) -> io::Result<bool>;

    /// The processes that were found dead since this was last asked. Empty where each is looked at by [`Self::lives`].
    fn gone(&self) -> Vec<String>;

    /// What this process is set up with, as a hash: those whose hash is another are warned of.
    fn is_set_up_with(&self, config: String);

    /// Whether this process shares its journals with the others; they are told at once.
    fn is_joined(&self, is_joined: bool);

    /// Whether the process lives, and does not share its journals: what it writes is in the store alone. Of several
    /// processes on one machine there is none.
    fn is_apart(&self, process: &str) -> bool;

    /// Whether there is any such process.
    fn is_any_apart(&self) -> bool;

    /// The right to do what one process does for all of them. None: another one has it.
    fn sole(&self) -> BoxFuture<'_, anyhow::Result<Option<Sole>>>;

    /// From here on it counts as dead.
    fn end(&self) -> BoxFuture<'_, anyhow::Result<()>>;
}

/// Held while work is done for all processes. Its session ends with it, and with that the lock which the others try; so
/// does the session of a process that dies, or is declared dead.
pub struct Sole(Option<PgConnection>);

impl Sole {
    /// Where nobody else is to be kept off.
    pub(super) fn alone() -> Self {
        Self(None)
    }

    /// Lets others have it.
    pub async fn end(self) {
        if let Some(session) = self.0
            && let Err(error) = session.close().await
        {
            tracing::warn!(%error, "A session of the database could not be closed in order");
        }
    }
}
