//! The routes of the matrix that take a body, and the requests to them.

use super::place::Way;
use crate::tests::matrix::*;

/// What is sent to a door that has a body, or changes something. None: it only answers a GET.
fn sent_to(path: &str) -> Option<(Method, Body)> {
    let (method, body) = match guard(path) {
        Everybody | Signed(_) => return None,
        Owned(method, body) | Admin(method, body) | Refused(method, body) => (method, body),
        Own => match path {
            "/" | "/search" | "/archive" | "/account" | "/account/export" => return None,
            "/api/v1/models" | "/api/v1/usage" | "/api/v1/account" | "/api/v1/search" => return None,
            "/api/v1/account/export" => return None,
            "/api/v1/tokens" => (Method::POST, Json(json!({ "name": "x", "scope": "write" }))),
            "/api/v1/conversations" => (Method::POST, Json(json!({ "title": "x" }))),
            "/api/v1/images" => (Method::POST, Nothing),
            "/account/password" => (Method::POST, Form(&[("old", PASSWORD), ("new", "another password")])),
            "/account/name" => (Method::POST, Form(&[("name", "Eve")])),
            "/account/delete" => (Method::POST, Form(&[("proof", PASSWORD), ("sure", "yes")])),
            "/account/tokens" => (Method::POST, Form(&[("name", "x"), ("scope", "write")])),
            "/account/conversations" => (Method::POST, Form(&[("keep", "yes")])),
            "/account/sessions/end-others" => (Method::POST, Nothing),
            "/account/identities/link" => (Method::POST, Form(&[("password", PASSWORD)])),
            "/api/v1/settings" => (Method::PATCH, Json(json!({ "theme": "dark" }))),
            "/settings/favourite" => (Method::POST, Form(&[("model", "x"), ("favourite", "yes")])),
            "/api/settings" => (Method::POST, Json(json!({ "change": { "theme": "dark" } }))),
            "/api/list" | "/api/home" | "/api/offers" | "/api/search" => (Method::POST, Json(json!({ "after": null }))),
            other => panic!("{other} is not in this list: say what is sent to it"),
        },
    };
    let body = match path {
        "/admin/accounts/limits" => Form(&[
            ("account", "{a}"),
            ("sends_per_minute", "1"),
            ("open_replies", ""),
            ("streams", "7"),
            ("tokens_per_day", ""),
            ("tokens_per_month", ""),
        ]),
        "/admin/accounts/delete" => Form(&[("account", "{a}"), ("proof", "Bob"), ("sure", "yes")]),
        _ => body,
    };
    match path {
        "/admin/invitations" => {
            Some((Method::POST, Form(&[("note", "x"), ("role", "admin"), ("uses", "1"), ("days", "1")])))
        }
        _ if method == Method::GET => None,
        _ => Some((method, body)),
    }
}

/// The routes that this way of withdrawing closes. With another role all sessions end as well; here they stay, so that
/// the role itself is checked.
pub(super) fn doors_of(way: Way) -> Vec<(Method, String, Body)> {
    doors().into_iter().filter(|(_, path, _)| way != Way::Role || path.starts_with("/admin")).collect()
}

/// Every route that takes a body, by each of its methods.
pub(in crate::tests::matrix) fn doors() -> Vec<(Method, String, Body)> {
    let mut doors: Vec<_> = all_paths()
        .into_iter()
        .filter_map(|path| sent_to(path).map(|(method, body)| (method, path.to_owned(), body)))
        .collect();
    for (method, path) in operations() {
        let known = doors.iter().any(|(by, to, _)| *by == method && *to == path);
        if method != Method::GET && !known && path != "/chat/stream" {
            let body = Json(operation(&method, &path));
            doors.push((method, path, body));
        }
    }
    assert!(60 < doors.len(), "{}", doors.len());
    doors
}

pub(in crate::tests::matrix) fn encoded(app: &App, ids: &Ids, body: &Body, path: &str) -> (String, Vec<u8>) {
    match body {
        Nothing if path == "/api/v1/images" => {
            ("application/octet-stream".into(), crate::tests::images::files::png(9, 9).to_vec())
        }
        Nothing => ("text/plain".into(), b" ".to_vec()),
        Json(value) => ("application/json".into(), ids.put(&value.to_string()).into_bytes()),
        Form(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, ids.put(value))).collect();
            let url = reqwest::Url::parse_with_params(&app.url, fields).unwrap();
            ("application/x-www-form-urlencoded".into(), url.query().unwrap_or_default().as_bytes().to_vec())
        }
    }
}

pub(in crate::tests::matrix) fn address(ids: &Ids, path: &str) -> String {
    let path = path
        .replace("{id}", ids.id_of(path))
        .replace("{account}", "{a}")
        .replace("{link}", "{i}")
        .replace("{message}", "{q}");
    ids.put(&path.replace("{secret}", "{x}"))
}
