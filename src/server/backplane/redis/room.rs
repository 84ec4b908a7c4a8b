//! Whether Redis has room: what it has refused for lack of memory, and how much of that is used.

use crate::server::sync::lock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A refusal counts for so long: by then it has been tried again.
const REMEMBERED: Duration = Duration::from_secs(3);
/// From this percentage of its memory on no further reply is opened. Those that are open go on in the rest.
const MOST: u64 = 90;

/// What is known of it.
#[derive(Default)]
pub(super) struct Room {
    refused: Mutex<Option<Instant>>,
    is_short: AtomicBool,
}

impl Room {
    /// Redis has refused something because its memory is full.
    pub(super) fn refused(&self) {
        let before = lock(&self.refused).replace(Instant::now());
        if before.is_none_or(|before| REMEMBERED <= before.elapsed()) {
            tracing::warn!(
                "Redis' memory is full: what this server cannot tell there the others read from the database"
            );
        }
    }

    /// Whether it has lately.
    pub(super) fn refuses(&self) -> bool {
        lock(&self.refused).is_some_and(|at| at.elapsed() < REMEMBERED)
    }

    /// Takes in an answer to `INFO memory`.
    pub(super) fn measured(&self, info: &str) {
        let is_short = is_short(info);
        if self.is_short.swap(is_short, Ordering::Relaxed) != is_short && is_short {
            tracing::warn!(
                "Redis has used {MOST} % of its memory (maxmemory): no further reply is begun until it has room"
            );
        }
    }

    /// Whether so much of the memory is used that no further reply is to be opened.
    pub(super) fn is_short(&self) -> bool {
        self.is_short.load(Ordering::Relaxed)
    }
}

/// From the answer to `INFO memory`. A server without a limit has room.
fn is_short(info: &str) -> bool {
    let field = |name: &str| {
        let mut fields = info.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(key, _)| *key == name).and_then(|(_, value)| value.trim().parse::<u64>().ok())
    };
    let (Some(used), Some(most @ 1..)) = (field("used_memory"), field("maxmemory")) else { return false };
    most.saturating_mul(MOST) / 100 <= used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_short_from_nine_tenths_on() {
        let info = |used: u64, most: u64| format!("# Memory\r\nused_memory:{used}\r\nmaxmemory:{most}\r\n");
        for (used, most, expected) in [(899, 1_000, false), (900, 1_000, true), (2_000, 1_000, true), (1, 0, false)] {
            assert_eq!(is_short(&info(used, most)), expected, "{used} of {most}");
        }
        assert!(!is_short(""), "it may not be asked for");
    }
}
