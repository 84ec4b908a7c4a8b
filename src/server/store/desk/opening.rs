//! A visitor's message, with or without a reply.

use super::changes::{moved, said};
use super::entering::{Entry, OnSite, most};
use crate::error::Problem;
use crate::model::{AssignmentState, ConversationId, Message};
use crate::server::quota::days;
use crate::server::store::messages::Opening;
use crate::server::store::news::News;
use crate::server::store::sql::batch::{Batch, Failed};
use crate::server::store::sql::{Lock, query};
use crate::server::store::{Store, making};
use crate::server::times::now;
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::tz::TimeZone;

/// The conversation is not in the state that was read.
const OTHER_STATE: &str = "Who answers here has changed at the same moment. Send again.";

/// Whether nothing was written because who answers has changed since it was read.
pub fn has_changed(problem: &Problem) -> bool {
    matches!(problem, Problem::Conflict(why) if why == OTHER_STATE)
}

/// Whether a site's budget of the day is used up.
pub fn is_over_budget(problem: &Problem) -> bool {
    matches!(problem, Problem::TooMany { message, .. } if message == OVER_BUDGET)
}

const OVER_BUDGET: &str = "So much was written here today that the assistant answers again tomorrow.";

fn over_budget() -> Problem {
    let (today, _) = days();
    let end = today.saturating_add(1.day()).to_zoned(TimeZone::UTC).map(|end| end.timestamp()).unwrap_or_default();
    let retry_after_seconds = (end.as_second() - Timestamp::now().as_second()).max(1).unsigned_abs();
    Problem::TooMany { message: OVER_BUDGET.into(), retry_after_seconds }
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
            Err(Failed::Unmet(_)) => Err(self.why_not_on_site(on, conversation).await),
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
            Err(Failed::Unmet(_)) => Err(self.why_not_on_site(on, conversation).await),
            Err(failed) => Err(sqlx::Error::from(failed).into()),
        }
    }

    /// Why nothing was written.
    async fn why_not_on_site(&self, on: &OnSite, conversation: ConversationId) -> Problem {
        let is_new = matches!(on.entry, Entry::Begins { .. });
        let is_there = match self.is_there(conversation).await {
            Ok(is_there) => is_there,
            Err(error) => return error.into(),
        };
        let Some(token) = on.token else { return self.why_not_as_it_was(on, conversation).await };
        match self.visitor(token, on.site).await {
            Ok(Some(visitor)) if visitor.blocked_until.as_ref().is_some_and(|until| now() < *until) => {
                return Problem::NotFound;
            }
            Ok(Some(_)) => {}
            Ok(None) if is_new && !is_there => {}
            Ok(None) => return Problem::NotFound,
            Err(error) => return error.into(),
        }
        if is_new && is_there {
            return making::taken();
        }
        self.why_not_as_it_was(on, conversation).await
    }

    async fn why_not_as_it_was(&self, on: &OnSite, conversation: ConversationId) -> Problem {
        let is_new = matches!(on.entry, Entry::Begins { .. });
        match (self.assigned(conversation).await, &on.entry) {
            (Ok(assigned), Entry::Assistant) if assigned.state == AssignmentState::Assistant => over_budget(),
            (Ok(assigned), Entry::Changes(change)) if change.number == Some(assigned.number) => over_budget(),
            (Ok(_), _) => Problem::Conflict(OTHER_STATE.into()),
            (Err(sqlx::Error::RowNotFound), _) if is_new => over_budget(),
            (Err(error), _) => error.into(),
        }
    }
}
