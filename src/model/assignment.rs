//! Who answers a conversation of a site.

use super::{ConversationId, Named, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who answers. In `waiting`, `agent` and `closed` a visitor's message opens no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AssignmentState {
    /// The model.
    Assistant,
    /// Nobody yet: a person is awaited.
    Waiting,
    /// A person.
    Agent,
    Closed,
}

impl AssignmentState {
    pub const ALL: [Self; 4] = [Self::Assistant, Self::Waiting, Self::Agent, Self::Closed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::Waiting => "waiting",
            Self::Agent => "agent",
            Self::Closed => "closed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// Who answers a conversation of a site, as a viewer sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Assignment {
    pub state: AssignmentState,
    /// The agent, in state `agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Named>,
    /// Since when it is so.
    pub since: String,
    /// How many changes of state or agent there were. Of two, the one with the higher number is the newer.
    pub number: u64,
    /// For a visitor: the sentence that the site shows in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What only agents are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
}

/// What agents know of an assignment, and visitors do not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Inside {
    pub conversation: ConversationId,
    pub site: SiteId,
    /// When the visitor's first message came that nobody has answered.
    pub waiting_since: Option<String>,
    /// Why a person was asked for: `visitor`, `phrase`, `assistant`, `failure`, `limit`, `absence`, `site`.
    pub asked_by: Option<String>,
    /// Grows with each message, change, and end of a reply.
    pub version: u64,
}
