//! Signing up, in and out, and what becomes of a guest.

use super::app::{App, problem, text};
use super::upstream::script::Script;
use crate::model::AccountId;
use crate::server::principal::{Name, Role};
use crate::server::secret::Hash;
use crate::server::store::accounts::{NewAccount, NotMade};
use crate::server::store::sql::query;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

pub(crate) const PASSWORD: &str = "a quiet river";

/// The value that an answer sets a cookie to: `name=value`.
pub(crate) fn cookie(answer: &Response, name: &str) -> Option<String> {
    let lines = answer.headers().get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    let cookie = |line: &str| line.split(';').next().unwrap_or_default().to_owned();
    lines.map(cookie).find(|cookie| cookie.starts_with(&format!("{name}=")))
}

pub(crate) fn location(answer: &Response) -> &str {
    answer.headers()["location"].to_str().unwrap()
}

impl App {
    /// Signs up as the browser at hand, which then is signed in.
    pub(crate) async fn sign_up(&mut self, name: &str) {
        let answer = self.form("/sign-up", &[("name", name), ("password", PASSWORD)]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", answer.text().await.unwrap());
        self.cookie = cookie(&answer, "rivulet").unwrap();
    }

    /// Tries to sign in as the browser at hand.
    pub(crate) async fn try_sign_in(&self, name: &str, password: &str) -> Response {
        self.form("/sign-in", &[("name", name), ("password", password)]).send().await.unwrap()
    }

    pub(crate) async fn sign_in(&mut self, name: &str) {
        let answer = self.try_sign_in(name, PASSWORD).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        self.cookie = cookie(&answer, "rivulet").unwrap();
    }

    /// The name that the browser at hand is signed in with.
    pub(crate) async fn name(&self) -> Option<String> {
        let answer = self.post("/api/home", serde_json::json!({})).await;
        answer.json::<crate::contract::Home>().await.unwrap().me.unwrap().name
    }

    pub(crate) async fn conversations(&self) -> Vec<Value> {
        let list: Value = self.get("/api/v1/conversations").await.json().await.unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Sends a form that makes a secret, and returns the page that shows it.
    pub(crate) async fn made(&self, path: &str, form: &[(&str, &str)]) -> String {
        let answer = self.form(path, form).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        let once = cookie(&answer, "rivulet-once").unwrap();
        let to = location(&answer).split('#').next().unwrap();
        let page = self.request(Method::GET, to).header("cookie", once).send().await.unwrap();
        assert_eq!(cookie(&page, "rivulet-once").as_deref(), Some("rivulet-once="), "it is shown once");
        page.text().await.unwrap()
    }

    /// An API token of the browser's account.
    pub(crate) async fn token(&self, scope: &str) -> String {
        let page = self.made("/account/tokens", &[("name", "a program"), ("scope", scope)]).await;
        let start = page.find("rivulet_").expect("the token is shown");
        page[start..].split('<').next().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_signs_up_keeps_its_conversations_under_a_new_session() {
    let mut app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    assert_eq!(app.name().await, None);
    let before = app.cookie.clone();
    app.sign_up("Ann").await;
    assert_ne!(app.cookie, before, "A26: the session is renewed");
    assert_eq!(app.name().await.as_deref(), Some("Ann"));
    assert_eq!(text(&app.conversations().await[0]["id"]), conversation);
    app.cookie = before;
    problem(app.get("/api/v1/conversations").await, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_there_on_a_second_browser_and_no_longer_after_signing_out() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let first = app.cookie.clone();
    app.cookie = app.new_cookie().await;
    app.sign_in("ann").await;
    assert_eq!(text(&app.conversations().await[0]["id"]), conversation, "the name's case does not matter");
    let out = app.form("/sign-out", &[]).send().await.unwrap();
    assert_eq!(location(&out), "/sign-in");
    assert_eq!(cookie(&out, "rivulet").as_deref(), Some("rivulet="));
    problem(app.get("/api/v1/conversations").await, 401).await;
    app.cookie = first;
    assert_eq!(app.conversations().await.len(), 1, "the other browser stays signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_asks_about_a_guests_conversations_and_then_takes_them_over() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let old = app.conversation().await;
    for (keep, expected) in [("yes", 2), ("no", 2)] {
        app.cookie = app.new_cookie().await;
        let new = app.conversation().await;
        let sent = app.send(&new, &Script { silence_after: Some(2), ..Script::default() }).await;
        let answer = app.try_sign_in("Ann", PASSWORD).await;
        assert_eq!(location(&answer), "/account/conversations");
        app.cookie = cookie(&answer, "rivulet").unwrap();
        let page = app.get("/account/conversations").await.text().await.unwrap();
        assert!(page.contains("Keep in my account") && page.contains("you began a conversation"));
        let done = app.form("/account/conversations", &[("keep", keep), ("next", "/")]).send().await.unwrap();
        assert_eq!(location(&done), "/");
        let ids: Vec<_> = app.conversations().await.iter().map(|it| text(&it["id"])).collect();
        assert_eq!(ids.len(), expected, "{keep}");
        assert_eq!(ids.contains(&new), keep == "yes");
        assert!(ids.contains(&old));
        if keep == "yes" {
            let stop = app.post(&format!("/api/v1/replies/{}/stop", sent.reply), Value::Null).await;
            assert_eq!(stop.status(), StatusCode::ACCEPTED, "a reply that was open goes on and can be stopped");
        }
        let again = app.get("/account/conversations").await;
        assert_eq!(location(&again), "/", "it is asked once");
    }
}

impl App {
    /// Signs in as a guest that has a conversation, which is returned, and is asked about it.
    async fn sign_in_over_a_guest(&mut self, name: &str) -> String {
        self.cookie = self.new_cookie().await;
        let conversation = self.conversation().await;
        self.sign_in(name).await;
        assert!(self.asks().await);
        conversation
    }

    /// Whether the browser at hand is asked about a guest's conversations.
    async fn asks(&self) -> bool {
        let page = self.get("/account/conversations").await;
        page.status() == StatusCode::OK && page.text().await.unwrap().contains("Keep in my account")
    }

    async fn has(&self, conversation: &str) -> bool {
        self.conversations().await.iter().any(|it| text(&it["id"]) == conversation)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_answered_about_a_guest_is_asked_on_after_a_new_password_or_a_second_sign_in() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let conversation = app.sign_in_over_a_guest("Ann").await;
    let form = app.form("/account/password", &[("old", PASSWORD), ("new", PASSWORD)]);
    app.cookie = cookie(&form.send().await.unwrap(), "rivulet").unwrap();
    assert!(app.asks().await, "after a new password");
    app.sign_in("Ann").await;
    assert!(app.asks().await, "after a second sign-in");
    assert!(!app.has(&conversation).await);
    app.form("/account/conversations", &[("keep", "yes")]).send().await.unwrap();
    assert!(app.has(&conversation).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_be_asked_about_any_more_is_kept() {
    let mut app = App::start().await;
    app.sign_up("Bob").await;
    app.cookie = app.new_cookie().await;
    app.sign_up("Ann").await;
    let first = app.cookie.clone();
    for (path, from_here) in [("/sign-out", true), ("/account/sessions/end-others", false)] {
        let conversation = app.sign_in_over_a_guest("Ann").await;
        if !from_here {
            app.cookie = first.clone();
        }
        app.form(path, &[]).send().await.unwrap();
        app.cookie = first.clone();
        assert!(app.has(&conversation).await, "{path}");
    }
    let conversation = app.sign_in_over_a_guest("Ann").await;
    app.sign_in("Bob").await;
    assert!(!app.asks().await && !app.has(&conversation).await, "it is nothing to another account");
    app.cookie = first;
    assert!(app.has(&conversation).await);
}

/// The guest signs up as `name`, with an invitation, past all pages.
async fn becomes(app: &App, guest: AccountId, name: &str, invitation: Option<Hash>) -> Result<(), NotMade> {
    let name = Name::parse(name).unwrap();
    let new = NewAccount { guest: Some(guest), name: &name, password: None, role: Role::Member, invitation };
    app.state.store.add_account(new).await.unwrap().map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_has_signed_up_in_between_is_neither_deleted_nor_renamed() {
    let mut app = App::start().await;
    let link = crate::server::accounts::first_admin(&app.state).await.unwrap().unwrap();
    let invitation = Hash::of(&link);
    app.sign_up("Ann").await;
    app.cookie = app.new_cookie().await;
    let secret = Hash::of(app.cookie.split_once('=').unwrap().1);
    let guest = app.state.store.session(secret).await.unwrap().unwrap().account;
    app.conversation().await;
    app.sign_in("Ann").await;
    assert!(app.asks().await);
    becomes(&app, guest, "Bob", None).await.unwrap();
    assert_eq!(becomes(&app, guest, "Eve", Some(invitation)).await, Err(NotMade::HasName));
    assert!(app.state.store.open_invitation(invitation).await.unwrap().is_some(), "it is not used up");
    assert_eq!(app.state.store.account(guest).await.unwrap().name.as_deref(), Some("Bob"));
    assert!(!app.asks().await);
    app.form("/account/conversations", &[("keep", "no")]).send().await.unwrap();
    assert_eq!(app.state.store.count_conversations(guest).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_signs_out_stays_the_guest_it_is() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let out = app.form("/sign-out", &[]).send().await.unwrap();
    assert_eq!(location(&out), "/sign-in");
    assert_eq!(cookie(&out, "rivulet"), None, "the browser keeps its session");
    assert!(app.has(&conversation).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn z41_a_session_that_nobody_uses_for_long_has_ended_before_it_is_swept_but_not_a_guests() {
    let mut app = App::start().await;
    let guest = app.cookie.clone();
    app.cookie = app.new_cookie().await;
    app.sign_up("Ann").await;
    let old = app.cookie.clone();
    app.cookie = app.new_cookie().await;
    let answer = app.try_sign_in("Ann", PASSWORD).await;
    let browser = Hash::of(cookie(&answer, "rivulet-browser").unwrap().split_once('=').unwrap().1);
    let mut write = app.state.store.write().await.unwrap();
    for (table, column) in [("session", "last_used_at"), ("known_browser", "created_at")] {
        query(format!("update {table} set {column} = '2020-01-01'")).execute(&mut *write).await.unwrap();
    }
    write.commit().await.unwrap();
    let unswept = app.stranger(Method::GET, "/api/v1/conversations").header("cookie", &old).send().await.unwrap();
    problem(unswept, 401).await;
    assert!(!app.state.store.knows_browser("ann", browser).await.unwrap());
    app.cookie = app.new_cookie().await;
    app.sign_in("Ann").await;
    assert_eq!(app.state.store.end_unused_sessions().await.unwrap().len(), 2);
    assert_eq!(app.name().await.as_deref(), Some("Ann"), "the new one stays");
    app.cookie = guest;
    assert!(app.conversations().await.is_empty());
    app.cookie = old;
    assert!(app.state.store.end_unused_sessions().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_once_and_a_password_is_not_a_short_one() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    app.cookie = app.new_cookie().await;
    for (name, password, words) in [
        ("ANN", PASSWORD, "This name is taken"),
        ("Bob", "short", "at least 8"),
        ("<b>", PASSWORD, "begins with a letter"),
    ] {
        let answer = app.form("/sign-up", &[("name", name), ("password", password)]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = answer.text().await.unwrap();
        assert!(page.contains(words), "{page}");
        assert!(page.contains("aria-invalid=\"true\"") && !page.contains("<b>"));
    }
    assert_eq!(app.name().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_signs_out_everywhere_else() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let first = app.cookie.clone();
    app.cookie = app.new_cookie().await;
    app.sign_in("Ann").await;
    let wrong = app.form("/account/password", &[("old", "not my password"), ("new", "a new password")]);
    let wrong = wrong.send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().await.unwrap().contains("not your password"));
    let form = app.form("/account/password", &[("old", PASSWORD), ("new", "a new password")]);
    let changed = form.send().await.unwrap();
    assert_eq!(location(&changed), "/account");
    let second = std::mem::replace(&mut app.cookie, cookie(&changed, "rivulet").unwrap());
    assert_eq!(app.name().await.as_deref(), Some("Ann"));
    for gone in [first, second] {
        app.cookie = gone;
        problem(app.get("/api/v1/models").await, 401).await;
    }
    app.cookie = app.new_cookie().await;
    assert_eq!(app.try_sign_in("Ann", PASSWORD).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.try_sign_in("Ann", "a new password").await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a55_the_first_admin_comes_by_a_link_that_works_once() {
    let mut app = App::with(&["--sign-up=closed"]).await;
    let link = crate::server::accounts::first_admin(&app.state).await.unwrap().expect("there is no admin yet");
    let up = |invitation: String| {
        [("name", "Ann".to_owned()), ("password", PASSWORD.to_owned()), ("invitation", invitation)]
    };
    let send = async |app: &App, fields: [(&str, String); 3]| {
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        app.form("/sign-up", &fields).send().await.unwrap()
    };
    let refused = send(&app, up("0".repeat(64))).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let without = app.form("/sign-up", &[("name", "Ann"), ("password", PASSWORD)]).send().await.unwrap();
    assert_eq!(without.status(), StatusCode::FORBIDDEN);
    let page = app.get(&format!("/sign-up?invitation={link}")).await.text().await.unwrap();
    assert!(page.contains(&link), "the form carries it on");
    let up_once = send(&app, up(link.clone())).await;
    assert_eq!(up_once.status(), StatusCode::SEE_OTHER);
    app.cookie = cookie(&up_once, "rivulet").unwrap();
    assert!(app.state.store.has_admin().await.unwrap());
    assert!(crate::server::accounts::first_admin(&app.state).await.unwrap().is_none(), "no second link");
    app.cookie = app.new_cookie().await;
    let twice = send(&app, up(link).map(|(name, value)| (name, value.replace("Ann", "Eve")))).await;
    assert_eq!(twice.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[test]
fn a55_a_server_that_others_reach_without_https_says_so_and_lets_nobody_sign_up_unasked() {
    use crate::server::principal::SignUp;
    use crate::server::settings::Settings;
    use clap::Parser;
    let read = |flags: &[&str]| Settings::parse_from(["rivulet"].iter().chain(flags));
    let home = read(&[]);
    assert!(!home.is_exposed() && home.guests() && home.sign_up() == SignUp::Open);
    let open = read(&["--listen=0.0.0.0:3000"]);
    assert!(open.is_exposed() && !open.guests() && open.sign_up() == SignUp::Invitation);
    let behind = read(&["--listen=0.0.0.0:3000", "--public-url=https://chat.example.org"]);
    assert!(!behind.is_exposed() && behind.is_https());
    let behind = read(&["--public-url=https://chat.example.org"]);
    assert!(behind.sign_up() == SignUp::Invitation, "a proxy on this machine lets others in");
    let said = read(&["--public-url=https://chat.example.org", "--sign-up=open"]);
    assert!(said.sign_up() == SignUp::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_guests_a_stranger_is_sent_to_sign_in_and_comes_back() {
    let app = App::with(&["--guests=off", "--sign-up=open"]).await;
    let page = app.stranger(Method::GET, "/").send().await.unwrap();
    assert_eq!((page.status(), location(&page)), (StatusCode::SEE_OTHER, "/sign-in"));
    let conversation = "/c/0190c0de-0000-7000-8000-000000000000";
    let page = app.stranger(Method::GET, conversation).send().await.unwrap();
    assert_eq!(location(&page), format!("/sign-in?next={conversation}"));
    let form = app.get(location(&page)).await.text().await.unwrap();
    assert!(form.contains(&format!("value=\"{conversation}\"")));
    let fields = [("name", "Ann"), ("password", PASSWORD), ("next", conversation)];
    let up = app.form("/sign-up", &fields).send().await.unwrap();
    assert_eq!(location(&up), conversation);
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_of_before_can_only_sign_up_where_there_are_no_guests_any_more() {
    let (folder, upstream) = (super::app::Folder::new(), super::upstream::Upstream::start().await);
    let app = App::on(folder, upstream, &[]).await;
    let conversation = app.conversation().await;
    let (folder, upstream, cookie) = app.end().await;
    let mut app = App::on(folder, upstream, &["--guests=off", "--sign-up=open"]).await;
    app.cookie = cookie;
    problem(app.get("/api/v1/conversations").await, 401).await;
    app.sign_up("Ann").await;
    assert_eq!(text(&app.conversations().await[0]["id"]), conversation);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_written_once_a_minute() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let who = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    let session = Hash::of(app.cookie.split_once('=').unwrap().1);
    let used = async || app.state.store.sessions(who).await.unwrap()[0].last_used_at.clone();
    let first = used().await;
    app.get("/api/v1/models").await;
    app.state.store.touch_session(session).await.unwrap();
    assert_eq!(used().await, first, "not within the minute");
    let mut write = app.state.store.write().await.unwrap();
    let old = crate::server::times::ago(std::time::Duration::from_secs(86_400));
    query("update session set last_used_at = $1").bind(old).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    assert!(app.get("/account").await.text().await.unwrap().contains("this one"));
    while used().await < first {
        app.get("/api/v1/models").await;
    }
}
