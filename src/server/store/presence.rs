//! Which processes work on this database, and which of them are alive.
//!
//! On one machine the kernel knows (`processes`); of those on several, each judges the others by their beats
//! (`presence/beats`).

pub mod beats;
mod judge;

use futures::future::BoxFuture;
use std::io;

/// This process among those that work on the database.
pub trait Presence: Send + Sync {
    /// Its id. Another one from then on when others have declared it dead: what it does under the former is refused.
    fn process(&self) -> &str;

    /// Whether the process of this id is alive.
    fn lives(&self, process: &str) -> io::Result<bool>;

    /// From here on it counts as dead.
    fn end(&self) -> BoxFuture<'_, anyhow::Result<()>>;
}
