//! Which names are taken: existing names, and names that look like one.

use super::Store;
use super::columns::id;
use super::sql::{Connection, query};
use crate::model::AccountId;
use crate::server::principal::Name;

/// How many names get their skeletons in one transaction at the start.
const FILLED_TOGETHER: i64 = 500;

/// Whether another account than `account` has this name, or one that looks alike. An account whose existing name
/// already looks like another keeps it.
pub(super) async fn is_taken(write: &mut Connection, name: &Name, account: AccountId) -> sqlx::Result<bool> {
    let row = query(
        "select 1 from account other
         where other.id <> $1 and (other.name_key = $2
            or ((other.name_skeleton in ($3, $4) or other.name_look in ($3, $4))
                and not exists (select 1 from account where id = $1 and name_skeleton = $3 and name_look = $4)))
         limit 1",
    )
    .bind(account.to_string())
    .bind(name.key())
    .bind(name.skeleton())
    .bind(name.look())
    .fetch_optional(write)
    .await?;
    Ok(row.is_some())
}

/// Writes the skeleton of the account's name.
pub(super) async fn keep_look(write: &mut Connection, account: AccountId, name: &Name) -> sqlx::Result<()> {
    query("update account set name_skeleton = $2, name_look = $3 where id = $1")
        .bind(account.to_string())
        .bind(name.skeleton())
        .bind(name.look())
        .execute(write)
        .await?;
    Ok(())
}

impl Store {
    /// Adds the skeletons of names that an older version has written.
    pub(super) async fn fill_looks(&self) -> sqlx::Result<()> {
        loop {
            let rows = query("select id, name from account where name is not null and name_skeleton is null limit $1")
                .bind(FILLED_TOGETHER)
                .fetch_all(self.read())
                .await?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut write = self.write().await?;
            for row in rows {
                keep_look(&mut write, id(row.try_get("id")?)?, &Name::kept(row.try_get("name")?)).await?;
            }
            write.commit().await?;
        }
    }
}
