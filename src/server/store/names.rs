//! Which names are taken: those that are somebody's, and those that look like somebody's.

use super::Store;
use super::columns::id;
use crate::model::AccountId;
use crate::server::principal::Name;
use sqlx::{Row, SqliteConnection};

/// Names that are given their skeletons in one transaction at the start.
const FILLED_TOGETHER: i64 = 500;

/// Whether anybody but `account` is called so, or so alike that people would not tell them apart. Who looks like somebody already
/// may go on doing so.
pub(super) async fn is_taken(write: &mut SqliteConnection, name: &Name, account: AccountId) -> sqlx::Result<bool> {
    let row = sqlx::query(
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

/// Writes what the account's name looks like.
pub(super) async fn keep_look(write: &mut SqliteConnection, account: AccountId, name: &Name) -> sqlx::Result<()> {
    sqlx::query("update account set name_skeleton = $2, name_look = $3 where id = $1")
        .bind(account.to_string())
        .bind(name.skeleton())
        .bind(name.look())
        .execute(write)
        .await?;
    Ok(())
}

impl Store {
    /// Says of names from before this was kept, or by an older process, what they look like.
    pub(super) async fn fill_looks(&self) -> sqlx::Result<()> {
        loop {
            let rows =
                sqlx::query("select id, name from account where name is not null and name_skeleton is null limit $1")
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
