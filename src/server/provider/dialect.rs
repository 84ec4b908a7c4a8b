//! Which of the members that Rivulet adds to a request by itself a server accepts: according to the settings, or
//! learned from the server's refusals. What a user or the settings ask for is never left out.

use super::meaning::is_about_an_amount;
use super::{Kind, Request};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// How often one request is changed and repeated before a refusal becomes the reply's failure.
pub(super) const MAX_CHANGES: usize = 3;
/// For how many models of a provider the changes are remembered: users can name models that do not exist.
const MAX_MODELS: usize = 1_000;

/// Names of the reply's limit in chat completions.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// The name that compatible servers read; many ignore the other.
    MaxTokens,
    /// The name that OpenAI's own models read; they refuse the other.
    MaxCompletionTokens,
}

impl LimitName {
    fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::MaxTokens => Self::MaxCompletionTokens,
            Self::MaxCompletionTokens => Self::MaxTokens,
        }
    }
}

/// The settings of a provider's requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dialect {
    /// The name of "Longest reply" in requests; none for the usual one at the address. Chat completions only.
    pub longest_reply: Option<LimitName>,
    /// Members that Rivulet would add ([`Kind::additions`]), and does not.
    pub leave_out: BTreeSet<String>,
}

impl Kind {
    /// The members that Rivulet adds to a request by itself and that a server can do without.
    pub fn additions(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &["stream_options"],
            Self::Responses => &["store"],
            Self::Anthropic | Self::Gemini | Self::Ollama | Self::Mistral => &[],
        }
    }
}

/// How requests to one model are changed, because its server refused them otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Changes {
    left_out: BTreeSet<&'static str>,
    other_limit_name: bool,
}

/// The changes that are remembered, by model. Forgotten when the settings are reloaded.
#[derive(Clone, Debug, Default)]
pub(super) struct Learned(Arc<Mutex<HashMap<String, Changes>>>);

impl Learned {
    pub(super) fn of(&self, model: &str) -> Changes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(model).cloned().unwrap_or_default()
    }

    pub(super) fn keep(&self, model: &str, changes: &Changes) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_MODELS || known.contains_key(model) {
            known.insert(model.to_owned(), changes.clone());
        }
    }
}

/// A provider's requests: its kind, their address, and the settings.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    kind: Kind,
    dialect: Dialect,
    /// It is OpenAI's own service, or Azure's.
    is_openai: bool,
}

impl Requests {
    pub(super) fn new(kind: Kind, base: &str, dialect: Dialect) -> Self {
        Self { kind, dialect, is_openai: is_openai(base) }
    }

    /// Leaves out and renames what the server does not accept. `fixed` are the members that the settings give a value.
    pub(super) fn change(&self, body: &mut Value, request: &Request, changes: &Changes, fixed: impl Fn(&str) -> bool) {
        let Some(members) = body.as_object_mut() else { return };
        for &name in self.kind.additions() {
            let is_unwanted = self.dialect.leave_out.contains(name) || changes.left_out.contains(name);
            if is_unwanted && !fixed(name) {
                members.remove(name);
            }
        }
        let Some(limit) = request.parameters.max_output_tokens.filter(|_| self.kind == Kind::OpenAi) else { return };
        let name = self.limit_name(changes);
        members.remove(name.other().name());
        members.insert(name.name().to_owned(), limit.into());
    }

    /// What to change after a refusal in these words; none where they name nothing that can be changed.
    pub(super) fn after(
        &self,
        said: &str,
        request: &Request,
        before: &Changes,
        fixed: impl Fn(&str) -> bool,
    ) -> Option<(&'static str, Changes)> {
        let mut changes = before.clone();
        let is_added = |name: &str| !before.left_out.contains(name) && !self.dialect.leave_out.contains(name);
        // Leaving out `store: false` at OpenAI would leave conversations there.
        let may_go = |name: &str| !fixed(name) && (name != "store" || !self.is_openai);
        let mut added = self.kind.additions().iter().copied();
        if let Some(name) = added.find(|name| is_added(name) && may_go(name) && names(said, name)) {
            changes.left_out.insert(name);
            return Some((name, changes));
        }
        let limit = self.limit_name(before).name();
        let has_limit = self.kind == Kind::OpenAi && request.parameters.max_output_tokens.is_some();
        if has_limit && !before.other_limit_name && names(said, limit) && !is_about_an_amount(said) {
            changes.other_limit_name = true;
            return Some((limit, changes));
        }
        None
    }

    fn limit_name(&self, changes: &Changes) -> LimitName {
        let usual = if self.is_openai { LimitName::MaxCompletionTokens } else { LimitName::MaxTokens };
        let name = self.dialect.longest_reply.unwrap_or(usual);
        if changes.other_limit_name { name.other() } else { name }
    }
}

fn is_openai(base: &str) -> bool {
    let url = Url::parse(base).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    host == "api.openai.com" || host.ends_with(".openai.azure.com")
}

/// Whether the words name this member of a request, or its value.
fn names(said: &str, member: &str) -> bool {
    let inner = if member == "stream_options" { "include_usage" } else { member };
    let mut words = said.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.any(|word| word == member || word == inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Parameters;
    use serde_json::json;

    fn request(max_output_tokens: Option<u32>) -> Request {
        let parameters = Parameters { max_output_tokens, ..Parameters::default() };
        Request { model: "m".into(), system: String::new(), turns: Vec::new(), parameters }
    }

    #[test]
    fn z14_the_limit_is_called_as_the_host_calls_it() {
        for (base, name) in [
            ("https://api.openai.com/v1", "max_completion_tokens"),
            ("https://API.OpenAI.com/v1", "max_completion_tokens"),
            ("https://mine.openai.azure.com/openai/v1", "max_completion_tokens"),
            ("https://openai.azure.com.example/v1", "max_tokens"),
            ("https://api.openai.com.example/v1", "max_tokens"),
            ("http://localhost:8080/v1", "max_tokens"),
            ("https://openrouter.ai/api/v1", "max_tokens"),
        ] {
            let mut body = json!({ "max_completion_tokens": 50 });
            let requests = Requests::new(Kind::OpenAi, base, Dialect::default());
            requests.change(&mut body, &request(Some(50)), &Changes::default(), |_| false);
            assert_eq!(body, json!({ name: 50 }), "{base}");
        }
    }

    #[test]
    fn z11_store_is_left_out_only_where_nothing_is_kept() {
        for (base, can_go) in [("https://api.openai.com/v1", false), ("http://localhost:1/v1", true)] {
            let requests = Requests::new(Kind::Responses, base, Dialect::default());
            let after = requests.after("Unknown parameter: 'store'.", &request(None), &Changes::default(), |_| false);
            assert_eq!(after.is_some(), can_go, "{base}");
        }
    }

    #[test]
    fn z11_what_a_person_or_the_settings_ask_for_is_not_left_out() {
        let requests = Requests::new(Kind::OpenAi, "http://localhost:1/v1", Dialect::default());
        let after = |said: &str, fixed: bool| {
            requests.after(said, &request(Some(9)), &Changes::default(), |_| fixed).map(|(name, _)| name)
        };
        assert_eq!(after("Unrecognized request argument supplied: stream_options", false), Some("stream_options"));
        assert_eq!(after("stream_options.include_usage: extra fields not permitted", false), Some("stream_options"));
        assert_eq!(after("Unrecognized request argument supplied: stream_options", true), None);
        assert_eq!(after("my_stream_options_2 is unknown", false), None);
        assert_eq!(
            after("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", false),
            Some("max_tokens")
        );
        assert_eq!(after("max_tokens is too large: 9", false), None);
        assert_eq!(after("temperature is not supported", false), None);
    }
}
