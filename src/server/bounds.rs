//! Limits that no setting decides. Together and as fields, so that tests can make them small.

use std::time::Duration;

/// The largest request body: a message of 32,000 four-byte characters, written as JSON, with room to spare.
pub const MAX_BODY_BYTES: usize = 256 << 10;

/// Where images are uploaded. Bodies may be larger here, and take longer.
pub const UPLOADS: &str = "/api/v1/images";

/// Model ids are short; this bounds what is stored and shown.
pub const MAX_MODEL: usize = 200;

/// When the server leaves, its sockets are closed spread over this time: stock clients come back after one second, all of
/// them, and would otherwise do so in the same moment.
pub const SPREAD: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long a reply's end is tried to be written before its viewers are told that it is not saved yet. They have the
    /// text already, and wait for its end.
    pub end_write: Duration,
    /// The pause after the first try to write an end; it doubles ...
    pub shortest_pause: Duration,
    /// ... up to this: so long after the disk has room again, the end is saved.
    pub longest_pause: Duration,
    /// How long another process on the same database gets to stop a reply, before it is taken from it.
    pub stop_elsewhere: Duration,
    /// A client that has not sent its request's head by then is not going to (slow-loris).
    pub head_read: Duration,
    /// 256 KiB take 30 s at 70 kbit/s: slower than this is nobody's line but an attack.
    pub body_read: Duration,
    /// An image is larger: 12 MiB take two minutes at 800 kbit/s, which is a phone at the edge of its network.
    pub upload_read: Duration,
    /// Of an image, 64 KiB have to come in any stretch of this length: 35 kbit/s, slower than which nobody uploads.
    pub upload_stretch: Duration,
    /// Connections in all. One that follows takes 12 KiB and a buffer in the kernel: some hundreds of MiB, and then no more.
    pub connections: usize,
    /// A peer that acknowledges nothing, or takes nothing, for this long is gone. A stream has something to say every 10 s,
    /// so whoever is cut off or has stopped reading is let go of within 30 s (promise S11).
    pub user_timeout: Duration,
    /// Replies and stateless answers that are being written, of everybody. Each takes 64 KiB at a usual length: some
    /// hundreds of MiB, and then no more.
    pub open_replies: usize,
    /// How often is looked whether the store answers, however many ask: a balancer is told within a second.
    pub ready_again: Duration,
    /// How often a local server is asked which models it has: whoever pulls one does not wait longer than for the pull.
    pub discovery: Duration,
    /// An issuer (OpenID Connect) that did not answer is asked again no sooner than this, and none for new keys more often.
    pub issuer_again: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            end_write: Duration::from_secs(10),
            shortest_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(15),
            stop_elsewhere: Duration::from_secs(5),
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
