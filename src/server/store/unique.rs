//! Which row a write would have been the second of.

/// What a table has once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unique {
    /// The open reply of a conversation.
    OpenReply,
    /// Anything else: an id, as far as anybody is told.
    Other,
}

/// The index that keeps a conversation to one open reply, as PostgreSQL names it, and the column that SQLite names
/// instead. The other index that begins with this column has a second one.
const OPEN_REPLY: &str = "message_one_open";
const OPEN_REPLY_COLUMN: &str = "UNIQUE constraint failed: message.conversation";

/// What the write would have made a second time. `None`: it failed for another reason.
pub(super) fn violated(error: &sqlx::Error) -> Option<Unique> {
    let error = error.as_database_error().filter(|error| error.is_unique_violation())?;
    let is_open_reply = error.constraint() == Some(OPEN_REPLY) || error.message() == OPEN_REPLY_COLUMN;
    Some(if is_open_reply { Unique::OpenReply } else { Unique::Other })
}
