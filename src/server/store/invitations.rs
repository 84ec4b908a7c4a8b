//! Invitations to sign up.

use super::audit::{self, Note};
use super::columns_of::columns;
use super::sql::{Connection, Row, query, query_scalar};
use super::{Store, columns};
use crate::model::AccountId;
use crate::server::principal::Role;
use crate::server::secret::Hash;
use crate::server::times::now;

/// An invitation as an admin sees it.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub hash: Hash,
    pub note: String,
    pub role: Role,
    pub uses: i64,
    pub used: i64,
    pub ends_at: String,
    pub created_at: String,
    /// Whether its maker may still invite.
    pub counts: bool,
}

impl Invitation {
    pub fn is_open(&self) -> bool {
        self.counts && self.used < self.uses && now() < self.ends_at
    }
}

/// A new invitation. `made_by` is none for the link that makes the first admin.
pub struct NewInvitation<'a> {
    pub hash: Hash,
    pub note: &'a str,
    pub role: Role,
    pub uses: i64,
    pub ends_at: String,
    pub made_by: Option<AccountId>,
}

/// Whether the maker may invite.
macro_rules! counts {
    () => {
        "exists (select 1 from account maker
                 where maker.id = invitation.made_by and maker.role = 'admin' and maker.disabled_at is null)"
    };
}

/// An invitation that can be taken: for as long as its maker may invite. One without a maker that makes an admin is the
/// server's own, for the first admin: it ends when there is one.
macro_rules! open_invitation {
    ($start:literal) => {
        concat!(
            $start,
            " where token_hash = $1 and used < uses and ends_at > $2
                and ((made_by is null
                      and (role <> 'admin'
                           or not exists (select 1 from account where role = 'admin' and disabled_at is null)))
                     or ",
            counts!(),
            ")"
        )
    };
}

/// Takes one use of it. None: it cannot be taken.
pub(super) async fn take(write: &mut Connection, hash: Hash) -> sqlx::Result<Option<Role>> {
    let row = query(concat!(open_invitation!("update invitation set used = used + 1"), " returning role"))
        .bind(hash.to_string())
        .bind(now())
        .fetch_optional(write)
        .await?;
    row.map(|row| Ok(Role::of(row.try_get("role")?))).transpose()
}

fn invitation(row: &Row) -> sqlx::Result<Invitation> {
    Ok(Invitation {
        hash: columns::hash(row.try_get("token_hash")?)?,
        note: row.try_get("note")?,
        role: Role::of(row.try_get("role")?),
        uses: row.try_get("uses")?,
        used: row.try_get("used")?,
        ends_at: row.try_get("ends_at")?,
        created_at: row.try_get("created_at")?,
        counts: row.try_get::<i64>("counts")? != 0,
    })
}

impl Store {
    /// Writes an invitation. The server's own replaces the former one, and is not logged.
    pub async fn add_invitation(&self, new: NewInvitation<'_>, note: Option<&Note>) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        if new.made_by.is_none() {
            query("delete from invitation where made_by is null and role = 'admin'").execute(&mut *write).await?;
        }
        query(
            "insert into invitation (token_hash, note, role, uses, used, ends_at, made_by, created_at)
             values ($1, $2, $3, $4, 0, $5, $6, $7)",
        )
        .bind(new.hash.to_string())
        .bind(new.note)
        .bind(new.role.name())
        .bind(new.uses)
        .bind(new.ends_at)
        .bind(new.made_by.map(|account| account.to_string()))
        .bind(now())
        .execute(&mut *write)
        .await?;
        if let Some(note) = note {
            audit::add(&mut write, note).await?;
        }
        write.commit().await
    }

    /// The role that it gives. None: it cannot be taken.
    pub async fn open_invitation(&self, hash: Hash) -> sqlx::Result<Option<Role>> {
        let row = query(open_invitation!("select role from invitation"))
            .bind(hash.to_string())
            .bind(now())
            .fetch_optional(self.read())
            .await?;
        row.map(|row| Ok(Role::of(row.try_get("role")?))).transpose()
    }

    /// Invitations that users have made, the newest first.
    pub async fn invitations(&self) -> sqlx::Result<Vec<Invitation>> {
        let rows = query(concat!(
            "select ",
            columns!(invitation),
            ", ",
            counts!(),
            " as counts from invitation where made_by is not null order by created_at desc limit 200"
        ))
        .fetch_all(self.read())
        .await?;
        rows.iter().map(invitation).collect()
    }

    /// Invitations that this account has made.
    pub async fn invitations_by(&self, account: AccountId) -> sqlx::Result<Vec<Invitation>> {
        let rows = query(concat!(
            "select ",
            columns!(invitation),
            ", ",
            counts!(),
            " as counts from invitation where made_by = $1 order by created_at"
        ))
        .bind(account.to_string())
        .fetch_all(self.read())
        .await?;
        rows.iter().map(invitation).collect()
    }

    /// Withdraws an invitation. `by` is the account that does it.
    pub async fn end_invitation(&self, hash: Hash, by: &str) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        let note: String =
            query_scalar("delete from invitation where token_hash = $1 and made_by is not null returning note")
                .bind(hash.to_string())
                .fetch_one(&mut *write)
                .await?;
        audit::add(&mut write, &Note::new(by, "withdrew an invitation", &note, "")).await?;
        write.commit().await
    }
}
