//! The plain data that server and browser both know: conversations, messages, their ids.
//!
//! Types without behaviour. The field names are the public JSON (see docs/api.md).

mod assignment;
pub mod preferences;
mod queued;
mod standing;

pub use assignment::{Assignment, AssignmentState, Inside};
pub use preferences::Preferences;
pub use queued::Queued;
pub use standing::Standing;

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id: a UUID v7, so that ids made later sort later.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// Who owns conversations.
    AccountId
);
id!(ConversationId);
id!(
    /// A message's id. A reply is a message, so this is a reply's id too.
    MessageId
);

id!(
    /// An image's id: of one upload. The same bytes uploaded again have another.
    ImageId
);

id!(
    /// A site's id: a place where visitors come from.
    SiteId
);
id!(
    /// A visitor's id. The visitor's account has another.
    VisitorId
);

impl MessageId {
    /// The time in the id, in milliseconds since 1970 by the clock of the process that made it: a UUID v7 begins with
    /// it.
    pub fn made_at_ms(self) -> u64 {
        (self.0.as_u128() >> 80) as u64
    }
}

/// An account by its name: who wrote a message, whose a conversation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Named {
    pub id: AccountId,
    pub name: String,
}

/// A viewer's access to a conversation. Of an ordinary conversation's it is in ascending order: each level includes the
/// ones before it. `Visitor` and `Agent` are those of a site's conversations, and include none of the others' rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Writes on a site.
    Visitor,
    /// Answers on a site.
    Agent,
    /// Reads.
    Reader,
    /// Sends, stops, retries, continues.
    Participant,
    /// Renames it, changes its settings, shares it, deletes it.
    #[default]
    Owner,
}

impl Access {
    pub fn name(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Agent => "agent",
            Self::Reader => "reader",
            Self::Participant => "participant",
            Self::Owner => "owner",
        }
    }
}

/// An ordered tree of messages with one owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    pub id: ConversationId,
    /// Empty until the first message names it.
    pub title: String,
    /// The model that answers here, as `provider/model`.
    pub model: String,
    /// The system prompt; empty for none.
    pub system: String,
    #[serde(default)]
    pub parameters: Parameters,
    /// The owner, if others have access as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Named>,
    pub created_at: String,
    /// When its last message was sent. Lists are sorted by it.
    pub updated_at: String,
    /// The messages that wait for the end of the open reply, in their order. What is not told is as it was; not told to lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Vec<Queued>>,
    /// How it stands in the account's list; only told there.
    #[serde(default, skip_serializing_if = "Standing::is_untold")]
    pub standing: Standing,
}

/// The model's parameters. One that is not set is not sent, and the provider decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Parameters {
    /// The sampling temperature, from 0 up to [`Parameters::MAX_TEMPERATURE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// The maximum number of tokens of a reply, thinking included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_output_tokens: Option<u32>,
    /// The thinking effort: one of [`Parameters::EFFORTS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(none|minimal|low|medium|high|xhigh|max)$")]
    pub effort: Option<String>,
}

impl Parameters {
    /// The maximum of OpenAI and Google. Others allow 1, and refuse more themselves.
    pub const MAX_TEMPERATURE: f64 = 2.0;
    /// No model writes half as much; more is a typing error.
    pub const MAX_OUTPUT_TOKENS: u32 = 1_000_000;
    /// Every value that a provider has. The provider refuses those that a model does not support.
    pub const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    User,
    Assistant,
    /// A person who answers on a site.
    Agent,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Agent => "agent",
        }
    }
}

/// The state of a reply: `streaming`, then exactly one of the others. A user's message is `done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Streaming,
    Done,
    Stopped,
    Interrupted,
    Failed,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }

    pub fn is_open(self) -> bool {
        self == Self::Streaming
    }
}

/// A message of a user or a model. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    pub id: MessageId,
    /// The message that this one answers; none for the first.
    pub parent: Option<MessageId>,
    pub role: Role,
    /// The author, for a user's or an agent's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Named>,
    pub text: String,
    /// The model's thinking before the answer, if the provider shows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thinking: String,
    /// How long it has thought, in milliseconds; none if it did not think, or if the duration is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_ms: Option<u64>,
    /// When the current stretch of thinking began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_since: Option<String>,
    pub status: Status,
    pub model: Option<String>,
    /// The model that was asked first, if it could not answer and `model` was asked instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// The images that the user attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// How many of the conversation's first messages the model was not shown, because it cannot read so much.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u32,
    /// How many of the conversation's images the model was not shown.
    #[serde(default, skip_serializing_if = "is_none")]
    pub images_left_out: u32,
    pub usage: Option<Usage>,
    /// Why the model ended, as named by the provider.
    pub stop_reason: Option<String>,
    pub error: Option<ReplyError>,
    pub created_at: String,
    pub finished_at: Option<String>,
    /// Which of the message's versions it is. If there is only one, and outside snapshots and lists
    /// of messages: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<Versions>,
}

/// The messages that answer the same one, in the order in which they were made: a question that was changed, a reply that was
/// tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Versions {
    /// Counted from 1.
    pub number: u32,
    pub count: u32,
}

/// The default is omitted in JSON.
pub(crate) fn is_none(count: &u32) -> bool {
    *count == 0
}

impl Message {
    /// A new message of a user.
    pub fn said(id: MessageId, parent: Option<MessageId>, text: String, now: String) -> Self {
        let finished_at = Some(now.clone());
        Self {
            role: Role::User,
            text,
            status: Status::Done,
            model: None,
            finished_at,
            ..Self::opened(id, parent, "", now)
        }
    }

    /// A new reply, open.
    pub fn opened(id: MessageId, parent: Option<MessageId>, model: &str, now: String) -> Self {
        Self {
            id,
            parent,
            role: Role::Assistant,
            author: None,
            text: String::new(),
            thinking: String::new(),
            thinking_ms: None,
            thinking_since: None,
            status: Status::Streaming,
            model: Some(model.to_owned()),
            images: Vec::new(),
            asked: None,
            left_out: 0,
            images_left_out: 0,
            usage: None,
            stop_reason: None,
            error: None,
            created_at: now,
            finished_at: None,
            versions: None,
        }
    }
}

/// An uploaded image, without its bytes, which are at `/api/v1/images/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Image {
    pub id: ImageId,
    /// The file's name.
    pub name: String,
    /// In pixels.
    pub width: u32,
    pub height: u32,
}

impl Image {
    /// The maximum per message. Mistral accepts no more in a request, and more are hard to view together.
    pub const MAX_PER_MESSAGE: usize = 8;
    /// The file size of a phone's best photo, with a margin.
    pub const MAX_UPLOAD_BYTES: usize = 12 << 20;
}

/// The usage of a reply, in the provider's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Whether the counts are an estimate, because the provider reported none or not all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// In millionths of a dollar; none if the settings have no price for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
}

impl Usage {
    /// The sum of both. A usage without a price adds nothing to the sum's price.
    pub fn plus(self, more: Self) -> Self {
        let costs = self.cost_micros.into_iter().chain(more.cost_micros);
        Self {
            input_tokens: self.input_tokens + more.input_tokens,
            output_tokens: self.output_tokens + more.output_tokens,
            estimated: self.estimated || more.estimated,
            cost_micros: costs.reduce(|sum, cost| sum + cost),
        }
    }
}

/// Why a reply failed: a code for programs, a sentence for users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplyError {
    /// Of the provider: `unreachable`, `untrusted`, `timeout`, `upstream_reset`, `truncated`, `empty` (the model ended without an
    /// answer), `rate_limited`, `overloaded`, `server`, `unauthorized`, `quota`, `model_not_found`, `conversation_too_long`,
    /// `bad_request`, `protocol`. Of Rivulet: `too_long`, `not_saved`, `internal`. More may follow.
    pub kind: String,
    pub message: String,
    /// Whether a retry may succeed.
    pub retryable: bool,
    pub retry_after_ms: Option<u64>,
}

/// A model that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// `provider/model`.
    pub id: String,
    pub name: String,
    pub provider: String,
    pub default: bool,
    /// Whether it accepts images.
    #[serde(default)]
    pub images: bool,
}
