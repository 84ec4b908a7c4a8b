//! Titles by a small model: asked once for each conversation, after its first exchange, off the way of any reply.
//!
//! Whatever fails leaves the title that was cut from the first message, and is told to the log only. A title that a person
//! has set is never touched.

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

/// What the model is told. The exchange follows as what a person says.
const TASK: &str = "You name conversations. Answer with a title of at most six words for the exchange that you are shown, \
                    in its language: no quotation marks, no full stop, nothing else.";
/// How much of each side the model is shown, in characters: what a conversation is about shows at its beginning.
const EXCERPT: usize = 1_000;
/// Nobody waits for a title, but a connection that hangs is to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most that is read of an answer, in bytes: some models think in it, at length, before they say the title.
const MOST_BYTES: usize = 64 << 10;

/// Has the conversation named, if it is to be and was not, in a task of its own. An orderly end does not wait for the model.
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
    // Taken before the model is asked: whatever comes of it, this was the one try.
    if !shared.store.take_title(conversation).await.map_err(failed)? {
        return Ok(());
    }
    let question = match answer.parent {
        Some(parent) => shared.store.message(parent).await.map_err(failed)?,
        None => None,
    };
    let question = question.map(|(question, ..)| question.text).unwrap_or_default();
    let request = request(model, &question, &answer.text);
    // Only the model is not waited for: what is being written is not to be dropped half-way.
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

/// What the model says, and what that cost.
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
        if MOST_BYTES < draft.text.len() {
            break;
        }
    }
    let usage = estimate::filled(usage.unwrap_or_default(), asked, &draft, 0);
    Ok((draft.text, usage))
}

/// Writes the title, unless a person was quicker, and tells it.
async fn tell(shared: &Shared, conversation: ConversationId, title: &str) -> sqlx::Result<()> {
    let journal = shared.journals.topic(Topic::Conversation(conversation));
    // Changes, messages and deletion are told in the order in which they are written.
    let _turn = journal.turn.lock().await;
    let Some(stored) = shared.store.give_title(conversation, title).await? else { return Ok(()) };
    let conversation = Box::new(stored.clone().shown(&shared.providers.default_model()));
    let event = Event::Conversation { conversation };
    journal.append(event.clone());
    announce::tell(&shared.store, &shared.journals, &stored, event).await;
    Ok(())
}
