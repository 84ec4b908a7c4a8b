//! Conversation titles by a small model: requested once per conversation, after its first exchange, independent of
//! replies.
//!
//! On any failure the title that was cut from the first message stays, and only the log has the error. A title that a
//! user has set is never changed.

mod wording;

use super::{Open, Shared, estimate};
use crate::event::{Draft, Event};
use crate::model::{AccountId, ConversationId, MessageId, Parameters, Role, Usage};
use crate::server::announce;
use crate::server::journal::Topic;
use crate::server::provider::{Delta, Request, Turn};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tracing::Instrument;

/// The instructions to the model. The exchange follows as a user message.
const TASK: &str = "You name conversations. Answer with a title of at most six words for the exchange that you are shown, \
                    in its language: no quotation marks, no full stop, nothing else.";
/// How much of each side the model is shown, in characters: the beginning of a conversation says what it is about.
const EXCERPT: usize = 1_000;
/// No user waits for a title, but a connection that hangs must end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The limit on an answer, in bytes: some models think in it, at length, before they give the title.
const MAX_BYTES: usize = 64 << 10;

/// Requests a title for the conversation, if it is to have one and has none, in a task of its own. An orderly shutdown
/// does not wait for the model.
pub(super) fn give(shared: &Arc<Shared>, open: &Open) {
    let Some(model) = shared.title_model.clone() else { return };
    let (conversation, reply, account) = (open.conversation, open.reply, open.account);
    let tasks = shared.tasks.clone();
    let shared = Arc::clone(shared);
    let naming = async move {
        if let Err(why) = name(&shared, &model, (conversation, account), reply).await {
            tracing::warn!(%conversation, model, why, "A conversation got no title from the model");
        }
    };
    tasks.spawn(naming.in_current_span());
}

async fn name(
    shared: &Shared,
    model: &str,
    (conversation, account): (ConversationId, AccountId),
    reply: MessageId,
) -> Result<(), String> {
    let failed = |error: sqlx::Error| error.to_string();
    let answer = shared.store.message(reply).await.map_err(failed)?;
    // Stopped before its first word: that was no exchange yet.
    let Some((answer, ..)) = answer.filter(|(answer, ..)| !answer.text.trim().is_empty()) else { return Ok(()) };
    // Taken before the model is asked: there is one attempt, whatever its result. In the journal's turn, because the reply
    // may have been stopped by a deletion that is about to be written.
    let journal = shared.journals.topic(Topic::Conversation(conversation));
    let turn = journal.turn().await;
    if !shared.store.take_title(conversation).await.map_err(failed)? {
        return Ok(());
    }
    drop(turn);
    let question = match answer.parent {
        Some(parent) => shared.store.message(parent).await.map_err(failed)?,
        None => None,
    };
    let question = question.map(|(question, ..)| question.text).unwrap_or_default();
    let request = request(model, &question, &answer.text);
    // Only the request to the model is cancelled: a write that has begun must complete.
    let answered = tokio::select! {
        () = shared.drain.begun() => return Ok(()),
        answered = timeout(PATIENCE, ask(shared, model, request)) => answered,
    };
    let (said, usage) = answered.map_err(|_| "it took too long")??;
    let usage = shared.providers.priced(model, usage);
    if let Err(error) = shared.store.charge_title((reply, account), model, usage).await {
        tracing::warn!(%error, "What a title has cost could not be written");
    }
    let title = wording::title(&said).ok_or("its answer is no title")?;
    tell(shared, conversation, &title).await.map_err(failed)
}

fn request(model: &str, question: &str, answer: &str) -> Request {
    let start = |text: &str| text.chars().take(EXCERPT).collect::<String>();
    let text = format!("A person wrote:\n\n{}\n\nThe answer began:\n\n{}", start(question), start(answer));
    Request {
        model: model.split_once('/').map_or(model, |(_, name)| name).to_owned(),
        system: TASK.to_owned(),
        turns: vec![Turn::said(Role::User, text)],
        parameters: Parameters::default(),
    }
}

/// The model's answer, and its cost.
async fn ask(shared: &Shared, model: &str, request: Request) -> Result<(String, Usage), String> {
    let asked = estimate::asked(&request);
    let mut draft = Draft::new(MessageId::new());
    let mut usage = None;
    let mut deltas = shared.providers.reply_of(model, request);
    while let Some(delta) = deltas.next().await {
        match delta {
            Delta::Text(text) => draft.text.push_str(&text),
            Delta::Usage(counted) => usage = Some(counted),
            Delta::Failed(failure) => return Err(failure.message),
            Delta::Finished { .. } => break,
            _ => {}
        }
        if MAX_BYTES < draft.text.len() {
            break;
        }
    }
    let usage = estimate::filled(usage.unwrap_or_default(), asked, &draft, 0);
    Ok((draft.text, usage))
}

/// Writes the title, unless a user has set one meanwhile, and publishes it.
async fn tell(shared: &Shared, conversation: ConversationId, title: &str) -> sqlx::Result<()> {
    let journal = shared.journals.topic(Topic::Conversation(conversation));
    // Changes, messages and deletion are published in the order in which they are written.
    let turn = journal.turn().await;
    let Some(stored) = shared.store.give_title(conversation, title).await? else { return Ok(()) };
    let conversation = Box::new(stored.clone().shown(&shared.providers.default_model()));
    let event = Event::Conversation { conversation };
    shared.journals.tell(Topic::Conversation(stored.id), Some(&turn), event.clone()).await;
    announce::tell(&shared.store, &shared.journals, &stored, Some(&turn), event).await;
    Ok(())
}
