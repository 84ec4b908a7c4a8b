//! Limits on a user's requests: concurrent ones, and those within a minute.
//!
//! With Redis, those of accounts and of new guests hold once over all nodes. This node's own are asked first: it has seen a
//! part of the requests, so what is too much for it alone is too much in all. Without an answer they are what holds.

mod counts;

pub use counts::{Counted, Counts};

use super::backplane::redis::{Rate, Redis};
use super::sync::lock;
use super::times::span;
use crate::error::Problem;
use crate::model::{AccountId, SiteId};
use crate::server::address::{Network, network};
use crate::server::metrics::Metrics;
use crate::server::secret::Hash;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Concurrent uploads of one account: the page makes one after the other, and no account may take every slot.
const MAX_UPLOADS: u32 = 4;
/// Concurrent uploads of one network: a third of all slots (`server/images`), so that a caller with many accounts
/// leaves the rest to others.
const MAX_UPLOADS_OF_NETWORK: u32 = 8;
/// Concurrent exports of one account, and of all: each keeps a processor and the disk busy.
const MAX_EXPORTS: u32 = 1;
const MAX_EXPORTS_OF_ALL: usize = 4;

/// Concurrent searches of one account: each reads up to some thousand messages.
const MAX_SEARCHES: u32 = 1;

/// Streams of readers with a public link at one network address: an office may open one link together.
const MAX_PASSING_STREAMS: u32 = 20;

/// New guests of one network in a burst: a whole office, or a class, opens the page in the same minute ...
const MAX_GUESTS_AT_ONCE: NonZeroU32 = NonZeroU32::new(120).expect("it is not 0");
/// ... and after them one in four seconds: a client that discards its cookie each time gains little by it.
const MAX_GUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(15).expect("it is not 0");

/// Test streams of one network: `rivulet doctor` asks for one.
const MAX_TEST_STREAMS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("it is not 0");

/// The limits on an account's concurrent use and on its rate per minute.
pub struct Limits {
    /// Rate limiters by their sends per minute: most accounts share one.
    sends: Mutex<HashMap<NonZeroU32, Arc<DefaultKeyedRateLimiter<Sender>>>>,
    guests: DefaultKeyedRateLimiter<Network>,
    test_streams: DefaultKeyedRateLimiter<Network>,
    streams: Arc<Counts>,
    most_streams: u32,
    uploads: Arc<Counts>,
    exports: Arc<Counts>,
    searches: Arc<Counts>,
    metrics: Arc<Metrics>,
    /// None: this node's limits are all there are.
    redis: Option<Redis>,
}

/// The sender: an account, or, for anonymous calls, a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    Account(AccountId),
    Network(Network),
    /// All visitors of a site.
    Site(SiteId),
    /// All new visitors of a network on a site.
    NewOnSite(SiteId, Network),
}

impl Sender {
    /// As it is in a key. A network is hashed: addresses are nobody else's business.
    fn key(&self) -> String {
        match self {
            Self::Account(account) => account.to_string(),
            Self::Network(network) => Hash::of(&format!("{network:?}")).to_string(),
            Self::Site(site) => site.to_string(),
            Self::NewOnSite(site, network) => Hash::of(&format!("{site} {network:?}")).to_string(),
        }
    }
}

impl Limits {
    pub fn new(most_streams: u32, metrics: Arc<Metrics>, redis: Option<Redis>) -> Self {
        let streams = Counts::of_all(redis.as_ref(), "s");
        let (uploads, exports) = (Arc::default(), Arc::default());
        let (sends, searches) = (Mutex::default(), Arc::default());
        let guests = Quota::per_minute(MAX_GUESTS_PER_MINUTE).allow_burst(MAX_GUESTS_AT_ONCE);
        let guests = RateLimiter::keyed(guests);
        let test_streams = RateLimiter::keyed(Quota::per_minute(MAX_TEST_STREAMS_PER_MINUTE));
        Self { sends, guests, test_streams, streams, most_streams, uploads, exports, searches, metrics, redis }
    }

    /// Counts a send, or says when the next one is possible.
    pub async fn send(&self, sender: Sender, per_minute: NonZeroU32) -> Result<(), Problem> {
        let of_its_kind = lock(&self.sends)
            .entry(per_minute)
            .or_insert_with(|| Arc::new(RateLimiter::keyed(Quota::per_minute(per_minute))))
            .clone();
        let here = of_its_kind.check_key(&sender).map_err(|early| early.wait_time_from(DefaultClock::default().now()));
        let rate = Rate { per_minute, at_once: per_minute };
        let Err(wait) = self.everywhere(here, "send", &sender, rate).await else { return Ok(()) };
        self.metrics.refused("sends");
        let retry_after_seconds = wait.as_secs() + 1;
        let message = format!("That was a lot in one minute. Try again in {retry_after_seconds} seconds.");
        Err(Problem::TooMany { message, retry_after_seconds })
    }

    /// Counts a guest that is created for a browser at this address. Loopback has no limit: its programs are run by the
    /// machine's owner, and behind a proxy that is not configured as trusted, every client seems to be there.
    pub async fn guest(&self, address: IpAddr) -> Result<(), Problem> {
        if address.to_canonical().is_loopback() {
            return Ok(());
        }
        let network = network(address);
        let here = self.guests.check_key(&network).map_err(|early| early.wait_time_from(DefaultClock::default().now()));
        let rate = Rate { per_minute: MAX_GUESTS_PER_MINUTE, at_once: MAX_GUESTS_AT_ONCE };
        let Err(wait) = self.everywhere(here, "guest", &Sender::Network(network), rate).await else { return Ok(()) };
        self.metrics.refused("guests");
        let retry_after_seconds = wait.as_secs() + 1;
        let message = format!(
            "Very many browsers at your network address have come here for the first time just now. Open this page again in {}.",
            span(retry_after_seconds)
        );
        Err(Problem::TooMany { message, retry_after_seconds })
    }

    /// Where it is not too early for this node alone, whether it is for all nodes together: then how long.
    async fn everywhere(
        &self,
        here: Result<(), Duration>,
        kind: &str,
        sender: &Sender,
        rate: Rate,
    ) -> Result<(), Duration> {
        here?;
        let Some(redis) = &self.redis else { return Ok(()) };
        match redis.rate(&format!("rate:{kind}:{}", sender.key()), rate).await {
            Ok(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(()),
        }
    }

    /// Counts a test stream, which an anonymous caller may ask for.
    pub fn test_stream(&self, address: IpAddr) -> Result<(), Problem> {
        let Err(early) = self.test_streams.check_key(&network(address)) else { return Ok(()) };
        self.metrics.refused("test streams");
        let retry_after_seconds = early.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
        let message = format!("That was asked very often. Try again in {}.", span(retry_after_seconds));
        Err(Problem::TooMany { message, retry_after_seconds })
    }

    /// Counts a stream for as long as the answer is held. `most` is the limit set for this account alone.
    pub async fn stream(&self, account: AccountId, most: Option<u32>) -> Result<Counted, Problem> {
        let most = most.unwrap_or(self.most_streams);
        self.streams.take(Sender::Account(account), most).await.ok_or_else(|| {
            self.metrics.refused("streams");
            let message = "Too many streams are open for this account. Close some tabs or programs.".into();
            Problem::TooMany { message, retry_after_seconds: 10 }
        })
    }

    /// Counts a stream of an anonymous caller at this network address.
    pub fn link_holder_stream(&self, address: IpAddr) -> Result<Counted, Problem> {
        self.streams.one_more(Sender::Network(network(address)), MAX_PASSING_STREAMS).ok_or_else(|| {
            self.metrics.refused("streams");
            let message = "Too many people at your network address read along here. Try again in a moment.".into();
            Problem::TooMany { message, retry_after_seconds: 10 }
        })
    }

    /// Counts an upload for as long as the answer is held, for the account and for its network.
    pub fn upload(&self, account: AccountId, address: IpAddr) -> Result<[Counted; 2], Problem> {
        let too_many = |message: String| {
            self.metrics.refused("uploads");
            Problem::TooMany { message, retry_after_seconds: 5 }
        };
        let mine = self.uploads.one_more(Sender::Account(account), MAX_UPLOADS).ok_or_else(|| {
            too_many(format!("{MAX_UPLOADS} uploads of yours are under way. Wait until one has ended."))
        })?;
        let ours = Sender::Network(network(address));
        let ours = self.uploads.one_more(ours, MAX_UPLOADS_OF_NETWORK).ok_or_else(|| {
            let those = format!("{MAX_UPLOADS_OF_NETWORK} uploads from your network address are under way.");
            too_many(format!("{those} Wait until one has ended."))
        })?;
        Ok([mine, ours])
    }

    /// Counts an export for as long as the answer is held.
    pub fn export(&self, account: AccountId) -> Result<Counted, Problem> {
        let place = self.exports.one_more(Sender::Account(account), MAX_EXPORTS).ok_or_else(|| {
            self.metrics.refused("exports");
            let message = "A download of your data is under way already. Wait until it has ended.".into();
            Problem::TooMany { message, retry_after_seconds: 10 }
        })?;
        if MAX_EXPORTS_OF_ALL < self.exports.senders() {
            self.metrics.refused("exports");
            let message = "Others are downloading their data at the moment. Try again in a minute.".into();
            return Err(Problem::Unavailable { message, retry_after_seconds: 60 });
        }
        Ok(place)
    }

    /// Counts a search for as long as the answer is held.
    pub fn search(&self, account: AccountId) -> Result<Counted, Problem> {
        self.searches.one_more(Sender::Account(account), MAX_SEARCHES).ok_or_else(|| {
            self.metrics.refused("searches");
            let message = "A search of yours is under way already. Wait until it has ended.".into();
            Problem::TooMany { message, retry_after_seconds: 1 }
        })
    }

    /// How many streams are open in all.
    pub fn open_streams(&self) -> usize {
        self.streams.total()
    }

    /// Forgets senders that have been quiet for long enough to count as new.
    pub fn sweep(&self) {
        lock(&self.sends).retain(|_, of_its_kind| {
            of_its_kind.retain_recent();
            !of_its_kind.is_empty()
        });
        self.guests.retain_recent();
        self.test_streams.retain_recent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::new(1, Arc::default(), None)
    }

    #[test]
    fn a_network_of_ipv6_is_one_reader_however_many_addresses_it_has() {
        let limits = limits();
        let read = |number: u32| limits.link_holder_stream(format!("2001:db8::{number:x}").parse().unwrap());
        let open: Vec<_> = (0..MAX_PASSING_STREAMS).map(read).collect();
        assert!(open.iter().all(Result::is_ok));
        assert!(read(MAX_PASSING_STREAMS).is_err());
        assert!(limits.link_holder_stream("2001:db8:0:1::1".parse().unwrap()).is_ok(), "others do not wait for it");
    }

    #[test]
    fn z37_a_network_has_a_third_of_the_places_for_uploads_however_many_accounts_it_has() {
        let limits = limits();
        let upload = |address: &str| limits.upload(AccountId::new(), address.parse().unwrap());
        let under_way: Vec<_> = (0..MAX_UPLOADS_OF_NETWORK).map(|_| upload("203.0.113.9").unwrap()).collect();
        assert!(matches!(upload("203.0.113.9"), Err(Problem::TooMany { .. })));
        assert!(upload("203.0.113.10").is_ok(), "others do not wait for it");
        drop(under_way);
        assert!(upload("203.0.113.9").is_ok());
        assert!(limits.uploads.senders() == 0, "who has no place is not counted");
    }

    #[test]
    fn z37_an_account_has_four_of_them() {
        let (limits, account) = (limits(), AccountId::new());
        let upload = |number: u8| limits.upload(account, [203, 0, 113, number].into());
        let under_way: Vec<_> = (0..4).map(|number| upload(number).unwrap()).collect();
        assert!(upload(4).is_err());
        assert_eq!(limits.uploads.senders(), 5);
        drop(under_way);
    }

    #[tokio::test]
    async fn whoever_has_no_place_is_not_kept_in_mind() {
        let limits = limits();
        let account = AccountId::new();
        assert!(limits.stream(account, Some(0)).await.is_err());
        assert_eq!(limits.streams.senders(), 0);
        let one = limits.stream(account, Some(1)).await.unwrap();
        assert!(limits.stream(account, Some(1)).await.is_err());
        drop(one);
        assert_eq!(limits.streams.senders(), 0);
    }

    #[tokio::test]
    async fn a_network_is_made_so_many_guests_at_once_and_then_waits_for_each() {
        let limits = limits();
        let guest = async |address: &str| limits.guest(address.parse().unwrap()).await;
        for _ in 0..MAX_GUESTS_AT_ONCE.get() {
            guest("203.0.113.9").await.unwrap();
        }
        let Err(Problem::TooMany { retry_after_seconds, .. }) = guest("203.0.113.9").await else { panic!("made") };
        assert!((1..=5).contains(&retry_after_seconds), "{retry_after_seconds}");
        assert!(guest("203.0.113.10").await.is_ok(), "others do not wait for it");
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            for _ in 0..1_000 {
                assert!(guest(address).await.is_ok(), "{address}");
            }
        }
    }
}
