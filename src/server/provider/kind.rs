//! The wire formats that Rivulet speaks, by the names that `rivulet.toml` has for them.

use super::reader::Reader;
use super::vendor::Vendor;
use super::{Limits, Origin, anthropic, gemini, mistral, ollama, openai, responses};
use serde::Deserialize;
use std::sync::Arc;

/// How many times the usual event one takes that holds a whole reply: three for its text, three for its thinking, and what
/// the request's instructions and settings take, which are repeated too.
const REPEATED: usize = 8;

/// A wire format. Each is a file beside this one.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Anthropic,
    /// Chat completions. What `openai` means without further words, because it is what every compatible server speaks,
    /// and `OPENAI_BASE_URL` names one of those at least as often as OpenAI itself.
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

    /// What is written behind `kind =`; in the environment also the provider's name.
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

    /// Where such a provider is unless told otherwise, as the vendor's own clients take it.
    pub fn base_url(self) -> &'static str {
        self.vendor().base_url
    }

    /// The models that can be chosen where nobody listed any.
    pub fn models(self) -> &'static [&'static str] {
        self.vendor().models
    }

    /// Whether models of this kind see images, where nobody says so for a model; `at_home`: at the vendor's own address.
    ///
    /// What the vendors serve today sees, but for a few that say so themselves. A compatible server may serve anything, and
    /// so may Ollama: there, whoever runs it says `images = true`.
    pub fn sees_images(self, at_home: bool) -> bool {
        match self {
            Self::Anthropic | Self::Responses | Self::Gemini | Self::Mistral => true,
            Self::OpenAi => at_home,
            Self::Ollama => false,
        }
    }

    /// How many images a request may have: what Mistral documents; elsewhere as many as stay below the size that every
    /// vendor takes, at [`crate::server::picture::MOST_BYTES`] each.
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
    pub fn reader(self, origin: &Arc<Origin>, limits: &Limits) -> Reader {
        self.reader_of("", origin, limits)
    }

    /// Reads an answer with this media type, which is empty where the server names none.
    pub(crate) fn reader_of(self, media_type: &str, origin: &Arc<Origin>, limits: &Limits) -> Reader {
        let vendor = self.vendor();
        let doubtful = !media_type.is_empty() && !vendor.framing.reads(media_type);
        let limits = Limits { event_bytes: self.event_bytes(limits), ..*limits };
        Reader::new(origin, (vendor.framing, doubtful), (vendor.decoder)(Arc::clone(origin)), &limits)
    }

    /// The most that one event of this format may take. The last events of Responses hold all the text and thinking again,
    /// and JSON may take six bytes for a character of two.
    pub fn event_bytes(self, limits: &Limits) -> usize {
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
