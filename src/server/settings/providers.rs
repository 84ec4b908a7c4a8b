//! The configured providers: those of `rivulet.toml` first, in its order, then those of the environment whose names the
//! file does not have. The file is the more deliberate of the two, so it takes precedence.

use super::{Settings, file};
use crate::server::provider::{Dialect, Endpoint, Kind, Origin, Parameters, ProviderSettings};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Read when it exists and `RIVULET_CONFIG` names no other.
const FILE: &str = "rivulet.toml";

impl Settings {
    /// Reads the file anew each time.
    ///
    /// # Errors
    /// One line that names the file, the line in it and what is expected.
    pub fn providers(&self) -> Result<ProviderSettings, String> {
        let mut providers = self.of_file()?;
        let named: Vec<_> = providers.iter().map(|endpoint| endpoint.origin.name.clone()).collect();
        providers.extend(self.of_environment().into_iter().filter(|endpoint| !named.contains(&endpoint.origin.name)));
        Ok(ProviderSettings { providers, models: self.models.clone(), model: self.model.clone() })
    }

    /// A hash of what all nodes on one database should have in common, because it is in what people are shown: the file, and
    /// the model that answers where nobody chooses one.
    pub fn hash(&self) -> String {
        let file = std::fs::read(self.config.as_deref().unwrap_or(Path::new(FILE))).unwrap_or_default();
        let model = self.model.as_deref().unwrap_or_default();
        let hash = Sha256::new().chain_update((file.len() as u64).to_be_bytes()).chain_update(&file);
        hash.chain_update(model).finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn of_file(&self) -> Result<Vec<Endpoint>, String> {
        match &self.config {
            Some(path) => file::read(path),
            None if Path::new(FILE).exists() => file::read(Path::new(FILE)),
            None => Ok(Vec::new()),
        }
    }

    /// A provider is configured by its key, by its address, or by both: a local server needs no key.
    fn of_environment(&self) -> Vec<Endpoint> {
        let endpoint = |kind: Kind, variables: &str, key: &Option<SecretString>, url: &Option<String>| {
            (key.is_some() || url.is_some()).then(|| Endpoint {
                origin: Origin::environment(kind.name(), variables),
                kind,
                key: key.clone(),
                base_url: url.clone().unwrap_or_else(|| kind.base_url().to_owned()),
                parameters: Parameters::new(),
                dialect: Dialect::default(),
                models: Vec::new(),
            })
        };
        let endpoints = [
            endpoint(Kind::Anthropic, "ANTHROPIC", &self.anthropic_api_key, &self.anthropic_base_url),
            endpoint(Kind::OpenAi, "OPENAI", &self.openai_api_key, &self.openai_base_url),
            endpoint(Kind::Gemini, "GEMINI", &self.gemini_api_key, &self.gemini_base_url),
            endpoint(Kind::Mistral, "MISTRAL", &self.mistral_api_key, &self.mistral_base_url),
            self.ollama(),
        ];
        endpoints.into_iter().flatten().collect()
    }

    fn ollama(&self) -> Option<Endpoint> {
        let kind = Kind::Ollama;
        let address = "OLLAMA_HOST".to_owned();
        // There is no variable for a key: where a proxy before Ollama needs one, the file has to name it.
        let key = "of ollama in rivulet.toml".to_owned();
        Some(Endpoint {
            origin: Origin { name: kind.name().to_owned(), key, address },
            kind,
            key: None,
            base_url: self.ollama_host.clone()?,
            parameters: Parameters::new(),
            dialect: Dialect::default(),
            models: Vec::new(),
        })
    }
}
