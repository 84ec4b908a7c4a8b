//! What a model is told of a conversation: the newest messages on the way from one of them up to the root, and how much there
//! is before them.
//!
//! A long conversation is mostly older than what is told. Of that part only the count is read, in the walk that finds it.

use super::Store;
use super::messages::{Told, told};
use super::sharing::may_write;
use super::sql::batch::{Batch, Found};
use super::sql::{Query, query};
use crate::model::{AccountId, ConversationId, MessageId};

/// Characters of texts that are blank: what `str::trim` takes away.
const BLANK: &str = "\u{9}\u{a}\u{b}\u{c}\u{d}\u{20}\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\
                     \u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// How much of the way is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The newest messages up to the first that does not fit into this number of characters. The rest is counted.
    Counted(i64),
    /// Nor is the rest counted: it is only said whether there is more.
    Newest(i64),
}

/// The newest messages, and how much there is before them.
#[derive(Clone, Debug)]
pub struct History {
    /// Oldest first.
    pub told: Vec<Told>,
    /// Messages before them that say something; where they are not counted, whether there are messages.
    pub earlier: u32,
    /// Images of the messages before them, where they are counted.
    pub earlier_images: usize,
    /// All of them, where they are counted.
    pub messages: i64,
    pub reach: Reach,
}

impl Reach {
    /// All of it.
    pub const ALL: Self = Self::Counted(i64::MAX);

    pub fn characters(self) -> i64 {
        let (Self::Counted(characters) | Self::Newest(characters)) = self;
        characters
    }
}

impl History {
    /// Of a conversation without a message.
    pub fn none() -> Self {
        Self { told: Vec::new(), earlier: 0, earlier_images: 0, messages: 0, reach: Reach::ALL }
    }
}

/// From $1 of the conversation $2, at most $3 messages. Whole are those before which there are at most $4 characters. The
/// oldest row has the counts of all others where $6 is 1, and else the walk ends with it. $5 is what is blank.
///
/// `size` is the number of characters, `before` the sum of the newer messages; a blank text has none.
macro_rules! walk {
    ($leaf:expr) => {
        concat!(
            "with recursive way (id, parent, depth, before, size, earlier, earlier_images) as (
                select id, parent, 1, 0, case when ltrim(text, $5) = '' then 0 else length(text) end, 0,
                       cast(0 as bigint)
                from message where id = ",
            $leaf,
            " and conversation = $2
                union all
                select message.id, message.parent, way.depth + 1, way.before + way.size,
                       case when $4 < way.before + way.size or ltrim(text, $5) = '' then 0 else length(text) end,
                       case when $4 < way.before + way.size and ($6 = 0 or ltrim(text, $5) <> '')
                            then way.earlier + 1 else way.earlier end,
                       case when $4 < way.before + way.size and $6 = 1 and images <> '[]'
                            then way.earlier_images + (select count(*) from message_image
                                                       where message_image.message = message.id)
                            else way.earlier_images end
                from way join message on message.id = way.parent
                where way.depth < $3 and ($6 = 1 or way.before <= $4))
             select way.earlier, way.earlier_images, way.depth, message.id, message.role, message.text, message.images
             from way left join message on message.id = way.id and way.before <= $4
             where way.before <= $4 or $6 = 0 or way.parent is null or way.depth = $3 order by way.depth desc"
        )
    };
}

/// The walk from the last message that is shown in the conversation. Of one where the account may not write, nothing is
/// walked: how long it takes says nothing about a conversation of others.
pub(super) fn shown(conversation: ConversationId, account: AccountId, limit: i64, reach: Reach) -> Query {
    let walk = query(walk!(concat!(
        "(select case when conversation.leaf_since = message.position then conversation.leaf else message.id end
          from conversation join message on message.conversation = conversation.id
          where conversation.id = $1 and ",
        may_write!("$7"),
        " order by message.position desc limit 1)"
    )));
    with(walk.bind(conversation.to_string()), conversation, limit, reach).bind(account.to_string())
}

fn with(walk: Query, conversation: ConversationId, limit: i64, reach: Reach) -> Query {
    let counts = i64::from(matches!(reach, Reach::Counted(_)));
    walk.bind(conversation.to_string()).bind(limit).bind(reach.characters()).bind(BLANK).bind(counts)
}

pub(super) fn history(found: &Found, reach: Reach) -> sqlx::Result<History> {
    let mut history = History { reach, ..History::none() };
    if let Some(oldest) = found.rows.first() {
        history.earlier = u32::try_from(oldest.try_get::<i64>("earlier")?).unwrap_or(u32::MAX);
        history.earlier_images = usize::try_from(oldest.try_get::<i64>("earlier_images")?).unwrap_or_default();
        history.messages = oldest.try_get("depth")?;
    }
    for row in &found.rows {
        if row.try_get::<Option<&str>>("id")?.is_some() {
            history.told.push(told(row)?);
        }
    }
    Ok(history)
}

impl Store {
    /// The way from `leaf` up to the root, of at most `limit` messages, as far as `reach` says. What models have thought is
    /// not read: it is often longer than what they have said. Not for an open reply.
    pub async fn history(
        &self,
        conversation: ConversationId,
        leaf: MessageId,
        limit: i64,
        reach: Reach,
    ) -> sqlx::Result<History> {
        let walk = with(query(walk!("$1")).bind(leaf.to_string()), conversation, limit, reach);
        let found = Batch::read().then(walk).run(self.read()).await?;
        history(found.first().ok_or(sqlx::Error::RowNotFound)?, reach)
    }
}
