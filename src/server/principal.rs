//! Principals: an account with its credential, a viewer with its right, and their names and roles. Data only; `session`
//! does the authentication.

pub mod asking;
mod name;
mod role;
mod sign_up;

pub use name::Name;
pub use role::{Role, Scope};
pub use sign_up::SignUp;

use super::secret::Hash;
use crate::model::AccountId;
use std::net::IpAddr;

/// An account, and the credential that it was authenticated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    pub account: AccountId,
    /// Whether it has no name yet.
    pub is_guest: bool,
    pub role: Role,
    pub by: Credential,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    Session(Hash),
    Token(Hash, Scope),
}

impl Principal {
    /// Whether the credential allows more than reading.
    pub fn may_write(&self) -> bool {
        !matches!(self.by, Credential::Token(_, Scope::Read))
    }
}

/// The identity of a viewer: an account that owns the conversation or that it is shared with, or a public link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViewerId {
    Account(AccountId),
    Public(Hash),
    /// Somebody who writes on a site, by the hash of what they are recognised by.
    Visitor(Hash),
    /// An account that answers on the conversation's site.
    Agent(AccountId),
}

impl From<AccountId> for ViewerId {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

/// A reader with the public link. Nothing else is known of them.
#[derive(Clone, Copy, Debug)]
pub struct LinkHolder {
    pub link: Hash,
    pub address: IpAddr,
}

/// A viewer, by any right.
#[derive(Clone, Copy, Debug)]
pub enum Viewer {
    Known(Principal),
    ByLink(LinkHolder),
}

impl Viewer {
    pub fn id(self) -> ViewerId {
        match self {
            Self::Known(who) => ViewerId::Account(who.account),
            Self::ByLink(holder) => ViewerId::Public(holder.link),
        }
    }
}

/// The owner of a page: shown at its top.
#[derive(Clone, Debug)]
pub struct Owner {
    pub name: String,
    pub role: Role,
}
