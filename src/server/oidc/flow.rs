//! One attempt to sign in, from the button to the callback. It is stored only in a cookie of its own, so that a restart
//! in between harms nobody, no attempt fills the database, and several tabs do not interfere.
//!
//! The state, the nonce and the verifier (PKCE) are hashes of the whole cookie: an answer with this state belongs to a
//! flow that a browser with this cookie began, for this purpose.

use crate::error::Problem;
use crate::model::AccountId;
use crate::server::secret::{self, Hash};

/// How long signing in at the issuer may take, including finding the phone for the second factor.
pub const MINUTES: u64 = 10;

/// The purpose of the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignIn {
        invitation: Option<Hash>,
    },
    /// To link the identity to this account. A session is not enough, and the browser can forge the cookie: the proof
    /// shows that the password was given.
    Link(AccountId, Hash),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    secret: String,
    /// In seconds since 1970.
    began: i64,
    pub purpose: Purpose,
    /// The path to open afterwards.
    pub next: String,
}

/// A separator that is valid in a cookie and in no path of ours.
const SEPARATOR: char = '|';

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

impl Flow {
    pub fn new(purpose: Purpose, next: &str) -> Result<Self, Problem> {
        Ok(Self { secret: secret::new()?, began: now(), purpose, next: next.to_owned() })
    }

    /// The cookie's value.
    pub fn cookie(&self) -> String {
        let purpose = match self.purpose {
            Purpose::SignIn { invitation: None } => "in".to_owned(),
            Purpose::SignIn { invitation: Some(invitation) } => format!("in:{invitation}"),
            Purpose::Link(account, proof) => format!("link:{account}/{proof}"),
        };
        let Self { secret, began, next, .. } = self;
        format!("{secret}{SEPARATOR}{began}{SEPARATOR}{purpose}{SEPARATOR}{next}")
    }

    /// Reads what [`Flow::cookie`] wrote. None where it has expired or is invalid.
    pub fn of_cookie(cookie: &str) -> Option<Self> {
        let mut parts = cookie.splitn(4, SEPARATOR);
        let (secret, began, purpose, next) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let purpose = match purpose.split_once(':') {
            None if purpose == "in" => Purpose::SignIn { invitation: None },
            Some(("in", invitation)) => Purpose::SignIn { invitation: Some(Hash::parse(invitation)?) },
            Some(("link", link)) => {
                let (account, proof) = link.split_once('/')?;
                Purpose::Link(account.parse().ok()?, Hash::parse(proof)?)
            }
            _ => return None,
        };
        let began = began.parse().ok().filter(|began| (0..60 * MINUTES as i64).contains(&(now() - began)))?;
        Some(Self { secret: secret.to_owned(), began, purpose, next: next.to_owned() })
    }

    pub fn state(&self) -> String {
        self.derived("state")
    }

    pub(super) fn nonce(&self) -> String {
        self.derived("nonce")
    }

    pub(super) fn verifier(&self) -> String {
        self.derived("verifier")
    }

    fn derived(&self, what: &str) -> String {
        Hash::of(&format!("{what}{SEPARATOR}{}", self.cookie())).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_comes_back_from_its_cookie_and_whatever_is_changed_in_it_changes_its_state() {
        let purposes = [
            Purpose::SignIn { invitation: None },
            Purpose::SignIn { invitation: Some(Hash::of("x")) },
            Purpose::Link(AccountId::new(), Hash::of("x")),
        ];
        for purpose in purposes {
            let flow = Flow::new(purpose, "/c/1").unwrap();
            assert_eq!(Flow::of_cookie(&flow.cookie()), Some(flow.clone()));
            let other = Flow { next: "/c/2".into(), ..flow.clone() };
            assert_ne!(other.state(), flow.state());
            let all = [flow.state(), flow.nonce(), flow.verifier()];
            assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
        }
    }

    #[test]
    fn a_flow_is_over_after_ten_minutes_and_not_begun_in_the_future() {
        for (age, open) in [(0, true), (599, true), (600, false), (-5, false)] {
            let flow = Flow { began: now() - age, ..Flow::new(Purpose::SignIn { invitation: None }, "/").unwrap() };
            assert_eq!(Flow::of_cookie(&flow.cookie()).is_some(), open, "{age}");
        }
        for bad in ["", "|||", "a|1|in|/", "a|b|c|d", "a|9999999999|out|/"] {
            assert_eq!(Flow::of_cookie(bad), None, "{bad}");
        }
    }
}
