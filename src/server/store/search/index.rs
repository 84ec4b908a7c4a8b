//! The index of searches: blocks of messages of one account, which `server::search` fills and reads.
//!
//! It is written behind the messages, and no write of a message waits for more than a step of it. What is deleted goes out
//! of it in steps too: a block is marked by the transaction that deletes, and written anew without what is gone.
//!
//! `up_to` and `covered_to` say what is in it. A conversation that has an open reply is not covered, and a message makes
//! its conversation newer (`updated_at`), so what is covered has changed in nothing but its title; and that marks its block.

use super::super::Store;
use super::super::columns::id;
use super::super::sql::batch::{Batch, Found};
use super::super::sql::{Builder, Connection, Lock, Query, Row, query, query_scalar};
use crate::model::{AccountId, ConversationId};
use crate::server::times::{ago, now};
use std::time::Duration;

/// What becomes of a block.
const WRITING: i64 = 0;
const IN_USE: i64 = 1;
const OUTDATED: i64 = 2;
const OVER: i64 = 3;
/// How many parts a block has at most.
pub(super) const PARTS: i64 = 512;
/// Parts or places that are written or deleted together: some milliseconds in which nobody else writes to SQLite.
const TOGETHER: i64 = 128;
/// Blocks that are looked up at a time to be written anew or deleted.
pub const DUE_TOGETHER: usize = 8;
/// A block takes seconds to be written. After this, the process that wrote it is gone.
const LONGEST: Duration = Duration::from_secs(600);

/// What is to be done with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Rewrite(i64),
    Delete(i64),
}

/// A conversation that may have something that is not in the index.
#[derive(Clone, Debug)]
pub struct Uncovered {
    pub id: ConversationId,
    pub title: String,
    pub updated_at: String,
    pub up_to: i64,
    pub is_titled: bool,
    pub newest: i64,
}

/// Where a conversation is in a block.
#[derive(Clone, Debug)]
pub struct Place {
    pub conversation: ConversationId,
    pub up_to: i64,
    /// The title, where the block has it.
    pub title: Option<String>,
}

/// Up to when an account's conversations are covered. Before all of them where none is.
#[derive(Clone, Debug, Default)]
pub struct Covered {
    pub to: String,
    /// How often a guest's conversations had come to it when this was read.
    merges: i64,
}

/// A block to be written.
pub struct Block {
    pub account: AccountId,
    pub members: Vec<u8>,
    pub parts: Vec<(i64, Vec<u8>)>,
    pub places: Vec<Place>,
    /// The block that it replaces.
    pub former: Option<i64>,
}

/// Marks the blocks that a conversation is in, which is about to be deleted.
pub(in super::super) async fn forget(write: &mut Connection, conversation: ConversationId) -> sqlx::Result<()> {
    query(
        "update search_block set state = 2 where state = 1
               and id in (select block from search_place where conversation = $1)",
    )
    .bind(conversation.to_string())
    .execute(write)
    .await?;
    Ok(())
}

/// Marks the block that a conversation's title is in, which has changed.
pub(in super::super) async fn rename(write: &mut Connection, conversation: ConversationId) -> sqlx::Result<()> {
    query(
        "update search_block set state = 2 where state = 1
               and id in (select block from search_place where conversation = $1 and title is not null)",
    )
    .bind(conversation.to_string())
    .execute(write)
    .await?;
    Ok(())
}

/// All of an account is about to be deleted.
pub(in super::super) async fn forget_all_of(write: &mut Connection, account: AccountId) -> sqlx::Result<()> {
    query("update search_block set state = 3 where account = $1").bind(account.to_string()).execute(write).await?;
    Ok(())
}

/// What a guest has becomes the account's. Whether something of it is not in the index is looked at anew.
pub(crate) async fn inherit(write: &mut Connection, guest: AccountId, account: AccountId) -> sqlx::Result<()> {
    for what in [
        "update search_block set account = $2 where account = $1",
        "insert into search_account (account, covered_to, merges) select id, '', 1 from account where id = $2 and $1 <> $2
         on conflict (account) do update set covered_to = '', merges = search_account.merges + 1",
    ] {
        query(what).bind(guest.to_string()).bind(account.to_string()).execute(&mut *write).await?;
    }
    Ok(())
}

impl Store {
    /// One step of the index. Others are written beside it: only one process at a time works at it.
    async fn write_index(&self, steps: impl IntoIterator<Item = (Query, Option<u64>)>) -> sqlx::Result<Vec<Found>> {
        let batch = Batch::write(Lock::Beside(&[])).once();
        let batch = steps.into_iter().fold(batch, |batch, (step, rows)| match rows {
            Some(rows) => batch.must(step, rows),
            None => batch.then(step),
        });
        Ok(self.write_batch(batch).await?)
    }

    /// Blocks with something to be done, a few of them.
    pub async fn index_due(&self) -> sqlx::Result<Vec<Due>> {
        let rows = query(
            "select id, state from search_block
             where state <> 1 and (state = 2 or state = 3 or made_at < $1) order by state desc limit $2",
        )
        .bind(ago(LONGEST))
        .bind(DUE_TOGETHER as i64)
        .fetch_all(self.read())
        .await?;
        let due = |row: &Row| {
            let id = row.try_get("id")?;
            let is_outdated = row.try_get::<i64>("state")? == OUTDATED;
            Ok(if is_outdated { Due::Rewrite(id) } else { Due::Delete(id) })
        };
        rows.iter().map(due).collect()
    }

    /// Looks at some blocks after this one, and marks those that have a conversation which is not there any more, has
    /// another title, or is another account's: however that came. Returns the last; `None` after the last of all.
    pub async fn check_blocks(&self, after: i64, most: i64) -> sqlx::Result<Option<i64>> {
        let rows = query(
            "select id, conversations
                 > (select count(*) from search_place join conversation on conversation.id = search_place.conversation
                    where search_place.block = search_block.id and conversation.account = search_block.account
                        and (search_place.title is null or search_place.title = conversation.title)) as is_short
             from search_block where state = 1 and id > $1 order by id limit $2",
        )
        .bind(after)
        .bind(most)
        .fetch_all(self.read())
        .await?;
        for row in &rows {
            if row.try_get::<bool>("is_short")? {
                let mark = query("update search_block set state = 2 where id = $1 and state = 1");
                self.write_index([(mark.bind(row.try_get::<i64>("id")?), None)]).await?;
            }
        }
        rows.last().map(|row| row.try_get("id")).transpose()
    }

    /// Reads `most` accounts after this one. Returns those that may have something to be put into the index, and the last
    /// one that was read, if any.
    pub async fn accounts_to_index(
        &self,
        after: &str,
        settled: &str,
        most: i64,
    ) -> sqlx::Result<(Vec<AccountId>, Option<String>)> {
        let read: Vec<String> =
            query_scalar("select id from account where id > $1 and leaving_at is null order by id limit $2")
                .bind(after)
                .bind(most)
                .fetch_all(self.read())
                .await?;
        let mut select = Builder::new("select id from account where id in ");
        select.push_list(read.iter());
        select.push(
            " and exists (select 1 from conversation
                          where conversation.account = account.id and conversation.updated_at > coalesce((
                              select covered_to from search_account
                              where search_account.account = account.id and covered_to <= ",
        );
        select.push_bind(settled).push("), '') and conversation.updated_at <= ").push_bind(settled).push(")");
        let mut found: Vec<String> = select.build_query_scalar().fetch_all(self.read()).await?;
        found.sort_unstable();
        let accounts = found.iter().map(|account| id(account)).collect::<sqlx::Result<_>>()?;
        Ok((accounts, read.last().cloned()))
    }

    /// The account's conversations that may have something that is not in the index, oldest first, after this time and id.
    pub async fn uncovered(
        &self,
        account: AccountId,
        after: (&str, &str),
        settled: &str,
        most: i64,
    ) -> sqlx::Result<Vec<Uncovered>> {
        let rows = query(
            "select id, title, updated_at,
                    coalesce((select max(up_to) from search_place where search_place.conversation = conversation.id), 0)
                        as up_to,
                    exists (select 1 from search_place
                            where search_place.conversation = conversation.id and search_place.title is not null) as is_titled,
                    coalesce((select max(position) from message where message.conversation = conversation.id), 0)
                        as newest
             from conversation
             where account = $1 and (updated_at > $2 or (updated_at = $2 and id > $3)) and updated_at <= $4
             order by updated_at, id limit $5",
        )
        .bind(account.to_string())
        .bind(after.0)
        .bind(after.1)
        .bind(settled)
        .bind(most)
        .fetch_all(self.read())
        .await?;
        let uncovered = |row: &Row| {
            Ok(Uncovered {
                id: id(row.try_get("id")?)?,
                title: row.try_get("title")?,
                updated_at: row.try_get("updated_at")?,
                up_to: row.try_get("up_to")?,
                is_titled: row.try_get("is_titled")?,
                newest: row.try_get("newest")?,
            })
        };
        rows.iter().map(uncovered).collect()
    }

    pub async fn covered_to(&self, account: AccountId) -> sqlx::Result<Covered> {
        let row = query("select covered_to, merges from search_account where account = $1")
            .bind(account.to_string())
            .fetch_optional(self.read())
            .await?;
        let covered = |row: Row| Ok(Covered { to: row.try_get("covered_to")?, merges: row.try_get("merges")? });
        row.map(covered).transpose().map(Option::unwrap_or_default)
    }

    /// Unless a guest's conversations came to the account since `begin` was read: then all is looked at anew.
    pub async fn set_covered_to(&self, account: AccountId, begin: &Covered, time: &str) -> sqlx::Result<()> {
        let set = query(
            "insert into search_account (account, covered_to, merges) select id, $2, $3 from account where id = $1
             on conflict (account) do update set covered_to = excluded.covered_to
                 where search_account.merges = excluded.merges",
        );
        self.write_index([(set.bind(account.to_string()).bind(time).bind(begin.merges), None)]).await.map(drop)
    }

    /// Some messages of a conversation between these positions, oldest first: position and text, or no text where the
    /// reply is open.
    pub async fn texts_to_index(
        &self,
        conversation: ConversationId,
        after: i64,
        to: i64,
        most: i64,
    ) -> sqlx::Result<Vec<(i64, Option<String>)>> {
        let rows = query(
            "select position, case when status = 'streaming' then null else text end as text from message
             where conversation = $1 and position > $2 and position <= $3 order by position limit $4",
        )
        .bind(conversation.to_string())
        .bind(after)
        .bind(to)
        .bind(most)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| Ok((row.try_get("position")?, row.try_get("text")?))).collect()
    }

    /// An outdated block: its account, its members, and the conversations that it still has.
    pub async fn outdated(&self, block: i64) -> sqlx::Result<Option<(AccountId, Vec<u8>, Vec<Place>)>> {
        let row = query("select account, members from search_block where id = $1 and state = 2")
            .bind(block)
            .fetch_optional(self.read())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let rows = query(
            "select conversation, up_to, search_place.title is not null as is_titled, conversation.title as title
             from search_place join search_block on search_block.id = search_place.block
                 join conversation on conversation.id = search_place.conversation
                     and conversation.account = search_block.account
             where block = $1",
        )
        .bind(block)
        .fetch_all(self.read())
        .await?;
        let place = |row: &Row| {
            let title = row.try_get::<bool>("is_titled")?.then(|| row.try_get("title")).transpose()?;
            Ok(Place { conversation: id(row.try_get("conversation")?)?, up_to: row.try_get("up_to")?, title })
        };
        let places = rows.iter().map(place).collect::<sqlx::Result<_>>()?;
        Ok(Some((id(row.try_get("account")?)?, row.try_get("members")?, places)))
    }

    /// Writes a block, in steps. It is used from the last of them on, and the former one no more.
    pub async fn put_block(&self, block: &Block) -> sqlx::Result<()> {
        // Never used before, also not by a block that is gone: two processes may be at it.
        let number = (uuid::Uuid::new_v4().as_u128() & 0xff_ffff_ffff) as i64;
        let begin = query(
            "insert into search_block (id, account, state, members, conversations, made_at)
             values ($1, $2, 0, $3, $4, $5)",
        );
        let begin = begin.bind(number).bind(block.account.to_string()).bind(block.members.as_slice());
        self.write_index([(begin.bind(block.places.len() as i64).bind(now()), None)]).await?;
        for parts in block.parts.chunks(TOGETHER as usize) {
            let mut insert = Builder::new("insert into search_part (id, grams) ");
            insert.push_values(parts, |row, (part, grams)| {
                row.push_bind(number * PARTS + part).push_bind(grams.as_slice());
            });
            self.write_index([(insert.build(), None)]).await?;
        }
        let done = self.use_block(number, block).await;
        if done.is_err() {
            // Unless it was done, and only the answer was lost.
            let over = query("update search_block set state = 3 where id = $1 and state = 0");
            self.write_index([(over.bind(number), None)]).await?;
        }
        done
    }

    /// Unless a conversation of it was deleted, named anew or given to another account meanwhile, or another process has
    /// put it into a block.
    async fn use_block(&self, number: i64, block: &Block) -> sqlx::Result<()> {
        let places = block.places.chunks(TOGETHER as usize);
        let mut steps: Vec<_> =
            places.map(|places| (put_places(number, block, places), Some(places.len() as u64))).collect();
        let state = query("update search_block set state = $2 where id = $1 and state = $3");
        steps.push((state.clone().bind(number).bind(IN_USE).bind(WRITING), Some(1)));
        if let Some(former) = block.former {
            steps.push((state.bind(former).bind(OVER).bind(OUTDATED), Some(1)));
            steps.push((query("delete from search_place where block = $1").bind(former), None));
        }
        self.write_index(steps).await.map(drop)
    }

    /// Deletes a block, in steps.
    pub async fn delete_block(&self, block: i64) -> sqlx::Result<()> {
        for first in (0..PARTS).step_by(TOGETHER as usize) {
            let delete = query("delete from search_part where id >= $1 and id < $2");
            let first = block * PARTS + first;
            self.write_index([(delete.bind(first).bind(first + TOGETHER), None)]).await?;
        }
        let delete = query("delete from search_block where id = $1").bind(block);
        self.write_index([(delete, None)]).await?;
        self.is_in_old_log();
        Ok(())
    }
}

/// Notes where these conversations are. Less than all of them where something has changed that makes the block wrong.
fn put_places(number: i64, block: &Block, places: &[Place]) -> Query {
    let mut insert = Builder::new("with place (conversation, up_to, title) as (");
    insert.push_values(places, |row, place| {
        row.push_bind(place.conversation.to_string()).push_bind(place.up_to).push_bind(place.title.as_deref());
    });
    insert.push(") insert into search_place (conversation, block, up_to, title) select conversation.id, cast(");
    insert.push_bind(number).push(
        " as bigint), place.up_to, place.title from place join conversation on conversation.id = place.conversation
          where (place.title is null or place.title = conversation.title) and conversation.account = ",
    );
    insert.push_bind(block.account.to_string()).push(
        " and not exists (select 1 from search_place as other
                          where other.conversation = conversation.id and other.up_to >= place.up_to
                              and (place.title is null or other.title is not null) and ",
    );
    insert.push_bind(i64::from(block.former.is_none())).push(" = 1)").build()
}
