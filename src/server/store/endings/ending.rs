//! The end of a reply.

use crate::model::{ConversationId, MessageId, ReplyError, Status, Usage};

/// How a reply ended.
#[derive(Clone, Debug)]
pub struct Ending {
    pub reply: MessageId,
    pub conversation: ConversationId,
    pub status: Status,
    pub text: String,
    pub thinking: String,
    pub thinking_ms: Option<u64>,
    pub usage: Option<Usage>,
    pub stop_reason: Option<String>,
    pub error: Option<ReplyError>,
    pub first_piece_at: Option<String>,
    pub finished_at: String,
}
