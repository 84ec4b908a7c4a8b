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

    /// Whether these subscriptions are to be given up: what is published does not come by them.
    pub(super) fn is_silent(&self) -> bool {
        let times = lock(&self.0);
        let Some(begun) = times.begun else { return false };
        times.called.is_some_and(|called| times.heard.unwrap_or(begun).max(begun) + DEAF < called)
    }

    /// Whether this process hears, by the subscriptions that there are now: only what has come by them shows it.
    pub(super) fn is_deaf(&self) -> bool {
        let times = lock(&self.0);
        times.begun.is_none_or(|begun| times.heard.is_none_or(|heard| heard < begun)) || {
            drop(times);
            self.is_silent()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn who_has_not_heard_itself_by_the_present_subscriptions_is_deaf() {
        let echo = Echo::default();
        assert!(echo.is_deaf() && !echo.is_silent(), "there are none");
        let mut begun = Instant::now();
        echo.begin(Some(begun));
        echo.heard();
        assert!(!echo.is_deaf() && echo.heard_since(begun));
        for _ in 0..4 {
            advance(DEAF / 2).await;
            echo.called();
            assert!(!echo.is_deaf() && !echo.is_silent(), "one answer may be late");
            echo.heard();
        }
        advance(DEAF + DEAF / 4).await;
        assert!(!echo.is_silent(), "nothing was called");
        echo.called();
        assert!(echo.is_deaf() && echo.is_silent());
        // New subscriptions have time to be heard by, and until then nobody is called well.
        for _ in 0..3 {
            echo.begin(None);
            assert!(echo.is_deaf());
            begun = Instant::now();
            echo.begin(Some(begun));
            echo.called();
            assert!(echo.is_deaf() && !echo.is_silent() && !echo.heard_since(begun));
            advance(DEAF + DEAF / 4).await;
            echo.called();
            assert!(echo.is_deaf() && echo.is_silent());
        }
    }
}
