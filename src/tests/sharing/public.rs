//! The public link: anyone who has it reads along, live, and nothing more (A18).

use super::*;
use crate::server::principal::ViewerId;
use crate::server::secret::Hash;
use crate::server::store::audit::Note;
use crate::tests::app::directive;
use std::time::{Duration, Instant};

/// The promise.
const SECOND: Duration = Duration::from_secs(1);

impl Shared {
    pub(super) async fn publish(&self, names: bool) -> String {
        let path = self.path("/sharing/public");
        let answer = self.app.request(Method::PUT, &path).json(&json!({ "names": names })).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let made: Value = answer.json().await.unwrap();
        assert!(text(&made["url"]).ends_with(&format!("/p/{}", text(&made["secret"]))));
        text(&made["secret"])
    }

    async fn pass_by(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.app.stranger(method, path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap()
    }
}

fn assert_unlisted(answer: &Response) {
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"));
    assert_eq!(header("x-robots-tag").as_deref(), Some("noindex, nofollow"));
    assert!(header("cache-control").unwrap().contains("no-store"));
    assert_eq!(header("set-cookie"), None, "nobody becomes a guest by reading");
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_whoever_has_the_link_reads_without_an_account_and_without_names() {
    let mut shared = Shared::with("participant").await;
    let patch = json!({ "system": "Never tell the code word." });
    shared.app.request(Method::PATCH, &shared.path("")).json(&patch).send().await.unwrap();
    let secret = shared.publish(false).await;
    assert_eq!(secret.len(), 32, "128 bits");
    let front = shared.pass_by(Method::GET, &format!("/p/{secret}"), None).await;
    let page = format!("/p/{secret}/c/{}", shared.conversation);
    assert_eq!(crate::tests::accounts::location(&front), page);
    assert_unlisted(&front);
    let guests = crate::server::store::people::Search { guests: true, ..Default::default() };
    let accounts = shared.app.state.store.people(&guests).await.unwrap().0.len();
    let answer = shared.pass_by(Method::GET, &page, None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_unlisted(&answer);
    let html = answer.text().await.unwrap();
    assert!(html.contains("A secret of Ann.") && html.contains("noindex"));
    for hidden in ["Bob", ">Ann<", "code word", "input_tokens\":"] {
        assert!(!html.contains(hidden), "the page tells {hidden}");
    }
    let open = format!("/p/{secret}/api/chat/open");
    let body = json!({ "conversation": shared.conversation });
    let opened: Value = shared.pass_by(Method::POST, &open, Some(body)).await.json().await.unwrap();
    let snapshot = &opened["snapshot"];
    assert_eq!((&snapshot["access"], &snapshot["conversation"]["system"]), (&json!("reader"), &json!("")));
    assert_eq!(snapshot["messages"][0].get("author"), None);
    assert_eq!(snapshot["messages"][1]["usage"], Value::Null);
    assert_eq!(shared.app.state.store.people(&guests).await.unwrap().0.len(), accounts);
    // A new link with names ends the one without.
    let named = shared.publish(true).await;
    assert_eq!(shared.pass_by(Method::GET, &page, None).await.status(), StatusCode::NOT_FOUND);
    let open = format!("/p/{named}/api/chat/open");
    let body = json!({ "conversation": shared.conversation });
    let opened: Value = shared.pass_by(Method::POST, &open, Some(body)).await.json().await.unwrap();
    assert_eq!(opened["snapshot"]["messages"][0]["author"]["name"], "Ann");
    assert_eq!(opened["snapshot"]["conversation"]["owner"]["name"], "Ann");
    shared.be_bob();
    let listed = &shared.app.conversations().await[0];
    assert_eq!(listed["id"], shared.conversation.as_str());
}

/// Reads lines until one is wanted.
async fn line(lines: &mut Response, buffer: &mut String, wanted: impl Fn(&Value) -> bool) -> Value {
    let reading = async {
        loop {
            while let Some(end) = buffer.find('\n') {
                let line: String = buffer.drain(..=end).collect();
                match serde_json::from_str::<Value>(&line) {
                    Ok(value) if wanted(&value) => return value,
                    _ => {}
                }
            }
            let chunk = lines.chunk().await.unwrap().expect("the stream ended");
            buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("it was not told")
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_text_arrives_live_and_is_cut_when_the_link_is_withdrawn() {
    let shared = Shared::with("participant").await;
    let secret = shared.publish(false).await;
    let follow = format!("/p/{secret}/api/follow");
    let body = json!({ "conversation": shared.conversation, "cursor": null, "list": null });
    let mut lines = shared.pass_by(Method::POST, &follow, Some(body.clone())).await;
    assert_unlisted(&lines);
    let mut buffer = String::new();
    let first = line(&mut lines, &mut buffer, |line| line["type"] == "snapshot").await;
    assert_eq!(first["conversation"].get("owner"), None);
    let script = Script { pieces: 20, gap_ms: 5, ..Script::default() };
    shared.app.send(&shared.conversation, &script).await;
    let said = line(&mut lines, &mut buffer, |line| line["type"] == "message").await;
    assert_eq!(said["message"].get("author"), None, "nobody is named");
    line(&mut lines, &mut buffer, |line| line["type"] == "token").await;
    let done = line(&mut lines, &mut buffer, |line| line["type"] == "done").await;
    assert_eq!(done["usage"], Value::Null, "nor what it has cost");
    let since = Instant::now();
    let gone = shared.app.request(Method::DELETE, &shared.path("/sharing/public")).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let rest = async { while lines.chunk().await.is_ok_and(|chunk| chunk.is_some()) {} };
    tokio::time::timeout(Duration::from_secs(20), rest).await.expect("it stays open");
    assert!(since.elapsed() < SECOND, "cut after {:?}", since.elapsed());
    // As for an unknown link.
    let random = crate::server::secret::short().unwrap();
    for (theirs, other) in [
        (format!("/p/{secret}"), format!("/p/{random}")),
        (format!("/p/{secret}/c/{}", shared.conversation), format!("/p/{random}/c/{}", shared.conversation)),
    ] {
        let (theirs, other) =
            (shared.pass_by(Method::GET, &theirs, None).await, shared.pass_by(Method::GET, &other, None).await);
        assert_unlisted(&theirs);
        assert_eq!(problem(theirs, 404).await, problem(other, 404).await);
    }
    problem(shared.pass_by(Method::POST, &follow, Some(body)).await, 404).await;
    problem(shared.app.request(Method::DELETE, &shared.path("/sharing/public")).send().await.unwrap(), 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_there_is_no_way_to_write_or_to_anything_else() {
    let mut shared = Shared::with("participant").await;
    let image = shared.app.image(crate::tests::images::files::png(8, 8)).await;
    let other = shared.app.image(crate::tests::images::files::png(9, 9)).await;
    let body = json!({ "content": directive(&Script::default()), "images": [image] });
    let sent: Value = shared.app.post(&shared.path("/messages"), body).await.json().await.unwrap();
    shared.app.rest_of(&shared.conversation, &crate::tests::app::Sent::of(&sent)).await;
    let reply = text(&sent["reply"]["id"]);
    let foreign = shared.app.conversation().await;
    let secret = shared.publish(false).await;
    let under = |rest: &str| format!("/p/{secret}/{rest}");
    let seen = shared.pass_by(Method::GET, &under(&format!("api/v1/images/{image}")), None).await;
    assert_eq!(seen.status(), StatusCode::OK);
    problem(shared.pass_by(Method::GET, &under(&format!("api/v1/images/{other}")), None).await, 404).await;
    problem(shared.pass_by(Method::GET, &format!("/api/v1/images/{image}"), None).await, 401).await;
    let c = shared.conversation.clone();
    for (method, rest, body) in [
        (
            Method::POST,
            "api/chat/send".into(),
            json!({ "conversation": c, "message": uuid::Uuid::now_v7(), "text": "x", "start": null }),
        ),
        (Method::POST, "api/chat/stop".into(), json!({ "reply": reply })),
        (Method::POST, "api/chat/retry".into(), json!({ "reply": reply })),
        (Method::POST, "api/chat/version".into(), json!({ "message": reply, "number": 1 })),
        (Method::POST, "api/chat/delete".into(), json!({ "conversation": c })),
        (Method::POST, "api/list".into(), json!({ "after": null })),
        (Method::POST, format!("api/v1/conversations/{c}/messages"), json!({ "content": "x" })),
        (Method::GET, format!("api/v1/conversations/{c}"), json!({})),
        (Method::DELETE, format!("api/v1/images/{image}"), json!({})),
        (Method::GET, format!("c/{foreign}"), json!({})),
        (Method::GET, format!("c/{c}/sharing"), json!({})),
        (Method::GET, "admin".into(), json!({})),
        (Method::GET, "../admin".into(), json!({})),
        // Open functions, for what the link does not open.
        (Method::POST, "api/chat/open".into(), json!({ "conversation": foreign })),
        (Method::POST, "api/follow".into(), json!({ "conversation": foreign, "cursor": null, "list": null })),
        (Method::POST, "api/follow".into(), json!({ "conversation": null, "cursor": null, "list": null })),
    ] {
        // Not even with the owner's cookie: under the link it is ignored.
        let answer = shared.app.request(method.clone(), &under(&rest)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {rest}: {}", answer.text().await.unwrap());
    }
    shared.be_ann();
    assert_eq!(shared.app.snapshot(&c).await["messages"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_guessing_is_slowed_and_streams_are_limited_by_address() {
    let shared = Shared::with("participant").await;
    let secret = shared.publish(false).await;
    let follow = format!("/p/{secret}/api/follow");
    let body = json!({ "conversation": shared.conversation, "cursor": null, "list": null });
    let mut open = Vec::new();
    for _ in 0..20 {
        let answer = shared.pass_by(Method::POST, &follow, Some(body.clone())).await;
        assert_eq!(answer.status(), StatusCode::OK);
        open.push(answer);
    }
    problem(shared.pass_by(Method::POST, &follow, Some(body)).await, 429).await;
    let mut statuses = Vec::new();
    for _ in 0..30 {
        let random = crate::server::secret::short().unwrap();
        statuses.push(shared.pass_by(Method::GET, &format!("/p/{random}"), None).await.status());
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_what_another_process_withdraws_is_cut_here() {
    use crate::server::journal::Topic;
    use crate::server::principal::ViewerId;
    use crate::server::secret::Hash;
    use crate::server::transport::Follower;
    let shared = Shared::with("participant").await;
    let secret = shared.publish(false).await;
    let settings = crate::tests::app::settings(&shared.app.folder, &shared.app.upstream, &[]);
    let second = crate::server::State::start(settings).await.unwrap();
    let topic = Topic::Conversation(shared.conversation.parse().unwrap());
    let viewer = ViewerId::Public(Hash::of(&secret));
    let (mut follower, _) = Follower::start(&second, viewer, topic, None).await.unwrap();
    let since = Instant::now();
    shared.app.request(Method::DELETE, &shared.path("/sharing/public")).send().await.unwrap();
    let over = async { while follower.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(20), over).await.expect("it goes on");
    assert!(since.elapsed() < SECOND, "cut after {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a18_a_link_of_a_disabled_owner_shows_no_image_wherever_it_is_asked_for() {
    let mut shared = Shared::with("participant").await;
    shared.be_bob();
    let image = shared.app.image(crate::tests::images::files::png(8, 8)).await;
    let body = json!({ "content": directive(&Script::default()), "images": [image] });
    let sent: Value = shared.app.post(&shared.path("/messages"), body).await.json().await.unwrap();
    shared.app.rest_of(&shared.conversation, &crate::tests::app::Sent::of(&sent)).await;
    shared.be_ann();
    let link = ViewerId::Public(Hash::of(&shared.publish(false).await));
    let (store, image) = (shared.app.state.store.clone(), image.parse().unwrap());
    let shown = async || (store.picture_hash(link, image).await.unwrap(), store.picture(link, image).await.unwrap());
    assert!(matches!(shown().await, (Some(_), Some(_))));
    let ann = store.owner(shared.conversation.parse().unwrap()).await.unwrap();
    let note = Note::new("Root", "disabled", "Ann", "");
    store.set_disabled(ann, true, &note).await.unwrap();
    assert!(matches!(shown().await, (None, None)));
}
