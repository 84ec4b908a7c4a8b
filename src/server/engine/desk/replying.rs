//! A reply of a site: by the site's settings, within its budget, told with what changes with it.

use super::call::Call;
use super::telling::{of_site, spoken};
use super::{Coming, assignment};
use crate::contract::site::Site;
use crate::error::Problem;
use crate::event::{Cursor, Event};
use crate::model::{Message, MessageId, Usage};
use crate::server::engine::estimate;
use crate::server::engine::opening::empty_reply;
use crate::server::engine::telling::Asked;
use crate::server::engine::{Shared, Target};
use crate::server::journal::HeldTurn;
use crate::server::store::conversations::Stored;
use crate::server::store::desk::Assigned;
use crate::server::store::desk::changes::Transition;
use crate::server::store::desk::entering::{Budget, Entry, OnSite};
use crate::server::store::history::{History, Reach};
use crate::server::store::messages::Told;
use std::sync::Arc;

/// An estimate is high by a tenth.
const ESTIMATE_MARGIN: u64 = 10;

/// What a reply of a site needs.
pub(super) struct SiteReply<'a> {
    pub(super) call: &'a Call,
    pub(super) stored: Stored,
    pub(super) assigned: Option<Assigned>,
    pub(super) on: OnSite,
    /// The message that is answered; none: the new one, which follows what is there.
    pub(super) question: Option<MessageId>,
}

impl Shared {
    /// Opens a reply of a site, to a new message or to the question. What changes with it is told before. Nothing is stopped
    /// where the reply is refused by a limit.
    pub(super) async fn open_on_site(
        self: &Arc<Self>,
        turn: &HeldTurn<'_>,
        opening: SiteReply<'_>,
        message: Option<Message>,
    ) -> Result<(Option<Message>, Message, Cursor), Problem> {
        let SiteReply { call, stored, assigned, mut on, question } = opening;
        let site = &call.site;
        let admission = self.admit(on.account, stored.id, call.quota()).await?;
        let place = self.place_on_site(site.id, site.limits.open)?;
        let spoken_of = of_site(&stored, site);
        let model = self.choose(None, &spoken_of).map_err(|problem| {
            tracing::error!(%problem, site = %site.id, "The model of a site cannot be asked");
            Problem::Unavailable { message: site.texts.failed.clone(), retry_after_seconds: 60 }
        })?;
        if assigned.is_some() {
            self.end_open(stored.id).await?;
        }
        let leaf = match (question, &assigned) {
            (None, Some(_)) => self.store.leaf(stored.id).await?.map(|leaf| leaf.id),
            (question, _) => question,
        };
        let message = message.map(|message| Message { parent: leaf, ..message });
        let asked_by = message.as_ref().map(|message| message.id).or(question).ok_or(Problem::Internal)?;
        let instruction = match &on.entry {
            Entry::Changes(change) => change.instruction.clone(),
            _ => assigned.as_ref().map(|assigned| assigned.instruction.clone()).unwrap_or_default(),
        };
        let history = self.history_on_site(&stored, leaf, (site.limits.turns, &instruction), message.as_ref()).await?;
        let mut reply = empty_reply(asked_by, &model, String::new());
        let asked = self.ask(&spoken_of, history, None, &model, &mut reply).await?;
        let Asked::Now(request) = &asked else { return Err(Problem::Internal) };
        let estimate = estimate::asked(request);
        on.budget = Some(self.budget(site, &model, estimate));
        let event = match (&on.entry, assigned) {
            (Entry::Changes(change), Some(assigned)) => Some(told(change, assigned, &reply.created_at)),
            _ => None,
        };
        let target = Target { stored, start: None, site: Some(Box::new(Coming { on, place, event })) };
        let cursor = self.open(target, &admission, turn, message.as_ref(), &reply, asked).await?;
        Ok((message, reply, cursor))
    }

    /// What the model is told, with the new message, as far as the site lets it.
    async fn history_on_site(
        &self,
        stored: &Stored,
        leaf: Option<MessageId>,
        (turns, instruction): (u32, &str),
        message: Option<&Message>,
    ) -> Result<History, Problem> {
        let mut told = match leaf {
            Some(leaf) => self.store.history(stored.id, leaf, i64::from(turns.max(1)), Reach::ALL).await?.told,
            None => Vec::new(),
        };
        told.extend(message.map(Told::of));
        Ok(History { told: spoken(told, instruction), ..History::none() })
    }

    /// What the reply may use.
    fn budget(&self, site: &Site, model: &str, asked: u64) -> Budget {
        let million = |input_tokens, output_tokens| {
            let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
            self.providers.priced(model, usage).cost_micros.unwrap_or_default()
        };
        Budget {
            reserved: asked + asked.div_ceil(ESTIMATE_MARGIN) + u64::from(site.limits.max_output_tokens),
            tokens_per_day: site.limits.tokens_per_day,
            micros_per_day: site.limits.micros_per_day,
            micros_per_million: million(1_000_000, 0).max(million(0, 1_000_000)),
        }
    }
}

/// The event of a change that is about to be written: the row has to have the number that was read.
fn told(change: &Transition, assigned: Assigned, at: &str) -> Event {
    let after = Assigned {
        state: change.to,
        agent: None,
        number: assigned.number + 1,
        version: assigned.version + 1,
        since: at.to_owned(),
        waiting_since: None,
        ..assigned
    };
    assignment(&after, change.ended)
}
