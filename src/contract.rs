//! The requests and answers of the server functions and the REST API, beyond the model and its events. Shared by both
//! sides.

pub mod object;
pub mod site;

use crate::error::Problem;
use crate::event::{Cursor, List, Snapshot};
use crate::model::{AccountId, ConversationId, Message, MessageId, Model, Parameters, Usage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The characters of a message, at most. About fifty pages: more is a file, not a message.
pub const MAX_MESSAGE: usize = 32_000;

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

/// Where the caller wants a conversation in the list; `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Placement {
    /// At the top of the list.
    #[serde(default)]
    pub pinned: Option<bool>,
    /// Out of the list, among those that were put away.
    #[serde(default)]
    pub archived: Option<bool>,
}

/// A new conversation that begins with what was said in another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fork {
    /// The new conversation's, chosen by the caller, which makes the request idempotent.
    #[serde(default)]
    pub id: Option<ConversationId>,
    /// The last message that is copied; none: the last reply that is shown.
    #[serde(default)]
    pub message: Option<MessageId>,
}

/// What an account chooses; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreferencesChange {
    #[serde(default)]
    #[schema(pattern = "^(auto|light|dark)$")]
    pub theme: Option<String>,
    #[serde(default)]
    #[schema(pattern = "^(normal|large|largest)$")]
    pub text: Option<String>,
    #[serde(default)]
    #[schema(pattern = "^(enter|ctrl)$")]
    pub send: Option<String>,
    #[serde(default)]
    #[schema(pattern = "^(all|end|nothing)$")]
    pub announced: Option<String>,
    /// Ids of models, `provider/model`. All of them together.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub favourites: Option<Vec<String>>,
    /// Empty for none.
    #[serde(default)]
    #[schema(max_length = 8_000)]
    pub instructions: Option<String>,
}

/// A message that is to wait for the end of the open reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Later {
    /// Chosen by the caller, which makes the request idempotent.
    #[serde(default)]
    pub id: Option<MessageId>,
    #[schema(max_length = 32_000, pattern = r"\S")]
    pub content: String,
    /// `provider/model`; none: the conversation's.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub model: Option<String>,
}

/// The usage, in tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// In the requested conversation.
    pub conversation: Option<Usage>,
    /// By the account today, in all its conversations.
    pub today: Usage,
}

/// What is known of a model, for those who choose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// `provider/model`.
    pub id: String,
    /// How much it reads and what it costs, in a few words; empty where neither is known.
    pub about: String,
}

/// A place where the words of a search are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub conversation: ConversationId,
    pub title: String,
    /// The text around the first of the words; none where they are in the title.
    pub excerpt: Option<String>,
}

/// The places that a search has found, the newest conversation first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FoundList {
    pub hits: Vec<Found>,
    /// Whether there may be more.
    pub has_more: bool,
}

/// What every page of the app shows around the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Home {
    /// The first page of the caller's conversations. A failure leaves the other parts unaffected.
    pub list: Result<List, Problem>,
    /// The models that can be chosen.
    pub models: Vec<Model>,
    pub me: Option<Me>,
}

/// The caller's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub id: AccountId,
    /// None for a guest.
    pub name: Option<String>,
    /// For an agent of a site: how many conversations wait for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
}
