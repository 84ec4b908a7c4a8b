//! The desk: visitors on a site, agents who take over, and what neither ever gets.

mod budget;
mod left;
mod never;
mod pages;
mod races;
mod rights;
mod takeover;

use super::accounts::PASSWORD;
use super::admin::with_admin;
use super::app::{App, Sse, directive, problem, text};
use super::upstream::script::Script;
use crate::model::AccountId;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// What must be in no answer to a visitor.
pub(super) const INSTRUCTIONS: &str = "canary-of-the-instructions";

/// A server with a site and an agent. The browser at hand is the admin's.
pub(super) struct Desk {
    pub(super) app: App,
    pub(super) site: String,
    pub(super) agent: AccountId,
    /// The agent's browser.
    pub(super) browser: String,
}

/// A visitor, by the secret of a program.
#[derive(Clone)]
pub(super) struct Visitor(pub(super) String);

impl Visitor {
    pub(super) fn new() -> Self {
        Self(crate::server::secret::new().unwrap())
    }
}

/// Somebody who signs up by an invitation as an agent, and their browser. A role that is changed later cuts streams, also those
/// that are opened within the quarter of a second in which this is noticed.
async fn hired(app: &mut App, name: &str) -> (AccountId, String) {
    let invited = [("note", name), ("role", "agent"), ("uses", "1"), ("days", "7")];
    let page = app.made("/admin/invitations", &invited).await;
    let (_, link) = page.split_once("/sign-up?invitation=").expect("the link is shown");
    let secret: String = link.chars().take_while(char::is_ascii_hexdigit).collect();
    let admin = std::mem::take(&mut app.cookie);
    app.cookie = app.new_cookie().await;
    let form = [("name", name), ("password", PASSWORD), ("invitation", secret.as_str())];
    let answer = app.form("/sign-up", &form).send().await.unwrap();
    app.cookie = admin;
    let browser = super::accounts::cookie(&answer, "rivulet").expect("signed up");
    let key = name.to_lowercase();
    (app.state.store.credentials(&key).await.unwrap().unwrap().account, browser)
}

impl Desk {
    pub(super) async fn start() -> Self {
        Self::with(&[], json!({})).await
    }

    pub(super) async fn with(flags: &[&str], more: Value) -> Self {
        let mut app = with_admin(flags).await;
        let (agent, browser) = hired(&mut app, "Agatha").await;
        let mut settings = json!({ "name": "shop", "title": "The Shop", "system": INSTRUCTIONS });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = app.post("/api/v1/sites", json!({ "settings": settings })).await;
        let status = made.status();
        let made: Value = made.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let desk = Self { app, site: text(&made["id"]), agent, browser };
        desk.list(agent).await;
        desk
    }

    /// Lists an account as an agent of the site.
    async fn list(&self, account: AccountId) {
        let path = format!("/api/v1/sites/{}/agents/{account}", self.site);
        let added = self.app.request(Method::PUT, &path).send().await.unwrap();
        assert_eq!(added.status(), StatusCode::NO_CONTENT);
    }

    /// Makes a person an agent of the site. Their browser, signed in anew.
    pub(super) async fn employ(&mut self, name: &str, account: AccountId) -> String {
        let id = account.to_string();
        let role = [("account", id.as_str()), ("role", "agent")];
        assert!(self.app.form("/admin/accounts/role", &role).send().await.unwrap().status().is_redirection());
        self.list(account).await;
        self.sign_in(name).await
    }

    /// A new browser that is signed in by this name.
    pub(super) async fn sign_in(&mut self, name: &str) -> String {
        let admin = std::mem::take(&mut self.app.cookie);
        self.app.cookie = self.app.new_cookie().await;
        let answer = self.app.try_sign_in(name, PASSWORD).await;
        self.app.cookie = admin;
        super::accounts::cookie(&answer, "rivulet").unwrap()
    }

    pub(super) fn by(&self, cookie: &str, method: Method, path: &str) -> RequestBuilder {
        self.app.stranger(method, path).header("cookie", cookie)
    }

    pub(super) fn agent(&self, method: Method, path: &str) -> RequestBuilder {
        self.by(&self.browser, method, path)
    }

    pub(super) fn visitor(&self, who: &Visitor, method: Method, rest: &str) -> RequestBuilder {
        self.app.stranger(method, &format!("/w/{}{rest}", self.site)).bearer_auth(&who.0)
    }

    pub(super) async fn try_begin(&self, who: &Visitor, content: &str) -> Response {
        let body = json!({ "message": { "content": content } });
        self.visitor(who, Method::POST, "/conversations").json(&body).send().await.unwrap()
    }

    /// A visitor's first message, which the upstream answers as `script` says.
    pub(super) async fn begin(&self, who: &Visitor, script: &Script) -> Value {
        let answer = self.try_begin(who, &directive(script)).await;
        let status = answer.status();
        let said: Value = answer.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{said}");
        said
    }

    pub(super) async fn say(&self, who: &Visitor, conversation: &str, content: &str) -> Value {
        let path = format!("/conversations/{conversation}/messages");
        let sent = self.visitor(who, Method::POST, &path).json(&json!({ "content": content })).send().await.unwrap();
        let status = sent.status();
        let said: Value = sent.json().await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{said}");
        said
    }

    /// The visitor follows.
    pub(super) async fn follow(&self, who: &Visitor, conversation: &str, cursor: &str) -> Sse {
        let path = format!("/conversations/{conversation}/events?cursor={cursor}");
        let answer = self.visitor(who, Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        Sse::new(answer)
    }

    /// The agent follows.
    pub(super) async fn watch(&self, conversation: &str) -> Sse {
        let answer = self.agent(Method::GET, &format!("/api/v1/conversations/{conversation}/events"));
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        Sse::new(answer)
    }

    pub(super) async fn try_answer(&self, conversation: &str, body: Value) -> Response {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        self.agent(Method::POST, &path).json(&body).send().await.unwrap()
    }

    pub(super) async fn try_assign(&self, conversation: &str, body: Value) -> Response {
        let path = format!("/api/v1/conversations/{conversation}/assignment");
        self.agent(Method::POST, &path).json(&body).send().await.unwrap()
    }

    pub(super) async fn assign(&self, conversation: &str, body: Value) -> Value {
        let answer = self.try_assign(conversation, body).await;
        let status = answer.status();
        let assigned: Value = answer.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{assigned}");
        assigned
    }

    /// The conversation as its visitor sees it.
    pub(super) async fn seen(&self, who: &Visitor, conversation: &str) -> Value {
        let answer = self.visitor(who, Method::GET, &format!("/conversations/{conversation}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    /// A conversation whose first reply has ended.
    pub(super) async fn answered(&self, who: &Visitor) -> String {
        let said = self.begin(who, &Script { text: Some("Hello there".into()), ..Script::default() }).await;
        let conversation = text(&said["conversation"]);
        let mut events = self.follow(who, &conversation, &text(&said["cursor"])).await;
        events.until_end(&text(&said["reply"]["id"])).await;
        conversation
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_asks_and_the_model_answers_by_the_sites_instructions() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let seen = desk.seen(&who, &conversation).await;
    assert_eq!((&seen["access"], &seen["assignment"]["state"]), (&json!("visitor"), &json!("assistant")));
    assert_eq!((&seen["messages"][1]["text"], &seen["messages"][1]["status"]), (&json!("Hello there"), &json!("done")));
    let asked = &desk.app.upstream.seen()[0].body;
    assert!(asked["system"].to_string().contains(INSTRUCTIONS), "{asked}");
    assert_eq!(asked["max_tokens"], 800);
    // Read at each reply, and never copied.
    let path = format!("/api/v1/sites/{}", desk.site);
    let change = json!({ "system": "other instructions", "limits": { "max_output_tokens": 50 } });
    assert_eq!(desk.app.request(Method::PATCH, &path).json(&change).send().await.unwrap().status(), StatusCode::OK);
    let said = desk.say(&who, &conversation, &directive(&Script::default())).await;
    let mut events = desk.follow(&who, &conversation, &text(&said["cursor"])).await;
    events.until_end(&text(&said["reply"]["id"])).await;
    let asked = &desk.app.upstream.seen()[1].body;
    assert!(asked["system"].to_string().contains("other instructions") && asked["max_tokens"] == 50, "{asked}");
    assert_eq!(asked["messages"].as_array().unwrap().len(), 3);
    let list: Value = desk.visitor(&who, Method::GET, "/conversations").send().await.unwrap().json().await.unwrap();
    assert_eq!(list["items"][0]["id"], json!(conversation));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_that_is_sent_again_is_the_same_answer() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let (id, message) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    let body = json!({ "id": id, "message": { "id": message, "content": "Hello" } });
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = desk.visitor(&who, Method::POST, "/conversations").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let said: Value = answer.json().await.unwrap();
        answers.push((text(&said["message"]["id"]), text(&said["reply"]["id"]), text(&said["conversation"])));
    }
    assert_eq!(answers[0], answers[1]);
    let other = json!({ "id": id, "message": { "id": message, "content": "Other" } });
    problem(desk.visitor(&who, Method::POST, "/conversations").json(&other).send().await.unwrap(), 409).await;
    let stranger = desk.visitor(&Visitor::new(), Method::POST, "/conversations").json(&other).send().await.unwrap();
    problem(stranger, 409).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_works_without_code_and_makes_no_row() {
    let desk = Desk::start().await;
    let path = format!("/w/{}", desk.site);
    let count = async || {
        let query = "select (select count(*) from visitor) + (select count(*) from account) as rows";
        let row = crate::server::store::sql::query(query).fetch_one(desk.app.state.store.read()).await.unwrap();
        row.try_get::<i64>("rows").unwrap()
    };
    let before = count().await;
    let mut cookie = String::new();
    for _ in 0..100 {
        let page = desk.app.stranger(Method::GET, &path).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK);
        cookie = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert_eq!(page.headers()["x-robots-tag"], "noindex, nofollow");
        assert_eq!(page.headers()["referrer-policy"], "no-referrer");
    }
    assert_eq!(count().await, before, "a page makes no row");
    let html = desk.by(&cookie, Method::GET, &path).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("answers by an AI") && html.contains("You are talking to an AI"), "{html}");
    let send = |form: &'static str| {
        let request = desk.by(&cookie, Method::POST, &format!("{path}/say"));
        request.header("content-type", "application/x-www-form-urlencoded").body(form).send()
    };
    let sent = send("text=Good+day").await.unwrap();
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    let to = sent.headers()["location"].to_str().unwrap().to_owned();
    let html = desk.by(&cookie, Method::GET, &to).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("Good day") && html.contains("Talk to a person"), "{html}");
    let stranger = desk.app.stranger(Method::GET, &to).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::NOT_FOUND);
    let blank = send("text=+").await.unwrap();
    assert_eq!(blank.status(), StatusCode::UNPROCESSABLE_ENTITY);
    // Unknown and disabled sites answer alike.
    let change = json!({ "is_disabled": true });
    desk.app.request(Method::PATCH, &format!("/api/v1/sites/{}", desk.site)).json(&change).send().await.unwrap();
    let disabled = desk.by(&cookie, Method::GET, &path).send().await.unwrap();
    let unknown = format!("/w/{}", uuid::Uuid::now_v7());
    let unknown = desk.by(&cookie, Method::GET, &unknown).send().await.unwrap();
    assert_eq!((disabled.status(), unknown.status()), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert_eq!(disabled.text().await.unwrap(), unknown.text().await.unwrap());
}
