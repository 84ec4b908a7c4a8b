//! Revocation cuts open streams within a second, in this process and in another on the database (A17, S14).

use super::accounts::PASSWORD;
use super::app::{App, Sse, problem, settings};
use crate::server::State;
use crate::server::principal::Credential;
use crate::server::principal::Principal;
use crate::server::principal::{Role, Scope};
use crate::server::secret::{self, Hash};
use crate::server::store::audit::Note;
use crate::server::transport::Permit;
use reqwest::Method;
use std::time::{Duration, Instant};

/// The promise.
const SECOND: Duration = Duration::from_secs(1);

/// A stream that is open, and the lines that the app follows.
struct Open {
    events: Sse,
    lines: reqwest::Response,
}

async fn open(app: &App, conversation: &str) -> Open {
    let events = app.follow(conversation, None).await;
    let body = serde_json::json!({ "conversation": conversation, "cursor": null, "list": null });
    let lines = app.post("/api/follow", body).await;
    assert_eq!(lines.status(), 200);
    Open { events, lines }
}

impl Open {
    /// Reads both to their ends, which must come in time.
    async fn ends(mut self, since: Instant) {
        let both = async {
            while self.events.next().await.is_some() {}
            while self.lines.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
        };
        tokio::time::timeout(Duration::from_secs(20), both).await.expect("a stream stays open");
        assert!(since.elapsed() < SECOND, "cut after {:?}", since.elapsed());
    }
}

/// A user with a conversation and an open stream; the browser at hand is another one of this account.
async fn followed() -> (App, Open, String) {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let open = open(&app, &conversation).await;
    let first = app.cookie.clone();
    app.cookie = app.new_cookie().await;
    app.sign_in("Ann").await;
    (app, open, first)
}

async fn is_out(app: &mut App, cookie: String) {
    app.cookie = cookie;
    problem(app.get("/api/v1/conversations").await, 401).await;
    let body = serde_json::json!({ "conversation": null, "cursor": null, "list": null });
    problem(app.post("/api/follow", body).await, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_signing_out_in_one_tab_cuts_the_streams_of_the_other() {
    let (mut app, open, first) = followed().await;
    let second = std::mem::replace(&mut app.cookie, first.clone());
    let since = Instant::now();
    app.form("/sign-out", &[]).send().await.unwrap();
    open.ends(since).await;
    is_out(&mut app, first).await;
    app.cookie = second;
    assert_eq!(app.conversations().await.len(), 1, "the other browser stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_a_session_that_is_ended_from_another_browser_is_cut() {
    let (mut app, open, first) = followed().await;
    let session = Hash::of(first.split_once('=').unwrap().1).to_string();
    let since = Instant::now();
    app.form("/account/sessions/end", &[("session", &session)]).send().await.unwrap();
    open.ends(since).await;
    is_out(&mut app, first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_all_others_are_cut_and_this_one_stays() {
    let (mut app, open, first) = followed().await;
    let conversation = app.conversation().await;
    let mut mine = app.follow(&conversation, None).await;
    let since = Instant::now();
    app.form("/account/sessions/end-others", &[]).send().await.unwrap();
    open.ends(since).await;
    assert_eq!(mine.next().await.unwrap().event, "snapshot");
    app.request(Method::PATCH, &format!("/api/v1/conversations/{conversation}"))
        .json(&serde_json::json!({ "title": "Still here" }))
        .send()
        .await
        .unwrap();
    assert_eq!(mine.next().await.unwrap().event, "conversation");
    is_out(&mut app, first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_a_new_password_cuts_the_streams() {
    let (mut app, open, first) = followed().await;
    let form = app.form("/account/password", &[("old", PASSWORD), ("new", "a new password")]);
    assert!(form.send().await.unwrap().status().is_redirection());
    // Two passwords were being hashed before anything was revoked.
    let since = Instant::now();
    open.ends(since).await;
    is_out(&mut app, first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_a_token_that_is_revoked_is_cut() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let token = app.token("read").await;
    let path = format!("/api/v1/conversations/{conversation}/events");
    let mut events = Sse::new(app.stranger(Method::GET, &path).bearer_auth(&token).send().await.unwrap());
    assert_eq!(events.next().await.unwrap().event, "snapshot");
    let since = Instant::now();
    app.form("/account/tokens/end", &[("token", &Hash::of(&token).to_string())]).send().await.unwrap();
    while events.next().await.is_some() {}
    assert!(since.elapsed() < SECOND);
    problem(app.stranger(Method::GET, &path).bearer_auth(&token).send().await.unwrap(), 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_a_stateless_answer_ends_with_its_session() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let script = super::upstream::script::Script { silence_after: Some(2), ..Default::default() };
    let content = super::app::directive(&script);
    let answer =
        app.post("/chat/stream", serde_json::json!({ "messages": [{ "role": "user", "content": content }] })).await;
    let mut events = Sse::new(answer);
    assert_eq!(events.next().await.unwrap().event, "token");
    let since = Instant::now();
    app.form("/sign-out", &[]).send().await.unwrap();
    while events.next().await.is_some() {}
    assert!(since.elapsed() < SECOND);
}

/// Another process on this database, with a stream of its own for `who`.
async fn elsewhere(app: &App, who: Principal) -> (State, Permit) {
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let permit = Permit::take(&second, who).await.unwrap();
    (second, permit)
}

async fn who(app: &App, cookie: &str) -> Principal {
    let session = Hash::of(cookie.split_once('=').unwrap().1);
    let holder = app.state.store.session(session).await.unwrap().unwrap();
    Principal {
        account: holder.account,
        is_guest: holder.is_guest,
        role: holder.role,
        by: Credential::Session(session),
    }
}

async fn is_withdrawn(permit: &Permit, since: Instant) {
    tokio::time::timeout(Duration::from_secs(20), permit.withdrawn()).await.expect("it stays open");
    assert!(since.elapsed() < SECOND, "withdrawn after {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_what_one_process_withdraws_the_other_cuts() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let who = who(&app, &app.cookie).await;
    let (second, permit) = elsewhere(&app, who).await;
    let secret = secret::new().unwrap();
    app.state.store.add_token(app.state.writer(who.account), Hash::of(&secret), "t", Scope::Read, 1).await.unwrap();
    let by_token = Principal { by: Credential::Token(Hash::of(&secret), Scope::Read), ..who };
    let program = Permit::take(&second, by_token).await.unwrap();
    let since = Instant::now();
    app.form("/sign-out", &[]).send().await.unwrap();
    is_withdrawn(&permit, since).await;
    assert!(Permit::take(&second, who).await.is_err(), "and it does not come back");
    let still = tokio::time::timeout(Duration::from_millis(1_200), program.withdrawn()).await;
    assert!(still.is_err(), "the program has its own right");
    let since = Instant::now();
    let note = Note::new("Root", "disabled", "Ann", "");
    app.state.store.set_disabled(who.account, true, &note).await.unwrap();
    is_withdrawn(&program, since).await;
    assert!(Permit::take(&second, by_token).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a17_another_role_cuts_what_the_former_one_opened() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let open = open(&app, &conversation).await;
    let who = who(&app, &app.cookie).await;
    let (_second, permit) = elsewhere(&app, who).await;
    let since = Instant::now();
    let note = Note::new("Root", "changed the role", "Ann", "");
    for revoked in app.state.store.set_role(who.account, Role::Agent, &note).await.unwrap().unwrap() {
        app.state.grants.revoke(revoked);
    }
    open.ends(since).await;
    is_withdrawn(&permit, since).await;
    let cookie = app.cookie.clone();
    is_out(&mut app, cookie).await;
}
