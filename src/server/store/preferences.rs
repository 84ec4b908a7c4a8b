//! What accounts have chosen for their browsers, and what they tell models in all their conversations.

use super::news::News;
use super::sql::{Connection, Key, On, Row, query, query_scalar};
use super::{Store, writing};
use crate::contract::PreferencesChange;
use crate::error::Problem;
use crate::model::{AccountId, Preferences};
use crate::server::quota::Writer;

fn preferences(row: &Row) -> sqlx::Result<Preferences> {
    let favourites: &str = row.try_get("favourites")?;
    Ok(Preferences {
        theme: row.try_get("theme")?,
        text: row.try_get("text_size")?,
        send: row.try_get("send_key")?,
        announced: row.try_get("announced")?,
        favourites: serde_json::from_str(favourites).map_err(|error| sqlx::Error::Decode(error.into()))?,
        instructions: Some(row.try_get("instructions")?),
        number: row.try_get::<i64>("number")?.unsigned_abs(),
    })
}

async fn found(read: impl On<'_>, account: AccountId) -> sqlx::Result<Option<Preferences>> {
    let row = query(
        "select theme, text_size, send_key, announced, favourites, instructions, number from preferences
         where account = $1",
    )
    .bind(account.to_string())
    .fetch_optional(read)
    .await?;
    row.as_ref().map(preferences).transpose()
}

/// `before`, where `change` says nothing else.
fn changed(before: Preferences, change: PreferencesChange) -> Preferences {
    let PreferencesChange { theme, text, send, announced, favourites, instructions } = change;
    Preferences {
        theme: theme.unwrap_or(before.theme),
        text: text.unwrap_or(before.text),
        send: send.unwrap_or(before.send),
        announced: announced.unwrap_or(before.announced),
        favourites: favourites.unwrap_or(before.favourites),
        instructions: Some(instructions.or(before.instructions).unwrap_or_default()),
        number: before.number + 1,
    }
}

impl Store {
    /// What the account has chosen; none where it has chosen nothing.
    pub async fn preferences(&self, account: AccountId) -> sqlx::Result<Option<Preferences>> {
        found(self.read(), account).await
    }

    /// What models are told wherever the account asks; empty for nothing.
    pub async fn own_instructions(&self, account: AccountId) -> sqlx::Result<String> {
        let own: Option<String> = query_scalar("select instructions from preferences where account = $1")
            .bind(account.to_string())
            .fetch_optional(self.read())
            .await?;
        Ok(own.unwrap_or_default())
    }

    /// Writes what the account chooses, and leaves the rest as it is.
    pub async fn prefer(&self, writer: Writer, change: PreferencesChange) -> Result<Preferences, Problem> {
        let account = writer.account;
        let mut write = self.write_beside(&[Key::Account(account)], &[News::Account(account)]).await?;
        writing::count(&mut write, writer).await?;
        let chosen = changed(found(&mut *write, account).await?.unwrap_or_default(), change);
        query(
            "insert into preferences (account, theme, text_size, send_key, announced, favourites, instructions, number)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (account) do update set theme = excluded.theme, text_size = excluded.text_size,
                 send_key = excluded.send_key, announced = excluded.announced, favourites = excluded.favourites,
                 instructions = excluded.instructions, number = excluded.number",
        )
        .bind(account.to_string())
        .bind(&chosen.theme)
        .bind(&chosen.text)
        .bind(&chosen.send)
        .bind(&chosen.announced)
        .bind(serde_json::to_string(&chosen.favourites).expect("texts become JSON"))
        .bind(chosen.instructions.as_deref())
        .bind(i64::try_from(chosen.number).unwrap_or(i64::MAX))
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(chosen)
    }
}

/// What a guest has chosen becomes the account's, unless that has chosen something itself.
pub(super) async fn inherit(write: &mut Connection, guest: AccountId, account: AccountId) -> sqlx::Result<()> {
    query(
        "insert into preferences (account, theme, text_size, send_key, announced, favourites, instructions, number)
         select $2, theme, text_size, send_key, announced, favourites, instructions, number from preferences
         where account = $1 on conflict (account) do nothing",
    )
    .bind(guest.to_string())
    .bind(account.to_string())
    .execute(write)
    .await?;
    Ok(())
}
