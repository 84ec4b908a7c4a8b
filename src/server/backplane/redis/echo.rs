//! Whether this process hears itself, and what it wants to hear.

use crate::server::sync::lock;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Without hearing itself for this long a process is deaf.
pub(super) const DEAF: Duration = Duration::from_secs(2);

/// What is asked of the task that keeps the subscriptions.
pub(super) enum Ask {
    Subscribe(String, oneshot::Sender<()>),
    Unsubscribe(String),
}

impl Ask {
    pub(super) fn channel(&self) -> &str {
        match self {
            Self::Subscribe(channel, _) | Self::Unsubscribe(channel) => channel,
        }
    }

    pub(super) fn is_subscription(&self) -> bool {
        matches!(self, Self::Subscribe(..))
    }
}

/// When this process last published to itself, and when it heard that.
#[derive(Default)]
pub(super) struct Echo(Mutex<Times>);

#[derive(Default)]
struct Times {
    called: Option<Instant>,
    heard: Option<Instant>,
    /// When the subscriptions were made; none while there are none.
    begun: Option<Instant>,
}

impl Echo {
    pub(super) fn called(&self) {
        lock(&self.0).called = Some(Instant::now());
    }

    pub(super) fn heard(&self) {
        lock(&self.0).heard = Some(Instant::now());
    }

    pub(super) fn begin(&self, begun: Option<Instant>) {
        lock(&self.0).begun = begun;
    }

    /// Whether this process has heard itself after that moment, on the subscriptions that there are.
    pub(super) fn heard_since(&self, moment: Instant) -> bool {
        let times = lock(&self.0);
        times.begun.is_some_and(|begun| Some(begun.max(moment)) <= times.heard)
    }

    /// Whether what is published does not come.
    pub(super) fn is_deaf(&self) -> bool {
        let times = lock(&self.0);
        let Some(begun) = times.begun else { return true };
        times.called.is_some_and(|called| times.heard.unwrap_or(begun).max(begun) + DEAF < called)
    }
}
