//! Opening a reply: the messages, the request to the model, the events.

use super::{Open, Shared};
use crate::event::{Cursor, Event};
use crate::model::{Image, Message, MessageId, Named, Role};
use crate::server::engine::vision::Shown;
use crate::server::journal::HeldTurn;
use crate::server::provider::{GO_ON, Request, Turn};
use crate::server::store::conversations::Stored;
use crate::server::store::messages::Told;
use crate::server::times::now;
use std::borrow::Cow;

/// The request to the model: the conversation so far, and where `reply` has text already, the request to continue it.
pub(super) fn request(stored: &Stored, history: &[Told], reply: &Message, shown: &Shown) -> Request {
    // A reply that failed before its first word has no text, and no provider accepts an empty turn.
    let said = history.iter().filter(|message| !message.text.trim().is_empty());
    let mut turns: Vec<_> = said.map(|message| shown.turn(message)).collect();
    if !reply.text.trim().is_empty() {
        turns.push(Turn::said(Role::Assistant, reply.text.trim_end()));
        turns.push(Turn::said(Role::User, GO_ON));
    }
    let model = reply.model.as_deref().unwrap_or_default();
    let name = model.split_once('/').map_or(model, |(_, name)| name);
    Request { model: name.to_owned(), system: stored.system.clone(), turns, parameters: stored.parameters.clone() }
}

/// The conversation as a model is told of it for an account with these instructions of its own: they come before the
/// conversation's. Its viewers are shown the conversation as it is.
pub(super) fn asked_with<'s>(stored: &'s Stored, own: &str) -> Cow<'s, Stored> {
    let own = own.trim();
    if own.is_empty() {
        return Cow::Borrowed(stored);
    }
    let both = [own, stored.system.trim()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    Cow::Owned(Stored { system: both.join("\n\n"), ..stored.clone() })
}

/// The events that open a reply. A continued one begins with the text that was kept.
fn events(message: Option<&Message>, reply: &Message) -> impl Iterator<Item = Event> {
    let message = message.map(|message| Event::Message { message: Box::new(message.clone()) });
    let opened = Event::Reply {
        reply: reply.id,
        model: reply.model.clone().unwrap_or_default(),
        parent: reply.parent,
        created_at: reply.created_at.clone(),
        left_out: reply.left_out,
        images_left_out: reply.images_left_out,
    };
    let kept = (!reply.text.is_empty()).then(|| Event::Token { reply: reply.id, text: reply.text.clone() });
    message.into_iter().chain([opened]).chain(kept)
}

impl Shared {
    /// Opens the reply before its viewers' eyes, after what comes `before`. Returns the cursor just behind the event that does.
    pub(super) async fn tell_opening(
        &self,
        open: &Open,
        turn: &HeldTurn<'_>,
        before: Option<Event>,
        message: Option<&Message>,
        reply: &Message,
    ) -> Cursor {
        open.journal.open(turn, before.into_iter().chain(events(message, reply))).await
    }
}

pub(super) fn person_message(
    id: MessageId,
    parent: Option<MessageId>,
    author: Named,
    text: String,
    images: Vec<Image>,
) -> Message {
    Message { images, author: Some(author), ..Message::said(id, parent, text, now()) }
}

pub(super) fn empty_reply(parent: MessageId, model: &str, text: String) -> Message {
    Message { text, ..Message::opened(MessageId::new(), Some(parent), model, now()) }
}
