//! A person with an account, who asks any node, and another one where that is gone.

use super::story::Story;
use crate::model::AccountId;
use crate::server::sync::lock;
use crate::tests::accounts::{PASSWORD, cookie};
use crate::tests::viewer::client;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long it is tried until an answer comes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Before it is tried again where every node was gone or had no time.
const PAUSE: Duration = Duration::from_millis(150);

/// What is asked again, of another node; the second stands for no answer at all.
const AGAIN: [StatusCode; 3] =
    [StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_GATEWAY, StatusCode::TOO_MANY_REQUESTS];

pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) account: AccountId,
    pub(super) cookie: String,
    pub(super) client: reqwest::Client,
    nodes: [String; 3],
    story: Story,
    /// What had to be asked again.
    pub(super) refused: Mutex<Vec<String>>,
}

impl Person {
    pub(super) async fn sign_up(name: &'static str, nodes: [String; 3], story: &Story) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let form = format!("name={name}&password={}", PASSWORD.replace(' ', "+"));
        let asked = client.post(format!("{}/sign-up", nodes[0])).header(kind.0, kind.1).body(form);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = cookie(&answer, "rivulet").unwrap();
        let home = client.post(format!("{}/api/home", nodes[0])).header("cookie", &cookie).json(&serde_json::json!({}));
        let home: crate::contract::Home = home.send().await.unwrap().json().await.unwrap();
        let account = home.me.unwrap().id;
        let (client, story, refused) = (self::client(), story.clone(), Mutex::default());
        Self { name, account, cookie, client, nodes, story, refused }
    }

    /// This person, who asks this proxy in the place of each node.
    pub(super) fn behind(&self, url: &str) -> Self {
        let (nodes, refused) = ([url; 3].map(str::to_owned), Mutex::default());
        let (cookie, client, story) = (self.cookie.clone(), self.client.clone(), self.story.clone());
        Self { name: self.name, account: self.account, cookie, client, nodes, story, refused }
    }

    /// Asks node `first`, counted from 0, then the others, until one has answered and had time for it. A request may be
    /// done twice by that: it has to carry the id of what it makes.
    ///
    /// # Errors
    /// The sentence of a report: an answer that no client can do anything about.
    pub(super) async fn ask(
        &self,
        first: usize,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let began = Instant::now();
        for node in (0..3).cycle().skip(first) {
            if PATIENCE < began.elapsed() {
                break;
            }
            let request = self.client.request(method.clone(), format!("{}{path}", self.nodes[node]));
            let request = request.header("cookie", &self.cookie);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            let answer = match request.send().await {
                Ok(answer) => match (answer.status(), answer.bytes().await) {
                    (status, Ok(body)) => (status, Some(body)),
                    (_, Err(_)) => (StatusCode::BAD_GATEWAY, None),
                },
                Err(_) => (StatusCode::BAD_GATEWAY, None),
            };
            match answer {
                (status, Some(body)) if status.is_success() => {
                    self.heard(&method, path, node, began, status);
                    return Ok(serde_json::from_slice(&body).unwrap_or_default());
                }
                (status, body) => {
                    self.heard(&method, path, node, began, status);
                    let said = body.map_or("no answer".into(), |body| String::from_utf8_lossy(&body).into_owned());
                    let why = format!("{} asked node {} to {method} {path}: {status} {said}", self.name, node + 1);
                    if !AGAIN.contains(&status) {
                        return Err(why);
                    }
                    lock(&self.refused).push(why);
                    sleep(PAUSE).await;
                }
            }
        }
        Err(format!("{} could not {method} {path} at any node", self.name))
    }

    pub(super) async fn get(&self, node: usize, path: &str) -> Option<Value> {
        let request = self.client.get(format!("{}{path}", self.nodes[node])).header("cookie", &self.cookie);
        request.send().await.ok()?.error_for_status().ok()?.json().await.ok()
    }

    fn heard(&self, method: &Method, path: &str, node: usize, began: Instant, status: StatusCode) {
        if *method != Method::GET {
            let (name, ms) = (self.name, began.elapsed().as_millis());
            self.story.tell(format!("{name} {method} {path} at node {}: {status} after {ms} ms", node + 1));
        }
    }
}
