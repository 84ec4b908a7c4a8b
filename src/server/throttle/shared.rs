//! Tries that all nodes count together.

use super::{FIRST_DELAY, Key, Throttle};
use crate::server::backplane::redis::{Tried, Tries};
use crate::server::secret::Hash;
use std::time::Duration;

impl Throttle {
    /// Asks Redis: for how long it has to wait. None: there is no Redis, or no answer.
    pub(super) async fn asked(&self, what: Tries, keys: &[Key]) -> Option<Duration> {
        let redis = self.redis.as_ref()?;
        let tried: Vec<_> = keys.iter().map(Key::tried).collect();
        redis.tries(what, FIRST_DELAY, &tried).await.ok()
    }
}

impl Key {
    /// What it is, so that no two are the same.
    fn words(&self) -> String {
        match self {
            Self::Account(name) => format!("account {name}"),
            Self::Browser(name, browser) => format!("browser {browser} {name}"),
            Self::Network(network) => format!("network {network:?}"),
            Self::Links(network) => format!("links {network:?}"),
            Self::Names(network) => format!("names {network:?}"),
            Self::Everybody => "everybody".into(),
        }
    }

    fn tried(&self) -> Tried {
        let rule = self.rule();
        // Hashed: names, and what was typed in place of one, are nobody else's business.
        let key = format!("t:{}", Hash::of(&self.words()));
        Tried { key, free: rule.free, longest: rule.longest, forget: rule.forget, resets: self.resets() }
    }
}
