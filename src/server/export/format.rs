//! The formats of one exported conversation: Markdown, a page in one file, and JSON. Each is written piece by piece.

use super::{html, markdown};
use crate::model::AccountId;
use crate::server::store::conversations::Stored;
use crate::server::store::export::Placed;
use serde::Deserialize;
use serde_json::json;
use std::io;

/// What a conversation is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Markdown,
    Html,
    Json,
}

impl Format {
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
        }
    }

    pub(super) fn head(self, stored: &Stored) -> String {
        match self {
            Self::Markdown => markdown::head(stored),
            Self::Html => html::head(stored),
            Self::Json => format!("{{\"conversation\":{},\n\"messages\":[\n", about(stored)),
        }
    }

    /// Some messages, as `account` sees them. `is_first`: none was written before.
    pub(super) fn messages(self, account: AccountId, page: &[Placed], is_first: bool) -> io::Result<String> {
        let mut text = String::new();
        for (index, Placed { position, parent, message }) in page.iter().enumerate() {
            let place = markdown::Numbered { number: *position, answers: *parent };
            match self {
                Self::Markdown => {
                    let images: Vec<_> = message.images.iter().map(|image| (image, None)).collect();
                    text.push_str(&markdown::message(account, place, message, &images));
                }
                Self::Html => html::message(&mut text, account, &place, message),
                Self::Json => {
                    text.push_str(if is_first && index == 0 { "" } else { ",\n" });
                    text.push_str(&serde_json::to_string(message)?);
                }
            }
        }
        Ok(text)
    }

    pub(super) fn end(self) -> &'static str {
        match self {
            Self::Markdown => "",
            Self::Html => html::END,
            Self::Json => "\n]}\n",
        }
    }
}

/// All that is known of a conversation beside its messages.
pub(super) fn about(stored: &Stored) -> serde_json::Value {
    json!({
        "id": stored.id, "title": stored.title, "model": stored.model, "system": stored.system,
        "parameters": stored.parameters, "created_at": stored.created_at, "updated_at": stored.updated_at,
    })
}
