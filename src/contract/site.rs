//! Sites: places where visitors come from, with their settings, as admins read and write them.

use crate::event::Cursor;
use crate::model::{AssignmentState, ConversationId, Message, MessageId, Named, Parameters, SiteId, VisitorId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The characters of one of a site's texts, at most: a paragraph.
pub const MAX_TEXT: usize = 2_000;

/// Who answers first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnsweredBy {
    #[default]
    Assistant,
    /// People only.
    Agents,
}

/// How agents are called before visitors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentNames {
    #[default]
    Name,
    /// The first word of the name.
    First,
    /// By the site's title.
    Team,
}

macro_rules! names {
    ($kind:ty, $($name:literal => $value:expr),+) => {
        impl $kind {
            pub fn name(self) -> &'static str {
                $(if self == $value { return $name; })+
                ""
            }

            /// Reads what was stored. One that this version does not know is the usual one.
            pub fn of(text: &str) -> Self {
                match text {
                    $($name => $value,)+
                    _ => Self::default(),
                }
            }
        }
    };
}

names!(AnsweredBy, "assistant" => Self::Assistant, "agents" => Self::Agents);
names!(AgentNames, "name" => Self::Name, "first" => Self::First, "team" => Self::Team);

/// The sentences that visitors are shown. Each has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Texts {
    pub greeting: String,
    /// Before the first message. Leaving it out takes `without_notice`.
    pub notice: String,
    pub waiting: String,
    /// `{name}` is the agent.
    pub joined: String,
    pub back: String,
    pub away: String,
    pub closed: String,
    pub failed: String,
    pub busy: String,
    /// Why visitors need not be told that an AI answers; empty: they are told.
    pub without_notice: String,
}

impl Default for Texts {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            greeting: text("How can we help?"),
            notice: text(
                "You are talking to an AI. It can be wrong. A person can take over. What you write is sent to the provider of \
                 the model.",
            ),
            waiting: text("A person of the team will answer here."),
            joined: text("{name} is answering now."),
            back: text("The assistant answers again."),
            away: text("Nobody of the team is here at the moment."),
            closed: text("This conversation is closed."),
            failed: text("That did not work. Try again, or ask for a person."),
            busy: text("This takes a little longer than usual."),
            without_notice: String::new(),
        }
    }
}

/// When a person is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Handoff {
    /// Whether visitors have a button for it.
    pub button: bool,
    /// After this time a visitor can go on with the assistant.
    pub wait_seconds: u32,
    /// How often a visitor can ask in an hour.
    pub per_hour: u32,
    /// How many conversations of the site can wait.
    pub waiting: u32,
}

impl Default for Handoff {
    fn default() -> Self {
        Self { button: true, wait_seconds: 120, per_hour: 3, waiting: 200 }
    }
}

/// What one visitor may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct VisitorLimits {
    /// Messages.
    pub minute: u32,
    pub day: u32,
    /// Of one message.
    pub characters: u32,
    pub conversations: u32,
}

impl Default for VisitorLimits {
    fn default() -> Self {
        Self { minute: 8, day: 60, characters: 4_000, conversations: 20 }
    }
}

/// What all visitors of one network may write: an office, or a mobile carrier, is one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct NetworkLimits {
    /// Messages.
    pub minute: u32,
    /// New visitors in a minute.
    pub new: u32,
}

impl Default for NetworkLimits {
    fn default() -> Self {
        Self { minute: 60, new: 20 }
    }
}

/// The limits of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct SiteLimits {
    pub visitor: VisitorLimits,
    pub network: NetworkLimits,
    /// Open replies of the site.
    pub open: u32,
    /// Of all its conversations, in UTC. None: no limit.
    pub tokens_per_day: Option<u64>,
    /// In millionths of a dollar. None: no limit. Without a price for the model it cannot be kept.
    pub micros_per_day: Option<u64>,
    /// The last messages that the model is told.
    pub turns: u32,
    pub max_output_tokens: u32,
}

impl Default for SiteLimits {
    fn default() -> Self {
        Self {
            visitor: VisitorLimits::default(),
            network: NetworkLimits::default(),
            open: 60,
            tokens_per_day: Some(2_000_000),
            micros_per_day: Some(20_000_000),
            turns: 20,
            max_output_tokens: 800,
        }
    }
}

/// A site with its settings, as admins see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Site {
    pub id: SiteId,
    /// For agents and admins.
    pub name: String,
    /// For visitors.
    pub title: String,
    pub answered_by: AnsweredBy,
    /// `provider/model`; null: the default model of the day.
    pub model: Option<String>,
    /// The instructions of the model.
    pub system: String,
    pub parameters: Parameters,
    pub texts: Texts,
    pub handoff: Handoff,
    pub limits: SiteLimits,
    pub agent_names: AgentNames,
    /// Conversations are deleted this long after their last message; null: never.
    pub retention_days: Option<u32>,
    pub is_disabled: bool,
    pub created_at: String,
}

/// What changes of a site; what is left out stays, or is the default of a new one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SiteChanges {
    #[schema(max_length = 100, pattern = r"\S")]
    pub name: Option<String>,
    #[schema(max_length = 100, pattern = r"\S")]
    pub title: Option<String>,
    pub answered_by: Option<AnsweredBy>,
    /// `provider/model`; empty: the default model of the day.
    #[schema(max_length = 200)]
    pub model: Option<String>,
    #[schema(max_length = 32_000)]
    pub system: Option<String>,
    pub parameters: Option<Parameters>,
    pub texts: Option<Texts>,
    pub handoff: Option<Handoff>,
    pub limits: Option<SiteLimits>,
    pub agent_names: Option<AgentNames>,
    /// 0: never.
    pub retention_days: Option<u32>,
    pub is_disabled: Option<bool>,
}

/// A site as its agents see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SiteName {
    pub id: SiteId,
    pub name: String,
    pub title: String,
}

/// The messages that a send created in a conversation of a site. `reply` is null where no model answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Said {
    pub message: Message,
    pub reply: Option<Message>,
    pub cursor: Cursor,
}

/// The newest message of a conversation, shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastMessage {
    pub role: crate::model::Role,
    /// Its first 200 characters.
    pub text: String,
    pub at: String,
    pub position: u64,
}

/// A conversation in the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InboxRow {
    pub conversation: ConversationId,
    pub site: SiteId,
    pub title: String,
    pub state: AssignmentState,
    pub agent: Option<Named>,
    pub number: u64,
    pub version: u64,
    pub waiting_since: Option<String>,
    pub visitor: VisitorId,
    /// How the visitor is called.
    pub name: String,
    pub last: LastMessage,
}

/// A change of who answers, as an agent asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// `agent` takes it over, or gives it to `agent`; `assistant` hands it back to the model; `waiting` releases it; `closed`
    /// closes it.
    pub to: AssignmentState,
    /// The number of changes that the caller has seen. Needed to take from a colleague, to hand back and to release.
    #[serde(default)]
    pub number: Option<u64>,
    /// The last message that the caller has seen. Needed to hand back and to close: where the visitor has written since, 409.
    #[serde(default)]
    pub expect: Option<MessageId>,
    /// The colleague it is given to; the caller where absent.
    #[serde(default)]
    pub agent: Option<crate::model::AccountId>,
    /// With `assistant`: what the model is told from here on.
    #[serde(default)]
    #[schema(max_length = 2_000)]
    pub instruction: Option<String>,
    /// With `assistant`: whether the model answers at once what nobody has answered.
    #[serde(default)]
    pub answer_now: bool,
}

/// Who answers now, and the reply that has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Assigned {
    pub assignment: crate::model::Assignment,
    pub reply: Option<Message>,
}
