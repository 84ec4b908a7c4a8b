//! The endpoints that set scripts and tell what was seen.

use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    http::{Reply, Request},
    script::Script,
    state::State,
};

const ENDPOINTS: &str = "POST …/messages, POST …/chat/completions, POST …/responses, \
    POST …/models/m:streamGenerateContent, POST /api/chat, GET /api/tags, GET /v1/models, PUT /models, PUT /script, POST /scripts, POST /text, \
    POST /go, GET /seen, DELETE /seen, GET /arrived/n, GET /ended/n, GET /closed/n";

pub(super) async fn reply(state: &State, request: &Request) -> Reply {
    match (request.method.as_str(), request.path.as_str()) {
        ("PUT", "/script") => with(request, |script| {
            state.script(script);
            nothing()
        }),
        ("POST", "/scripts") => with(request, |script| {
            state.push(script);
            nothing()
        }),
        ("POST", "/text") => with(request, |script: Script| {
            let told = json!({ "text": script.full_text(), "thinking": script.full_thinking() });
            json_reply(told.to_string())
        }),
        ("POST", "/go") => {
            state.go();
            nothing()
        }
        ("PUT", "/models") => with(request, |models: Vec<String>| {
            state.has(&models.iter().map(String::as_str).collect::<Vec<_>>());
            nothing()
        }),
        ("GET", "/api/tags") => {
            let models: Vec<_> =
                state.models().into_iter().map(|name| json!({ "name": name, "model": name })).collect();
            json_reply(json!({ "models": models }).to_string())
        }
        ("GET", "/v1/models") => {
            let models: Vec<_> =
                state.models().into_iter().map(|name| json!({ "id": name, "object": "model" })).collect();
            json_reply(json!({ "object": "list", "data": models }).to_string())
        }
        ("GET", "/seen") => seen(state),
        ("DELETE", "/seen") => {
            state.reset();
            nothing()
        }
        ("GET", path) => wait(state, path).await,
        _ => plain(404, format!("There are: {ENDPOINTS}\n")),
    }
}

fn with<T: DeserializeOwned>(request: &Request, act: impl FnOnce(T) -> Reply) -> Reply {
    match serde_json::from_slice(&request.body) {
        Ok(value) => act(value),
        Err(error) => plain(400, format!("{error}\n")),
    }
}

/// `/arrived/2` and the like.
async fn wait(state: &State, path: &str) -> Reply {
    let words: Vec<_> = path.split('/').collect();
    let (what, count) = match words[..] {
        ["", what, count] => (what, count.parse()),
        _ => ("", "".parse()),
    };
    let waited = match (what, count) {
        ("arrived", Ok(count)) => state.arrived(count).await,
        ("ended", Ok(count)) => state.ended(count).await,
        ("closed", Ok(count)) => state.closed(count).await,
        _ => return plain(404, format!("There are: {ENDPOINTS}\n")),
    };
    match waited {
        Ok(()) => seen(state),
        Err(not_yet) => plain(504, not_yet.to_string()),
    }
}

fn seen(state: &State) -> Reply {
    json_reply(json!(state.seen()).to_string())
}

fn json_reply(body: String) -> Reply {
    Reply { status: 200, content_type: "application/json", body }
}

fn plain(status: u16, body: String) -> Reply {
    Reply { status, content_type: "text/plain; charset=utf-8", body }
}

fn nothing() -> Reply {
    json_reply("{}".into())
}
