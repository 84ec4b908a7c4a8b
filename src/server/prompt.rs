//! Checks of what a user writes: messages, titles, instructions, and a conversation's settings. Parsed here once, trusted
//! everywhere else.

use super::bounds::MAX_MODEL;
use super::nul;
use super::provider::Providers;
use crate::contract::{Changes, MAX_MESSAGE};
use crate::error::Problem;
use crate::model::Parameters;

/// Text from a user: not blank, at most `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt(String);

impl Prompt {
    /// As the app counts it, too.
    pub const MAX: usize = MAX_MESSAGE;

    pub fn parse(text: String) -> Result<Self, Problem> {
        if text.trim().is_empty() {
            return Err(Problem::invalid("content", "Write something first: the content is empty."));
        }
        if text.chars().count() > Self::MAX {
            let message = format!("Keep it under {} characters.", Self::MAX);
            return Err(Problem::invalid("content", message));
        }
        Ok(Self(nul::replaced(text)))
    }

    pub fn into_text(self) -> String {
        self.0
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A title fits a line of the sidebar and a browser tab.
pub const MAX_TITLE: usize = 200;

/// Checks a title: one line, not blank, at most [`MAX_TITLE`] characters.
pub fn title(text: &str) -> Result<String, Problem> {
    let title = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() {
        return Err(Problem::invalid("title", "A title needs at least one character."));
    }
    if title.chars().count() > MAX_TITLE {
        return Err(Problem::invalid("title", format!("Keep the title under {MAX_TITLE} characters.")));
    }
    Ok(nul::replaced(title))
}

/// Checks a system prompt: it may be empty, and is at most as long as a message.
pub fn system(text: String) -> Result<String, Problem> {
    if text.chars().count() > Prompt::MAX {
        return Err(Problem::invalid("system", format!("Keep the instructions under {} characters.", Prompt::MAX)));
    }
    Ok(nul::replaced(text))
}

/// Checks the parameters of a conversation. Its provider checks whether the model takes them.
pub fn parameters(parameters: Parameters) -> Result<Parameters, Problem> {
    let Parameters { temperature, max_output_tokens, effort } = &parameters;
    if temperature.is_some_and(|it| !(0.0..=Parameters::MAX_TEMPERATURE).contains(&it)) {
        let message = format!("A temperature is a number from 0 to {}.", Parameters::MAX_TEMPERATURE);
        return Err(Problem::invalid("parameters.temperature", message));
    }
    if max_output_tokens.is_some_and(|it| !(1..=Parameters::MAX_OUTPUT_TOKENS).contains(&it)) {
        let message = format!("The longest reply is 1 to {} tokens.", Parameters::MAX_OUTPUT_TOKENS);
        return Err(Problem::invalid("parameters.max_output_tokens", message));
    }
    if effort.as_ref().is_some_and(|it| !Parameters::EFFORTS.contains(&it.as_str())) {
        let message = format!("The effort is one of {}.", Parameters::EFFORTS.join(", "));
        return Err(Problem::invalid("parameters.effort", message));
    }
    Ok(parameters)
}

/// Checks a model's id, apart from whether it exists: the providers check that.
pub fn model(id: &str) -> Result<(), Problem> {
    if nul::is_in(id) {
        return Err(Problem::invalid("model", "A model's id has no U+0000."));
    }
    if id.len() <= MAX_MODEL {
        return Ok(());
    }
    Err(Problem::invalid("model", format!("A model's id has at most {MAX_MODEL} bytes.")))
}

/// Checks the settings of a conversation that is created or changed. An empty model counts as none.
pub fn changes(providers: &Providers, changes: Changes) -> Result<Changes, Problem> {
    let chosen = changes.model.filter(|model| !model.is_empty());
    if let Some(id) = &chosen {
        model(id)?;
        providers.resolve(id).map_err(|message| Problem::invalid("model", message))?;
    }
    Ok(Changes {
        title: changes.title.as_deref().map(title).transpose()?,
        system: changes.system.map(system).transpose()?,
        parameters: changes.parameters.map(parameters).transpose()?,
        model: chosen,
    })
}
