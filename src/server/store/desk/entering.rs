//! What is written before a visitor's message: the visitor, the conversation, the state, and what of the site's budget it takes.

use super::changes::Transition;
use super::rights::visitor_is_let_in;
use crate::model::{AccountId, AssignmentState, ConversationId, SiteId, VisitorId};
use crate::server::quota::days;
use crate::server::secret::Hash;
use crate::server::store::sql::batch::Batch;
use crate::server::store::sql::{Key, Query, query};
use uuid::Uuid;

/// The account, the visitor, and what they are recognised by.
const ARRIVAL_STEPS: usize = 3;

/// A visitor who is about to write for the first time.
#[derive(Clone, Debug)]
pub struct NewVisitor {
    pub locale: Option<String>,
    pub page: Option<String>,
    pub referrer: Option<String>,
}

/// How a message comes in.
#[derive(Clone, Debug)]
pub enum Entry {
    /// It begins the conversation, and perhaps the visitor.
    Begins { new: Option<NewVisitor>, state: AssignmentState },
    /// The model answers.
    Assistant,
    /// A person answers, or is awaited.
    People,
    /// It changes who answers.
    Changes(Transition),
}

/// What a reply may use, and what the site has for a day.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub reserved: u64,
    pub tokens_per_day: Option<u64>,
    pub micros_per_day: Option<u64>,
    /// What a million tokens cost at most, in millionths of a dollar.
    pub micros_per_million: u64,
}

/// A visitor's message in a conversation of a site.
#[derive(Clone, Debug)]
pub struct OnSite {
    pub site: SiteId,
    pub visitor: VisitorId,
    pub account: AccountId,
    /// What the visitor is recognised by; none: it is not the visitor who asks.
    pub token: Option<Hash>,
    pub entry: Entry,
    /// None: no reply is opened.
    pub budget: Option<Budget>,
    /// Messages, and answers asked for, of the visitor on a day.
    pub most_a_day: u32,
    /// Conversations of the visitor.
    pub most_conversations: u32,
}

/// What was not so, of what a message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unmet {
    /// The visitor is not let in.
    Visitor,
    /// The visitor's rows, which would be new.
    Arrival,
    Day,
    /// The conversation's id is taken.
    Id,
    Conversations,
    /// The state is another one.
    State,
    Budget,
    /// What comes after: the message and the reply, by the number of their step.
    Message(usize),
}

/// The whole number of a limit, where none is the greatest.
pub(super) fn most(limit: Option<u64>) -> i64 {
    limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX)
}

impl OnSite {
    pub(super) fn keys(&self, conversation: ConversationId) -> [Key; 3] {
        [Key::Account(self.account), Key::Conversation(conversation), Key::Site(self.site)]
    }

    /// Everything before the messages.
    pub(super) fn steps(&self, batch: Batch, conversation: ConversationId, at: &str) -> Batch {
        let batch = match &self.entry {
            Entry::Begins { new: Some(new), .. } => self.arrive(batch, new, at),
            _ => batch,
        };
        let batch = if self.token.is_some() { batch.must(self.counts(), 1) } else { batch };
        let batch = match &self.entry {
            Entry::Begins { state, .. } => self.begin(batch, conversation, at, *state),
            Entry::Assistant => batch.must(self.stays(conversation, at, ["assistant"; 2]), 1),
            Entry::People => batch.must(self.stays(conversation, at, ["waiting", "agent"]), 1),
            Entry::Changes(change) => change.steps(batch, conversation, at),
        };
        let batch = match self.budget {
            Some(budget) => batch.must(self.affords(conversation, budget), 1),
            None => batch,
        };
        match self.token.filter(|_| !self.arrives()) {
            Some(token) => batch.only_if(self.is_let_in(token, at)),
            None => batch,
        }
    }

    fn arrives(&self) -> bool {
        matches!(self.entry, Entry::Begins { new: Some(_), .. })
    }

    /// What the step with this number is about, of [`Self::steps`] and those after them.
    pub(super) fn unmet(&self, step: usize) -> Unmet {
        let (arrives, asks) = (self.arrives(), self.token.is_some());
        let entry: &[Unmet] = match &self.entry {
            Entry::Begins { .. } => &[Unmet::Id, Unmet::Conversations, Unmet::State],
            Entry::Assistant | Entry::People => &[Unmet::State],
            Entry::Changes(_) => &[Unmet::State, Unmet::State],
        };
        let mut steps = Vec::new();
        steps.extend((asks && !arrives).then_some(Unmet::Visitor));
        steps.extend(std::iter::repeat_n(Unmet::Arrival, if arrives { ARRIVAL_STEPS } else { 0 }));
        steps.extend(asks.then_some(Unmet::Day));
        steps.extend(entry);
        steps.extend(self.budget.map(|_| Unmet::Budget));
        let before = steps.len();
        steps.get(step).copied().unwrap_or_else(|| Unmet::Message(step.saturating_sub(before)))
    }

    /// Counts against the visitor's day.
    fn counts(&self) -> Query {
        query(
            "update visitor set said = case when said_on = $2 then said + 1 else 1 end, said_on = $2
             where id = $1 and (said_on is null or said_on <> $2 or said < $3)",
        )
        .bind(self.visitor.to_string())
        .bind(days().0.to_string())
        .bind(i64::from(self.most_a_day))
    }

    /// The visitor is there, on a site that is open, and not blocked.
    fn is_let_in(&self, token: Hash, at: &str) -> Query {
        query(concat!(
            "select 1 from visitor_token join visitor on visitor.id = visitor_token.visitor
             join site on site.id = visitor.site where visitor.id = $1 and ",
            visitor_is_let_in!()
        ))
        .bind(self.visitor.to_string())
        .bind(token.to_string())
        .bind(at)
    }

    fn begin(&self, batch: Batch, conversation: ConversationId, at: &str, state: AssignmentState) -> Batch {
        let made = query(
            "insert into conversation (id, account, title, title_by, system, created_at, updated_at, site)
             select $1, $2, '', 'none', '', $3, $3, $4
             where not exists (select 1 from used_conversation where id_hash = $5) on conflict (id) do nothing",
        )
        .bind(conversation.to_string())
        .bind(self.account.to_string())
        .bind(at)
        .bind(self.site.to_string())
        .bind(Hash::of(&conversation.to_string()).to_string());
        let assigned = query(
            "insert into assignment (conversation, site, visitor, state, asked_at, asked_by, waiting_since, last_at,
                                     last_position, number, version, changed_at)
             select $1, $2, $3, $4, case when $4 = 'waiting' then $5 end, case when $4 = 'waiting' then 'site' end,
                    case when $4 = 'waiting' then $5 end, $5, 0, 1, 1, $5
             where $6 > (select count(*) from assignment other where other.visitor = $3)",
        )
        .bind(conversation.to_string())
        .bind(self.site.to_string())
        .bind(self.visitor.to_string())
        .bind(state.name())
        .bind(at)
        .bind(i64::from(self.most_conversations));
        let noted = query(
            "insert into assignment_change (id, conversation, number, at, by, from_state, to_state, why)
             values ($1, $2, 1, $3, 'visitor', '', $4, 'began')",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(conversation.to_string())
        .bind(at)
        .bind(state.name());
        batch.must(made, 1).must(assigned, 1).must(noted, 1)
    }

    fn arrive(&self, batch: Batch, new: &NewVisitor, at: &str) -> Batch {
        let account = query("insert into account (id, kind, created_at) values ($1, 'visitor', $2)")
            .bind(self.account.to_string())
            .bind(at);
        let visitor = query(
            "insert into visitor (id, site, account, locale, page, referrer, created_at)
             select $1, $2, $3, $4, $5, $6, $7
             where exists (select 1 from site where id = $2 and disabled_at is null and leaving_at is null)",
        )
        .bind(self.visitor.to_string())
        .bind(self.site.to_string())
        .bind(self.account.to_string())
        .bind(&new.locale)
        .bind(&new.page)
        .bind(&new.referrer)
        .bind(at);
        let token = query(
            "insert into visitor_token (token_hash, visitor, created_at, last_used_at) values ($1, $2, $3, $3)
             on conflict (token_hash) do nothing",
        )
        .bind(self.token.map(|token| token.to_string()).unwrap_or_default())
        .bind(self.visitor.to_string())
        .bind(at);
        batch.must(account, 1).must(visitor, 1).must(token, 1)
    }

    /// The state stays: one of these two.
    fn stays(&self, conversation: ConversationId, at: &str, states: [&str; 2]) -> Query {
        query(
            "update assignment set version = version + 1, changed_at = $2,
                    waiting_since = case when state = 'assistant' then waiting_since else coalesce(waiting_since, $2) end
             where conversation = $1 and visitor = $3 and state in ($4, $5)",
        )
        .bind(conversation.to_string())
        .bind(at)
        .bind(self.visitor.to_string())
        .bind(states[0])
        .bind(states[1])
    }

    /// What was used today, what open replies may still use, and what this one may use, together fit.
    fn affords(&self, conversation: ConversationId, budget: Budget) -> Query {
        query(
            "update assignment set changed_at = changed_at where conversation = $1
                 and $4 >= $5 + (select cast(coalesce(sum(input_tokens + output_tokens), 0) as bigint) from site_usage
                                 where site_usage.site = $2 and day = $3)
                              + (select cast(coalesce(sum(message.reserved), 0) as bigint) from message
                                 join conversation on conversation.id = message.conversation
                                 where message.status = 'streaming' and conversation.site = $2 and conversation.id <> $1)
                 and $6 >= (select cast(coalesce(sum(cost_micros), 0) as bigint) from site_usage
                            where site_usage.site = $2 and day = $3)
                         + $7 * ($5 + (select cast(coalesce(sum(message.reserved), 0) as bigint) from message
                                       join conversation on conversation.id = message.conversation
                                       where message.status = 'streaming' and conversation.site = $2
                                           and conversation.id <> $1)) / 1000000",
        )
        .bind(conversation.to_string())
        .bind(self.site.to_string())
        .bind(days().0.to_string())
        .bind(most(budget.tokens_per_day))
        .bind(most(Some(budget.reserved)))
        .bind(most(budget.micros_per_day))
        .bind(most(Some(budget.micros_per_million)))
    }
}
