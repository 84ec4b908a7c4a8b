//! What other processes ask of this one and tell it, read several times a second in one batch: what they have withdrawn,
//! which of its replies they want to be stopped, and what they have changed.

use super::Store;
use super::columns::id;
use super::news::News;
use super::other_process::ASKED_TOGETHER;
use super::revocations::{AFTER, Noted, noted};
use super::sql::batch::Batch;
use super::sql::{Builder, Row, query, query_scalar};
use crate::model::{ConversationId, MessageId};
use std::collections::HashSet;

/// The oldest transaction that may still be under way: what it writes is not seen yet.
const HORIZON: &str = "select cast(cast(pg_snapshot_xmin(pg_current_snapshot()) as text) as bigint) as horizon";
/// What transactions wrote that were under way at that horizon, or have begun since.
pub(crate) const NEWS: &str = "select id, topic, process from news where xid >= $2 and process <> $1";
pub(crate) const STOPS: &str = "select id from message where status = 'streaming' and process = $1 and stop_asked = 1";

/// How far this process has read.
#[derive(Debug, Default)]
pub struct Seen {
    /// The number of the newest revocation.
    revocation: i64,
    /// As of the last round. None: there is no news.
    horizon: Option<i64>,
    /// The ids of that round's news. A later round may read them again, and reads no older ones.
    news: HashSet<String>,
}

/// One round's findings.
#[derive(Debug, Default)]
pub struct Asked {
    pub revoked: Vec<Noted>,
    pub stops: Vec<MessageId>,
    /// With the process that wrote it.
    pub news: Vec<(News, String)>,
    /// The database has gone back to an earlier state, as where a copy that lacks the newest has taken the place of one that
    /// is lost: numbers are given a second time, and what they were given to may have been passed over.
    pub has_gone_back: bool,
}

impl Store {
    /// Begins to watch: what is read from the store from now on is no older than what the rounds begin with.
    pub async fn watch_from_now(&self) -> sqlx::Result<Seen> {
        let revocation = self.last_revocation().await?;
        let horizon = match self.has_nodes() {
            true => Some(query_scalar::<i64>(HORIZON).fetch_one(self.read()).await?),
            false => None,
        };
        Ok(Seen { revocation, horizon, news: HashSet::new() })
    }

    /// A round. `stops`: whether this process has replies that could be stopped. Where it fails, the next one finds what it
    /// has not.
    pub async fn look_around(&self, seen: &mut Seen, stops: bool) -> sqlx::Result<Asked> {
        let mut batch = Batch::read().then(query(AFTER).bind(seen.revocation));
        if stops {
            batch = batch.then(query(STOPS).bind(self.process()));
        }
        if let Some(horizon) = seen.horizon {
            batch = batch.then(query(HORIZON)).then(query(NEWS).bind(self.process()).bind(horizon));
        }
        let mut found = batch.run(self.watch()).await?.into_iter();
        let mut next = || found.next().unwrap_or_default().rows;
        let (revoked, revocation) = noted(&next(), seen.revocation, self.process())?;
        let stops = if stops { next() } else { Vec::new() };
        let stops = stops.iter().map(|row| id(row.try_get("id")?)).collect::<sqlx::Result<_>>()?;
        let (mut news, mut has_gone_back) = (Vec::new(), false);
        if let Some(before) = seen.horizon {
            let horizon = next().first().map(|row| row.try_get("horizon")).transpose()?;
            has_gone_back = horizon.is_some_and(|horizon| horizon < before);
            news = seen.unread(&next())?;
            seen.horizon = horizon;
        }
        seen.revocation = revocation;
        Ok(Asked { revoked, stops, news, has_gone_back })
    }

    /// Which of these conversations are not there any more, or are marked for deletion.
    pub async fn gone_of(&self, conversations: &[ConversationId]) -> sqlx::Result<HashSet<ConversationId>> {
        let mut gone: HashSet<_> = conversations.iter().copied().collect();
        for some in conversations.chunks(ASKED_TOGETHER) {
            let mut there = Builder::new("select id from conversation where leaving_at is null and id in (");
            let mut ids = there.separated(", ");
            some.iter().for_each(|conversation| _ = ids.push_bind(conversation.to_string()));
            there.push(")");
            for row in there.build().fetch_all(self.watch()).await? {
                gone.remove(&id(row.try_get("id")?)?);
            }
        }
        Ok(gone)
    }
}

impl Seen {
    /// Those of these news that no earlier round has read.
    fn unread(&mut self, rows: &[Row]) -> sqlx::Result<Vec<(News, String)>> {
        let (mut read, mut new) = (HashSet::new(), Vec::new());
        for row in rows {
            let id: String = row.try_get("id")?;
            if !self.news.contains(&id) {
                let process: String = row.try_get("process")?;
                new.extend(News::read(row.try_get("topic")?).map(|news| (news, process)));
            }
            read.insert(id);
        }
        self.news = read;
        Ok(new)
    }
}
