//! A write transaction, for what Rust has to decide half-way.

use super::sql::{Connection, Seats, Taken};
use std::ops::{Deref, DerefMut};

/// Rolled back when it is dropped without a commit (`sql/seats.rs`).
pub(crate) struct Write(Taken);

impl Write {
    /// Waits for its turn, and takes the database's one write lock.
    pub(super) async fn begin(seats: &Seats) -> sqlx::Result<Self> {
        let mut taken = seats.take().await?;
        taken.has_transaction = true;
        sqlx::query("begin immediate").execute(&mut *taken).await?;
        Ok(Self(taken))
    }

    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::query("commit").execute(&mut *self).await?;
        self.0.has_transaction = false;
        Ok(())
    }
}

impl Deref for Write {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}
