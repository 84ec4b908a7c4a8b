//! Limits in time that no setting decides. Together and as fields, so that tests can shorten them.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How long a reply's end is tried to be written before its viewers are told that it is not saved yet. They have the
    /// text already, and wait for its end.
    pub end_write: Duration,
    /// The pause after the first try to write an end; it doubles ...
    pub shortest_pause: Duration,
    /// ... up to this: so long after the disk has room again, the end is saved.
    pub longest_pause: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            end_write: Duration::from_secs(10),
            shortest_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(15),
        }
    }
}
