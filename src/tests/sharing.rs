//! A shared conversation: who may do what, who sees what, and that access ends when it is withdrawn.

mod company;
mod inviting;
mod other_process;
mod public;
mod roles;
mod seeing;
mod taking_back;
mod two_nodes;

use super::app::{App, problem, text};
use super::upstream::script::Script;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

/// Ann has a conversation with one exchange, which is shared with Bob.
pub(super) struct Shared {
    pub(super) app: App,
    pub(super) ann: String,
    pub(super) bob: String,
    pub(super) bob_id: String,
    pub(super) conversation: String,
    pub(super) sent: super::app::Sent,
}

impl Shared {
    /// The browser at hand is Ann's.
    pub(super) async fn with(role: &str) -> Self {
        Self::on(App::start().await, role).await
    }

    async fn on(mut app: App, role: &str) -> Self {
        app.sign_up("Ann").await;
        let ann = app.cookie.clone();
        app.cookie = app.new_cookie().await;
        app.sign_up("Bob").await;
        let bob = std::mem::replace(&mut app.cookie, ann.clone());
        let conversation = app.conversation().await;
        let script = Script { text: Some("A secret of Ann.".into()), ..Script::default() };
        let sent = app.send(&conversation, &script).await;
        app.rest_of(&conversation, &sent).await;
        let person = app.share(&conversation, "bob", role).await;
        Self { app, ann, bob, bob_id: text(&person["id"]), conversation, sent }
    }

    pub(super) fn be_ann(&mut self) {
        self.app.cookie.clone_from(&self.ann);
    }

    pub(super) fn be_bob(&mut self) {
        self.app.cookie.clone_from(&self.bob);
    }

    /// Ann takes Bob's access back.
    pub(super) async fn take_back(&mut self) {
        self.be_ann();
        let path = format!("/api/v1/conversations/{}/sharing/people/{}", self.conversation, self.bob_id);
        assert_eq!(self.app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/api/v1/conversations/{}{rest}", self.conversation)
    }
}

impl App {
    /// Shares a conversation of the browser's account by name.
    pub(crate) async fn share(&self, conversation: &str, name: &str, role: &str) -> Value {
        let path = format!("/api/v1/conversations/{conversation}/sharing/people");
        let answer = self.post(&path, json!({ "name": name, "role": role })).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    /// The secret of a new invitation link.
    pub(crate) async fn share_link(&self, conversation: &str, body: Value) -> String {
        let answer = self.post(&format!("/api/v1/conversations/{conversation}/sharing/links"), body).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        text(&answer.json::<Value>().await.unwrap()["secret"])
    }

    pub(crate) async fn join(&self, secret: &str) -> Response {
        self.post("/api/v1/join", json!({ "secret": secret })).await
    }
}
