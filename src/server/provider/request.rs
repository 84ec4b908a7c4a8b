//! The request to a model, and its layout for the servers.

use crate::model::{Parameters, Role};
use crate::server::picture::Picture;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::Arc;

/// The last turn of a request to continue an answer that was cut off. A turn of the user's side, because newer models
/// refuse an answer that was begun for them.
pub const GO_ON: &str = "Your answer above was cut off. Go on exactly where it ended, in the middle of the word if it \
                         ended there. Do not repeat anything, do not comment on this request.";

/// A turn of one side.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    pub role: Role,
    pub text: String,
    /// The images beside the text.
    pub images: Vec<Arc<Picture>>,
}

impl Turn {
    /// A turn of text alone.
    pub fn said(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), images: Vec::new() }
    }
}

/// The request to a model.
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
#[derive(Debug, PartialEq)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Cow<'a, str>,
    pub(super) images: Vec<&'a Picture>,
}

impl Message<'_> {
    /// With its text as the content; where there are images, with a list of parts, as most APIs have it. The images
    /// come first: models read questions about images better after them.
    pub(super) fn parts(&self, text: &str, image: fn(&Picture) -> Value) -> Value {
        if self.images.is_empty() {
            return json!({ "role": self.role, "content": self.content });
        }
        let images = self.images.iter().map(|picture| image(picture));
        let parts: Vec<_> = images.chain([json!({ "type": text, "text": self.content })]).collect();
        json!({ "role": self.role, "content": parts })
    }
}

/// The picture's bytes, as JSON can carry them.
pub(super) fn base64(picture: &Picture) -> String {
    STANDARD.encode(&picture.bytes)
}

/// The picture as a `data:` URL.
pub(super) fn data_url(picture: &Picture) -> String {
    format!("data:{};base64,{}", picture.media_type, base64(picture))
}

impl Request {
    /// How many images it has.
    pub(super) fn images(&self) -> usize {
        self.turns.iter().map(|turn| turn.images.len()).sum()
    }

    /// The turns, with consecutive turns of one side merged. These come from replies that ended without a word, and the
    /// templates of many local models require that the sides alternate.
    pub(super) fn messages(&self) -> Vec<Message<'_>> {
        let mut messages: Vec<Message<'_>> = Vec::with_capacity(self.turns.len());
        for turn in &self.turns {
            let role = turn.role.name();
            match messages.last_mut() {
                Some(last) if last.role == role => {
                    let content = last.content.to_mut();
                    content.push_str("\n\n");
                    content.push_str(&turn.text);
                    last.images.extend(turn.images.iter().map(|picture| &**picture));
                }
                _ => messages.push(Message {
                    role,
                    content: Cow::Borrowed(&turn.text),
                    images: turn.images.iter().map(|picture| &**picture).collect(),
                }),
            }
        }
        messages
    }

    /// The merged turns after the system prompt as a message of its own, for the servers that take it so.
    pub(super) fn with_system(&self) -> Vec<Message<'_>> {
        let system = Message { role: "system", content: Cow::Borrowed(&self.system), images: Vec::new() };
        let system = Some(system).filter(|system| !system.content.is_empty());
        system.into_iter().chain(self.messages()).collect()
    }
}
