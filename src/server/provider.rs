//! The clients of model APIs: a conversation in, a stream of [`Delta`]s out.
//!
//! A reply passes `talk` (when to try again, when it has ended) -> `answer` (one attempt: checks and deadlines) ->
//! `reader` (caps) -> `sse` (bytes to events) -> `anthropic` or `openai` (events to deltas). From the reader on all is
//! pure: no IO, no clock, so tests and fuzzing feed it recordings. `failure` holds every sentence that a person is told.
//!
//! Nothing here knows conversations, accounts or journals. A new provider is one file with one `Vendor`.

pub mod anthropic;
pub mod openai;
pub mod reader;
pub mod sse;

mod answer;
mod complaint;
mod demo;
mod failure;
mod json;
mod quote;
mod request;
pub(crate) mod retry;
mod settings;
mod talk;
mod vendor;

pub use failure::{Failure, FailureKind};
pub use request::{GO_ON, Request, Turn};
pub use settings::{Endpoint, Limits, ProviderSettings};

use crate::model::{Model, Usage};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use std::sync::Arc;
use talk::Talk;
use vendor::{Service, Vendor};

/// The longest part of a model's name that a sentence about it repeats, in characters.
const MOST_ECHOED: usize = 100;

/// What a provider says, one piece at a time.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// The provider has begun to answer. Comes again when an attempt failed before its first piece.
    Started {
        request_id: Option<String>,
    },
    /// The model thinks; empty when it does so in silence.
    Thinking(String),
    Text(String),
    /// What the reply has cost so far, in all: the last one wins.
    Usage(Usage),
    /// The reply is complete. `reason` is the provider's word for why it ended.
    Finished {
        reason: String,
    },
    /// The reply ended without being complete.
    Failed(Failure),
}

/// Turns one provider's events into deltas. Pure.
pub trait Decoder: Send {
    /// What this event says. Nothing that follows a `Finished` or a `Failed` counts.
    fn push(&mut self, event: &sse::Event) -> Vec<Delta>;

    /// What it means that the stream ended here: `Finished`, or `Failed` as truncated.
    fn end(&self) -> Delta;
}

/// The configured providers.
pub struct Providers {
    services: Vec<Arc<Service>>,
    /// The choices, the default first. Never empty.
    choices: Vec<String>,
    limits: Limits,
}

impl Providers {
    /// Checks the settings and makes the HTTP client. Connects to nobody.
    ///
    /// # Errors
    /// A sentence that names the wrong setting and says what is expected.
    pub fn new(settings: ProviderSettings, limits: Limits) -> Result<Self, String> {
        let configured: Vec<(&'static Vendor, Endpoint)> = [
            settings.anthropic.map(|endpoint| (&anthropic::VENDOR, endpoint)),
            settings.openai.map(|endpoint| (&openai::VENDOR, endpoint)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let services = vendor::services(configured, &limits)?;
        let mut providers = Self { services, choices: Vec::new(), limits };
        for model in &settings.models {
            providers.service(model).map_err(|why| format!("RIVULET_MODELS: {why}"))?;
        }
        if let Some(model) = &settings.model {
            providers.service(model).map_err(|why| format!("RIVULET_MODEL: {why}"))?;
        }
        providers.choices = providers.choices_of(settings.models, settings.model);
        Ok(providers)
    }

    /// The models that can be chosen, the default first.
    pub fn models(&self) -> Vec<Model> {
        self.choices.iter().map(|id| shown(id, self.default_model())).collect()
    }

    /// The model that answers where none was chosen: `provider/model`.
    pub fn default_model(&self) -> &str {
        self.choices.first().map_or(demo::MODEL, String::as_str)
    }

    /// Checks that `model` names a provider that is configured. Whether the provider has the model, only it knows.
    ///
    /// # Errors
    /// A sentence that names what is configured.
    pub fn resolve(&self, model: &str) -> Result<(), String> {
        self.service(model).map(drop)
    }

    /// Asks the provider that `model` names. The stream never panics and ends after one `Finished` or `Failed`;
    /// dropping it closes the connection at once, also while the provider is silent.
    pub fn reply(&self, model: &str, request: Request) -> BoxStream<'static, Delta> {
        match self.service(model) {
            Ok(Some(service)) => Talk::new(service, request, self.limits).deltas().boxed(),
            Ok(None) => demo::reply(&request, self.services.is_empty()).boxed(),
            Err(why) => stream::iter([Delta::Failed(Failure::new(FailureKind::ModelNotFound, why))]).boxed(),
        }
    }

    /// Who serves `model`; none for the built-in tour.
    fn service(&self, model: &str) -> Result<Option<Arc<Service>>, String> {
        // The tour stays reachable when a provider is configured later: conversations may still name it.
        if model == demo::MODEL {
            return Ok(None);
        }
        let (provider, name) = model.split_once('/').unwrap_or((model, ""));
        let service = self.services.iter().find(|service| service.vendor.id == provider);
        match service {
            Some(service) if !name.is_empty() => Ok(Some(Arc::clone(service))),
            Some(_) => Err(format!("Write the model as {provider}/model, with the model's id behind the slash.")),
            None => Err(self.unknown(model)),
        }
    }

    fn unknown(&self, model: &str) -> String {
        let model = model.chars().filter(|character| !character.is_control());
        let model: String = model.take(MOST_ECHOED).collect();
        if self.services.is_empty() {
            return format!(
                "No model provider is configured, so \"{model}\" cannot be asked. Choose {}, or set \
                 ANTHROPIC_API_KEY or OPENAI_API_KEY.",
                demo::MODEL
            );
        }
        let configured: Vec<_> = self.services.iter().map(|service| service.vendor.id).collect();
        format!(
            "\"{model}\" names no configured provider. Write the model as provider/model; the \
             provider can be: {}.",
            configured.join(", ")
        )
    }

    /// The listed models behind the default, each once.
    fn choices_of(&self, listed: Vec<String>, default: Option<String>) -> Vec<String> {
        let built_in = |service: &Arc<Service>| {
            let vendor = service.vendor;
            vendor.models.iter().map(|name| format!("{}/{name}", vendor.id)).collect::<Vec<_>>()
        };
        let listed = if listed.is_empty() { self.services.iter().flat_map(built_in).collect() } else { listed };
        let mut choices: Vec<String> = Vec::new();
        for model in default.into_iter().chain(listed) {
            if !choices.contains(&model) {
                choices.push(model);
            }
        }
        if choices.is_empty() {
            choices.push(demo::MODEL.to_owned());
        }
        choices
    }
}

fn shown(id: &str, default: &str) -> Model {
    let (provider, name) = id.split_once('/').unwrap_or(("", id));
    let name = if id == demo::MODEL { demo::NAME } else { name };
    Model { id: id.to_owned(), name: name.to_owned(), provider: provider.to_owned(), default: id == default }
}
