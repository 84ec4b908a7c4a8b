//! The id of a socket: two numbers, as the protocol requires.
//!
//! The second is derived from the first with the secret, so that every process of the app can tell its sockets from
//! invented ids.

use crate::error::Problem;
use crate::server::channels::PusherApp;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId {
    /// Random: a signature is given for an id, so none may ever be used again.
    number: u64,
    check: u64,
}

impl SocketId {
    pub(super) fn new(app: &PusherApp) -> Result<Self, Problem> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| {
            tracing::error!(%error, "The system has no random numbers");
            Problem::Internal
        })?;
        Ok(Self::of(u64::from_le_bytes(bytes), app))
    }

    fn of(number: u64, app: &PusherApp) -> Self {
        // No channel's signature begins like this, so neither can be had by asking for the other.
        let digits = app.sign(&format!("socket:{number}"));
        let check = u64::from_str_radix(&digits[..16], 16).expect("a signature is hexadecimal");
        Self { number, check }
    }

    /// Parses an id that a server of this app has given.
    pub fn parse(text: &str, app: &PusherApp) -> Option<Self> {
        let (number, check) = text.split_once('.')?;
        let id = Self::of(number.parse().ok()?, app);
        (Some(id.check) == check.parse().ok()).then_some(id)
    }

    /// Whether a text is an id at all.
    pub fn is_one(text: &str) -> bool {
        let digits = |part: &str| (1..=20).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        text.split_once('.').is_some_and(|(number, check)| digits(number) && digits(check))
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.number, self.check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_knows_its_own_ids() {
        let app = PusherApp::new("app", "key", "secret");
        let id = SocketId::new(&app).unwrap();
        assert!(SocketId::is_one(&id.to_string()));
        assert_eq!(SocketId::parse(&id.to_string(), &app), Some(id));
        assert_eq!(SocketId::parse("1234.1234", &app), None);
        assert_eq!(SocketId::parse(&id.to_string(), &PusherApp::new("app", "key", "another")), None);
        for wrong in ["", ".", "1.", "1.x", "1.2.3", "-1.2", "1234.1234:private-x"] {
            assert!(!SocketId::is_one(wrong), "{wrong}");
        }
    }
}
