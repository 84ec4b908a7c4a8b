//! The data that a search reads: the titles and messages that an account may see, newest conversation first.
//!
//! What of an account is in the index (`index`), and which messages may have a word by it, is looked up there; whether
//! they have it, and whether the account may see them, is asked here.

pub mod index;
pub mod lookup;

use super::Store;
use super::columns::id;
use super::sql::{Builder, Row, query};
use crate::model::{AccountId, ConversationId, MessageId, Role};
use futures::{Stream, StreamExt, TryStreamExt, stream};

/// How many messages are read at a time: a search often stops after a few, and others wait for the connection.
const TEXTS_TOGETHER: usize = 16;

/// How far a search has come: after this message of this conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPosition {
    pub updated_at: String,
    pub conversation: String,
    pub position: i64,
}

/// A conversation to look through.
#[derive(Clone, Debug)]
pub struct Titled {
    pub id: ConversationId,
    pub title: String,
    pub updated_at: String,
    /// Its messages up to this position are in the index.
    pub up_to: i64,
    /// All of it is in the index, with its title.
    pub is_covered: bool,
}

#[derive(Clone, Debug)]
pub struct FoundText {
    pub id: MessageId,
    pub role: Role,
    pub text: String,
    pub created_at: String,
    pub position: i64,
}

fn said(row: &Row) -> sqlx::Result<FoundText> {
    Ok(FoundText {
        id: id(row.try_get("id")?)?,
        role: super::messages::role(row.try_get("role")?),
        text: row.try_get("text")?,
        created_at: row.try_get("created_at")?,
        position: row.try_get("position")?,
    })
}

/// The columns of a [`Titled`].
macro_rules! select_titled {
    ($rest:literal) => {
        concat!(
            "select id, title, updated_at,
                coalesce((select max(up_to) from search_place where search_place.conversation = conversation.id), 0)
                    as up_to,
                coalesce((select covered_to from search_account where search_account.account = conversation.account), '')
                    >= updated_at as is_covered
             from conversation ",
            $rest
        )
    };
}

fn titled(row: &Row) -> sqlx::Result<Titled> {
    Ok(Titled {
        id: id(row.try_get("id")?)?,
        title: row.try_get("title")?,
        updated_at: row.try_get("updated_at")?,
        up_to: row.try_get("up_to")?,
        is_covered: row.try_get("is_covered")?,
    })
}

impl Store {
    /// Up to `limit` of the conversations that the account sees, newest first, from the one at `from` on: that one too,
    /// unless it has changed meanwhile.
    pub async fn titles(
        &self,
        account: AccountId,
        from: Option<&SearchPosition>,
        limit: i64,
    ) -> sqlx::Result<Vec<Titled>> {
        // Every real time sorts before this one.
        let (updated_at, conversation) =
            from.map_or(("9999", ""), |from| (from.updated_at.as_str(), from.conversation.as_str()));
        // The account's own and those shared with it each by an index, as in the list.
        let rows = query(select_titled!(
            "where id in (
                select id from (
                    select id from conversation
                    where account = $1 and leaving_at is null and (updated_at < $2 or (updated_at = $2 and id <= $3))
                    order by updated_at desc, id desc limit $4) as own
                union
                select id from conversation
                where id in (select conversation from share where share.account = $1) and leaving_at is null
                    and (updated_at < $2 or (updated_at = $2 and id <= $3)))
             order by updated_at desc, id desc limit $4"
        ))
        .bind(account.to_string())
        .bind(updated_at)
        .bind(conversation)
        .bind(limit)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(titled).collect()
    }

    /// [`Self::titles`], of these conversations only.
    pub async fn titles_of(
        &self,
        account: AccountId,
        ids: &[ConversationId],
        from: Option<&SearchPosition>,
        limit: i64,
    ) -> sqlx::Result<Vec<Titled>> {
        let mut select = Builder::new(select_titled!("where leaving_at is null and (account = "));
        select.push_bind(account.to_string());
        select.push(" or exists (select 1 from share where share.conversation = conversation.id and share.account = ");
        select.push_bind(account.to_string()).push("))");
        if let Some(from) = from {
            select.push(" and (updated_at < ").push_bind(&from.updated_at).push(" or (updated_at = ");
            select.push_bind(&from.updated_at).push(" and id <= ").push_bind(&from.conversation).push("))");
        }
        select.push(" and id in ").push_list(ids.iter().map(ConversationId::to_string));
        select.push(" order by updated_at desc, id desc limit ").push_bind(limit);
        let rows = select.build().fetch_all(self.read()).await?;
        rows.iter().map(titled).collect()
    }

    /// The conversation's messages between these positions, newest first, in single steps. Open replies are left out.
    pub fn texts(
        &self,
        conversation: ConversationId,
        after: i64,
        before: i64,
    ) -> impl Stream<Item = sqlx::Result<FoundText>> {
        let pages = stream::try_unfold(Some(before), move |before| async move {
            let Some(before) = before else { return Ok::<_, sqlx::Error>(None) };
            let texts = self.texts_between(conversation, after, before).await?;
            let next = texts.last().filter(|_| texts.len() == TEXTS_TOGETHER).map(|text| text.position);
            Ok(Some((stream::iter(texts).map(Ok), next)))
        });
        pages.try_flatten()
    }

    async fn texts_between(
        &self,
        conversation: ConversationId,
        after: i64,
        before: i64,
    ) -> sqlx::Result<Vec<FoundText>> {
        let rows = query(
            "select id, role, text, created_at, position from message
             where conversation = $1 and position < $2 and position > $4 and status <> 'streaming'
             order by position desc limit $3",
        )
        .bind(conversation.to_string())
        .bind(before)
        .bind(TEXTS_TOGETHER as i64)
        .bind(after)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(said).collect()
    }

    /// The conversation's messages at these positions, the newest of which come first, in single steps.
    pub fn texts_at<'a>(
        &'a self,
        conversation: ConversationId,
        positions: &'a [i64],
    ) -> impl Stream<Item = sqlx::Result<FoundText>> + 'a {
        let pages = stream::iter(positions.chunks(TEXTS_TOGETHER)).then(move |some| async move {
            let mut select = Builder::new(
                "select id, role, text, created_at, position from message
                 where status <> 'streaming' and conversation = ",
            );
            select.push_bind(conversation.to_string()).push(" and position in ");
            select.push_list(some.iter().copied()).push(" order by position desc");
            let rows = select.build().fetch_all(self.read()).await?;
            let texts: Vec<_> = rows.iter().map(said).collect();
            Ok::<_, sqlx::Error>(stream::iter(texts))
        });
        pages.try_flatten()
    }
}
