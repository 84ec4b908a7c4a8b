//! The end of a reply: written to the store, then published, so that viewers never know more than what is stored.
//!
//! Where the store does not accept it (the disk is full, another program holds the file), the viewers are told after a
//! while that it is not saved yet; the end is held in memory and retried until it is written, and the viewers get a
//! snapshot then. The conversation continues only from an end that is written.

use super::outcome::{Facts, Outcome, failure};
use super::{Open, Shared};
use crate::error::Problem;
use crate::event::{Draft, Event};
use crate::model::{ConversationId, ReplyError, Status, Usage};
use crate::server::announce;
use crate::server::journal::Topic;
use crate::server::store::endings::{Ending, Written};
use crate::server::times::now;
use std::sync::Arc;
use tokio::time::{Instant, sleep};

/// Ends the reply. Returns what is still to be saved, by [`save_later`].
pub(super) async fn end(shared: &Shared, open: &Open, outcome: Outcome, facts: Facts) -> Option<Arc<Ending>> {
    let draft = open.journal.draft().unwrap_or_else(|| Draft::new(open.reply));
    let usage = facts.usage(&draft, &outcome).map(|usage| shared.providers.priced(&facts.model, usage));
    let event = event(open, &outcome, usage);
    let status = event.outcome().unwrap_or(Status::Interrupted);
    let first_piece_at = facts.first_piece_at;
    let ending = Arc::new(Ending { first_piece_at, usage, ..ending(open, outcome, status, draft) });
    let written = write(shared, &ending).await;
    let is_elsewhere = written == Some(Written::Elsewhere);
    let (event, unsaved) = match written {
        Some(Written::Here) => (event, None),
        Some(Written::Elsewhere) => {
            tracing::error!(reply = %open.reply, "Another process has ended this reply");
            (Event::Interrupted { reply: open.reply }, None)
        }
        None => {
            shared.store.hold(Arc::clone(&ending), not_saved());
            (Event::Error { reply: open.reply, usage, error: not_saved().into() }, Some(ending))
        }
    };
    shared.metrics.reply(event.outcome().unwrap_or(Status::Interrupted).name());
    tracing::debug!(status = status.name(), saved = unsaved.is_none(), "A reply has ended");
    open.journal.end(event).await;
    if is_elsewhere && (shared.store.has_nodes() || shared.journals.is_joined()) {
        // What viewers at all nodes are shown is what is stored, which is less than what was shown here.
        shared.journals.start_over(Topic::Conversation(open.conversation)).await;
    }
    unsaved
}

/// What follows the end, once the reply counts as open no more: nothing is to come between the two.
pub(super) fn after(shared: &Arc<Shared>, open: &Open) {
    if open.site.is_none() {
        tell_lists_of(shared, open.conversation);
    }
    shared.ended.notify_one();
}

/// Tells the lists that no reply is open in this conversation any more, unless one is.
pub(super) fn tell_lists_of(shared: &Arc<Shared>, conversation: ConversationId) {
    shared.tasks.spawn(tell_lists(Arc::clone(shared), conversation));
}

/// Tells the lists that a reply has ended. Nothing waits for it: the store may be slow, and the reply's own viewers know.
async fn tell_lists(shared: Arc<Shared>, conversation: ConversationId) {
    let journal = shared.journals.topic(Topic::Conversation(conversation));
    // In its turn, as the beginning of the next one is told: what is told last is what is so.
    let turn = journal.turn().await;
    if !journal.is_open() {
        let default_model = shared.providers.default_model();
        announce::ended(&shared.store, &shared.journals, &turn, conversation, &default_model).await;
    }
}

fn ending(open: &Open, outcome: Outcome, status: Status, draft: Draft) -> Ending {
    let (stop_reason, error) = match outcome {
        Outcome::Done { stop_reason } => (Some(stop_reason), None),
        Outcome::Failed(error) => (None, Some(error)),
        Outcome::Stopped | Outcome::Interrupted => (None, None),
    };
    Ending {
        reply: open.reply,
        conversation: open.conversation,
        site: open.site.as_ref().map(|on| on.site),
        status,
        text: draft.text,
        thinking: draft.thinking,
        thinking_ms: draft.thinking_ms,
        usage: None,
        stop_reason,
        error,
        first_piece_at: None,
        finished_at: now(),
    }
}

/// Retries the write for as long as viewers can be kept waiting. None: not written yet.
async fn write(shared: &Shared, ending: &Ending) -> Option<Written> {
    let patience = Instant::now() + shared.bounds.end_write;
    let mut pause = shared.bounds.shortest_pause;
    loop {
        match shared.store.end_reply(shared.store.process(), ending).await {
            Ok(written) => return Some(written),
            Err(error) => tracing::error!(%error, reply = %ending.reply, "A reply's end was not written"),
        }
        if patience < Instant::now() + pause {
            return None;
        }
        sleep(pause).await;
        pause = longer(shared, pause);
    }
}

/// Retries until it is written, the conversation is deleted, or the server ends: then once more, for the last time.
pub(super) async fn save_later(shared: &Shared, ending: &Ending) {
    let mut pause = shared.bounds.shortest_pause;
    let mut last = false;
    while shared.store.holds(ending.reply) && !last {
        tokio::select! {
            () = sleep(pause) => {}
            () = shared.interrupt.cancelled() => last = true,
        }
        if let Err(error) = save(shared, ending).await {
            tracing::error!(%error, reply = %ending.reply, last, "A reply's end is still not written");
        }
        pause = longer(shared, pause);
    }
}

/// Writes the conversation's unsaved end, or returns an error if it still cannot be written.
pub(super) async fn save_now(shared: &Shared, conversation: ConversationId) -> Result<(), Problem> {
    match shared.store.held_in(conversation) {
        None => Ok(()),
        Some(ending) => Ok(save(shared, &ending).await?),
    }
}

async fn save(shared: &Shared, ending: &Ending) -> sqlx::Result<()> {
    shared.store.end_reply(shared.store.process(), ending).await?;
    if shared.store.let_go(ending.reply) {
        tracing::info!(reply = %ending.reply, "A reply's end is written at last");
        // Its viewers were told that it was not saved. A snapshot corrects that.
        shared.journals.start_over(Topic::Conversation(ending.conversation)).await;
    }
    Ok(())
}

fn longer(shared: &Shared, pause: std::time::Duration) -> std::time::Duration {
    (pause * 2).min(shared.bounds.longest_pause)
}

fn event(open: &Open, outcome: &Outcome, usage: Option<Usage>) -> Event {
    let reply = open.reply;
    match outcome {
        Outcome::Done { stop_reason } => Event::Done { reply, usage, stop_reason: Some(stop_reason.clone()) },
        Outcome::Stopped => Event::Stopped { reply, usage },
        Outcome::Interrupted => Event::Interrupted { reply },
        Outcome::Failed(error) => Event::Error { reply, usage, error: Box::new(error.clone()) },
    }
}

fn not_saved() -> ReplyError {
    let message = "The server cannot save this reply at the moment and keeps trying. Copy what you need, and tell \
                   the administrator.";
    failure("not_saved", message, true)
}
