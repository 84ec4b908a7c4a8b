//! Who may see what, route by route.

use reqwest::Method;
use serde_json::{Value, json};

/// Who may see what is behind a route.
pub(super) enum Guard {
    /// Public content, or guarded by a token of its own or a password.
    Everybody,
    /// Everybody gets their own; there is no id to try.
    Own,
    /// What belongs to an account, named by an id in the path or the body.
    Owned(Method, Body),
    /// Like `Owned`, but refused with 403 instead of 404, for every id.
    Refused(Method, Body),
    /// For requests that are signed with the app's secret.
    Signed(Method),
    /// For admins alone. With or without an id, all others get 404.
    Admin(Method, Body),
}

/// What is sent, with the ids put in.
pub(super) enum Body {
    None,
    Json(Value),
    Form(&'static [(&'static str, &'static str)]),
}

use Body::{Form, Json, None as Nothing};
use Guard::{Admin, Everybody, Own, Owned, Refused, Signed};

/// In these requests `{c}` is a conversation, `{r}` a reply, `{m}` a person's message, `{s}` a session, `{t}` a token,
/// `{a}` an account, `{i}` an invitation, `{o}` an identity, `{p}` an image, `{id}` the one of these that the path is
/// about, `{x}` always a random id.
pub(super) fn guard(path: &str) -> Guard {
    match path {
        "/healthz" | "/healthz/stream" | "/readyz" | "/metrics" | "/status" => Everybody,
        "/sign-in" | "/sign-up" | "/sign-out" | "/settings" => Everybody,
        "/app/{key}" => Everybody, // a socket alone sees nothing: its channels take signatures
        "/broadcasting/auth" => {
            Refused(Method::POST, Form(&[("socket_id", "1.1"), ("channel_name", "private-conversations.{c}")]))
        }
        "/apps/{id}/events" | "/apps/{id}/batch_events" => Signed(Method::POST),
        path if path.starts_with("/apps/{id}/") => Signed(Method::GET),
        "/sign-in/oidc" | "/sign-in/oidc/callback" => Everybody, // what an issuer proves is asked for
        "/chat/stream" => Everybody,                             // where guests may chat; it keeps nothing
        "/api" | "/api/v1/openapi.json" => Everybody,
        "/api/v1/models"
        | "/api/v1/usage"
        | "/api/v1/account"
        | "/api/v1/settings"
        | "/settings/favourite"
        | "/api/v1/search"
        | "/search"
        | "/archive" => Own,
        "/api/v1/tokens" => Own,
        "/api/v1/tokens/{id}" => Owned(Method::DELETE, Nothing),
        "/account" | "/account/password" | "/account/sessions/end-others" | "/account/conversations" => Own,
        "/reset-password" => Everybody,
        "/account/name" | "/account/delete" => Own,
        "/account/tokens" | "/account/export" | "/api/v1/account/export" | "/account/identities/link" => Own,
        "/account/identities/unlink" => Owned(Method::POST, Form(&[("identity", "{o}")])),
        "/account/sessions/end" => Owned(Method::POST, Form(&[("session", "{s}")])),
        "/account/tokens/end" => Owned(Method::POST, Form(&[("token", "{t}")])),
        "/api/v1/images" => Own,
        "/api/v1/images/{id}" => Owned(Method::GET, Nothing),
        "/api/v1/conversations" => Own,
        "/api/v1/conversations/{id}" => Owned(Method::GET, Nothing),
        "/api/v1/conversations/{id}/messages" => Owned(Method::POST, Json(json!({ "content": "x" }))),
        "/api/v1/conversations/{id}/events" | "/api/v1/conversations/{id}/tree" => Owned(Method::GET, Nothing),
        "/api/v1/conversations/{id}/branch" => Owned(Method::PUT, Json(json!({ "message": "{m}" }))),
        "/api/v1/messages/{id}" | "/api/v1/replies/{id}" => Owned(Method::GET, Nothing),
        "/api/v1/messages/{id}/text" | "/api/v1/messages/{id}/thinking" => Owned(Method::GET, Nothing),
        "/api/v1/conversations/{id}/sharing" => Owned(Method::GET, Nothing),
        "/api/v1/conversations/{id}/sharing/people" => {
            Owned(Method::POST, Json(json!({ "name": "Bob", "role": "reader" })))
        }
        "/api/v1/conversations/{id}/sharing/people/{account}" => {
            Owned(Method::PATCH, Json(json!({ "role": "reader" })))
        }
        "/api/v1/conversations/{id}/sharing/links" => Owned(Method::POST, Json(json!({ "role": "reader" }))),
        "/api/v1/conversations/{id}/sharing/links/{link}" => Owned(Method::DELETE, Nothing),
        "/api/v1/conversations/{id}/sharing/public" => Owned(Method::PUT, Json(json!({}))),
        "/api/v1/conversations/{id}/queue" => Owned(Method::POST, Json(json!({ "content": "x" }))),
        "/api/v1/conversations/{id}/queue/{message}" => Owned(Method::DELETE, Nothing),
        "/api/v1/conversations/{id}/queue/{message}/send" => Owned(Method::POST, Nothing),
        "/api/v1/conversations/{id}/fork" => Owned(Method::POST, Json(json!({}))),
        "/api/v1/conversations/{id}/standing" => Owned(Method::PATCH, Json(json!({ "pinned": true }))),
        "/api/v1/conversations/{id}/read" => Owned(Method::PUT, Json(json!({ "reply": "{r}" }))),
        "/c/{id}/manage" | "/c/{id}/export" => Owned(Method::GET, Nothing),
        "/c/{id}/sharing" => Owned(Method::GET, Nothing),
        "/c/{id}/sharing/people" => Owned(Method::POST, Form(&[("name", "Bob"), ("role", "reader")])),
        "/c/{id}/sharing/role" => Owned(Method::POST, Form(&[("account", "{a}"), ("role", "reader")])),
        "/c/{id}/sharing/remove" => Owned(Method::POST, Form(&[("account", "{a}")])),
        "/c/{id}/sharing/links" => Owned(Method::POST, Form(&[("role", "reader"), ("uses", "1"), ("days", "1")])),
        "/c/{id}/sharing/links/end" => Owned(Method::POST, Form(&[("link", "{i}")])),
        "/c/{id}/sharing/public" => Owned(Method::POST, Form(&[("names", "no")])),
        "/c/{id}/sharing/public/end" => Owned(Method::POST, Nothing),
        "/join/{secret}" => Owned(Method::GET, Nothing),
        "/api/v1/conversations/{id}/typing" => Owned(Method::POST, Nothing),
        "/api/v1/join" => Owned(Method::POST, Json(json!({ "secret": "{x}" }))),
        "/api/v1/replies/{id}/stop" | "/api/v1/replies/{id}/retry" | "/api/v1/replies/{id}/continue" => {
            Owned(Method::POST, Nothing)
        }
        "/forms/send" => Owned(Method::POST, Form(&[("conversation", "{c}"), ("message", "{x}"), ("text", "x")])),
        "/forms/stop" | "/forms/retry" | "/forms/continue" => Owned(Method::POST, Form(&[("reply", "{r}")])),
        "/forms/version" => Owned(Method::POST, Form(&[("message", "{r}"), ("number", "1")])),
        "/forms/change" => Owned(Method::POST, Form(&[("conversation", "{c}"), ("title", "x")])),
        "/forms/queue" => Owned(Method::POST, Form(&[("conversation", "{c}"), ("message", "{x}"), ("text", "x")])),
        "/forms/queued" => Owned(Method::POST, Form(&[("conversation", "{c}"), ("message", "{q}")])),
        "/forms/place" => Owned(Method::POST, Form(&[("conversation", "{c}"), ("pinned", "yes")])),
        "/forms/fork" => Owned(Method::POST, Form(&[("reply", "{r}")])),
        "/forms/delete" => Owned(Method::POST, Form(&[("conversation", "{c}")])),
        // Who may what on sites is in `tests/desk/rights`; visitors have tables of their own.
        path if path.starts_with("/w/{site}") => Everybody,
        "/api/v1/sites" | "/api/v1/sites/{id}" | "/api/v1/sites/{id}/agents" | "/api/v1/inbox" => {
            Admin(Method::GET, Nothing)
        }
        "/inbox" | "/inbox/{id}" => Admin(Method::GET, Nothing),
        "/inbox/{id}/answer" => Admin(Method::POST, Form(&[("text", "x")])),
        "/inbox/{id}/assign" => Admin(Method::POST, Form(&[("to", "agent"), ("number", "1")])),
        "/api/v1/sites/{id}/agents/{account}" => Admin(Method::PUT, Nothing),
        "/api/v1/conversations/{id}/assignment" => Owned(Method::POST, Json(json!({ "to": "agent" }))),
        "/api/v1/visitors/{id}/block" => Owned(Method::PUT, Json(json!({ "seconds": 60 }))),
        "/admin/sites" => Admin(Method::GET, Nothing),
        "/admin/sites/{id}" => Admin(Method::GET, Nothing),
        "/admin/sites/change" => Admin(Method::POST, Form(&[("site", "{x}"), ("form", "site"), ("title", "New")])),
        "/admin/sites/agents" => Admin(Method::POST, Form(&[("site", "{x}"), ("name", "Bob")])),
        "/admin/sites/agents/remove" => Admin(Method::POST, Form(&[("site", "{x}"), ("account", "{a}")])),
        "/admin" | "/admin/usage" | "/admin/connect" | "/admin/log" | "/admin/invitations" => {
            Admin(Method::GET, Nothing)
        }
        "/admin/accounts/{id}" => Admin(Method::GET, Nothing),
        "/admin/accounts/role" => Admin(Method::POST, Form(&[("account", "{a}"), ("role", "admin")])),
        "/admin/accounts/disabled" => Admin(Method::POST, Form(&[("account", "{a}"), ("disabled", "yes")])),
        "/admin/accounts/limits" | "/admin/accounts/sessions/end" | "/admin/accounts/reset" => {
            Admin(Method::POST, Form(&[("account", "{a}")]))
        }
        "/admin/accounts/sessions/end-one" => Admin(Method::POST, Form(&[("account", "{a}"), ("session", "{s}")])),
        "/admin/accounts/name" => Admin(Method::POST, Form(&[("account", "{a}"), ("name", "Eve")])),
        "/admin/accounts/{id}/delete" => Admin(Method::GET, Nothing),
        "/admin/accounts/delete" => {
            Admin(Method::POST, Form(&[("account", "{a}"), ("proof", "Alice"), ("sure", "yes")]))
        }
        "/admin/invitations/end" => Admin(Method::POST, Form(&[("invitation", "{i}")])),
        "/admin/sign-up" => Admin(Method::POST, Form(&[("policy", "open")])),
        // Server functions.
        "/api/list" | "/api/home" | "/api/settings" | "/api/offers" | "/api/search" => Own,
        "/api/usage" => Owned(Method::POST, Json(json!({ "conversation": "{c}" }))),
        "/api/chat/open" => Owned(Method::POST, Json(json!({ "conversation": "{c}" }))),
        "/api/chat/earlier" => Owned(Method::POST, Json(json!({ "conversation": "{c}", "before": "{m}" }))),
        "/api/chat/highlighted" => Owned(Method::POST, Json(json!({ "message": "{r}" }))),
        "/api/chat/send" => {
            let sent = json!({ "conversation": "{c}", "message": "{x}", "text": "x", "start": null });
            Owned(Method::POST, Json(sent))
        }
        "/api/chat/stop" | "/api/chat/retry" | "/api/chat/continue" => {
            Owned(Method::POST, Json(json!({ "reply": "{r}" })))
        }
        "/api/chat/edit" => {
            Owned(Method::POST, Json(json!({ "message": "{m}", "new": "{x}", "text": "x", "model": null })))
        }
        "/api/chat/version" => Owned(Method::POST, Json(json!({ "message": "{r}", "number": 1 }))),
        "/api/chat/change" => Owned(Method::POST, Json(json!({ "conversation": "{c}", "changes": { "title": "x" } }))),
        "/api/chat/place" => {
            Owned(Method::POST, Json(json!({ "conversation": "{c}", "placement": { "archived": true } })))
        }
        "/api/chat/queue" => Owned(Method::POST, Json(json!({ "conversation": "{c}", "later": { "content": "x" } }))),
        "/api/chat/unqueue" | "/api/chat/send-queued" => {
            Owned(Method::POST, Json(json!({ "conversation": "{c}", "message": "{q}" })))
        }
        "/api/chat/read" => Owned(Method::POST, Json(json!({ "conversation": "{c}", "reply": "{r}" }))),
        "/api/chat/fork" => Owned(Method::POST, Json(json!({ "conversation": "{c}", "fork": {} }))),
        "/api/chat/bring-back" => Owned(Method::POST, Json(json!({ "conversation": "{c}" }))),
        "/api/chat/delete" => Owned(Method::POST, Json(json!({ "conversation": "{c}" }))),
        "/api/follow" => {
            Owned(Method::POST, Json(json!({ "conversation": "{c}", "cursor": "{cursor}", "list": null })))
        }
        // Pages.
        "/" => Own,
        "/c/{id}" => Owned(Method::GET, Nothing),
        other => panic!("{other} is not in this list: say who may see what is behind it"),
    }
}

/// What is sent to one of the API's operations, so that nothing but the id can be wrong with it.
pub(super) fn operation(method: &Method, path: &str) -> Value {
    match path.rsplit('/').next().unwrap_or_default() {
        "messages" => json!({ "content": "x" }),
        "queue" => json!({ "content": "x" }),
        "assignment" => json!({ "to": "agent" }),
        "block" => json!({ "seconds": 60 }),
        "standing" => json!({ "pinned": true }),
        "read" => json!({ "reply": "{r}" }),
        "branch" => json!({ "message": "{m}" }),
        "people" => json!({ "name": "Bob", "role": "reader" }),
        "links" | "{account}" => json!({ "role": "reader" }),
        "{id}" if method == Method::PATCH => json!({ "title": "x" }),
        _ => json!({}),
    }
}
