//! The operator's settings of providers, and Rivulet's own limits: addresses, keys, choices, limits.

use super::vendor::Parameters;
use super::{Dialect, Kind, Origin};
use crate::model::Usage;
use secrecy::SecretString;
use std::time::Duration;

/// Limits on a provider's time and memory. Tests pass shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct ProviderLimits {
    /// 10 s to connect, TLS included: a host that takes longer is down.
    pub connect: Duration,
    /// 120 s from sending the request to the first byte of the answer: thinking models and cold local ones are slow.
    pub first_byte: Duration,
    /// 120 s between two bytes, whatever they say: pings count.
    pub silence: Duration,
    /// 1 MiB for one event: the largest that providers send are a few KiB. More for a kind that repeats the whole reply
    /// in one ([`Kind::event_bytes`]).
    pub event_bytes: usize,
    /// 256 MiB for one answer. A reply ends at 1 MiB of text and 1 MiB of thinking, and framing takes some hundred
    /// bytes for each token; this is a wall against streams that bring neither.
    pub body_bytes: usize,
    /// 64 KiB of an error's body are read: the important part is at its beginning.
    pub error_body_bytes: usize,
    /// 2 attempts after the first. Providers' own clients do the same.
    pub retries: u32,
    /// A `retry-after` of up to 20 s is waited for; with a longer one the user decides.
    pub patience: Duration,
    /// Between attempts where the provider names no time: 0.5 s at least ...
    pub shortest_pause: Duration,
    /// ... and 8 s at most.
    pub longest_pause: Duration,
}

impl Default for ProviderLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            silence: Duration::from_secs(120),
            event_bytes: 1 << 20,
            body_bytes: 256 << 20,
            error_body_bytes: 64 << 10,
            retries: 2,
            patience: Duration::from_secs(20),
            shortest_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(8),
        }
    }
}

/// A provider: its address, its key, and its models.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub origin: Origin,
    pub kind: Kind,
    /// None where the server needs no key, as a local one may not.
    pub key: Option<SecretString>,
    /// As the vendor's own clients take it; the vendor's own is [`Kind::base_url`].
    pub base_url: String,
    /// Merged into every request, before a model's own.
    pub parameters: Parameters,
    /// Which additions of Rivulet the server accepts.
    pub dialect: Dialect,
    /// The models to choose from; empty for [`Kind::models`].
    pub models: Vec<Listed>,
}

/// A model that is listed, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// The model's id at its provider.
    pub id: String,
    /// The provider's id for it, where that has characters that cannot be shown.
    pub asked_as: Option<String>,
    /// The name that users see instead of the id.
    pub name: Option<String>,
    /// How many tokens a conversation with it may have.
    pub context: Option<u64>,
    pub price: Option<Price>,
    /// Whether it sees images; none for the kind's default ([`Kind::sees_images`]).
    pub images: Option<bool>,
    /// The fallback where it cannot answer, as `provider/model`.
    pub fallback: Option<String>,
    /// Merged into every request to it.
    pub parameters: Parameters,
}

/// The price of a million tokens, in dollars. One token of a price of n dollars per million costs n millionths of a
/// dollar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    pub input: f64,
    pub output: f64,
}

impl Price {
    /// The cost of this usage, in millionths of a dollar. Discounts of the provider, such as for cached input, are
    /// ignored.
    pub fn of(self, usage: Usage) -> u64 {
        let cost = usage.input_tokens as f64 * self.input + usage.output_tokens as f64 * self.output;
        cost.round() as u64
    }
}

/// The settings that this module understands.
#[derive(Clone, Debug, Default)]
pub struct ProviderSettings {
    /// Each name once; the first one's first model is the default where no other is chosen.
    pub providers: Vec<Endpoint>,
    /// `RIVULET_MODELS`: the choices as `provider/model`; empty for all that are listed.
    pub models: Vec<String>,
    /// `RIVULET_MODEL`: the default as `provider/model`; none for the first of the choices.
    pub model: Option<String>,
}
