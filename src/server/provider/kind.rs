//! The wire formats that Rivulet speaks, by the names that `rivulet.toml` has for them.

use super::reader::Reader;
use super::vendor::Vendor;
use super::{Origin, anthropic, gemini, mistral, ollama, openai, responses};
use crate::server::provider::ProviderLimits;
use serde::Deserialize;
use std::sync::Arc;

/// The size of an event that holds a whole reply, in usual events: three for its text, three for its thinking, two for
/// the request's instructions and settings, which are repeated too.
const REPEATED: usize = 8;

/// A wire format. Each is a file beside this one.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Anthropic,
    /// Chat completions. The meaning of `openai` alone, because every compatible server speaks it, and
    /// `OPENAI_BASE_URL` names one of those at least as often as OpenAI itself.
    #[serde(rename = "openai")]
    OpenAi,
    /// OpenAI's newer API.
    #[serde(rename = "openai-responses")]
    Responses,
    Gemini,
    Ollama,
    Mistral,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Anthropic, Self::OpenAi, Self::Responses, Self::Gemini, Self::Ollama, Self::Mistral];

    /// The value of `kind =`; in the environment also the provider's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Responses => "openai-responses",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::Mistral => "mistral",
        }
    }

    /// The default address, as the vendor's own clients take it.
    pub fn base_url(self) -> &'static str {
        self.vendor().base_url
    }

    /// The models that can be chosen where the settings list none.
    pub fn models(self) -> &'static [&'static str] {
        self.vendor().models
    }

    /// Whether models of this kind see images, where no setting says so for a model; `at_home`: at the vendor's own
    /// address.
    ///
    /// The vendors' current models see, except a few that say so themselves. A compatible server may serve anything,
    /// and so may Ollama: there, the operator sets `images = true`.
    pub fn sees_images(self, at_home: bool) -> bool {
        match self {
            Self::Anthropic | Self::Responses | Self::Gemini | Self::Mistral => true,
            Self::OpenAi => at_home,
            Self::Ollama => false,
        }
    }

    /// How many images a request may have: the number that Mistral documents; for other kinds, as many as stay below
    /// the size that every vendor takes, at [`crate::server::picture::MAX_BYTES`] each.
    pub fn most_images(self) -> usize {
        match self {
            Self::Mistral => 8,
            _ => 12,
        }
    }

    /// The members of a request that are Rivulet's own; parameters cannot replace them.
    pub fn reserved(self) -> &'static [&'static str] {
        self.vendor().reserved
    }

    /// Reads one answer in this format. Pure.
    pub fn reader(self, origin: &Arc<Origin>, limits: &ProviderLimits) -> Reader {
        self.reader_of("", origin, limits)
    }

    /// Reads an answer with this media type, which is empty where the server names none.
    pub(crate) fn reader_of(self, media_type: &str, origin: &Arc<Origin>, limits: &ProviderLimits) -> Reader {
        let vendor = self.vendor();
        let doubtful = !media_type.is_empty() && !vendor.framing.reads(media_type);
        let limits = ProviderLimits { event_bytes: self.event_bytes(limits), ..*limits };
        Reader::new(origin, (vendor.framing, doubtful), (vendor.decoder)(Arc::clone(origin)), &limits)
    }

    /// The largest size of one event of this format. The last events of Responses repeat all the text and thinking, and
    /// JSON may take six bytes for a character of two.
    pub fn event_bytes(self, limits: &ProviderLimits) -> usize {
        match self {
            Self::Responses => REPEATED * limits.event_bytes,
            _ => limits.event_bytes,
        }
    }

    pub(super) fn vendor(self) -> &'static Vendor {
        match self {
            Self::Anthropic => &anthropic::VENDOR,
            Self::OpenAi => &openai::VENDOR,
            Self::Responses => &responses::VENDOR,
            Self::Gemini => &gemini::VENDOR,
            Self::Ollama => &ollama::VENDOR,
            Self::Mistral => &mistral::VENDOR,
        }
    }
}
