//! A visitor's message, with or without a reply.

use super::changes::{moved, said};
use super::entering::{OnSite, Unmet, most};
use crate::error::Problem;
use crate::model::{ConversationId, Message};
use crate::server::quota::days;
use crate::server::secret::Hash;
use crate::server::store::messages::Opening;
use crate::server::store::news::News;
use crate::server::store::sql::batch::{Batch, Failed};
use crate::server::store::sql::{Lock, query};
use crate::server::store::{Store, making};
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::tz::TimeZone;

/// The conversation is not in the state that was read.
const OTHER_STATE: &str = "Who answers here has changed at the same moment. Send again.";

/// Nothing was written: it is to be read again.
pub fn changed() -> Problem {
    Problem::Conflict(OTHER_STATE.into())
}

/// Whether nothing was written because who answers has changed since it was read.
pub fn has_changed(problem: &Problem) -> bool {
    matches!(problem, Problem::Conflict(why) if why == OTHER_STATE)
}

/// Whether a site's budget of the day is used up.
pub fn is_over_budget(problem: &Problem) -> bool {
    matches!(problem, Problem::TooMany { message, .. } if message == OVER_BUDGET)
}

const OVER_BUDGET: &str = "So much was written here today that the assistant answers again tomorrow.";

/// The seconds until the next day begins, in UTC.
fn seconds_left() -> u64 {
    let (today, _) = days();
    let end = today.saturating_add(1.day()).to_zoned(TimeZone::UTC).map(|end| end.timestamp()).unwrap_or_default();
    (end.as_second() - Timestamp::now().as_second()).max(1).unsigned_abs()
}

fn over_budget() -> Problem {
    Problem::TooMany { message: OVER_BUDGET.into(), retry_after_seconds: seconds_left() }
}

/// The visitor has written enough for today.
pub fn enough_for_today() -> Problem {
    let message = "That was a lot for one day. It goes on tomorrow.".into();
    Problem::TooMany { message, retry_after_seconds: seconds_left() }
}

impl Store {
    /// As [`Store::open_reply`], in a conversation of a site.
    pub(in crate::server::store) async fn open_on_site(
        &self,
        opening: &Opening<'_>,
        on: &OnSite,
    ) -> Result<(), Problem> {
        let (conversation, at) = (opening.conversation, &opening.reply.created_at);
        let batch = Batch::write(Lock::Beside(&on.keys(conversation)));
        let batch = on.steps(batch.telling(self.telling(&[News::Conversation(conversation)])), conversation, at);
        let reserves = query("update message set reserved = $2 where id = $1")
            .bind(opening.reply.id.to_string())
            .bind(most(Some(on.budget.map_or(0, |budget| budget.reserved))));
        let batch = opening.steps(batch).then(reserves);
        let [moved, _] = moved(conversation, at);
        match self.write_batch(batch.then(moved)).await {
            Ok(_) => Ok(()),
            Err(Failed::Unmet(step)) => Err(match on.unmet(step) {
                // The first is the conversation's row, the others insert.
                Unmet::Message(1..) => self.why_no_more(opening).await,
                unmet => self.why_not_on_site(on, unmet).await,
            }),
            Err(Failed::Perhaps(lost)) => Ok(self.was_opened(opening, lost).await?),
            Err(failed) => Err(sqlx::Error::from(failed).into()),
        }
    }

    /// Writes a visitor's message that no model answers.
    pub async fn say_on_site(
        &self,
        on: &OnSite,
        conversation: ConversationId,
        message: &Message,
        title: &str,
    ) -> Result<(), Problem> {
        let at = &message.created_at;
        let batch = Batch::write(Lock::Beside(&on.keys(conversation)));
        let batch = on.steps(batch.telling(self.telling(&[News::Conversation(conversation)])), conversation, at);
        let named =
            query("update conversation set title = $2, title_by = 'cut' where id = $1 and title = '' and $2 <> ''");
        let batch = batch.must(said(conversation, message), 1);
        let batch = moved(conversation, at).into_iter().fold(batch, Batch::then);
        match self.write_batch(batch.then(named.bind(conversation.to_string()).bind(title))).await {
            Ok(_) => Ok(()),
            Err(Failed::Unmet(step)) => Err(self.why_not_on_site(on, on.unmet(step)).await),
            Err(failed) => Err(sqlx::Error::from(failed).into()),
        }
    }

    /// Why nothing was written.
    async fn why_not_on_site(&self, on: &OnSite, unmet: Unmet) -> Problem {
        match unmet {
            Unmet::Visitor => Problem::NotFound,
            Unmet::Arrival => match self.visitor(on.token.unwrap_or_else(|| Hash::of("")), on.site).await {
                // Two first messages of one browser at once: this one is the second.
                Ok(Some(_)) => changed(),
                Ok(None) => Problem::NotFound,
                Err(error) => error.into(),
            },
            Unmet::Day => enough_for_today(),
            Unmet::Id => making::taken(),
            Unmet::Conversations => {
                Problem::Conflict("You have as many conversations here as you can. Delete one first.".into())
            }
            Unmet::State => changed(),
            Unmet::Budget => over_budget(),
            Unmet::Message(_) => Problem::NotFound,
        }
    }
}
