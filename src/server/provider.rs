//! The clients of model APIs: a conversation in, a stream of [`Delta`]s out.
//!
//! A reply passes `retrying` (when to try again, when it has ended) -> `attempt` (one attempt: checks and deadlines) ->
//! `reader` (caps) -> `parser` (bytes to events) -> the decoder of its `kind` (events to their meaning) -> `speech`
//! (that to deltas). From the reader on everything is pure: no IO, no clock, so tests and fuzzing feed it recordings.
//! `failure` has every message to users.
//!
//! A provider has a name and a kind: the name is the operator's, the kind is the wire format. A new kind is one file
//! with one `Vendor`. Nothing here knows conversations, accounts or journals.

pub mod framing;
pub mod ollama;
pub mod reader;
pub mod sse;

mod answered;
mod anthropic;
mod attempt;
mod catalog;
mod demo;
mod dialect;
mod direct;
mod discover;
mod error_body;
mod excerpt;
mod failure;
mod gemini;
mod heard;
mod item;
mod json;
mod kind;
mod lenient;
mod lines;
mod meaning;
mod mistral;
mod openai;
mod origin;
mod parser;
mod quick;
mod redact;
mod request;
mod responses;
pub(crate) mod retry;
mod retrying;
mod service;
mod settings;
mod sniff;
mod speech;
mod think;
mod tokens;
mod tool_call;
mod trouble;
mod values;
mod vendor;

pub use super::provider::settings::ProviderLimits;
pub use catalog::Choice;
pub use dialect::{Dialect, LimitName};
pub use failure::{Failure, FailureKind};
pub use kind::Kind;
pub use origin::Origin;
pub use request::{GO_ON, Request, Turn};
pub use service::address;
pub use settings::{Endpoint, Listed, Price, ProviderSettings};
pub use trouble::Trouble;
pub use vendor::Parameters;

use crate::model::{Model, Usage};
use catalog::Catalog;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use retrying::Talk;
use std::sync::{Arc, PoisonError, RwLock};

/// A provider's output, one piece at a time.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// The provider has begun to answer. Comes again when an attempt failed before its first piece.
    Started {
        request_id: Option<String>,
    },
    /// The provider could not answer yet, and nothing has been shown: a sentence about what is being done.
    Waiting {
        message: String,
        /// The model that is asked from here on, as `provider/model`, where it is another one.
        model: Option<String>,
        /// The previous attempt was answered in full, so that it has its price, though there is nothing to show for it.
        is_paid: bool,
    },
    /// The model thinks; empty when it does so without text.
    Thinking(String),
    Text(String),
    /// The reply's usage so far, in all: the last one wins.
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
    /// Adds the delta of an event that is one more piece and nothing else, as nearly all are. `false`: the event is for
    /// [`Self::take`], which reads every event, and reads these likewise (`quick`).
    fn take_piece(&mut self, event: &framing::Event, deltas: &mut Vec<Delta>) -> bool;

    /// Adds the deltas of this event. Returns the event that is wrapped in it: some gateways do that.
    fn take(&mut self, event: &framing::Event, deltas: &mut Vec<Delta>) -> Option<framing::Event>;

    /// Adds the deltas of this event. Nothing that follows a `Finished` or a `Failed` counts.
    fn push(&mut self, event: &framing::Event, deltas: &mut Vec<Delta>) {
        if self.take_piece(event, deltas) {
            return;
        }
        if let Some(inner) = self.take(event, deltas) {
            self.take(&inner, deltas);
        }
    }

    /// The deltas when the stream ended here: what was held back, then `Finished`, or `Failed` as truncated.
    fn end(&mut self) -> Vec<Delta>;
}

/// The configured providers.
pub struct Providers {
    current: RwLock<Arc<Catalog>>,
    limits: ProviderLimits,
}

impl Providers {
    /// Checks the settings and makes the HTTP client. Opens no connection.
    ///
    /// # Errors
    /// A sentence that names the wrong setting and says what is expected.
    pub fn new(settings: ProviderSettings, limits: ProviderLimits) -> Result<Self, String> {
        let catalog = Catalog::new(settings, &limits)?;
        Ok(Self { current: RwLock::new(Arc::new(catalog)), limits })
    }

    /// Applies other settings. Open replies continue as they began.
    ///
    /// # Errors
    /// As [`Self::new`]; everything then stays as it was.
    pub fn replace(&self, settings: ProviderSettings) -> Result<(), String> {
        let catalog = Arc::new(Catalog::new(settings, &self.limits)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = catalog;
        Ok(())
    }

    /// Asks the servers that list their models themselves for their current lists. One that cannot be asked keeps the
    /// former list.
    pub async fn discover(&self) {
        let before = self.catalog();
        let Some(found) = before.discovered().await else { return };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Other settings may have been applied meanwhile; the next call uses them.
        if Arc::ptr_eq(&current, &before) {
            *current = Arc::new(found);
        }
    }

    /// The models that can be chosen, the default first.
    pub fn models(&self) -> Vec<Model> {
        self.catalog().choices().iter().map(|choice| choice.model.clone()).collect()
    }

    /// The models that can be chosen, the default first, with their properties.
    pub fn choices(&self) -> Vec<Choice> {
        self.catalog().choices().to_vec()
    }

    /// The names of the configured providers.
    pub fn names(&self) -> Vec<String> {
        self.catalog().services().iter().map(|service| service.origin.name.clone()).collect()
    }

    /// By name, whether each provider answers at all.
    pub async fn reached(&self) -> Vec<(String, bool)> {
        let catalog = self.catalog();
        let asked =
            catalog.services().iter().map(async |service| (service.origin.name.clone(), service.answers().await));
        futures::future::join_all(asked).await
    }

    /// What the operator has to mend at the providers.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.catalog().services().iter().filter_map(|service| service.trouble.get()).collect()
    }

    /// A model of this provider, as `provider/model`: its first choice, or else the first that is listed of it.
    pub fn model_of(&self, provider: &str) -> Option<String> {
        self.catalog().model_of(provider)
    }

    /// The model that answers where none was chosen: `provider/model`.
    pub fn default_model(&self) -> String {
        self.catalog().choices().first().map_or_else(|| demo::MODEL.to_owned(), |choice| choice.model.id.clone())
    }

    /// How many tokens the model can read and write together, where the settings say so.
    pub fn window(&self, model: &str) -> Option<u64> {
        self.catalog().window(model)
    }

    /// The window of the model's fallback, where it has one and the settings say so.
    pub fn fallback_window(&self, model: &str) -> Option<u64> {
        let catalog = self.catalog();
        catalog.window(&catalog.fallback(model)?.model)
    }

    /// How many images a request to the model may have; 0 where it does not see.
    pub fn most_images(&self, model: &str) -> usize {
        self.catalog().most_images(model)
    }

    /// The usage with its cost, where the settings have the model's price.
    pub fn priced(&self, model: &str, usage: Usage) -> Usage {
        let price = self.catalog().price(model);
        Usage { cost_micros: price.map(|price| price.of(usage)), ..usage }
    }

    /// Checks that `model` names a provider that is configured. Whether the provider has the model, only it knows.
    ///
    /// # Errors
    /// A sentence that names what is configured.
    pub fn resolve(&self, model: &str) -> Result<(), String> {
        self.catalog().service(model).map(drop)
    }

    /// Asks the provider that `model` names, and where that one cannot answer its fallback, if the settings name one.
    /// The stream never panics and ends after one `Finished` or `Failed`; dropping it closes the connection at once,
    /// also while the provider is silent.
    pub fn reply(&self, model: &str, request: Request) -> BoxStream<'static, Delta> {
        self.ask(model, request, true)
    }

    /// Asks the provider that `model` names, without a fallback.
    pub fn reply_of(&self, model: &str, request: Request) -> BoxStream<'static, Delta> {
        self.ask(model, request, false)
    }

    fn ask(&self, model: &str, request: Request, or_another: bool) -> BoxStream<'static, Delta> {
        let catalog = self.catalog();
        match catalog.service(model) {
            Ok(Some(service)) => {
                // A fallback that cannot see the request's images would answer something else.
                let sees = |model: &str| request.images() <= catalog.most_images(model);
                let fallback = catalog.fallback(model).filter(|other| or_another && sees(&other.model));
                Talk::new(service, request, self.limits).or(fallback).deltas().boxed()
            }
            Ok(None) => demo::reply(&request, catalog.why_the_tour()).boxed(),
            Err(why) => stream::iter([Delta::Failed(Failure::new(FailureKind::ModelNotFound, why))]).boxed(),
        }
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}
