//! Revocations: of sessions, tokens, and everything of an account. Each is written in the transaction that makes it,
//! for other processes on this database, which poll four times a second.

use super::Store;
use super::sql::{Row, query, query_scalar};
use super::write::Alone;
use crate::model::{AccountId, ConversationId, SiteId};
use crate::server::secret::Hash;
use crate::server::times::{ago, now};
use std::time::Duration;

/// How long an entry is kept: long after every process has seen it.
const KEEP: Duration = Duration::from_secs(3_600);

/// What is no longer valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revoked {
    Session(Hash),
    Token(Hash),
    /// All that the account has open: its role or its limits have changed, or it is disabled or deleted.
    Account(AccountId),
    /// The account's access to another user's conversation: it has changed, or ended.
    Share(AccountId, ConversationId),
    /// The conversation's public link.
    PublicLink(ConversationId),
    /// All access to a conversation: it is deleted.
    Conversation(ConversationId),
    /// What a visitor's browser is recognised by.
    Visitor(Hash),
    /// The account's right to answer on a site.
    Agent(AccountId),
    /// What visitors and agents may on a site: it is disabled, deleted, or one of its visitors is blocked.
    Site(SiteId),
}

/// A revocation, and whether this process has told its viewers already.
#[derive(Clone, Copy, Debug)]
pub struct Noted {
    pub revoked: Revoked,
    pub is_ours: bool,
}

impl Revoked {
    fn columns(self) -> (&'static str, String) {
        match self {
            Self::Session(hash) => ("session", hash.to_string()),
            Self::Token(hash) => ("token", hash.to_string()),
            Self::Account(account) => ("account", account.to_string()),
            Self::Share(account, conversation) => ("share", format!("{account}/{conversation}")),
            Self::PublicLink(conversation) => ("public link", conversation.to_string()),
            Self::Conversation(conversation) => ("conversation", conversation.to_string()),
            Self::Visitor(token) => ("visitor", token.to_string()),
            Self::Agent(account) => ("agent", account.to_string()),
            Self::Site(site) => ("site", site.to_string()),
        }
    }

    fn read(kind: &str, subject: &str) -> Option<Self> {
        match kind {
            "session" => Hash::parse(subject).map(Self::Session),
            "token" => Hash::parse(subject).map(Self::Token),
            "account" => subject.parse().ok().map(Self::Account),
            "share" => {
                let (account, conversation) = subject.split_once('/')?;
                Some(Self::Share(account.parse().ok()?, conversation.parse().ok()?))
            }
            "public link" => subject.parse().ok().map(Self::PublicLink),
            "conversation" => subject.parse().ok().map(Self::Conversation),
            "visitor" => Hash::parse(subject).map(Self::Visitor),
            "agent" => subject.parse().ok().map(Self::Agent),
            "site" => subject.parse().ok().map(Self::Site),
            _ => None,
        }
    }
}

/// Writes a revocation. Nothing else is written beside it, so the numbers are in the order of the commits.
pub(super) async fn note(write: &mut Alone, revoked: Revoked) -> sqlx::Result<()> {
    note_by(write, None, revoked).await
}

/// Writes a revocation of a process that tells its own viewers at once.
pub(super) async fn note_by(write: &mut Alone, process: Option<&str>, revoked: Revoked) -> sqlx::Result<()> {
    let (kind, subject) = revoked.columns();
    query(
        "insert into revocation (seq, kind, subject, at, process)
         select coalesce(max(seq), 0) + 1, $1, $2, $3, $4 from revocation",
    )
    .bind(kind)
    .bind(subject)
    .bind(now())
    .bind(process)
    .execute(write)
    .await?;
    Ok(())
}

/// The entries after the number $1.
pub(super) const AFTER: &str = "select seq, kind, subject, process from revocation where seq > $1 order by seq";

/// What these rows of [`AFTER`] say to a process, and the number of the newest; without rows, `seq`.
pub(super) fn noted(rows: &[Row], seq: i64, process: &str) -> sqlx::Result<(Vec<Noted>, i64)> {
    let mut last = seq;
    let mut found = Vec::new();
    for row in rows {
        last = row.try_get("seq")?;
        let is_ours = row.try_get::<Option<&str>>("process")? == Some(process);
        let revoked = Revoked::read(row.try_get("kind")?, row.try_get("subject")?);
        found.extend(revoked.map(|revoked| Noted { revoked, is_ours }));
    }
    Ok((found, last))
}

impl Store {
    /// The number of the newest entry.
    pub async fn last_revocation(&self) -> sqlx::Result<i64> {
        query_scalar("select coalesce(max(seq), 0) from revocation").fetch_one(self.read()).await
    }

    /// Deletes the entries that every process has seen; the newest stays, since numbering continues from it.
    pub async fn forget_revocations(&self) -> sqlx::Result<()> {
        let old = query("select 1 from revocation where at < $1 and seq < (select max(seq) from revocation)");
        if old.bind(ago(KEEP)).fetch_optional(self.read()).await?.is_none() {
            return Ok(());
        }
        let mut write = self.write().await?;
        query("delete from revocation where at < $1 and seq < (select max(seq) from revocation)")
            .bind(ago(KEEP))
            .execute(&mut *write)
            .await?;
        write.commit().await
    }
}
