//! How a conversation stands in a list.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a conversation stands in one account's list. In a list, what is not told is not so; in an event, it is as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// Whether a reply is being written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// Whether a reply has ended that the account has not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
    /// Whether the account has pinned it to the top of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Whether the account has put it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

impl Standing {
    pub(super) fn is_untold(&self) -> bool {
        *self == Self::default()
    }

    /// For a list: only what is so.
    pub fn told(self) -> Self {
        let so = |is_so: Option<bool>| is_so.filter(|is_so| *is_so);
        let Self { running, unread, pinned, archived } = self;
        Self { running: so(running), unread: so(unread), pinned: so(pinned), archived: so(archived) }
    }

    /// After an event that says `self` of what stood as `before`.
    pub fn after(self, before: Self) -> Self {
        Self {
            running: self.running.or(before.running),
            unread: self.unread.or(before.unread),
            pinned: self.pinned.or(before.pinned),
            archived: self.archived.or(before.archived),
        }
    }
}
