//! Which providers there are and which of their models can be chosen. Replaced as a whole when the settings change;
//! open replies keep the one that they began with.

use super::service::{self, Service};
use super::settings::{Listed, Price};
use super::{ProviderSettings, demo, discover};
use crate::model::Model;
use crate::server::provider::ProviderLimits;
use crate::server::provider::retrying::Fallback;
use std::sync::Arc;

/// The longest part of a model's name that a sentence about it repeats, in characters.
const MAX_ECHOED: usize = 100;

/// A model that can be chosen, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub model: Model,
    /// How many tokens a conversation with it may have.
    pub context: Option<u64>,
    pub price: Option<Price>,
}

pub(super) struct Catalog {
    services: Vec<Arc<Service>>,
    /// The choices, the default first. Never empty.
    choices: Vec<Choice>,
    /// `RIVULET_MODELS` and `RIVULET_MODEL`.
    named: Vec<String>,
    default: Option<String>,
}

impl Catalog {
    /// Checks the settings and makes the HTTP client. Opens no connection.
    ///
    /// # Errors
    /// A sentence that names the wrong setting and says what is expected.
    pub(super) fn new(settings: ProviderSettings, limits: &ProviderLimits) -> Result<Self, String> {
        let services = service::services(settings.providers, limits)?;
        let catalog = Self { services, choices: Vec::new(), named: settings.models, default: settings.model };
        for model in &catalog.named {
            catalog.service(model).map_err(|why| format!("RIVULET_MODELS: {why}"))?;
        }
        if let Some(model) = &catalog.default {
            catalog.service(model).map_err(|why| format!("RIVULET_MODEL: {why}"))?;
        }
        catalog.check_fallbacks()?;
        Ok(catalog.with_choices())
    }

    /// A catalog with the current model lists of its services; none when nothing has changed, or no service can be
    /// asked.
    pub(super) async fn discovered(&self) -> Option<Self> {
        let mut services = self.services.clone();
        let mut is_new = false;
        for service in services.iter_mut().filter(|service| service.lists_its_own) {
            if let Some(models) = discover::models(service).await.filter(|models| *models != service.models) {
                *service = Arc::new(service.having(models));
                is_new = true;
            }
        }
        let (named, default) = (self.named.clone(), self.default.clone());
        is_new.then(|| Self { services, choices: Vec::new(), named, default }.with_choices())
    }

    fn with_choices(mut self) -> Self {
        self.choices = self.choices_of(self.named.clone(), self.default.clone());
        self
    }

    pub(super) fn services(&self) -> &[Arc<Service>] {
        &self.services
    }

    pub(super) fn choices(&self) -> &[Choice] {
        &self.choices
    }

    pub(super) fn model_of(&self, provider: &str) -> Option<String> {
        let chosen = self.choices.iter().find(|choice| choice.model.provider == provider);
        let listed = || self.service_of(provider)?.models.first().map(|model| format!("{provider}/{}", model.id));
        chosen.map(|choice| choice.model.id.clone()).or_else(listed)
    }

    pub(super) fn window(&self, model: &str) -> Option<u64> {
        self.known(model)?.context
    }

    pub(super) fn price(&self, model: &str) -> Option<Price> {
        self.known(model)?.price
    }

    /// The model to ask where `model` cannot answer.
    pub(super) fn fallback(&self, model: &str) -> Option<Fallback> {
        let model = self.known(model)?.fallback.clone()?;
        let service = self.service(&model).ok().flatten()?;
        Some(Fallback { service, model })
    }

    /// Checked at the start, because a misconfigured fallback would only show when it is needed.
    fn check_fallbacks(&self) -> Result<(), String> {
        for service in &self.services {
            for listed in &service.models {
                let Some(fallback) = &listed.fallback else { continue };
                let id = format!("{}/{}", service.origin.name, listed.id);
                match self.service(fallback) {
                    Ok(Some(_)) if *fallback != id => {}
                    Ok(_) => return Err(format!("The fallback of {id}: expected another provider/model.")),
                    Err(why) => return Err(format!("The fallback of {id}: {why}")),
                }
            }
        }
        Ok(())
    }

    /// How many images a request to the model may have; 0 where it does not see.
    pub(super) fn most_images(&self, model: &str) -> usize {
        let Some((provider, name)) = model.split_once('/') else { return 0 };
        let Some(service) = self.service_of(provider) else { return 0 };
        let told = self.listed(provider, name).and_then(|listed| listed.images);
        match told.unwrap_or_else(|| service.kind.sees_images(service.is_at_home())) {
            true => service.kind.most_images(),
            false => 0,
        }
    }

    /// The reason that the tour gives for answering.
    pub(super) fn why_the_tour(&self) -> demo::Why {
        match self.choices.first() {
            _ if self.services.is_empty() => demo::Why::NoProvider,
            Some(default) if default.model.id == demo::MODEL => demo::Why::NoModel,
            _ => demo::Why::Asked,
        }
    }

    /// The service of `model`; none for the built-in tour.
    ///
    /// # Errors
    /// A sentence that names what is configured.
    pub(super) fn service(&self, model: &str) -> Result<Option<Arc<Service>>, String> {
        // The tour stays available when a provider is configured later: conversations may still name it.
        if model == demo::MODEL {
            return Ok(None);
        }
        let (provider, name) = model.split_once('/').unwrap_or((model, ""));
        match self.service_of(provider) {
            Some(service) if !name.is_empty() => Ok(Some(Arc::clone(service))),
            Some(_) => Err(format!("Write the model as {provider}/model, with the model's id behind the slash.")),
            None => Err(self.unknown(model)),
        }
    }

    fn unknown(&self, model: &str) -> String {
        let model = model.chars().filter(|character| !character.is_control());
        let model: String = model.take(MAX_ECHOED).collect();
        if self.services.is_empty() {
            return format!(
                "No model provider is configured, so \"{model}\" cannot be asked. Choose {}, or set a provider's key, \
                 such as ANTHROPIC_API_KEY or OPENAI_API_KEY.",
                demo::MODEL
            );
        }
        let configured: Vec<_> = self.services.iter().map(|service| service.origin.name.as_str()).collect();
        format!(
            "\"{model}\" names no configured provider. Write the model as provider/model; the \
             provider can be: {}.",
            configured.join(", ")
        )
    }

    /// The listed models behind the default, each once.
    fn choices_of(&self, listed: Vec<String>, default: Option<String>) -> Vec<Choice> {
        let of_service = |service: &Arc<Service>| {
            let name = service.origin.name.clone();
            service.models.iter().map(move |model| format!("{name}/{}", model.id)).collect::<Vec<_>>()
        };
        let listed = if listed.is_empty() { self.services.iter().flat_map(of_service).collect() } else { listed };
        let mut ids: Vec<String> = Vec::new();
        for id in default.into_iter().chain(listed) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.is_empty() {
            ids.push(demo::MODEL.to_owned());
        }
        let default = ids[0].clone();
        ids.into_iter().map(|id| self.choice(id, &default)).collect()
    }

    fn choice(&self, id: String, default: &str) -> Choice {
        let (provider, name) = id.split_once('/').unwrap_or(("", &id));
        let images = 0 < self.most_images(&id);
        let known = self.listed(provider, name).cloned().unwrap_or_default();
        let name = if id == demo::MODEL { demo::NAME } else { name };
        let name = known.name.unwrap_or_else(|| name.to_owned());
        let model = Model { name, provider: provider.to_owned(), default: id == default, images, id };
        Choice { model, context: known.context, price: known.price }
    }

    fn known(&self, model: &str) -> Option<&Listed> {
        let (provider, name) = model.split_once('/')?;
        self.listed(provider, name)
    }

    fn listed(&self, provider: &str, model: &str) -> Option<&Listed> {
        self.service_of(provider)?.models.iter().find(|listed| listed.id == model)
    }

    fn service_of(&self, provider: &str) -> Option<&Arc<Service>> {
        self.services.iter().find(|service| service.origin.name == provider)
    }
}
