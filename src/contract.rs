//! The requests and answers of the server functions and the REST API, beyond the model and its events. Shared by both
//! sides.

pub mod object;

use crate::event::{Cursor, Snapshot};
use crate::model::{AccountId, Message, MessageId, Parameters, Usage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A conversation as a page needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    pub snapshot: Snapshot,
    /// The HTML of the finished messages that hold code, highlighted. The browser renders all others itself.
    pub highlighted: BTreeMap<MessageId, String>,
}

/// Messages from before those that a page shows, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    pub messages: Vec<Message>,
    /// Whether there are earlier ones.
    pub earlier: bool,
    pub highlighted: BTreeMap<MessageId, String>,
}

/// The messages that a send, a retry or a continue created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sent {
    /// The user's message that is being answered.
    pub message: Message,
    /// The reply, open.
    pub reply: Message,
    pub cursor: Cursor,
}

/// What changes in a conversation; `None` leaves a field as it is. All parameters are replaced together: one that is
/// not among the new ones is unset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Changes {
    #[serde(default)]
    #[schema(max_length = 200, pattern = r"\S")]
    pub title: Option<String>,
    /// `provider/model`.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub model: Option<String>,
    /// The system prompt; empty for none.
    #[serde(default)]
    #[schema(max_length = 32_000)]
    pub system: Option<String>,
    #[serde(default, deserialize_with = "object::optional")]
    pub parameters: Option<Parameters>,
}

/// The usage, in tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// In the requested conversation.
    pub conversation: Option<Usage>,
    /// By the account today, in all its conversations.
    pub today: Usage,
}

/// The caller's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub id: AccountId,
    /// None for a guest.
    pub name: Option<String>,
}
