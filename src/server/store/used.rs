//! Deleted conversations, however they were deleted: their ids are never given to another conversation, and every
//! process ends what it has in memory of them.

use super::columns::id;
use super::revocations::{Revoked, note_by};
use super::search::index;
use super::sql::{Connection, query, query_scalar};
use super::write::Alone;
use super::{images, sharing};
use crate::model::{AccountId, ConversationId};
use crate::server::secret::Hash;

/// Whether a conversation with this id was deleted.
pub(super) async fn is_used(write: &mut Connection, conversation: ConversationId) -> sqlx::Result<bool> {
    let row = query("select 1 from used_conversation where id_hash = $1")
        .bind(Hash::of(&conversation.to_string()).to_string())
        .fetch_optional(write)
        .await?;
    Ok(row.is_some())
}

/// Deletes the conversation with its messages and with the images that no other conversation has. `process` is the one
/// that ends its viewers' streams by itself. `RowNotFound` when it does not exist or is another's.
pub(super) async fn delete(
    write: &mut Alone,
    process: Option<&str>,
    account: AccountId,
    conversation: ConversationId,
) -> sqlx::Result<()> {
    let images = images::only_in(&mut *write, conversation).await?;
    // First of all: a viewer that is checked again finds the journal ended, and learns that the conversation is
    // deleted.
    note_by(&mut *write, process, Revoked::Conversation(conversation)).await?;
    sharing::note_all(&mut *write, process, account, conversation).await?;
    index::forget(&mut *write, conversation).await?;
    query("delete from conversation where id = $1 and account = $2 returning id")
        .bind(conversation.to_string())
        .bind(account.to_string())
        .fetch_one(&mut *write)
        .await?;
    query("insert into used_conversation (id_hash) values ($1) on conflict do nothing")
        .bind(Hash::of(&conversation.to_string()).to_string())
        .execute(&mut *write)
        .await?;
    images::delete_all(write, &images).await
}

/// Deletes the conversations that an account still has when its row is deleted: they were added during the deletion.
/// Every process ends their streams, this one too, when it reads the revocations.
pub(super) async fn delete_all_of(write: &mut Alone, account: AccountId) -> sqlx::Result<()> {
    let ids: Vec<String> = query_scalar("select id from conversation where account = $1")
        .bind(account.to_string())
        .fetch_all(&mut *write)
        .await?;
    for conversation in ids {
        delete(&mut *write, None, account, id(&conversation)?).await?;
    }
    Ok(())
}
