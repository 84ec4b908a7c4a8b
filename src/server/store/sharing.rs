//! Who may use a conversation besides its owner, and the invitation links.
//!
//! Each change of an account's access is written with the revocations, in one transaction: that is how other processes
//! on this database learn of it.

use super::Store;
use super::columns::{access, called, hash, id};
use super::columns_of::columns;
use super::news::News;
use super::revocations::{Revoked, note_by};
use super::sql::{Connection, Row, query, query_scalar};
use super::write::Alone;
use super::writing;
use crate::error::Problem;
use crate::model::{Access, AccountId, ConversationId, Named};
use crate::server::quota::Writer;
use crate::server::secret::Hash;
use crate::server::times::now;

/// A user with whom a conversation is shared.
#[derive(Clone, Debug)]
pub struct Share {
    pub person: Named,
    pub role: Access,
    pub since: String,
}

/// An invitation link.
#[derive(Clone, Debug)]
pub struct InviteLink {
    pub hash: Hash,
    pub role: Access,
    pub uses: i64,
    pub used: i64,
    pub ends_at: String,
    pub created_at: String,
}

/// Where an open link leads, for a user who considers joining.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub conversation: ConversationId,
    pub title: String,
    pub owner: Named,
    pub role: Access,
}

/// The result of giving a user access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// The user has access now, or another role.
    New,
    /// The user had this access before.
    Before,
    /// The conversation has as many people as it may.
    Full,
}

fn link(row: &Row) -> sqlx::Result<InviteLink> {
    Ok(InviteLink {
        hash: hash(row.try_get("token_hash")?)?,
        role: access(row.try_get("role")?),
        uses: row.try_get("uses")?,
        used: row.try_get("used")?,
        ends_at: row.try_get("ends_at")?,
        created_at: row.try_get("created_at")?,
    })
}

/// A link that can be taken. A disabled account's link cannot.
macro_rules! open_link {
    ($select:literal) => {
        concat!(
            $select,
            " where share_link.token_hash = $1 and used < uses and ends_at > $2
                and exists (select 1 from conversation join account on account.id = conversation.account
                            where conversation.id = share_link.conversation and conversation.leaving_at is null
                                and account.disabled_at is null)"
        )
    };
}

/// Whether the account may write in the conversation of the statement's row, which is not marked for deletion: for a
/// statement that writes, because another process may take the right away, and a deletion may come, after the request was
/// checked. The argument is the account's parameter.
macro_rules! may_write {
    ($account:literal) => {
        concat!(
            "(conversation.leaving_at is null and (conversation.account = ",
            $account,
            " or exists (select 1 from share where share.conversation = conversation.id and share.account = ",
            $account,
            " and share.role = 'participant')))"
        )
    };
}

pub(super) use may_write;

async fn role_of(
    write: &mut Connection,
    conversation: ConversationId,
    account: AccountId,
) -> sqlx::Result<Option<Access>> {
    let row = query(
        "select case when conversation.account = $2 then 'owner' else coalesce(share.role, '') end as role
         from conversation left join share on share.conversation = conversation.id and share.account = $2
         where conversation.id = $1 and conversation.leaving_at is null",
    )
    .bind(conversation.to_string())
    .bind(account.to_string())
    .fetch_one(write)
    .await?;
    let role: &str = row.try_get("role")?;
    Ok((!role.is_empty()).then(|| access(role)))
}

impl Store {
    /// Why the account's write in the conversation was refused in its transaction.
    pub(super) async fn why_not_written(&self, account: AccountId, conversation: ConversationId) -> Problem {
        match self.conversation(account, conversation).await {
            Ok(stored) => stored.allows(Access::Participant).err().unwrap_or(Problem::NotFound),
            Err(error) => error.into(),
        }
    }

    /// The users with whom the conversation is shared, in the order in which they joined.
    pub async fn shares(&self, conversation: ConversationId) -> sqlx::Result<Vec<Share>> {
        let rows = query(concat!(
            "select ",
            columns!(share),
            ", account.name from share join account on account.id = share.account
             where conversation = $1 order by share.created_at, share.account"
        ))
        .bind(conversation.to_string())
        .fetch_all(self.read())
        .await?;
        let read = rows.iter().map(|row| {
            let person = called(id(row.try_get("account")?)?, row.try_get("name")?);
            Ok(Share { person, role: access(row.try_get("role")?), since: row.try_get("created_at")? })
        });
        read.collect()
    }

    /// Shares the conversation with an account, or changes its role. `most` people may be here besides the owner.
    ///
    /// # Errors
    /// 429 where `writer`, who shares it, has reached the write limit; 404 where it is deleted by now.
    pub async fn share(
        &self,
        writer: Writer,
        conversation: ConversationId,
        account: AccountId,
        role: Access,
        most: i64,
    ) -> Result<Given, Problem> {
        let mut write = self.write_telling(&[News::Listed(conversation)]).await?;
        let before = role_of(&mut write, conversation, account).await?;
        if before == Some(Access::Owner) || before == Some(role) {
            return Ok(Given::Before);
        }
        if before.is_none() && most <= count(&mut write, conversation).await? {
            return Ok(Given::Full);
        }
        writing::count(&mut write, writer).await?;
        give(&mut write, self.process(), conversation, account, role).await?;
        write.commit().await?;
        Ok(Given::New)
    }

    /// Revokes an account's access. `false`: it had none. With `links`, the invitation links end with it: the removed
    /// user may have one, or open another browser.
    pub async fn unshare(&self, conversation: ConversationId, account: AccountId, links: bool) -> sqlx::Result<bool> {
        let mut write = self.write_telling(&[News::Listed(conversation)]).await?;
        let gone = query("delete from share where conversation = $1 and account = $2")
            .bind(conversation.to_string())
            .bind(account.to_string())
            .execute(&mut *write)
            .await?
            .rows_affected();
        if gone == 0 {
            return Ok(false);
        }
        if links {
            query("delete from share_link where conversation = $1")
                .bind(conversation.to_string())
                .execute(&mut *write)
                .await?;
        }
        note_by(&mut write, Some(self.process()), Revoked::Share(account, conversation)).await?;
        write.commit().await?;
        Ok(true)
    }

    /// The conversation's links, the newest first.
    pub async fn share_links(&self, conversation: ConversationId) -> sqlx::Result<Vec<InviteLink>> {
        let rows = query(concat!(
            "select ",
            columns!(share_link),
            " from share_link where conversation = $1 order by created_at desc"
        ))
        .bind(conversation.to_string())
        .fetch_all(self.read())
        .await?;
        rows.iter().map(link).collect()
    }

    /// Adds a link, where there are fewer than `most`. Ended links make room first.
    ///
    /// # Errors
    /// 429 where the account has reached its write limit; 404 where the conversation is deleted by now.
    pub async fn add_share_link(
        &self,
        writer: Writer,
        conversation: ConversationId,
        new: &InviteLink,
        most: i64,
    ) -> Result<bool, Problem> {
        let mut write = self.write().await?;
        writing::count(&mut write, writer).await?;
        query("delete from share_link where conversation = $1 and (ends_at <= $2 or uses <= used)")
            .bind(conversation.to_string())
            .bind(now())
            .execute(&mut *write)
            .await?;
        let there: i64 = query_scalar("select count(*) from share_link where conversation = $1")
            .bind(conversation.to_string())
            .fetch_one(&mut *write)
            .await?;
        if most <= there {
            return Ok(false);
        }
        let added = query(
            "insert into share_link (token_hash, conversation, role, uses, used, ends_at, created_at)
             select $1, $2, $3, $4, 0, $5, $6
             where exists (select 1 from conversation where id = $2 and leaving_at is null)",
        )
        .bind(new.hash.to_string())
        .bind(conversation.to_string())
        .bind(new.role.name())
        .bind(new.uses)
        .bind(&new.ends_at)
        .bind(&new.created_at)
        .execute(&mut *write)
        .await?;
        if added.rows_affected() == 0 {
            return Err(Problem::NotFound);
        }
        write.commit().await?;
        Ok(true)
    }

    /// Withdraws a link. `RowNotFound` where the conversation has no such link.
    pub async fn end_share_link(&self, conversation: ConversationId, link: Hash) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        query("delete from share_link where conversation = $1 and token_hash = $2 returning token_hash")
            .bind(conversation.to_string())
            .bind(link.to_string())
            .fetch_one(&mut *write)
            .await?;
        write.commit().await
    }

    /// Where the link leads. None: it cannot be taken.
    pub async fn open_share_link(&self, link: Hash) -> sqlx::Result<Option<Invitation>> {
        let row = query(open_link!(
            "select share_link.conversation, share_link.role, place.title, place.account, owner.name
             from share_link join conversation place on place.id = share_link.conversation
             join account owner on owner.id = place.account"
        ))
        .bind(link.to_string())
        .bind(now())
        .fetch_optional(self.read())
        .await?;
        let read = row.map(|row| {
            Ok(Invitation {
                conversation: id(row.try_get("conversation")?)?,
                title: row.try_get("title")?,
                owner: called(id(row.try_get("account")?)?, row.try_get("name")?),
                role: access(row.try_get("role")?),
            })
        });
        read.transpose()
    }

    /// Where the link leads, or led before it ended.
    pub async fn share_link_place(&self, link: Hash) -> sqlx::Result<Option<ConversationId>> {
        let place: Option<String> = query_scalar("select conversation from share_link where token_hash = $1")
            .bind(link.to_string())
            .fetch_optional(self.read())
            .await?;
        place.as_deref().map(id).transpose()
    }

    /// Takes the link: one use of it, unless it gives nothing that the account does not have. None: it cannot be taken.
    ///
    /// # Errors
    /// 429 where the account has reached its write limit.
    pub async fn take_share_link(
        &self,
        writer: Writer,
        link: Hash,
        most: i64,
    ) -> Result<Option<(ConversationId, Given)>, Problem> {
        let account = writer.account;
        let mut write = self.write().await?;
        let row = query(open_link!("select conversation, role from share_link"))
            .bind(link.to_string())
            .bind(now())
            .fetch_optional(&mut *write)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (conversation, role) = (id(row.try_get("conversation")?)?, access(row.try_get("role")?));
        let before = role_of(&mut write, conversation, account).await?;
        if before.is_some_and(|before| role <= before) {
            return Ok(Some((conversation, Given::Before)));
        }
        if before.is_none() && most <= count(&mut write, conversation).await? {
            return Ok(Some((conversation, Given::Full)));
        }
        writing::count(&mut write, writer).await?;
        query("update share_link set used = used + 1 where token_hash = $1")
            .bind(link.to_string())
            .execute(&mut *write)
            .await?;
        give(&mut write, self.process(), conversation, account, role).await?;
        self.tell_in(&mut write, &[News::Listed(conversation)]).await?;
        write.commit().await?;
        Ok(Some((conversation, Given::New)))
    }
}

async fn count(write: &mut Connection, conversation: ConversationId) -> sqlx::Result<i64> {
    let count = query_scalar("select count(*) from share where conversation = $1").bind(conversation.to_string());
    count.fetch_one(write).await
}

async fn give(
    write: &mut Alone,
    process: &str,
    conversation: ConversationId,
    account: AccountId,
    role: Access,
) -> sqlx::Result<()> {
    query(
        "insert into share (conversation, account, role, created_at) values ($1, $2, $3, $4)
         on conflict (conversation, account) do update set role = excluded.role",
    )
    .bind(conversation.to_string())
    .bind(account.to_string())
    .bind(role.name())
    .bind(now())
    .execute(&mut *write)
    .await?;
    note_by(write, Some(process), Revoked::Share(account, conversation)).await
}

/// Notes that all access to a conversation changes, because it is about to be deleted or comes back: its owner's, that of
/// the users it is shared with, and that of its public link.
pub(super) async fn note_all(
    write: &mut Alone,
    process: Option<&str>,
    owner: AccountId,
    conversation: ConversationId,
) -> sqlx::Result<()> {
    let people: Vec<String> = query_scalar("select account from share where conversation = $1")
        .bind(conversation.to_string())
        .fetch_all(&mut *write)
        .await?;
    let mut revoked = vec![Revoked::Share(owner, conversation)];
    for account in people {
        revoked.push(Revoked::Share(id(&account)?, conversation));
    }
    let link = query("select 1 from public_link where conversation = $1").bind(conversation.to_string());
    revoked.extend(link.fetch_optional(&mut *write).await?.map(|_| Revoked::PublicLink(conversation)));
    for revoked in revoked {
        note_by(write, process, revoked).await?;
    }
    Ok(())
}

/// A disabled account loses what is shared with it. Its streams end with its sessions.
pub(super) async fn end_all(write: &mut Connection, account: AccountId) -> sqlx::Result<()> {
    query("delete from share where account = $1").bind(account.to_string()).execute(write).await?;
    Ok(())
}
