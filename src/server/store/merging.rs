//! Merges a guest's data into an account.

use super::search::index;
use super::sql::{Connection, query};
use super::write::Alone;
use super::{list_entries, preferences, queued, usage, used};
use crate::model::AccountId;

pub(super) async fn is_guest(write: &mut Connection, id: AccountId) -> sqlx::Result<bool> {
    let row = query("select 1 from account where id = $1 and name is null")
        .bind(id.to_string())
        .fetch_optional(write)
        .await?;
    Ok(row.is_some())
}

/// See [`super::Store::merge`].
pub(super) async fn merge(write: &mut Alone, guest: AccountId, account: AccountId) -> sqlx::Result<()> {
    if !is_guest(&mut *write, guest).await? {
        return Ok(());
    }
    for what in
        ["update conversation set account = $2 where account = $1", "update image set account = $2 where account = $1"]
    {
        query(what).bind(guest.to_string()).bind(account.to_string()).execute(&mut *write).await?;
    }
    inherit_shares(&mut *write, guest, account).await?;
    list_entries::inherit(&mut *write, guest, account).await?;
    preferences::inherit(&mut *write, guest, account).await?;
    queued::inherit(&mut *write, guest, account).await?;
    usage::inherit(&mut *write, guest, account).await?;
    index::inherit(&mut *write, guest, account).await?;
    remove(write, guest).await
}

pub(super) async fn remove(write: &mut Alone, id: AccountId) -> sqlx::Result<()> {
    used::delete_all_of(&mut *write, id).await?;
    query("delete from account where id = $1").bind(id.to_string()).execute(write).await?;
    Ok(())
}

/// What is shared with a guest is shared with the account from now on; what it has written and uploaded becomes the
/// account's.
pub(super) async fn inherit_shares(write: &mut Connection, guest: AccountId, account: AccountId) -> sqlx::Result<()> {
    let (guest, account) = (guest.to_string(), account.to_string());
    let shares = "insert into share (conversation, account, role, created_at)
         select conversation, $2, role, created_at from share where account = $1
         on conflict (conversation, account) do update set
            role = case when excluded.role = 'participant' then excluded.role else share.role end";
    query(shares).bind(&guest).bind(&account).execute(&mut *write).await?;
    query("delete from share where account = $1").bind(&guest).execute(&mut *write).await?;
    for what in [
        // No account shares with itself, or writes as a guest in a conversation that is now its own.
        "delete from share where account = $2
             and conversation in (select conversation.id from conversation where conversation.account = $2)",
        "update message set account = $2 where account = $1",
        // Images that are in no message are deleted with the guest.
        "update image set account = $2 where account = $1 and id in (select image from message_image)",
        "update message set account = null where account = $2
             and conversation in (select conversation.id from conversation where conversation.account = $2)",
    ] {
        query(what).bind(&guest).bind(&account).execute(&mut *write).await?;
    }
    Ok(())
}
