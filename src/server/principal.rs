//! Who acts: an account with what it was recognised by, a viewer by whatever right, and what each of them is called and may
//! do. Data only; `session` finds out who it is.

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

/// An account, and what it was recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    pub account: AccountId,
    /// Whether it has no name yet.
    pub is_guest: bool,
    pub role: Role,
    pub by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    Session(Hash),
    Token(Hash, Scope),
}

impl Who {
    /// Whether what it was recognised by is for more than looking.
    pub fn may_write(&self) -> bool {
        !matches!(self.by, By::Token(_, Scope::Read))
    }
}

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

/// Somebody who reads along by a public link. Nothing else is known of them.
#[derive(Clone, Copy, Debug)]
pub struct Passerby {
    pub link: Hash,
    pub address: IpAddr,
}

/// Who looks, by whatever right.
#[derive(Clone, Copy, Debug)]
pub enum Looker {
    Known(Who),
    Passerby(Passerby),
}

impl Looker {
    pub fn viewer(self) -> Viewer {
        match self {
            Self::Known(who) => Viewer::Account(who.account),
            Self::Passerby(passerby) => Viewer::Public(passerby.link),
        }
    }
}

/// Whose page it is: what stands at its top.
#[derive(Clone, Debug)]
pub struct Owner {
    pub name: String,
    pub role: Role,
}
