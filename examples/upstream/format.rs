//! Which format a request is in, and what its provider would say against it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    anthropic::Anthropic, gemini::Gemini, http::Request, images, mistral::Mistral, ollama::Ollama, openai::OpenAi,
    responses::Responses, wire::Wire,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Anthropic,
    OpenAi,
    Mistral,
    Responses,
    Gemini,
    Ollama,
}

/// Mistral speaks OpenAI's format at OpenAI's path, but differs in details: its base URL is told apart by this.
const MISTRAL: &str = "/mistral/";

impl Format {
    /// The format that a request asks for, with or without `/v1`; none if it is not for the model.
    pub(super) fn of(method: &str, path: &str) -> Option<Self> {
        match method {
            "POST" if path.ends_with("/messages") => Some(Self::Anthropic),
            "POST" if path.ends_with("/chat/completions") && path.starts_with(MISTRAL) => Some(Self::Mistral),
            "POST" if path.ends_with("/chat/completions") => Some(Self::OpenAi),
            "POST" if path.ends_with("/responses") => Some(Self::Responses),
            "POST" if path.ends_with("enerateContent") => Some(Self::Gemini),
            "POST" if path.ends_with("/api/chat") => Some(Self::Ollama),
            _ => None,
        }
    }

    pub(super) fn wire(self) -> &'static dyn Wire {
        match self {
            Self::Anthropic => &Anthropic,
            Self::OpenAi => &OpenAi,
            Self::Mistral => &Mistral,
            Self::Responses => &Responses,
            Self::Gemini => &Gemini,
            Self::Ollama => &Ollama,
        }
    }

    /// The text of the last user message, whose content is a string or a list of parts.
    pub(super) fn asked(self, body: &Value) -> Option<String> {
        let messages = match self {
            Self::Responses if body["input"].is_string() => return body["input"].as_str().map(str::to_owned),
            Self::Responses => &body["input"],
            Self::Gemini => &body["contents"],
            _ => &body["messages"],
        };
        let user = |message: &&Value| message["role"] == "user" || message["role"].is_null();
        let last = messages.as_array()?.iter().rfind(user)?;
        let content = if self == Self::Gemini { &last["parts"] } else { &last["content"] };
        let Some(parts) = content.as_array() else { return content.as_str().map(str::to_owned) };
        let texts: Vec<_> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        Some(texts.join("\n"))
    }
}

/// What the provider would refuse in a request, so that a mistake shows here and not only with a real key.
pub(super) fn objection(format: Format, request: &Request, body: &Value) -> Option<String> {
    if !body.is_object() {
        return Some("the body is not a JSON object".into());
    }
    if !body["model"].is_string() && format != Format::Gemini {
        return Some("model: Field required".into());
    }
    if format.asked(body).is_none() {
        return Some("messages: at least one message is required".into());
    }
    if let Some(objection) = images::of(format, body).iter().find_map(|image| images::objection(format, image)) {
        return Some(objection);
    }
    match format {
        Format::Anthropic => anthropic_objects(&request.headers, body).map(str::to_owned),
        Format::Mistral if !body["stream_options"].is_null() => {
            Some("stream_options: Extra inputs are not permitted".into())
        }
        Format::Gemini => gemini_objects(body).map(|name| format!("Unknown name \"{name}\": Cannot find field.")),
        _ => None,
    }
}

fn anthropic_objects(headers: &BTreeMap<String, String>, body: &Value) -> Option<&'static str> {
    if !headers.contains_key("anthropic-version") {
        return Some("anthropic-version: header is required");
    }
    if !body["max_tokens"].is_u64() {
        return Some("max_tokens: Field required");
    }
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let ends_with_user = last.is_some_and(|last| last["role"] == "user");
    (!ends_with_user).then_some("This model does not support assistant message prefill.")
}

/// Gemini refuses what it does not know; this is what others know and it does not.
fn gemini_objects(body: &Value) -> Option<&'static str> {
    ["model", "messages", "stream", "system"].into_iter().find(|name| !body[*name].is_null())
}
