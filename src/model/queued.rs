//! A message that waits for the end of a reply.

use super::{MessageId, Named};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A message that is sent when the reply that is being written is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queued {
    /// The message's id once it is sent.
    pub id: MessageId,
    pub author: Named,
    pub text: String,
    /// The model that is to answer; none: the conversation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    pub created_at: String,
    /// Why it could not be sent, as a sentence. It waits for its author then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}
