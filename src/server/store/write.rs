//! A write transaction, for what Rust has to decide half-way.
//!
//! On SQLite there is one writer. On PostgreSQL it depends on the transaction's lock (`sql/lock`) which others wait for it. A
//! transaction is alone unless it is in this table, which a test compares with the code: what writes into a conversation has
//! the conversation's key, what counts something of an account has the account's, and what notes a revocation is alone,
//! because the numbers of revocations have to be in the order of the commits.
//!
//! | function | lock | why others may be written beside it |
//! |---|---|---|
//! | `batch` | account, conversation | a message and its reply: positions are counted in the conversation, and what the account writes by its key |
//! | `open_reply` | account, conversation | the same with the conversation that they begin, which the account's limits count |
//! | `was_opened` | account, conversation | it writes nothing, and waits for what may still write it |
//! | `add_conversation` | account, conversation | its id is unique, and the account's limits count it |
//! | `fork` | account, conversation | its id is unique, the account's limits count it, and what it copies has ended |
//! | `change_conversation` | account, conversation | the account's limits count it, and its title may be given at that time |
//! | `mark_read` | account, conversation | one row of the account, and the later time stays |
//! | `queue` | account, conversation | one row of the account, which the account's limits count |
//! | `take_back` | conversation | one row |
//! | `refuse` | conversation | one row |
//! | `forget_queued` | conversation | one row |
//! | `place` | account, conversation | one row of the account, and the account's limits count it |
//! | `prefer` | account | one row of the account |
//! | `end_reply` | conversation | it ends what is open there; the ledger is added to by one statement |
//! | `open_on_site` | account, conversation | a visitor's message and its reply, with the site's key, which counts its budget |
//! | `say_on_site` | account, conversation | a visitor's message: positions are counted in the conversation |
//! | `change_assignment` | conversation | the row decides, and what goes with it is in the conversation |
//! | `change_by_visitor` | conversation | the row decides |
//! | `charge_site` | no key | it adds to the ledger of the site by one statement |
//! | `take_title` | conversation | one try for each conversation |
//! | `give_title` | conversation | a person may set one at that time |
//! | `charge` | account | it adds to the ledger of the account by one statement |
//! | `know_browser` | account | one row |
//! | `add_guest` | no key | its rows are new |
//! | `use_state` | no key | of two, one adds the row |
//! | `write_index` | no key | one process is at the index, and what it writes is used only if the conversations are still as they were |
//! | `checkpoint` | none | one statement for rows of this process, where they are still open |
//! | `asks_instead` | none | one statement for a row of this process, where it is still open |
//! | `ask_to_stop` | none | one statement for a row that is still open |
//! | `forget_news` | none | one statement for rows that nobody reads any more |
//! | `touch_session` | none | one statement, and the later time stays |
//! | `touch_visitor` | none | one statement, and the later time stays |
//! | `touch_token` | none | one statement, and the later time stays |

use super::sql::{Connection, Lock, On, Seats, Taken, Target};
use std::ops::{Deref, DerefMut};

/// A transaction that shares a lock with others. Rolled back when it is dropped without a commit (`sql/seats.rs`).
pub(crate) struct Write(Taken);

/// A transaction beside which nothing else is written. What must be in the order of the commits takes it rather than a
/// connection.
pub(crate) struct Alone(Write);

impl Write {
    /// Waits for its turn, and takes the locks. `news` is part of it (`news`).
    pub(super) async fn begin(seats: &Seats, lock: Lock<'_>, news: Option<&str>) -> sqlx::Result<Self> {
        let mut taken = seats.take().await?;
        taken.has_transaction = true;
        taken.begin_writing(&lock.into(), news).await?;
        Ok(Self(taken))
    }

    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        self.command("commit").await?;
        self.0.has_transaction = false;
        Ok(())
    }
}

impl Alone {
    pub(super) async fn begin(seats: &Seats, news: Option<&str>) -> sqlx::Result<Self> {
        Write::begin(seats, Lock::Alone, news).await.map(Self)
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
