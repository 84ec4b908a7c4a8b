//! What the operator decides about providers, and what Rivulet does: addresses, keys, choices, limits.

use super::vendor::Parameters;
use super::{Dialect, Kind, Origin};
use crate::model::Usage;
use secrecy::SecretString;
use std::time::Duration;

/// What a provider may take of time and memory. Tests pass shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// 10 s to connect, TLS included: a host that takes longer is down.
    pub connect: Duration,
    /// 120 s from sending the request to the first byte of the answer: thinking models and cold local ones are slow.
    pub first_byte: Duration,
    /// 120 s between two bytes, whatever they say: pings count.
    pub silence: Duration,
    /// 1 MiB for one event: the largest that providers send are a few KiB. More for a kind that repeats the whole reply in
    /// one ([`Kind::event_bytes`]).
    pub event_bytes: usize,
    /// 256 MiB for one answer. A reply ends at 1 MiB of text and 1 MiB of thinking, and framing takes some hundred bytes for
    /// each token; this is a wall against streams that bring neither.
    pub body_bytes: usize,
    /// 64 KiB of an error's body are read: what matters stands at its front.
    pub error_body_bytes: usize,
    /// 2 attempts after the first. Providers' own clients do the same.
    pub retries: u32,
    /// A `retry-after` of up to 20 s is waited for; with a longer one a person decides.
    pub patience: Duration,
    /// Between attempts where the provider names no time: 0.5 s at least ...
    pub shortest_pause: Duration,
    /// ... and 8 s at most.
    pub longest_pause: Duration,
}

impl Default for Limits {
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

/// A provider: where it is, how Rivulet shows who it is, and what it has.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub origin: Origin,
    pub kind: Kind,
    /// None where the server wants no key, as a local one may.
    pub key: Option<SecretString>,
    /// As the vendor's own clients take it; the vendor's own is [`Kind::base_url`].
    pub base_url: String,
    /// Laid over every request, under what a model has of its own.
    pub parameters: Parameters,
    /// What the server takes of what Rivulet adds.
    pub dialect: Dialect,
    /// The models to choose from; empty for [`Kind::models`].
    pub models: Vec<Listed>,
}

/// A model that is listed, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// The model's id at its provider.
    pub id: String,
    /// What the provider calls it, where that has characters that cannot be shown.
    pub asked_as: Option<String>,
    /// What people see instead of the id.
    pub name: Option<String>,
    /// How many tokens a conversation with it may have.
    pub context: Option<u64>,
    pub price: Option<Price>,
    /// Whether it sees images; none for what is usual ([`Kind::sees_images`]).
    pub images: Option<bool>,
    /// Who is asked where it cannot answer, as `provider/model`.
    pub fallback: Option<String>,
    /// Laid over every request to it.
    pub parameters: Parameters,
}

/// What a million tokens cost, in dollars. A token of so many dollars a million costs so many millionths of a dollar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    pub input: f64,
    pub output: f64,
}

impl Price {
    /// What this costs, in millionths of a dollar. What a provider takes less for, such as cached input, counts in full.
    pub fn of(self, usage: Usage) -> u64 {
        let cost = usage.input_tokens as f64 * self.input + usage.output_tokens as f64 * self.output;
        cost.round() as u64
    }
}

/// The settings that this module understands.
#[derive(Clone, Debug, Default)]
pub struct ProviderSettings {
    /// Each name once; the first one's first model is the default where nobody chose another.
    pub providers: Vec<Endpoint>,
    /// `RIVULET_MODELS`: the choices as `provider/model`; empty for all that are listed.
    pub models: Vec<String>,
    /// `RIVULET_MODEL`: the default as `provider/model`; none for the first of the choices.
    pub model: Option<String>,
}
