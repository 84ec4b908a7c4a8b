//! Where the store and the log that several processes share differ about a reply: it is ended in both, and told once.
//!
//! The store decides and the log tells. A process that finds such a reply heals it; every step may be repeated, by several
//! processes at the same time, and break off anywhere.

use super::Shared;
use crate::event::{Draft, Event};
use crate::model::{ConversationId, Message, MessageId, Status};
use crate::server::announce;
use crate::server::backplane::Down;
use crate::server::journal::{Row, Rows, Taken, Topic};
use crate::server::store::endings::{Ending, Written};
use crate::server::sync::lock;
use crate::server::times::now;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::HashSet;
use std::sync::{Arc, Weak};

/// Why a reply is not healed. The next one that finds it tries again.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotHealed {
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] Down),
}

/// What the journals ask.
pub(super) struct Truth(pub(super) Weak<Shared>);

impl Rows for Truth {
    fn row(&self, reply: MessageId) -> BoxFuture<'_, Row> {
        async move {
            let Some(shared) = self.0.upgrade() else { return Row::Unknown };
            match shared.store.open_reply_of(reply).await {
                Ok(Some(open)) if open.process == shared.store.process() => Row::Ours,
                Ok(_) => Row::NotOurs,
                Err(error) => {
                    tracing::warn!(%error, %reply, "Whose a reply is could not be looked up");
                    Row::Unknown
                }
            }
        }
        .boxed()
    }

    fn heal(&self, topic: Topic, reply: MessageId) -> BoxFuture<'_, ()> {
        async move {
            let Some(shared) = self.0.upgrade() else { return };
            if let Err(error) = heal(&shared, topic, reply, false).await {
                tracing::warn!(%error, %reply, "A reply that nobody writes any more is not ended yet");
            }
        }
        .boxed()
    }

    fn silent(&self, replies: Vec<(Topic, MessageId)>) -> BoxFuture<'_, ()> {
        async move {
            let Some(shared) = self.0.upgrade() else { return };
            let conversations: Vec<_> = replies.iter().filter_map(|(topic, _)| conversation_of(*topic)).collect();
            let open = match shared.store.open_among(&conversations).await {
                Ok(open) => open,
                Err(error) => return tracing::warn!(%error, "Whether silent replies are open could not be looked at"),
            };
            let live: HashSet<_> =
                open.iter().filter(|open| lives(&shared, &open.process)).map(|open| open.reply).collect();
            for (topic, reply) in replies.into_iter().filter(|(_, reply)| !live.contains(reply)) {
                self.heal(topic, reply).await;
            }
        }
        .boxed()
    }
}

fn conversation_of(topic: Topic) -> Option<ConversationId> {
    match topic {
        Topic::Conversation(id) => Some(id),
        Topic::Account(_) => None,
    }
}

/// Ends the reply in the store, if its process is dead, and tells its end, if nobody has. `by_force`: also where its process
/// lives, and does not end it.
pub(super) async fn heal(shared: &Shared, topic: Topic, reply: MessageId, by_force: bool) -> Result<(), NotHealed> {
    let open = shared.store.open_reply_of(reply).await?;
    if shared.find(reply).is_some() || shared.store.holds(reply) {
        // Its end is on its way.
        return Ok(());
    }
    if let Some(open) = &open
        && !by_force
        && open.process != shared.store.process()
        && lives(shared, &open.process)
    {
        return Ok(());
    }
    let taken = shared.journals.take_over(topic, reply, shared.store.process()).await?;
    let was_ended = match open {
        Some(open) => end(shared, (open.conversation, reply), &open.process, taken.as_ref()).await?,
        None => false,
    };
    let stored = shared.store.message(reply).await?;
    if let Some(conversation) = conversation_of(topic).filter(|_| was_ended || taken.is_some()) {
        lock(&shared.other_replies).mended.insert(conversation);
    }
    match taken {
        Some(taken) => tell(shared, topic, taken, stored.as_ref().map(|(message, ..)| message)).await?,
        // Nobody was shown that it was open.
        None if was_ended => {
            shared.journals.start_over(topic).await;
            if let Some((_, conversation, owner)) = stored {
                let stored = shared.store.conversation(owner, conversation).await?;
                for account in announce::members(&shared.store, &stored).await? {
                    shared.journals.start_over(Topic::Account(account)).await;
                }
            }
        }
        None => {}
    }
    Ok(())
}

/// Ends it as interrupted, with the longest text that is known. `false`: somebody else has.
async fn end(
    shared: &Shared,
    (conversation, reply): (ConversationId, MessageId),
    process: &str,
    taken: Option<&Taken>,
) -> Result<bool, NotHealed> {
    let Some((message, ..)) = shared.store.message(reply).await? else { return Ok(false) };
    let longest = |known: &str, shown: Option<&str>| match shown.filter(|shown| known.len() < shown.len()) {
        Some(shown) => shown.to_owned(),
        None => known.to_owned(),
    };
    let draft = taken.map(Taken::draft);
    let ending = Ending {
        reply,
        conversation,
        // Without a usage nobody pays.
        site: None,
        status: Status::Interrupted,
        text: longest(&message.text, draft.map(|draft| &*draft.text)),
        thinking: longest(&message.thinking, draft.map(|draft| &*draft.thinking)),
        thinking_ms: message.thinking_ms.or(draft.and_then(|draft| draft.thinking_ms)),
        usage: None,
        stop_reason: None,
        error: None,
        first_piece_at: None,
        finished_at: now(),
    };
    let written = shared.store.end_reply(process, &ending).await?;
    if written == Written::Here {
        tracing::warn!(%reply, process, "A reply of a process that is gone is now marked as interrupted");
    }
    Ok(written == Written::Here)
}

/// Tells what the log has not of it, and how it has ended.
async fn tell(shared: &Shared, topic: Topic, taken: Taken, stored: Option<&Message>) -> Result<(), NotHealed> {
    let reply = taken.draft().reply;
    let Some(stored) = stored else {
        taken.end(Vec::new(), Event::Interrupted { reply }).await?;
        return Ok(());
    };
    let Some(end) = ended(stored) else { return Ok(()) };
    let rest = rest(taken.draft(), stored);
    let is_whole = rest.is_some();
    taken.end(rest.unwrap_or_default(), end).await?;
    if !is_whole {
        // What was shown is not how it is stored.
        shared.journals.start_over(topic).await;
    }
    Ok(())
}

/// The events from what was told to what is stored. None: that does not begin as it was told.
fn rest(told: &Draft, stored: &Message) -> Option<Vec<Event>> {
    let reply = told.reply;
    let (text, thinking) = (stored.text.strip_prefix(&*told.text)?, stored.thinking.strip_prefix(&*told.thinking)?);
    let ms = stored.thinking_ms.filter(|ms| told.thinking_ms != Some(*ms));
    let thought = (!thinking.is_empty() || ms.is_some()).then(|| Event::Thinking {
        reply,
        text: thinking.to_owned(),
        since: None,
        ms,
    });
    let said = (!text.is_empty()).then(|| Event::Token { reply, text: text.to_owned() });
    Some(thought.into_iter().chain(said).collect())
}

/// Those that the process has left open.
pub(super) async fn of_dead(shared: &Shared, process: &str) -> Result<(), NotHealed> {
    let open = shared.store.open_elsewhere().await?;
    for open in open.into_iter().filter(|open| open.process == process) {
        heal(shared, Topic::Conversation(open.conversation), open.reply, false).await?;
    }
    Ok(())
}

/// Begins to answer what the journals ask.
pub(super) fn begin(shared: &Arc<Shared>) {
    shared.journals.ask(Arc::new(Truth(Arc::downgrade(shared))));
}

/// A process whose file cannot be read counts as alive: it is better to show its replies as open for too long than to
/// end them twice.
pub(super) fn lives(shared: &Shared, process: &str) -> bool {
    shared.store.lives(process).unwrap_or_else(|error| {
        tracing::error!(%error, process, "Whether a process lives cannot be told");
        true
    })
}

/// The event that ended the reply; none where it is open.
fn ended(stored: &Message) -> Option<Event> {
    let (reply, usage) = (stored.id, stored.usage);
    Some(match stored.status {
        Status::Done => Event::Done { reply, usage, stop_reason: stored.stop_reason.clone() },
        Status::Stopped => Event::Stopped { reply, usage },
        Status::Interrupted => Event::Interrupted { reply },
        Status::Failed => {
            let error = stored.error.clone().unwrap_or_else(super::reply::internal);
            Event::Error { reply, usage, error: error.into() }
        }
        Status::Streaming => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_reply_is_told_where_it_goes_on_from_what_was_told() {
        let reply = MessageId::new();
        let told = Draft { text: "Hel".into(), thinking: "H".into(), ..Draft::new(reply) };
        let stored = |text: &str, thinking: &str| Message {
            thinking: thinking.into(),
            text: text.into(),
            ..Message::opened(reply, None, "m", String::new())
        };
        for (text, thinking) in [("Hello", "Hm"), ("Hello", "H"), ("Hel", "Hm"), ("Hel", "H")] {
            let stored = stored(text, thinking);
            let mut draft = told.clone();
            rest(&told, &stored).unwrap().iter().for_each(|event| draft.apply(event));
            assert_eq!((&*draft.text, &*draft.thinking), (text, thinking));
        }
        for (text, thinking) in [("He", "H"), ("Hallo", "H"), ("Hello", "M")] {
            assert_eq!(rest(&told, &stored(text, thinking)), None);
        }
    }
}
