//! Limits that no setting controls. Kept together and as fields, so that tests can make them small.

use std::time::Duration;

/// The largest request body: a message of 32,000 four-byte characters, written as JSON, with room to spare.
pub const MAX_BODY_BYTES: usize = 256 << 10;

/// Paths where images are uploaded. Bodies may be larger there, and may take longer.
pub const UPLOADS: &str = "/api/v1/images";

/// Model ids are short; this bounds what is stored and shown.
pub const MAX_MODEL: usize = 200;

/// Time over which the server closes its sockets when it drains: stock clients reconnect after one second, and would
/// otherwise all do so in the same moment.
pub const SPREAD: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long writing a reply's end is retried before its viewers are told that it is not saved yet. They have the
    /// text already, and wait for its end.
    pub end_write: Duration,
    /// The pause after the first failed attempt to write an end; it doubles ...
    pub shortest_pause: Duration,
    /// ... up to this: the longest delay until the end is saved once the disk has room again.
    pub longest_pause: Duration,
    /// How long another process on the same database gets to stop a reply before the reply is taken over.
    pub other_process_stop: Duration,
    /// A client that has not sent its request's head within this time is cut off (slow-loris).
    pub head_read: Duration,
    /// 256 KiB take 30 s at 70 kbit/s: anything slower is treated as an attack.
    pub body_read: Duration,
    /// An image is larger: 12 MiB take two minutes at 800 kbit/s, a phone at the edge of its network.
    pub upload_read: Duration,
    /// At least 64 KiB of an image have to arrive within any period of this length: 35 kbit/s.
    pub upload_stretch: Duration,
    /// Connections in all. A streaming one takes 12 KiB and a kernel buffer: some hundreds of MiB in total.
    pub connections: usize,
    /// A peer that acknowledges nothing, or reads nothing, for this long is disconnected. A stream sends something
    /// every 10 s, so a viewer that is cut off or has stopped reading is dropped within 30 s (promise S11).
    pub user_timeout: Duration,
    /// Replies and stateless answers in progress, of all accounts. Each takes 64 KiB at a usual length: some hundreds
    /// of MiB in total.
    pub open_replies: usize,
    /// How often to probe the store at most, however many ask: a balancer is told within a second.
    pub ready_again: Duration,
    /// How often to ask a local server for its models: a newly pulled model appears this soon.
    pub discovery: Duration,
    /// An OpenID Connect issuer that did not answer is not asked again sooner than this, nor is any for new keys.
    pub issuer_again: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            end_write: Duration::from_secs(10),
            shortest_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(15),
            other_process_stop: Duration::from_secs(5),
            head_read: Duration::from_secs(10),
            body_read: Duration::from_secs(30),
            upload_read: Duration::from_secs(120),
            upload_stretch: Duration::from_secs(15),
            connections: 20_000,
            user_timeout: Duration::from_secs(20),
            open_replies: 5_000,
            ready_again: Duration::from_secs(1),
            discovery: Duration::from_secs(60),
            issuer_again: Duration::from_secs(10),
        }
    }
}
