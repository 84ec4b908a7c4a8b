//! Accounts: guests, and users with a name.

use super::audit::Note;
use super::columns::{self, called};
use super::columns_of::columns;
use super::news::News;
use super::revocations::Revoked;
use super::sql::{Builder, Connection, Row, query, query_scalar};
use super::{Store, audit, merging, names, session_ends, usage};
use crate::model::{AccountId, Named};
use crate::server::principal::{Name, Role};
use crate::server::secret::Hash;
use crate::server::times::now;

/// An account as it is stored.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: AccountId,
    /// None: a guest.
    pub name: Option<String>,
    pub role: Role,
    pub disabled: bool,
    pub created_at: String,
}

/// The data that signing in needs.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub account: AccountId,
    pub name: Option<String>,
    /// A PHC string; none where the account has no password.
    pub password: Option<String>,
    pub disabled: bool,
}

/// A new account with a name, or what a guest becomes.
pub struct NewAccount<'a> {
    pub guest: Option<AccountId>,
    pub name: &'a Name,
    pub password: Option<String>,
    /// The role without an invitation.
    pub role: Role,
    /// Taken in the transaction that creates the account; its role counts then.
    pub invitation: Option<Hash>,
}

/// Why an account was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    NameTaken,
    /// The invitation is unknown, used up or expired.
    Invitation,
    /// The guest has become an account with a name meanwhile.
    HasName,
}

pub(super) fn account(row: &Row) -> sqlx::Result<Account> {
    Ok(Account {
        id: columns::id(row.try_get("id")?)?,
        name: row.try_get("name")?,
        role: Role::of(row.try_get("role")?),
        disabled: row.try_get::<Option<&str>>("disabled_at")?.is_some(),
        created_at: row.try_get("created_at")?,
    })
}

impl Store {
    /// Makes a guest account with a session.
    pub async fn add_guest(&self, session: Hash, device: &str) -> sqlx::Result<AccountId> {
        let account = AccountId::new();
        let mut write = self.write_beside(&[], &[]).await?;
        query("insert into account (id, kind, created_at) values ($1, 'guest', $2)")
            .bind(account.to_string())
            .bind(now())
            .execute(&mut *write)
            .await?;
        super::sessions::add(&mut write, account, session, device, None).await?;
        write.commit().await?;
        Ok(account)
    }

    /// Creates an account with a name; a guest becomes one.
    pub async fn add_account(&self, new: NewAccount<'_>) -> sqlx::Result<Result<(AccountId, Role), NotMade>> {
        let mut write = self.write().await?;
        let made = make(&mut write, new, None).await?;
        if made.is_ok() {
            write.commit().await?;
        }
        Ok(made)
    }

    /// [`Store::add_account`] by somebody else, who is named in the log by `note`.
    pub async fn add_account_for(
        &self,
        new: NewAccount<'_>,
        note: &Note,
    ) -> sqlx::Result<Result<(AccountId, Role), NotMade>> {
        let mut write = self.write().await?;
        let made = make(&mut write, new, None).await?;
        if made.is_ok() {
            audit::add(&mut write, note).await?;
            write.commit().await?;
        }
        Ok(made)
    }

    pub async fn account(&self, id: AccountId) -> sqlx::Result<Account> {
        let row = query(concat!("select ", columns!(account), " from account where id = $1"))
            .bind(id.to_string())
            .fetch_one(self.read())
            .await?;
        account(&row)
    }

    /// The account as others see it.
    pub async fn named(&self, id: AccountId) -> sqlx::Result<Named> {
        Ok(called(id, self.account(id).await?.name))
    }

    /// These accounts as others see them. A deleted one is left out.
    pub async fn names(&self, ids: &[AccountId]) -> sqlx::Result<Vec<Named>> {
        let mut query = Builder::new("select id, name from account where id in ");
        query.push_list(ids.iter().map(AccountId::to_string));
        let rows = query.build().fetch_all(self.read()).await?;
        rows.iter().map(|row| Ok(called(columns::id(row.try_get("id")?)?, row.try_get("name")?))).collect()
    }

    /// The data for signing in under this name.
    pub async fn credentials(&self, name_key: &str) -> sqlx::Result<Option<Credentials>> {
        let row = query(concat!("select ", columns!(account), " from account where name_key = $1"))
            .bind(name_key)
            .fetch_optional(self.read())
            .await?;
        row.as_ref().map(credentials).transpose()
    }

    /// The data for signing in to this account.
    pub async fn credentials_of(&self, id: AccountId) -> sqlx::Result<Credentials> {
        let row = query(concat!("select ", columns!(account), " from account where id = $1"))
            .bind(id.to_string())
            .fetch_one(self.read())
            .await?;
        credentials(&row)
    }

    /// Renames the account, and logs that. `false`: another account has the name.
    pub async fn rename(&self, id: AccountId, name: &Name, former: &str, by: &str) -> sqlx::Result<bool> {
        let mut write = self.write().await?;
        if names::is_taken(&mut write, name, id).await? {
            return Ok(false);
        }
        query("update account set name = $2, name_key = $3 where id = $1 and name is not null")
            .bind(id.to_string())
            .bind(name.shown())
            .bind(name.key())
            .execute(&mut *write)
            .await?;
        names::keep_look(&mut write, id, name).await?;
        audit::add(&mut write, &Note::new(by, audit::RENAMED, former, name.shown())).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Sets another password, ends the account's sessions except one, and logs that.
    pub async fn change_password(
        &self,
        id: AccountId,
        password: &str,
        but: Option<Hash>,
        note: &Note,
    ) -> sqlx::Result<Vec<Revoked>> {
        let mut write = self.write().await?;
        query("update account set password = $2 where id = $1")
            .bind(id.to_string())
            .bind(password)
            .execute(&mut *write)
            .await?;
        let ended = session_ends::end_sessions(&mut write, id, but).await?;
        audit::add(&mut write, note).await?;
        write.commit().await?;
        Ok(ended)
    }

    /// Whether there is an admin who could sign in.
    pub async fn has_admin(&self) -> sqlx::Result<bool> {
        let row = query("select 1 from account where role = 'admin' and disabled_at is null limit 1")
            .fetch_optional(self.read())
            .await?;
        Ok(row.is_some())
    }

    /// How many conversations the account has.
    pub async fn count_conversations(&self, id: AccountId) -> sqlx::Result<i64> {
        query_scalar("select count(*) from conversation where account = $1 and leaving_at is null")
            .bind(id.to_string())
            .fetch_one(self.read())
            .await
    }

    /// Gives a guest's data to an account, and deletes the guest. Nothing happens where `guest` has a name.
    pub async fn merge(&self, guest: AccountId, account: AccountId) -> sqlx::Result<()> {
        let mut write = self.write_telling(&[News::Account(account)]).await?;
        merging::merge(&mut write, guest, account).await?;
        write.commit().await
    }

    /// Deletes a guest with the data that only it has. What others share with it, they share with `heir` from now on,
    /// who also gets what it wrote and uploaded there, and its usage. Nothing happens where it has a name.
    pub async fn delete_guest(&self, guest: AccountId, heir: AccountId) -> sqlx::Result<()> {
        let mut write = self.write_telling(&[News::Account(heir)]).await?;
        if merging::is_guest(&mut write, guest).await? {
            merging::inherit_shares(&mut write, guest, heir).await?;
            usage::inherit(&mut write, guest, heir).await?;
            merging::remove(&mut write, guest).await?;
        }
        write.commit().await
    }
}

/// See [`Store::add_account`]. Where no account was created, the transaction must not be committed. `issuer` is the
/// log's name for the issuer that has proven the identity.
pub(super) async fn make(
    write: &mut Connection,
    new: NewAccount<'_>,
    issuer: Option<&str>,
) -> sqlx::Result<Result<(AccountId, Role), NotMade>> {
    let mut role = new.role;
    if let Some(invitation) = new.invitation {
        match super::invitations::take(&mut *write, invitation).await? {
            Some(given) => role = given,
            None => return Ok(Err(NotMade::Invitation)),
        }
    }
    let account = new.guest.unwrap_or_default();
    if names::is_taken(&mut *write, new.name, account).await? {
        return Ok(Err(NotMade::NameTaken));
    }
    let made = query(
        "insert into account (id, kind, name, name_key, password, role, created_at, signed_up_at)
         values ($1, 'named', $2, $3, $4, $5, $6, $6)
         on conflict (id) do update set kind = excluded.kind, name = excluded.name, name_key = excluded.name_key,
             password = excluded.password, role = excluded.role, signed_up_at = excluded.signed_up_at
         where account.name is null",
    )
    .bind(account.to_string())
    .bind(new.name.shown())
    .bind(new.name.key())
    .bind(new.password)
    .bind(role.name())
    .bind(now())
    .execute(&mut *write)
    .await?
    .rows_affected();
    if made == 0 {
        return Ok(Err(NotMade::HasName));
    }
    names::keep_look(&mut *write, account, new.name).await?;
    let invited = if new.invitation.is_some() { " by invitation" } else { "" };
    let issuer = issuer.map(|issuer| format!(", with {issuer}")).unwrap_or_default();
    let (name, how) = (new.name.shown(), format!("{}{invited}{issuer}", role.name()));
    audit::add(write, &Note::new(name, "signed up", name, &how)).await?;
    Ok(Ok((account, role)))
}

fn credentials(row: &Row) -> sqlx::Result<Credentials> {
    let Account { id, name, disabled, .. } = account(row)?;
    Ok(Credentials { account: id, name, password: row.try_get("password")?, disabled })
}
