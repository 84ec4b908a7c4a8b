//! A visitor's request, and who sends it.

use crate::contract::site::Site;
use crate::model::{AccountId, ConversationId, MessageId, VisitorId};
use crate::server::address::Network;
use crate::server::quota::Quota;
use crate::server::secret::Hash;
use crate::server::store::desk::entering::NewVisitor;
use crate::server::store::desk::visitors::Visitor;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Replies that a visitor may have open.
const OPEN_REPLIES: u32 = 1;

/// A visitor's request.
#[derive(Clone)]
pub struct Call {
    pub site: Arc<Site>,
    pub token: Hash,
    /// None: nobody is known by this token yet.
    pub visitor: Option<Visitor>,
    pub network: Network,
}

/// What a visitor says.
#[derive(Clone)]
pub struct VisitorSays {
    pub conversation: ConversationId,
    pub id: MessageId,
    pub text: String,
    /// It begins the conversation.
    pub begins: Option<NewVisitor>,
}

/// Who the visitor is, or will be.
#[derive(Clone, Copy)]
pub(super) struct Who {
    pub(super) visitor: VisitorId,
    pub(super) account: AccountId,
    pub(super) is_new: bool,
}

impl Call {
    pub(super) fn who(&self) -> Who {
        match &self.visitor {
            Some(known) => Who { visitor: known.id, account: known.account, is_new: false },
            None => Who { visitor: VisitorId::new(), account: AccountId::new(), is_new: true },
        }
    }

    pub(super) fn quota(&self) -> Quota {
        Quota { sends_per_minute: Some(self.minute()), open_replies: Some(OPEN_REPLIES), ..Quota::default() }
    }

    pub(super) fn minute(&self) -> NonZeroU32 {
        NonZeroU32::new(self.site.limits.visitor.minute).unwrap_or(NonZeroU32::MIN)
    }
}
