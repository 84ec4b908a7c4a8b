//! By what right somebody looks at a conversation.

use super::secret::Hash;
use crate::model::AccountId;

/// Who looks: an account that owns it or that it is shared with, or anybody by its public link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    Account(AccountId),
    Public(Hash),
}

impl From<AccountId> for Viewer {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}
