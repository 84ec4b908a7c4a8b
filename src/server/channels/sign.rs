//! The app that Pusher clients name: its id and key are public, its secret signs.
//!
//! Made at the first start and kept in the store, unless the settings give them: a replacement for another server can
//! keep the credentials that its clients have.

use crate::server::secret;
use crate::server::settings::Settings;
use crate::server::store::Store;
use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The app's id where no setting gives one.
const ID: &str = "rivulet";
/// Hexadecimal digits of a key, as many as Pusher's have. It is no secret.
const KEY_DIGITS: usize = 20;

pub struct PusherApp {
    pub id: String,
    pub key: String,
    secret: SecretString,
}

impl PusherApp {
    pub fn new(id: impl Into<String>, key: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        Self { id: id.into(), key: key.into(), secret: secret.into() }
    }

    /// The credentials in the settings; else those in the store, created now where it has none.
    ///
    /// # Errors
    /// The store does not answer, or the system has no random numbers.
    pub async fn load(settings: &Settings, store: &Store) -> anyhow::Result<Self> {
        let id = settings.pusher_app_id.clone().unwrap_or_else(|| ID.into());
        let key = match &settings.pusher_key {
            Some(key) => key.clone(),
            None => kept(store, "pusher_key", KEY_DIGITS).await?,
        };
        let secret = match &settings.pusher_secret {
            Some(secret) => secret.clone(),
            None => kept(store, "pusher_secret", usize::MAX).await?.into(),
        };
        Ok(Self { id, key, secret })
    }

    /// HMAC-SHA256 of `text` with the secret, in hexadecimal.
    pub fn sign(&self, text: &str) -> String {
        let mut hex = String::new();
        for byte in self.mac(text).finalize().into_bytes() {
            hex.push_str(&format!("{byte:02x}"));
        }
        hex
    }

    /// Whether `signature` is [`PusherApp::sign`] of `text`. In constant time.
    pub fn verify(&self, text: &str, signature: &str) -> bool {
        bytes(signature).is_some_and(|bytes| self.mac(text).verify_slice(&bytes).is_ok())
    }

    /// For the admin page.
    pub fn secret(&self) -> &str {
        self.secret.expose_secret()
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes());
        mac.expect("HMAC takes keys of any length").chain_update(text)
    }
}

async fn kept(store: &Store, name: &str, digits: usize) -> anyhow::Result<String> {
    let new: String = secret::new().context("No key could be made for Pusher clients")?.chars().take(digits).collect();
    Ok(store.first_setting(name, &new).await?)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The app of the protocol's documentation.
    fn documented() -> PusherApp {
        PusherApp::new("3", "278d425bdf160c739803", "7ad3773142a6692b25b8")
    }

    #[test]
    fn signatures_are_those_of_the_protocol() {
        let app = documented();
        for (text, signature) in [
            ("1234.1234:private-foobar", "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"),
            ("1234.1234:private-conversations.42", "b5d689edf16811bb1363035f8f0435a0b0a820689964578154a4bea7019858b1"),
            ("1234.1234::user::{\"id\":\"12345\"}", "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"),
            (
                "1234.1234:presence-foobar:{\"user_id\":10,\"user_info\":{\"name\":\"Mr. Channels\"}}",
                "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
            ),
        ] {
            assert_eq!(app.sign(text), signature, "{text}");
            assert!(app.verify(text, signature));
        }
    }

    #[test]
    fn nothing_else_is_a_signature() {
        let app = documented();
        let right = app.sign("1.1:private-x");
        for wrong in ["", "58", &right[1..], &format!("{right}00"), &right.replace('a', "b"), "zz", "é", "+1+1"] {
            assert!(!app.verify("1.1:private-x", wrong), "{wrong}");
        }
    }
}
