//! What a search reads of the index.

use super::super::Store;
use super::super::columns::id;
use super::super::sql::{Builder, query, query_scalar};
use super::index::PARTS;
use crate::model::{AccountId, ConversationId};
use std::collections::HashMap;

/// Where a search looks.
pub struct Places {
    pub own: Vec<i64>,
    /// Blocks of others with conversations that the account sees.
    pub shared: Vec<i64>,
}

impl Store {
    /// The blocks in which the messages are that the account sees.
    pub async fn blocks(&self, account: AccountId) -> sqlx::Result<Places> {
        let own = query_scalar("select id from search_block where account = $1 and state in (1, 2)")
            .bind(account.to_string())
            .fetch_all(self.read())
            .await?;
        let shared = query_scalar(
            "select distinct search_block.id from share join search_place on search_place.conversation = share.conversation
                 join search_block on search_block.id = search_place.block
             where share.account = $1 and state in (1, 2)",
        )
        .bind(account.to_string())
        .fetch_all(self.read())
        .await?;
        Ok(Places { own, shared })
    }

    /// The conversations that are shared with the account, each with whether all of it is in the index.
    pub async fn shared_to_search(&self, account: AccountId) -> sqlx::Result<HashMap<ConversationId, bool>> {
        let rows = query(
            "select conversation.id as id,
                    coalesce((select covered_to from search_account where search_account.account = conversation.account), '')
                        >= updated_at as is_covered
             from share join conversation on conversation.id = share.conversation where share.account = $1",
        )
        .bind(account.to_string())
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| Ok((id(row.try_get("id")?)?, row.try_get("is_covered")?))).collect()
    }

    /// This part of each of these blocks that has one.
    pub async fn parts(&self, blocks: &[i64], part: i64) -> sqlx::Result<HashMap<i64, Vec<u8>>> {
        let mut select = Builder::new("select id, grams from search_part where id in ");
        select.push_list(blocks.iter().map(|block| block * PARTS + part));
        let rows = select.build().fetch_all(self.read()).await?;
        rows.iter().map(|row| Ok((row.try_get::<i64>("id")? / PARTS, row.try_get("grams")?))).collect()
    }

    /// The members of these blocks.
    pub async fn members(&self, blocks: &[i64]) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
        let mut select = Builder::new("select id, members from search_block where id in ");
        select.push_list(blocks.iter().copied());
        let rows = select.build().fetch_all(self.read()).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("members")?))).collect()
    }
}
