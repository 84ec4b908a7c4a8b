//! Identities at OpenID Connect issuers, and their accounts.

use super::accounts::{NewAccount, NotMade, make};
use super::audit::{self, Note};
use super::sql::batch::Batch;
use super::sql::{Connection, Lock, Row, query};
use super::{Store, columns};
use crate::model::AccountId;
use crate::server::secret::Hash;
use crate::server::times::{ago, now};
use std::time::Duration;

/// An identity as its account sees it.
#[derive(Clone, Debug)]
pub struct Identity {
    pub id: String,
    pub issuer: String,
    /// The label that users know it by.
    pub called: String,
    pub created_at: String,
}

/// An identity that is not linked yet.
#[derive(Clone, Debug)]
pub struct NewIdentity {
    pub issuer: String,
    pub subject: String,
    /// In small letters; only one that the issuer says is verified.
    pub address: Option<String>,
    pub called: String,
}

/// The account of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub account: AccountId,
    pub name: String,
    pub disabled: bool,
}

/// The result of unlinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlinked {
    Done,
    NotThere,
    /// The account could no longer be signed in to.
    OnlyWayIn,
}

fn owner(row: &Row) -> sqlx::Result<Owner> {
    Ok(Owner {
        account: columns::id(row.try_get("id")?)?,
        name: row.try_get::<Option<String>>("name")?.unwrap_or_default(),
        disabled: row.try_get::<Option<&str>>("disabled_at")?.is_some(),
    })
}

/// Links it, and logs that: never with an address, since the log outlives the account.
async fn link(write: &mut Connection, owner: &Owner, new: &NewIdentity, how: &str) -> sqlx::Result<()> {
    insert(&mut *write, owner.account, new).await?;
    let detail = format!("{}{how}", new.issuer);
    audit::add(write, &Note::new(&owner.name, "linked a way to sign in", &owner.name, &detail)).await
}

async fn insert(write: &mut Connection, account: AccountId, new: &NewIdentity) -> sqlx::Result<()> {
    query(
        "insert into identity (id, account, issuer, subject, address, called, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(uuid::Uuid::now_v7().to_string())
    .bind(account.to_string())
    .bind(&new.issuer)
    .bind(&new.subject)
    .bind(&new.address)
    .bind(&new.called)
    .bind(now())
    .execute(write)
    .await?;
    Ok(())
}

const OWNER: &str = "select account.id, account.name, account.disabled_at
     from identity join account on account.id = identity.account where issuer = $1 and subject = $2";

/// The account that has it now: the user may have signed in by another tab meanwhile.
async fn found(write: &mut Connection, new: &NewIdentity) -> sqlx::Result<Option<Owner>> {
    let row = query(OWNER).bind(&new.issuer).bind(&new.subject).fetch_optional(write).await?;
    row.as_ref().map(owner).transpose()
}

impl Store {
    /// The account that this identity is linked to, if any.
    pub async fn identity(&self, issuer: &str, subject: &str) -> sqlx::Result<Option<Owner>> {
        let row = query(OWNER).bind(issuer).bind(subject).fetch_optional(self.read()).await?;
        row.as_ref().map(owner).transpose()
    }

    /// The identities of an account, the oldest first.
    pub async fn identities(&self, account: AccountId) -> sqlx::Result<Vec<Identity>> {
        let rows = query("select id, issuer, called, created_at from identity where account = $1 order by id")
            .bind(account.to_string())
            .fetch_all(self.read())
            .await?;
        let read = rows.iter().map(|row| {
            Ok(Identity {
                id: row.try_get("id")?,
                issuer: row.try_get("issuer")?,
                called: row.try_get("called")?,
                created_at: row.try_get("created_at")?,
            })
        });
        read.collect()
    }

    /// Links a new identity to the one account for which another issuer has verified the address. None, and nothing
    /// happens, where there is no such account, or several. A disabled account is not linked either.
    ///
    /// An identity of this issuer does not count: there, an address with a new subject has a new owner.
    pub async fn link_by_address(&self, new: &NewIdentity) -> sqlx::Result<Option<Owner>> {
        let Some(address) = &new.address else { return Ok(None) };
        let mut write = self.write().await?;
        if let Some(owner) = found(&mut write, new).await? {
            return Ok(Some(owner));
        }
        let rows = query(
            "select distinct account.id, account.name, account.disabled_at
             from identity join account on account.id = identity.account
             where address = $1 and issuer <> $2 limit 2",
        )
        .bind(address)
        .bind(&new.issuer)
        .fetch_all(&mut *write)
        .await?;
        let [row] = rows.as_slice() else { return Ok(None) };
        let owner = owner(row)?;
        if !owner.disabled {
            link(&mut write, &owner, new, ", by its address").await?;
            write.commit().await?;
        }
        Ok(Some(owner))
    }

    /// Links an identity to an account. Returns the account that has it then: one that is another's stays another's.
    pub async fn link(&self, account: AccountId, new: &NewIdentity) -> sqlx::Result<AccountId> {
        let mut write = self.write().await?;
        if let Some(owner) = found(&mut write, new).await? {
            return Ok(owner.account);
        }
        let query = query("select id, name, disabled_at from account where id = $1").bind(account.to_string());
        let owner = owner(&query.fetch_one(&mut *write).await?)?;
        link(&mut write, &owner, new, "").await?;
        write.commit().await?;
        Ok(account)
    }

    /// Unlinks an identity from its account, unless that could not be signed in to any more.
    pub async fn unlink(&self, account: AccountId, id: &str) -> sqlx::Result<Unlinked> {
        let mut write = self.write().await?;
        let row = query(
            "select account.name, identity.issuer, account.password is not null
                 or exists (select 1 from identity other where other.account = account.id and other.id <> $1) as may
             from identity join account on account.id = identity.account
             where identity.id = $1 and account.id = $2",
        )
        .bind(id)
        .bind(account.to_string())
        .fetch_optional(&mut *write)
        .await?;
        let Some(row) = row else { return Ok(Unlinked::NotThere) };
        if !row.try_get::<bool>("may")? {
            return Ok(Unlinked::OnlyWayIn);
        }
        query("delete from identity where id = $1").bind(id).execute(&mut *write).await?;
        let (name, issuer) = (row.try_get::<Option<&str>>("name")?.unwrap_or_default(), row.try_get("issuer")?);
        audit::add(&mut write, &Note::new(name, "unlinked a way to sign in", name, issuer)).await?;
        write.commit().await?;
        Ok(Unlinked::Done)
    }

    /// Creates an account that is signed in to with this identity; a guest becomes one. Where the identity has an
    /// account already, returns that. `issuer` is the issuer's name for users.
    pub async fn add_account_of(
        &self,
        new: NewAccount<'_>,
        identity: &NewIdentity,
        issuer: &str,
    ) -> sqlx::Result<Result<AccountId, NotMade>> {
        let mut write = self.write().await?;
        if let Some(owner) = found(&mut write, identity).await? {
            return Ok(Ok(owner.account));
        }
        let (account, _) = match make(&mut write, new, Some(issuer)).await? {
            Ok(made) => made,
            Err(not_made) => return Ok(Err(not_made)),
        };
        insert(&mut write, account, identity).await?;
        write.commit().await?;
        Ok(Ok(account))
    }

    /// Marks a callback as used. `false`: it was used before.
    pub async fn use_state(&self, state: Hash) -> sqlx::Result<bool> {
        let new = query("insert into oidc_used (state_hash, at) values ($1, $2) on conflict do nothing");
        let new = new.bind(state.to_string()).bind(now());
        let found = self.write_batch(Batch::write(Lock::Beside(&[])).then(new)).await?;
        Ok(found.iter().any(|new| new.changed == Some(1)))
    }

    /// Deletes used callbacks that have expired.
    pub async fn forget_states(&self, older: Duration) -> sqlx::Result<()> {
        let old = query("select 1 from oidc_used where at < $1 limit 1").bind(ago(older));
        if old.fetch_optional(self.read()).await?.is_none() {
            return Ok(());
        }
        let mut write = self.write().await?;
        query("delete from oidc_used where at < $1").bind(ago(older)).execute(&mut *write).await?;
        write.commit().await
    }
}
