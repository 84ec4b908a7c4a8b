//! Limits how fast passwords may be tried: per account, per address, and overall.
//!
//! After some free attempts each further one has to wait twice as long as the previous one, up to a limit. An attempt
//! counts when it begins, so that a thousand concurrent ones are not all free, and is uncounted when the password was
//! right. A refused attempt does not count: an attacker who keeps trying cannot lock a user out for longer.
//!
//! A browser that has signed in to the account before waits only for its own mistakes, so an attack does not lock the
//! owner out.
//!
//! With Redis, all nodes count together. Each also counts what it has let in itself: that is what holds while Redis is away.

mod shared;

use super::address::{Network, network};
use super::backplane::redis::{Redis, Tries as What};
use super::secret::Hash;
use super::sync::lock;
use super::times::span;
use crate::error::Problem;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Above this number, keys are kept only while they delay an attempt: attackers have many addresses, memory is limited.
const MAX_KEYS: usize = 100_000;

/// What an attempt is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// An account's name, whether it exists or not.
    Account(String),
    /// A browser that is known to the account.
    Browser(String, Hash),
    Network(Network),
    /// An address that has tried invalid links: a stale tab does, and its office must still be able to sign in.
    Links(Network),
    /// An account that looks up users by their names.
    Names(Network),
    Everybody,
}

/// The limits of a kind of key.
#[derive(Clone, Copy)]
struct Rule {
    /// Attempts without a delay.
    free: u32,
    /// The longest delay between two attempts.
    longest: Duration,
    /// Without an attempt for this long, the key is forgotten.
    forget: Duration,
}

const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Five typing errors; then at most 288 guesses a day.
const ACCOUNT: Rule = Rule { free: 5, longest: Duration::from_secs(300), forget: Duration::from_secs(3_600) };
/// An office shares an address.
const ADDRESS: Rule = Rule { free: 20, longest: Duration::from_secs(300), forget: Duration::from_secs(3_600) };
/// Many addresses that try many accounts: beyond this, one attempt a second in all, from browsers that are not known.
const EVERYBODY: Rule = Rule { free: 200, longest: FIRST_DELAY, forget: Duration::from_secs(60) };

impl Key {
    fn rule(&self) -> Rule {
        match self {
            Self::Account(_) | Self::Browser(..) => ACCOUNT,
            Self::Network(_) | Self::Links(_) | Self::Names(_) => ADDRESS,
            Self::Everybody => EVERYBODY,
        }
    }

    /// Whether a right password resets it.
    fn resets(&self) -> bool {
        matches!(self, Self::Account(_) | Self::Browser(..))
    }
}

#[derive(Clone, Copy)]
struct Tries {
    count: u32,
    last: Instant,
}

impl Tries {
    /// When the next attempt may be made.
    fn next(self, rule: Rule) -> Instant {
        let Some(beyond) = self.count.checked_sub(rule.free) else { return self.last };
        let delay = 1_u32.checked_shl(beyond).map_or(rule.longest, |times| FIRST_DELAY.saturating_mul(times));
        self.last + delay.min(rule.longest)
    }
}

/// Counts attempts. Cheap to clone.
#[derive(Clone, Default)]
pub struct Throttle {
    tries: Arc<Mutex<HashMap<Key, Tries>>>,
    redis: Option<Redis>,
}

/// One attempt that was allowed.
#[must_use]
pub struct Try {
    throttle: Throttle,
    keys: Vec<Key>,
}

impl Throttle {
    pub fn new(redis: Option<Redis>) -> Self {
        Self { redis, ..Self::default() }
    }

    /// Counts an attempt to sign in as `account`.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub async fn sign_in(&self, account: &str, address: IpAddr, known: Option<Hash>) -> Result<Try, Problem> {
        let keys = match known {
            Some(browser) => vec![Key::Browser(account.to_owned(), browser)],
            None => vec![Key::Account(account.to_owned()), Key::Network(network(address)), Key::Everybody],
        };
        self.begin(keys).await
    }

    /// Counts another attempt that costs a hash, or that could be a guess: a sign-up, an invitation.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub async fn other(&self, address: IpAddr) -> Result<Try, Problem> {
        self.begin(vec![Key::Network(network(address)), Key::Everybody]).await
    }

    /// Counts an attempt to find a user by name: the names of accounts are not for everybody to enumerate.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub async fn name(&self, address: IpAddr) -> Result<Try, Problem> {
        self.begin(vec![Key::Names(network(address))]).await
    }

    /// Allows an attempt to open a link that is its own right. It counts only where the link is invalid: links are too
    /// long to guess, so a larger number may be tried at once, and an office may open a valid one all at once.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub async fn link(&self, address: IpAddr) -> Result<Knock, Problem> {
        let key = Key::Links(network(address));
        match self.asked(What::Look, std::slice::from_ref(&key)).await {
            Some(wait) => let_in(wait)?,
            None => admit(&lock(&self.tries), std::slice::from_ref(&key))?,
        }
        Ok(Knock { throttle: self.clone(), key })
    }

    async fn begin(&self, keys: Vec<Key>) -> Result<Try, Problem> {
        let wait = self.asked(What::Begin, &keys).await;
        wait.map_or(Ok(()), let_in)?;
        let mut tries = lock(&self.tries);
        if wait.is_none() {
            admit(&tries, &keys)?;
        }
        count(&mut tries, &keys);
        drop(tries);
        Ok(Try { throttle: self.clone(), keys })
    }

    /// Forgets keys that have been quiet for long enough to count as new.
    pub fn sweep(&self) {
        let now = Instant::now();
        lock(&self.tries).retain(|key, it| now - it.last < key.rule().forget);
    }
}

impl Try {
    /// The password was right: the account's count is reset, and the other keys uncount this attempt.
    pub async fn succeeded(self) {
        self.throttle.asked(What::Succeeded, &self.keys).await;
        let mut tries = lock(&self.throttle.tries);
        for key in self.keys {
            if key.resets() {
                tries.remove(&key);
            } else if let Some(entry) = tries.get_mut(&key) {
                entry.count = entry.count.saturating_sub(1);
            }
        }
    }
}

/// An attempt to open a link that was allowed.
#[must_use]
pub struct Knock {
    throttle: Throttle,
    key: Key,
}

impl Knock {
    /// The link is invalid: this attempt counts.
    pub async fn missed(self) {
        self.throttle.asked(What::Count, std::slice::from_ref(&self.key)).await;
        count(&mut lock(&self.throttle.tries), &[self.key]);
    }
}

/// Whether none of the keys has to wait.
fn admit(tries: &HashMap<Key, Tries>, keys: &[Key]) -> Result<(), Problem> {
    let next = keys.iter().filter_map(|key| tries.get(key).map(|it| it.next(key.rule()))).max();
    next.map_or(Ok(()), |next| let_in(next.saturating_duration_since(Instant::now())))
}

/// Whether there is nothing to wait for.
fn let_in(wait: Duration) -> Result<(), Problem> {
    if wait.is_zero() { Ok(()) } else { Err(too_many(wait)) }
}

fn count(tries: &mut HashMap<Key, Tries>, keys: &[Key]) {
    let now = Instant::now();
    if MAX_KEYS <= tries.len() {
        tries.retain(|key, it| now < it.next(key.rule()));
    }
    for key in keys {
        let entry = tries.entry(key.clone()).or_insert(Tries { count: 0, last: now });
        if key.rule().forget < now - entry.last {
            entry.count = 0;
        }
        *entry = Tries { count: entry.count.saturating_add(1), last: now };
    }
}

fn too_many(wait: Duration) -> Problem {
    let retry_after_seconds = wait.as_secs() + 1;
    let message = format!("Too many tries. Wait {} and try again.", span(retry_after_seconds));
    Problem::TooMany { message, retry_after_seconds }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use tokio::time::advance;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    /// Tries continuously for a time, and counts the attempts that were allowed.
    async fn knock(throttle: &Throttle, seconds: u32, who: impl Fn(u32) -> (String, IpAddr)) -> u32 {
        let mut let_in = 0;
        for number in 0..seconds * 10 {
            let (account, address) = who(number);
            let_in += u32::from(throttle.sign_in(&account, address, None).await.is_ok());
            advance(Duration::from_millis(100)).await;
        }
        let_in
    }

    #[tokio::test(start_paused = true)]
    async fn a29_one_account_from_one_address_is_slowed_more_and_more() {
        let throttle = Throttle::default();
        let let_in = knock(&throttle, 100, |_| ("ann".into(), address(1))).await;
        // Five immediately, then after 1, 2, 4, 8, 16, 32 s.
        assert_eq!(let_in, 5 + 6);
        let Err(Problem::TooMany { retry_after_seconds, .. }) = throttle.sign_in("ann", address(2), None).await else {
            panic!("let in")
        };
        assert!((20..=64).contains(&retry_after_seconds), "{retry_after_seconds}");
        advance(Duration::from_secs(retry_after_seconds)).await;
        throttle.sign_in("ann", address(2), None).await.unwrap().succeeded().await;
        assert!(throttle.sign_in("ann", address(2), None).await.is_ok(), "the right password ends it");
    }

    #[tokio::test(start_paused = true)]
    async fn a29_one_account_from_many_addresses_is_slowed_as_much() {
        let throttle = Throttle::default();
        let let_in = knock(&throttle, 100, |number| ("ann".into(), address(number))).await;
        assert_eq!(let_in, 5 + 6);
        assert!(throttle.sign_in("bob", address(2), None).await.is_ok(), "others do not wait for it");
    }

    #[tokio::test(start_paused = true)]
    async fn a29_many_accounts_from_many_addresses_are_slowed_overall() {
        let throttle = Throttle::default();
        let let_in = knock(&throttle, 100, |number| (format!("account {number}"), address(number))).await;
        assert!((270..=290).contains(&let_in), "200 at once, then one a second: {let_in}");
        let Err(Problem::TooMany { retry_after_seconds, .. }) = throttle.sign_in("ann", address(1 << 20), None).await
        else {
            return;
        };
        assert!(retry_after_seconds <= 2, "and nobody waits for long");
    }

    #[tokio::test(start_paused = true)]
    async fn a29_what_else_costs_a_hash_is_slowed_overall_too() {
        let throttle = Throttle::default();
        let mut let_in = 0;
        for number in 0..1_000 {
            let_in += u32::from(throttle.other(address(number)).await.is_ok());
        }
        assert_eq!(let_in, 200);
        advance(Duration::from_secs(1)).await;
        assert!(throttle.other(address(1 << 20)).await.is_ok(), "and nobody waits for long");
    }

    #[tokio::test(start_paused = true)]
    async fn a29_many_accounts_from_one_address_are_slowed() {
        let throttle = Throttle::default();
        let let_in = knock(&throttle, 100, |number| (format!("account {number}"), address(1))).await;
        assert_eq!(let_in, 20 + 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a29_a_known_browser_gets_in_during_an_attack_and_waits_for_its_own_mistakes_only() {
        let throttle = Throttle::default();
        knock(&throttle, 100, |number| ("ann".into(), address(number))).await;
        let browser = Some(Hash::of("ann's browser"));
        for _ in 0..5 {
            assert!(throttle.sign_in("ann", address(7), browser).await.is_ok());
        }
        assert!(throttle.sign_in("ann", address(7), browser).await.is_err());
        advance(Duration::from_secs(2)).await;
        assert!(throttle.sign_in("ann", address(7), browser).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a29_a_thousand_at_once_are_not_a_thousand_tries() {
        let throttle = Throttle::default();
        let at_once = (0..1_000).map(|_| throttle.sign_in("ann", address(1), None));
        let let_in = join_all(at_once).await.iter().filter(|tried| tried.is_ok()).count();
        assert_eq!(let_in, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn links_that_lead_nowhere_slow_links_only_and_those_that_lead_somewhere_count_for_nothing() {
        let throttle = Throttle::default();
        let at_once = join_all((0..1_000).map(|_| throttle.link(address(1)))).await;
        assert!(at_once.iter().all(Result::is_ok));
        drop(at_once);
        for _ in 0..ADDRESS.free {
            throttle.link(address(1)).await.unwrap().missed().await;
        }
        assert!(throttle.link(address(1)).await.is_err());
        assert!(throttle.link(address(2)).await.is_ok(), "others do not wait for it");
        assert!(throttle.sign_in("ann", address(1), None).await.is_ok(), "and who is there can sign in");
        assert!(throttle.other(address(1)).await.is_ok());
        advance(Duration::from_secs(2)).await;
        assert!(throttle.link(address(1)).await.is_ok());
    }

    #[test]
    fn a_time_to_wait_is_said_in_the_unit_that_fits() {
        assert_eq!(span(1), "1 second");
        assert_eq!(span(90), "90 seconds");
        assert_eq!(span(121), "3 minutes");
        assert_eq!(span(7_200), "2 hours");
        assert_eq!(span(200_000), "3 days");
    }
}
