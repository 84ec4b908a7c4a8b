//! The end of a reply.

use crate::model::{ConversationId, MessageId, ReplyError, SiteId, Status, Usage};

/// How a reply ended.
#[derive(Clone, Debug)]
pub struct Ending {
    pub reply: MessageId,
    pub conversation: ConversationId,
    /// The site that pays; none: the account that asked.
    pub site: Option<SiteId>,
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
