//! API tokens: the credentials of programs.

use super::columns_of::columns;
use super::revocations::{self, Revoked};
use super::sessions::{Holder, USE_STEP, holder};
use super::sql::batch::Batch;
use super::sql::{Lock, query};
use super::{Store, columns, writing};
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::principal::Scope;
use crate::server::quota::Writer;
use crate::server::secret::Hash;
use crate::server::times::{ago, now};

/// A token as its account sees it.
#[derive(Clone, Debug)]
pub struct Token {
    pub hash: Hash,
    pub name: String,
    pub scope: Scope,
    pub created_at: String,
    pub last_used_at: Option<String>,
}

impl Store {
    /// The account of this token, and its scope. None too where the account is disabled.
    pub async fn token(&self, token: Hash) -> sqlx::Result<Option<(Holder, Scope)>> {
        let row = query(
            "select api_token.account, account.name, account.role, api_token.scope,
                    coalesce(api_token.last_used_at, '') as last_used_at
             from api_token join account on account.id = api_token.account
             where api_token.token_hash = $1 and account.disabled_at is null",
        )
        .bind(token.to_string())
        .fetch_optional(self.read())
        .await?;
        row.map(|row| Ok((holder(&row)?, Scope::of(row.try_get("scope")?)))).transpose()
    }

    /// Adds a token, where the account has fewer than `most`. `false`: it has reached that number.
    ///
    /// # Errors
    /// 429 where the account has reached its write limit.
    pub async fn add_token(
        &self,
        writer: Writer,
        token: Hash,
        name: &str,
        scope: Scope,
        most: usize,
    ) -> Result<bool, Problem> {
        let mut write = self.write().await?;
        writing::count(&mut write, writer).await?;
        let added = query(
            "insert into api_token (token_hash, account, name, scope, created_at)
             select $1, $2, $3, $4, $5 where (select count(*) from api_token where account = $2) < $6",
        )
        .bind(token.to_string())
        .bind(writer.account.to_string())
        .bind(name)
        .bind(scope.name())
        .bind(now())
        .bind(most as i64)
        .execute(&mut *write)
        .await?
        .rows_affected();
        write.commit().await?;
        Ok(0 < added)
    }

    pub async fn touch_token(&self, token: Hash) -> sqlx::Result<()> {
        let touch =
            query("update api_token set last_used_at = $2 where token_hash = $1 and coalesce(last_used_at, '') < $3");
        let touch = touch.bind(token.to_string()).bind(now()).bind(ago(USE_STEP));
        self.write_batch(Batch::write(Lock::None).then(touch)).await?;
        Ok(())
    }

    /// The account's token whose hash begins with these eight bytes, in hexadecimal.
    pub async fn token_that_begins(&self, account: AccountId, beginning: &str) -> sqlx::Result<Option<Hash>> {
        let row = query("select token_hash from api_token where account = $1 and substr(token_hash, 1, 16) = $2")
            .bind(account.to_string())
            .bind(beginning)
            .fetch_optional(self.read())
            .await?;
        row.map(|row| columns::hash(row.try_get("token_hash")?)).transpose()
    }

    /// The account's tokens, the newest first.
    pub async fn tokens(&self, account: AccountId) -> sqlx::Result<Vec<Token>> {
        let rows = query(concat!(
            "select ",
            columns!(api_token),
            " from api_token where account = $1 order by created_at desc, token_hash"
        ))
        .bind(account.to_string())
        .fetch_all(self.read())
        .await?;
        let read = rows.iter().map(|row| {
            Ok(Token {
                hash: columns::hash(row.try_get("token_hash")?)?,
                name: row.try_get("name")?,
                scope: Scope::of(row.try_get("scope")?),
                created_at: row.try_get("created_at")?,
                last_used_at: row.try_get("last_used_at")?,
            })
        });
        read.collect()
    }

    /// Ends a token of the account. `RowNotFound` where it has no such token.
    pub async fn end_token(&self, account: AccountId, token: Hash) -> sqlx::Result<Revoked> {
        let mut write = self.write().await?;
        query("delete from api_token where account = $1 and token_hash = $2 returning token_hash")
            .bind(account.to_string())
            .bind(token.to_string())
            .fetch_one(&mut *write)
            .await?;
        revocations::note(&mut write, Revoked::Token(token)).await?;
        write.commit().await?;
        Ok(Revoked::Token(token))
    }
}
