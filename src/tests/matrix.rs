//! Two accounts and every route: B gets for A's ids what it gets for a random id, and an anonymous caller gets nothing.
//!
//! The routes come from the code that builds the router, and the server functions from their registry. One that is not
//! in the list below fails the test: a new route needs an entry that says who may see what.

mod guards;
mod lowered;
mod nul;
mod several;
mod withdrawn;

use super::accounts::{PASSWORD, cookie};
use super::app::{App, problem};
use super::upstream::script::Script;
use crate::server::routes;
use crate::server::store::identities::NewIdentity;
use guards::{Body, guard, operation};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use server_fn::axum::server_fn_paths;
use std::collections::BTreeSet;

use guards::Body::{Form, Json, None as Nothing};
use guards::Guard::{Admin, Everybody, Own, Owned, Refused, Signed};

fn all_paths() -> Vec<&'static str> {
    let functions: BTreeSet<_> = server_fn_paths().map(|(path, _)| path).collect();
    assert!(10 < functions.len(), "the registry is read");
    let pages = ["/", "/c/{id}"];
    let drawn: Vec<_> = routes::page_routes().iter().map(|page| page.path().to_owned()).collect();
    assert_eq!(drawn, pages);
    routes::paths().into_iter().map(|path| &*path.leak()).chain(functions).chain(pages).collect()
}

/// Every method of every path of the API, from what it says of itself.
fn operations() -> Vec<(Method, String)> {
    let document = serde_json::to_value(routes::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations: Vec<_> = paths
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |key| (key.to_uppercase(), path.clone())))
        .filter_map(|(method, path)| Some((method.parse().ok()?, path)))
        .collect();
    assert!(30 < operations.len(), "the document is read");
    operations
}

/// The id of a site, or of a visitor. Nobody here has one: who may what there is in `tests/desk/rights`.
const OF_A_SITE: &str = "0192f0c1-0000-7000-8000-0000000000dd";

/// Ids to put into requests.
struct Ids(Vec<(&'static str, String)>);

impl Ids {
    fn put(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
    }

    /// Ids of the same forms that do not exist.
    fn random() -> Self {
        let uuid = || uuid::Uuid::now_v7().to_string();
        let hash = || crate::server::secret::new().unwrap();
        let (c, r, m, a, p) = (uuid(), uuid(), uuid(), uuid(), uuid());
        let ids = [
            ("{c}", c),
            ("{r}", r),
            ("{m}", m),
            ("{a}", a),
            ("{p}", p),
            ("{s}", hash()),
            ("{t}", hash()),
            ("{i}", hash()),
            ("{o}", uuid()),
            ("{q}", uuid()),
        ];
        Self(ids.into_iter().chain([("{x}", uuid()), ("{cursor}", "1:1".to_owned())]).collect())
    }

    fn id_of(&self, path: &str) -> &str {
        let name = match path {
            _ if path.starts_with("/apps/") => return "rivulet",
            _ if path.contains("conversations") || path.starts_with("/c/") || path.starts_with("/inbox/") => "{c}",
            _ if path.contains("replies") => "{r}",
            _ if path.starts_with("/api/v1/messages") => "{m}",
            _ if path.contains("tokens") => "{t}",
            _ if path.contains("/visitors/") || path.contains("/sites/") => return OF_A_SITE,
            _ if path.contains("accounts") => "{a}",
            _ if path.contains("images") => "{p}",
            _ => return "",
        };
        self.0.iter().find(|(own, _)| *own == name).map(|(_, id)| id.as_str()).unwrap()
    }
}

fn ask(app: &App, path: &str, method: &Method, body: &Body, ids: &Ids) -> RequestBuilder {
    let to = path
        .replace("{id}", ids.id_of(path))
        .replace("{account}", "{a}")
        .replace("{link}", "{i}")
        .replace("{message}", "{q}")
        .replace("{secret}", "{x}");
    let to = ids.put(&to);
    match body {
        Nothing => app.request(method.clone(), &to),
        Json(value) => {
            let value: Value = serde_json::from_str(&ids.put(&value.to_string())).unwrap();
            app.request(method.clone(), &to).json(&value)
        }
        Form(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, ids.put(value))).collect();
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            app.form(&to, &fields)
        }
    }
}

/// What a caller can tell two answers apart by.
async fn told(answer: Response) -> (StatusCode, Option<String>, String) {
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    (answer.status(), location, answer.text().await.unwrap())
}

/// Where requests are sent: to the one server, or to several nodes by turns.
trait Doors {
    fn next(&self) -> &App;

    /// From here on, the browser at hand has this cookie.
    fn be(&mut self, cookie: String);

    /// Signs in with a new browser. The cookie of the one before.
    async fn sign_in_as(&mut self, name: &str) -> String {
        let former = self.next().cookie.clone();
        let new = self.next().new_cookie().await;
        self.be(new);
        let answer = self.next().try_sign_in(name, PASSWORD).await;
        self.be(cookie(&answer, "rivulet").unwrap());
        former
    }
}

impl Doors for App {
    fn next(&self) -> &App {
        self
    }

    fn be(&mut self, cookie: String) {
        self.cookie = cookie;
    }
}

async fn two() -> (App, Ids) {
    let mut app = App::start().await;
    let ids = fill(&mut app).await;
    (app, ids)
}

/// A has a conversation, a session, a token; B has an account. The browser at hand is B's.
async fn fill(app: &mut App) -> Ids {
    app.sign_up("Alice").await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { text: Some("A secret of Alice.".into()), ..Script::default() }).await;
    app.rest_of(&conversation, &sent).await;
    app.token("write").await;
    let image = app.image(super::images::files::png(8, 8)).await;
    let who = app.state.store.credentials("alice").await.unwrap().unwrap().account;
    let session = app.state.store.sessions(who).await.unwrap()[0].hash.to_string();
    let token = app.state.store.tokens(who).await.unwrap()[0].hash.to_string();
    let new = NewIdentity { issuer: "x".into(), subject: "x".into(), address: None, called: "Alice".into() };
    app.state.store.link(who, &new).await.unwrap();
    let identity = app.state.store.identities(who).await.unwrap().remove(0).id;
    let ids = vec![
        ("{cursor}", sent.cursor),
        ("{c}", conversation),
        ("{r}", sent.reply),
        ("{m}", sent.message),
        ("{a}", who.to_string()),
        ("{s}", session),
        ("{t}", token),
        ("{i}", crate::server::secret::new().unwrap()),
        ("{p}", image),
        ("{o}", identity),
        ("{q}", uuid::Uuid::now_v7().to_string()),
        ("{x}", uuid::Uuid::now_v7().to_string()),
    ];
    app.cookie = app.new_cookie().await;
    app.sign_up("Bob").await;
    Ids(ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_with_the_ids_of_another_everything_answers_as_for_random_ids() {
    let (mut app, theirs) = two().await;
    ids_of_another(&mut app, &theirs).await;
}

async fn ids_of_another(doors: &mut impl Doors, theirs: &Ids) {
    for path in all_paths() {
        let (Owned(method, body) | Admin(method, body)) = guard(path) else { continue };
        let with_theirs = told(ask(doors.next(), path, &method, &body, theirs).send().await.unwrap()).await;
        let with_random = told(ask(doors.next(), path, &method, &body, &Ids::random()).send().await.unwrap()).await;
        assert_eq!(with_theirs.0, StatusCode::NOT_FOUND, "{method} {path}: {}", with_theirs.2);
        assert_eq!(normal(with_theirs), normal(with_random), "{method} {path}");
    }
    for path in all_paths() {
        let Refused(method, body) = guard(path) else { continue };
        let with_theirs = told(ask(doors.next(), path, &method, &body, theirs).send().await.unwrap()).await;
        let with_random = told(ask(doors.next(), path, &method, &body, &Ids::random()).send().await.unwrap()).await;
        assert_eq!(with_theirs.0, StatusCode::FORBIDDEN, "{method} {path}: {}", with_theirs.2);
        assert_eq!(with_theirs, with_random, "{method} {path}");
    }
    // The requests again, by every other method of these paths.
    for (method, path) in operations().iter().filter(|(_, path)| path.contains('{')) {
        let body = Json(operation(method, path));
        let with_theirs = told(ask(doors.next(), path, method, &body, theirs).send().await.unwrap()).await;
        let with_random = told(ask(doors.next(), path, method, &body, &Ids::random()).send().await.unwrap()).await;
        assert_eq!(with_theirs.0, StatusCode::NOT_FOUND, "{method} {path}: {}", with_theirs.2);
        assert_eq!(with_theirs, with_random, "{method} {path}");
    }
    // And nothing has happened to what is theirs.
    doors.sign_in_as("Alice").await;
    let snapshot = doors.next().snapshot(theirs.id_of("conversations")).await;
    assert_eq!(snapshot["messages"][1]["text"], "A secret of Alice.");
    assert_eq!(snapshot["messages"].as_array().unwrap().len(), 2);
    let page = doors.next().get("/account").await.text().await.unwrap();
    assert!(page.contains("a program") && page.contains("Alice"), "the token and the sessions are there");
}

/// A page has a nonce of its own in every answer.
fn normal((status, location, text): (StatusCode, Option<String>, String)) -> (StatusCode, Option<String>, String) {
    let is_page = text.contains("<script");
    // What the app draws holds ids of its own (the next message's, say); that it shows nothing is tested below.
    (status, location, if is_page { "a page of the app".into() } else { text })
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_nothing_of_another_account_is_in_any_answer() {
    let (app, theirs) = two().await;
    nothing_of_another(&app, &theirs).await;
}

async fn nothing_of_another(doors: &impl Doors, theirs: &Ids) {
    for path in all_paths() {
        let (method, body) = match guard(path) {
            Owned(method, body) | Admin(method, body) | Refused(method, body) => (method, body),
            Signed(method) => (method, Nothing),
            Own | Everybody if path.starts_with("/api/") && !path.starts_with("/api/v1") => {
                (Method::POST, Json(json!({ "after": null })))
            }
            Own | Everybody => (Method::GET, Nothing),
        };
        let (_, _, text) = told(ask(doors.next(), path, &method, &body, theirs).send().await.unwrap()).await;
        for secret in ["A secret of Alice", "Please answer", "Alice"] {
            assert!(!text.contains(secret), "{method} {path} tells {secret}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a16_a_stranger_gets_nothing_anywhere() {
    let (mut app, theirs) = two().await;
    nothing_for_a_stranger(&mut app, &theirs).await;
}

async fn nothing_for_a_stranger(doors: &mut impl Doors, theirs: &Ids) {
    doors.be("nothing=here".into());
    for path in all_paths() {
        let (method, body) = match guard(path) {
            Everybody => continue,
            Owned(method, body) | Admin(method, body) | Refused(method, body) => (method, body),
            Signed(method) => (method, Nothing),
            Own if path == "/" => continue, // makes a guest
            Own if path.starts_with("/api/") && !path.starts_with("/api/v1") => {
                (Method::POST, Json(json!({ "after": null })))
            }
            Own if path == "/account/password" || path == "/account/name" => (Method::POST, Nothing),
            Own if ["end-others", "tokens", "images", "link", "favourite"].iter().any(|end| path.ends_with(end)) => {
                (Method::POST, Nothing)
            }
            Own => (Method::GET, Nothing),
        };
        if method == Method::GET && (path.starts_with("/c/{id}") || path.starts_with("/join/")) {
            continue; // makes a guest, which is as good as B
        }
        let (status, location, text) =
            told(ask(doors.next(), path, &method, &body, theirs).send().await.unwrap()).await;
        let sent_away = location.is_some_and(|to| to.starts_with("/sign-in"));
        assert!(status == StatusCode::UNAUTHORIZED || sent_away, "{method} {path}: {status}");
        assert!(!text.contains("Alice"), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_only_read_changes_nothing_anywhere() {
    let (mut app, _) = two().await;
    let own = app.conversation().await;
    let read = app.token("read").await;
    let write = app.token("write").await;
    let cookie = std::mem::replace(&mut app.cookie, "nothing=here".into());
    let ids = Ids::random();
    for path in all_paths() {
        let Owned(method, body) = guard(path) else { continue };
        let reads = ["events", "/api/usage", "open", "earlier", "highlighted", "follow", "/c/{id}"];
        let looks = method == Method::GET || reads.iter().any(|name| path.ends_with(name));
        let with = |token: &str| ask(&app, path, &method, &body, &ids).bearer_auth(token);
        let refused = with(&read).send().await.unwrap().status();
        let expected = if looks { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN };
        assert_eq!(refused, expected, "{method} {path}");
        let account = path.starts_with("/account") || path.starts_with("/api/v1/tokens");
        let expected = if account { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND };
        assert_eq!(with(&write).send().await.unwrap().status(), expected, "{method} {path}");
    }
    for path in ["/account", "/admin"] {
        let page = app.request(Method::GET, path).bearer_auth(&write).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::FORBIDDEN, "what manages an account takes a browser");
    }
    let refused = app.request(Method::DELETE, &format!("/api/v1/conversations/{own}")).bearer_auth(&read);
    let refused = problem(refused.send().await.unwrap(), 403).await;
    assert!(refused["detail"].as_str().unwrap().contains("may only read"));
    let new = app.request(Method::POST, "/api/v1/conversations").bearer_auth(&write).json(&json!({}));
    assert_eq!(new.send().await.unwrap().status(), StatusCode::CREATED);
    app.cookie = cookie;
    assert_eq!(app.conversations().await.len(), 2);
    assert!(app.try_sign_in("Bob", PASSWORD).await.status().is_redirection());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_reads_by_every_transport_and_writes_by_none() {
    let (mut app, ids) = two().await;
    only_reading(&mut app, &ids).await;
}

async fn only_reading(doors: &mut impl Doors, ids: &Ids) {
    let bob = doors.sign_in_as("Alice").await;
    doors.next().share(ids.id_of("conversations"), "Bob", "reader").await;
    let before = doors.next().snapshot(ids.id_of("conversations")).await;
    doors.be(bob);
    for path in all_paths() {
        let Owned(method, body) = guard(path) else { continue };
        // Not a conversation's: sessions, tokens, an image that is in no message, an unknown link.
        let others = [
            "/api/v1/visitors/{id}/block",
            "/api/v1/images/{id}",
            "/api/v1/join",
            "/join/{secret}",
            "/api/v1/tokens/{id}",
        ];
        if path.starts_with("/account") || others.contains(&path) {
            continue;
        }
        let reads = ["events", "/sharing", "/api/usage", "open", "earlier", "highlighted", "follow"];
        let looks = method == Method::GET || reads.iter().any(|name| path.ends_with(name));
        let answer = ask(doors.next(), path, &method, &body, ids).send().await.unwrap();
        // Where it stands in a reader's own list is the reader's, and so is a copy.
        if ["/standing", "/read", "/place", "/fork"].iter().any(|name| path.ends_with(name)) {
            assert!(answer.status().is_success() || answer.status().is_redirection(), "{method} {path}");
            continue;
        }
        let expected = if looks { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(answer.status(), expected, "{method} {path}");
    }
    let path = format!("/api/v1/conversations/{}", ids.id_of("conversations"));
    for (method, rest) in [(Method::PATCH, ""), (Method::DELETE, ""), (Method::DELETE, "/sharing/public")] {
        let refused =
            doors.next().request(method, &format!("{path}{rest}")).json(&json!({ "title": "x" })).send().await.unwrap();
        problem(refused, 403).await;
    }
    doors.sign_in_as("Alice").await;
    assert_eq!(doors.next().snapshot(ids.id_of("conversations")).await["messages"], before["messages"]);
}
