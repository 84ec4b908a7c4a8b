//! A write transaction, for what Rust has to decide half-way.

use super::sql::{Connection, Lock, On, Seats, Taken, Target};
use std::ops::{Deref, DerefMut};

/// A transaction that shares a lock with others. Rolled back when it is dropped without a commit (`sql/seats.rs`).
pub(crate) struct Write(Taken);

/// A transaction beside which nothing else is written. What must be in the order of the commits takes it rather than a
/// connection.
pub(crate) struct Alone(Write);

impl Write {
    /// Waits for its turn, and takes the locks.
    pub(super) async fn begin(seats: &Seats, lock: Lock<'_>) -> sqlx::Result<Self> {
        let mut taken = seats.take().await?;
        taken.has_transaction = true;
        taken.begin_writing(&lock.into()).await?;
        Ok(Self(taken))
    }

    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        self.command("commit").await?;
        self.0.has_transaction = false;
        Ok(())
    }
}

impl Alone {
    pub(super) async fn begin(seats: &Seats) -> sqlx::Result<Self> {
        Write::begin(seats, Lock::Alone).await.map(Self)
    }

    pub(crate) async fn commit(self) -> sqlx::Result<()> {
        self.0.commit().await
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

impl Deref for Alone {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Alone {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl<'c> On<'c> for &'c mut Write {
    fn on(self) -> Target<'c> {
        Target::Connection(self)
    }
}

impl<'c> On<'c> for &'c mut Alone {
    fn on(self) -> Target<'c> {
        Target::Connection(self)
    }
}
