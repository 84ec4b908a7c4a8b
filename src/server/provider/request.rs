//! What a model is asked, and how it is laid out for the servers.

use crate::model::{Parameters, Role};
use serde::Serialize;
use std::borrow::Cow;

/// The last turn of a request to continue an answer that was cut off. A turn of the user's side, because newer models
/// refuse an answer that was begun for them.
pub const GO_ON: &str = "Your answer above was cut off. Go on exactly where it ended, in the middle of the word if it \
                         ended there. Do not repeat anything, do not comment on this request.";

/// What one side said.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    pub role: Role,
    pub text: String,
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The model's id at its provider, without the `provider/` before it.
    pub model: String,
    /// The system prompt; empty for none.
    pub system: String,
    /// The conversation, oldest first; the last turn is the one to answer.
    pub turns: Vec<Turn>,
    pub parameters: Parameters,
}

/// A turn as the APIs write it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Cow<'a, str>,
}

impl Request {
    /// The turns with two of the same side in a row made one. They come from replies that ended without a word, and
    /// the templates of many local models insist that the sides alternate.
    pub(super) fn messages(&self) -> Vec<Message<'_>> {
        let mut messages: Vec<Message<'_>> = Vec::with_capacity(self.turns.len());
        for turn in &self.turns {
            let role = turn.role.name();
            match messages.last_mut() {
                Some(last) if last.role == role => {
                    let content = last.content.to_mut();
                    content.push_str("\n\n");
                    content.push_str(&turn.text);
                }
                _ => messages.push(Message { role, content: Cow::Borrowed(&turn.text) }),
            }
        }
        messages
    }

    /// The same behind the system prompt as a message of its own, for the servers that take it so.
    pub(super) fn with_system(&self) -> Vec<Message<'_>> {
        let system = Message { role: "system", content: Cow::Borrowed(&self.system) };
        let system = Some(system).filter(|system| !system.content.is_empty());
        system.into_iter().chain(self.messages()).collect()
    }
}
