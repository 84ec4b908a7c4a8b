//! What an account shares and what is shared with it. Of links, everything is exported except their hashes.

use super::super::Store;
use super::super::sql::query;
use crate::model::AccountId;
use crate::server::store::columns::{called, id};
use crate::server::store::columns_of::columns;
use serde_json::{Value, json};

/// The users that its conversations are shared with.
const PEOPLE: &str = "select conversation.id, conversation.title, share.role, share.created_at as since,
           account.id as person, account.name
    from share join conversation on conversation.id = share.conversation join account on account.id = share.account
    where conversation.account = $1 and conversation.leaving_at is null order by conversation.id, share.created_at";
/// The owners of the conversations that are shared with it.
const SHARED_WITH_IT: &str = "select conversation.id, conversation.title, share.role, share.created_at as since,
           account.id as person, account.name
    from share join conversation on conversation.id = share.conversation join account on account.id = conversation.account
    where share.account = $1 and conversation.leaving_at is null order by conversation.id";

impl Store {
    pub(super) async fn sharing_in_full(&self, account: AccountId) -> sqlx::Result<Value> {
        Ok(json!({
            "people": self.people_of(account, PEOPLE).await?,
            "links": self.links_of(account).await?,
            "public_links": self.public_links_of(account).await?,
            "shared_with_it": self.people_of(account, SHARED_WITH_IT).await?,
        }))
    }

    async fn people_of(&self, account: AccountId, sql: &'static str) -> sqlx::Result<Vec<Value>> {
        let rows = query(sql).bind(account.to_string()).fetch_all(self.read()).await?;
        let told = rows.iter().map(|row| {
            let text = |name: &str| row.try_get::<String>(name);
            let person = called(id(row.try_get("person")?)?, row.try_get("name")?).name;
            Ok(json!({
                "conversation": text("id")?,
                "title": text("title")?,
                "person": person,
                "role": text("role")?,
                "since": text("since")?,
            }))
        });
        told.collect()
    }

    async fn links_of(&self, account: AccountId) -> sqlx::Result<Vec<Value>> {
        let rows = query(
            concat!("select ", columns!(share_link), " from share_link join conversation on conversation.id = share_link.conversation
             where conversation.account = $1 and conversation.leaving_at is null order by conversation.id, share_link.created_at"),
        )
        .bind(account.to_string())
        .fetch_all(self.read())
        .await?;
        let told = rows.iter().map(|row| {
            let text = |name: &str| row.try_get::<String>(name);
            let count = |name: &str| row.try_get::<i64>(name);
            Ok(json!({
                "conversation": text("conversation")?,
                "role": text("role")?,
                "uses": count("uses")?,
                "used": count("used")?,
                "ends_at": text("ends_at")?,
                "created_at": text("created_at")?,
            }))
        });
        told.collect()
    }

    async fn public_links_of(&self, account: AccountId) -> sqlx::Result<Vec<Value>> {
        let rows = query(concat!(
            "select ",
            columns!(public_link),
            " from public_link join conversation on conversation.id = public_link.conversation
             where conversation.account = $1 and conversation.leaving_at is null order by conversation.id"
        ))
        .bind(account.to_string())
        .fetch_all(self.read())
        .await?;
        let told = rows.iter().map(|row| {
            let text = |name: &str| row.try_get::<String>(name);
            let names = row.try_get::<i64>("names")? != 0;
            Ok(json!({ "conversation": text("conversation")?, "names": names, "created_at": text("created_at")? }))
        });
        told.collect()
    }
}
