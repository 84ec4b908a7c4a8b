//! Accounts as an admin sees them.

use super::accounts::{Account, account};
use super::audit::{self, Note};
use super::columns_of::columns;
use super::desk::changes::release_all;
use super::revocations::{self, Revoked};
use super::sql::{Row, query};
use super::write::Alone;
use super::{Store, session_ends};
use crate::model::{AccountId, Usage};
use crate::server::principal::Role;
use crate::server::quota::days;
use crate::server::times::now;

/// Accounts on one page.
pub const PAGE: i64 = 50;

/// An account in the list.
#[derive(Clone, Debug)]
pub struct ListedAccount {
    pub account: Account,
    pub last_used_at: Option<String>,
    /// Tokens read and written.
    pub tokens_this_month: u64,
}

/// Which accounts are listed.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Part of a name, in the form in which names are looked up.
    pub key: String,
    pub guests: bool,
    /// The last one of the page before: a name's key, or a guest's id.
    pub after: String,
}

/// An account's usage of a model.
#[derive(Clone, Debug)]
pub struct Spending {
    /// None: deleted accounts, all together.
    pub account: Option<Account>,
    pub model: String,
    pub usage: Usage,
    pub replies: u64,
}

impl Store {
    /// A page of the accounts, by name; of the guests, the oldest first. With the position of the next page.
    pub async fn people(&self, search: &Search) -> sqlx::Result<(Vec<ListedAccount>, Option<String>)> {
        let pattern = format!("%{}%", search.key.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let rows = query(
            concat!("select ", columns!(account), ", coalesce(name_key, id) as place,
                (select max(coalesce(last_used_at, session.created_at)) from session
                 where session.account = account.id) as last_used_at,
                (select cast(coalesce(sum(input_tokens + output_tokens), 0) as bigint) from usage
                 where usage.account = account.id and day >= $1) as tokens
             from account
             where leaving_at is null and kind <> 'visitor' and (name_key is null) = $2 and coalesce(name_key, id) > $3 and coalesce(name_key, '') like $4 escape '\\'
             order by place limit $5"),
        )
        .bind(days().1.to_string())
        .bind(search.guests)
        .bind(&search.after)
        .bind(if search.guests { "%".into() } else { pattern })
        .bind(PAGE + 1)
        .fetch_all(self.read())
        .await?;
        let more = PAGE < rows.len() as i64;
        let shown = &rows[..rows.len().min(PAGE as usize)];
        let next = shown.last().filter(|_| more).map(|row| row.try_get("place")).transpose()?;
        let read = shown.iter().map(|row| {
            Ok(ListedAccount {
                account: account(row)?,
                last_used_at: row.try_get("last_used_at")?,
                tokens_this_month: row.try_get::<i64>("tokens")?.max(0).unsigned_abs(),
            })
        });
        Ok((read.collect::<sqlx::Result<_>>()?, next))
    }

    /// Changes the account's role, and ends its sessions. None, and nothing happens, where no admin would be left: two
    /// admins who demote each other concurrently are both admins when they ask.
    pub async fn set_role(&self, id: AccountId, role: Role, note: &Note) -> sqlx::Result<Option<Vec<Revoked>>> {
        let mut write = self.write().await?;
        let set = query(
            "update account set role = $2 where id = $1
                 and ($2 = 'admin' or role <> 'admin'
                      or exists (select 1 from account other
                                 where other.id <> $1 and other.role = 'admin' and other.disabled_at is null))",
        )
        .bind(id.to_string())
        .bind(role.name())
        .execute(&mut *write)
        .await?;
        if set.rows_affected() == 0 {
            return Ok(None);
        }
        let ended = end_all(&mut write, id).await?;
        if role == Role::Member {
            release_all(&mut write, id, None).await?;
        }
        audit::add(&mut write, note).await?;
        write.commit().await?;
        Ok(Some(ended))
    }

    /// Disables the account and ends its sessions, or enables it. None, and nothing happens, where no admin would be
    /// left.
    pub async fn set_disabled(&self, id: AccountId, disabled: bool, note: &Note) -> sqlx::Result<Option<Vec<Revoked>>> {
        let mut write = self.write().await?;
        let set = query(
            "update account set disabled_at = $2 where id = $1
                 and (leaving_at is null or $2 is not null)
                 and ($2 is null or role <> 'admin'
                      or exists (select 1 from account other
                                 where other.id <> $1 and other.role = 'admin' and other.disabled_at is null))",
        )
        .bind(id.to_string())
        .bind(disabled.then(now))
        .execute(&mut *write)
        .await?;
        if set.rows_affected() == 0 {
            return Ok(None);
        }
        let mut ended = Vec::new();
        if disabled {
            ended = end_all(&mut write, id).await?;
            super::sharing::end_all(&mut write, id).await?;
            release_all(&mut write, id, None).await?;
        }
        audit::add(&mut write, note).await?;
        write.commit().await?;
        Ok(Some(ended))
    }

    /// Ends all sessions of an account, whose name in the log is `called`.
    pub async fn sign_out(&self, id: AccountId, called: &str, by: &str) -> sqlx::Result<Vec<Revoked>> {
        let mut write = self.write().await?;
        let ended = session_ends::end_sessions(&mut write, id, None).await?;
        let detail = format!("{} sessions", ended.len());
        audit::add(&mut write, &Note::new(by, "ended the sessions", called, &detail)).await?;
        write.commit().await?;
        Ok(ended)
    }

    /// The usage of accounts by model since `day`, the largest first.
    pub async fn spending(&self, day: &str, of: Option<AccountId>) -> sqlx::Result<Vec<Spending>> {
        let rows = query(concat!(
            "select ",
            columns!(account),
            ", model, cast(sum(input_tokens) as bigint) as read_tokens,
                    cast(sum(output_tokens) as bigint) as written_tokens, cast(sum(replies) as bigint) as replies,
                    cast(sum(estimated) as bigint) as estimated, cast(sum(cost_micros) as bigint) as cost_micros
             from usage join account on account.id = usage.account
             where day >= $1 and (account.id = $2 or $2 = '')
             group by account.id, model order by sum(input_tokens + output_tokens) desc limit 200"
        ))
        .bind(day)
        .bind(of.map(|id| id.to_string()).unwrap_or_default())
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| spending(row, Some(account(row)?))).collect()
    }

    /// The usage of deleted accounts by model since `day`.
    pub async fn spending_of_deleted(&self, day: &str) -> sqlx::Result<Vec<Spending>> {
        let rows = query(
            "select model, cast(sum(input_tokens) as bigint) as read_tokens,
                    cast(sum(output_tokens) as bigint) as written_tokens, cast(sum(replies) as bigint) as replies,
                    cast(sum(estimated) as bigint) as estimated, cast(sum(cost_micros) as bigint) as cost_micros
             from usage_of_deleted where day >= $1 group by model",
        )
        .bind(day)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| spending(row, None)).collect()
    }
}

fn spending(row: &Row, account: Option<Account>) -> sqlx::Result<Spending> {
    let count = |name: &str| row.try_get::<i64>(name).map(|count| count.max(0).unsigned_abs());
    Ok(Spending {
        account,
        model: row.try_get("model")?,
        usage: Usage {
            input_tokens: count("read_tokens")?,
            output_tokens: count("written_tokens")?,
            estimated: 0 < count("estimated")?,
            cost_micros: row.try_get::<Option<i64>>("cost_micros")?.map(|cost| cost.max(0).unsigned_abs()),
        },
        replies: count("replies")?,
    })
}

/// Ends the account's sessions, and the open streams of its tokens.
pub(super) async fn end_all(write: &mut Alone, id: AccountId) -> sqlx::Result<Vec<Revoked>> {
    let mut ended = session_ends::end_sessions(write, id, None).await?;
    revocations::note(write, Revoked::Account(id)).await?;
    ended.push(Revoked::Account(id));
    Ok(ended)
}
