//! Passwords: which are valid, and how they are hashed and verified.
//!
//! A verification costs the same whether there is an account or not, and few run at a time: each takes 19 MiB and a
//! core.

use crate::error::Problem;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use unicode_normalization::UnicodeNormalization;

/// OWASP's parameters for Argon2id: memory in KiB, passes, lanes.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Shorter ones are guessed; longer ones could be used to keep the server busy.
const SHORTEST_BYTES: usize = 8;
const LONGEST_BYTES: usize = 1_024;
/// Concurrent hashes: 76 MiB, and cores left for the replies.
const AT_A_TIME: usize = 4;
/// How long a caller waits for its turn. A turn takes some 20 ms.
const QUEUE: Duration = Duration::from_secs(5);
const RETRY_AFTER_SECONDS: u64 = 5;

/// A password as it was typed, in one form (NFC): the same keys give other bytes on other machines.
pub struct Password(SecretString);

impl Password {
    /// A password that is to be compared. One that is too short for any account costs a comparison like any other, and is
    /// refused like any other.
    ///
    /// # Errors
    /// 422 for the field `field` where it is too long: comparing it would keep the server busy.
    pub fn tried(text: &str, field: &str) -> Result<Self, Problem> {
        match Self::parse(text, field) {
            Err(_) if text.len() < SHORTEST_BYTES => Ok(Self(text.to_owned().into())),
            parsed => parsed,
        }
    }

    /// # Errors
    /// 422 for the field `field` where it is too short or too long. This is checked without hashing.
    pub fn parse(text: &str, field: &str) -> Result<Self, Problem> {
        let too_long = || Problem::invalid(field, format!("Keep the password under {LONGEST_BYTES} bytes."));
        if LONGEST_BYTES < text.len() {
            return Err(too_long());
        }
        let text: String = text.nfc().collect();
        match text.len() {
            0..SHORTEST_BYTES => {
                Err(Problem::invalid(field, format!("A password has at least {SHORTEST_BYTES} characters.")))
            }
            SHORTEST_BYTES..=LONGEST_BYTES => Ok(Self(text.into())),
            _ => Err(too_long()),
        }
    }
}

/// Hashes and verifies passwords.
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// A hash to verify against where there is no account.
    nobody: String,
    compared: AtomicU64,
}

impl Passwords {
    /// # Errors
    /// The system has no random numbers.
    pub fn new() -> anyhow::Result<Self> {
        let nobody =
            hashed("nobody's password").map_err(|error| anyhow::anyhow!("Passwords cannot be hashed: {error}"))?;
        Ok(Self { turns: Arc::new(Semaphore::new(AT_A_TIME)), nobody, compared: AtomicU64::new(0) })
    }

    /// The stored form of a password: a PHC string.
    pub async fn hash(&self, password: Password) -> Result<String, Problem> {
        self.work(move || hashed(password.0.expose_secret())).await?.map_err(|error| {
            tracing::error!(%error, "A password could not be hashed");
            Problem::Internal
        })
    }

    /// Whether it is the password of the hash `stored`. Costs one hash, also where `stored` is none.
    pub async fn matches(&self, stored: Option<String>, password: Password) -> Result<bool, Problem> {
        self.compared.fetch_add(1, Ordering::Relaxed);
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.clone());
        let same = self.work(move || compare(&stored, password.0.expose_secret())).await?;
        Ok(same && known)
    }

    /// How many verifications were done since the start.
    pub fn compared(&self) -> u64 {
        self.compared.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let Ok(Ok(turn)) = timeout(QUEUE, Arc::clone(&self.turns).acquire_owned()).await else {
            let message = "Too many people are signing in at this moment. Try again in a few seconds.".into();
            return Err(Problem::Unavailable { message, retry_after_seconds: RETRY_AFTER_SECONDS });
        };
        // The work goes on when the caller no longer waits, and keeps its turn until it is done.
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "Comparing a password panicked");
            Problem::Internal
        })
    }
}

fn argon2() -> argon2::Result<Argon2<'static>> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None)?))
}

fn hashed(password: &str) -> argon2::password_hash::Result<String> {
    let argon2 = argon2().map_err(|_| argon2::password_hash::Error::Internal)?;
    let hash: PasswordHash = argon2.hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

fn compare(stored: &str, password: &str) -> bool {
    let Ok(stored) = PasswordHash::new(stored) else {
        tracing::error!("What is stored as a password is none");
        return false;
    };
    // With the stored hash's own parameters, which may be older than ours.
    Argon2::default().verify_password(password.as_bytes(), &stored).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        matches!(Password::parse(text, "password"), Err(Problem::Invalid { field, .. }) if field == "password")
    }

    #[test]
    fn a31_a_password_has_8_to_1024_bytes() {
        assert!(refused("") && refused("1234567") && refused(&"x".repeat(1_025)) && refused(&"x".repeat(200_000)));
        for text in ["12345678", "pässwörd", &"x".repeat(128), &"x".repeat(1_024)] {
            assert!(!refused(text), "{} bytes", text.len());
        }
    }

    #[tokio::test]
    async fn a31_composed_and_decomposed_letters_are_the_same_password() {
        let passwords = Passwords::new().unwrap();
        let stored = passwords.hash(Password::parse("caf\u{e9} au lait", "").unwrap()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        for (typed, same) in [("cafe\u{301} au lait", true), ("caf\u{e9} au lait", true), ("cafe au lait", false)] {
            let password = Password::parse(typed, "").unwrap();
            assert_eq!(passwords.matches(Some(stored.clone()), password).await.unwrap(), same, "{typed}");
        }
        let nobody = Password::parse("nobody's password", "").unwrap();
        assert!(!passwords.matches(None, nobody).await.unwrap(), "nobody has no password");
        assert_eq!(passwords.compared(), 4);
    }
}
