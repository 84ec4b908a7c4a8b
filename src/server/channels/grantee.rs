//! Signatures that Rivulet itself gives to an account. Each names the account and its credential, so that no process has
//! to remember whom it gave one: whichever has the socket looks up whether the credential still holds.
//!
//! `key:mac.grantee`. What is signed begins with another word than what a backend signs, and has the grantee in it: with
//! the grantee cut off or exchanged it is no signature, and never counts as a backend's own.

use super::{Name, PusherApp};
use crate::model::AccountId;
use crate::server::principal::{Credential, Principal};
use crate::server::secret::Hash;
use std::fmt;

/// The account that a signature was given to, and how the hash of its credential begins. All of the hash would make
/// every signature longer, and an account has a handful of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantee {
    pub account: AccountId,
    pub credential: Beginning,
}

/// How the hash of a credential begins, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    Session(String),
    Token(String),
}

/// Eight bytes of a hash, in hexadecimal.
const DIGITS: usize = 16;

impl Beginning {
    fn of(credential: Credential) -> Self {
        let digits = |hash: Hash| hash.to_string()[..DIGITS].to_owned();
        match credential {
            Credential::Session(hash) => Self::Session(digits(hash)),
            Credential::Token(hash, _) => Self::Token(digits(hash)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, digits) = text.split_at_checked(1)?;
        let digits = Some(digits.to_owned()).filter(|digits| digits.len() == DIGITS);
        match kind {
            "s" => digits.map(Self::Session),
            "t" => digits.map(Self::Token),
            _ => None,
        }
    }
}

impl fmt::Display for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(digits) => write!(f, "s{digits}"),
            Self::Token(digits) => write!(f, "t{digits}"),
        }
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.account, self.credential)
    }
}

impl Grantee {
    fn of(who: Principal) -> Self {
        Self { account: who.account, credential: Beginning::of(who.by) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (account, credential) = text.split_once('.')?;
        Some(Self { account: account.parse().ok()?, credential: Beginning::parse(credential)? })
    }
}

impl PusherApp {
    /// The `auth` that lets this socket subscribe to the channel for as long as the credential of `who` holds.
    pub fn grant(&self, socket: &str, channel: &Name, who: Principal) -> String {
        let grantee = Grantee::of(who).to_string();
        format!("{}:{}.{grantee}", self.key, self.sign(&granted(socket, channel, &grantee)))
    }

    /// Whom such a signature, without the key before it, was given to. None: it is none.
    pub fn granted(&self, socket: &str, channel: &Name, signature: &str) -> Option<Grantee> {
        let (mac, grantee) = signature.split_once('.')?;
        self.verify(&granted(socket, channel, grantee), mac).then(|| Grantee::parse(grantee)).flatten()
    }
}

/// No id of a socket begins like this, as every text does that a backend signs.
fn granted(socket: &str, channel: &Name, grantee: &str) -> String {
    format!("rivulet:{socket}:{}:{grantee}", channel.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::principal::{Role, Scope};

    fn principal(by: Credential) -> Principal {
        Principal { account: AccountId::new(), is_guest: false, role: Role::Member, by }
    }

    #[test]
    fn a_signature_says_whom_it_was_given_to() {
        let app = PusherApp::new("app", "key", "secret");
        let name = Name::parse("private-conversations.1").unwrap();
        let hash = Hash::of("x");
        let begins = hash.to_string()[..16].to_owned();
        for (by, credential) in [
            (Credential::Session(hash), Beginning::Session(begins.clone())),
            (Credential::Token(hash, Scope::Read), Beginning::Token(begins.clone())),
        ] {
            let who = principal(by);
            let auth = app.grant("1.2", &name, who);
            let signature = auth.strip_prefix("key:").unwrap();
            let grantee = Grantee { account: who.account, credential };
            assert_eq!(app.granted("1.2", &name, signature), Some(grantee));
            assert_eq!(app.granted("1.3", &name, signature), None, "another socket");
            assert_eq!(app.granted("1.2", &Name::parse("private-x").unwrap(), signature), None, "another channel");
        }
    }

    #[test]
    fn it_is_no_backends_signature_without_its_grantee_and_no_other_grantees() {
        let app = PusherApp::new("app", "key", "secret");
        let name = Name::parse("private-conversations.1").unwrap();
        let (ann, bob) = (principal(Credential::Session(Hash::of("a"))), principal(Credential::Session(Hash::of("b"))));
        let auth = app.grant("1.2", &name, ann);
        let (mac, grantee) = auth.strip_prefix("key:").unwrap().split_once('.').unwrap();
        for text in ["1.2:private-conversations.1", "rivulet:1.2:private-conversations.1"] {
            assert!(!app.verify(text, mac), "{text}");
        }
        assert!(!app.verify(&format!("1.2:private-conversations.1:{grantee}"), mac), "as a backend's with data");
        assert_eq!(app.granted("1.2", &name, &format!("{mac}.{}", Grantee::of(bob))), None);
        assert_eq!(app.granted("1.2", &name, mac), None);
        let backend = app.sign("1.2:private-conversations.1");
        assert_eq!(app.granted("1.2", &name, &format!("{backend}.{grantee}")), None, "nor the other way round");
    }
}
