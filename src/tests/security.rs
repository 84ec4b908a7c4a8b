//! Who may do what, and what a browser is told not to do. Rows of the attack checklist are named.

use super::app::{App, directive, problem};
use super::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a13_another_account_gets_the_answer_of_a_random_id() {
    let mut app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    app.cookie = app.new_cookie().await;
    let random = uuid::Uuid::now_v7().to_string();
    let requests = [
        (Method::GET, "/api/v1/conversations/{c}"),
        (Method::PATCH, "/api/v1/conversations/{c}"),
        (Method::DELETE, "/api/v1/conversations/{c}"),
        (Method::GET, "/api/v1/conversations/{c}/events"),
        (Method::POST, "/api/v1/conversations/{c}/messages"),
        (Method::POST, "/api/v1/replies/{r}/stop"),
        (Method::POST, "/api/v1/replies/{r}/retry"),
        (Method::POST, "/api/v1/replies/{r}/continue"),
    ];
    for (method, path) in requests {
        let mut answers = Vec::new();
        for (c, r) in [(&conversation, &sent.reply), (&random, &random)] {
            let path = path.replace("{c}", c).replace("{r}", r);
            let request = app.request(method.clone(), &path).json(&json!({ "content": "x", "title": "x" }));
            answers.push(problem(request.send().await.unwrap(), 404).await);
        }
        assert_eq!(answers[0], answers[1], "{method} {path}");
    }
    let functions = [
        ("chat/open", json!({ "conversation": conversation })),
        ("chat/earlier", json!({ "conversation": conversation, "before": sent.message })),
        ("chat/highlighted", json!({ "message": sent.reply })),
        ("chat/send", json!({ "conversation": conversation, "message": random, "text": "x", "start": null })),
        ("chat/stop", json!({ "reply": sent.reply })),
        ("chat/retry", json!({ "reply": sent.reply })),
        ("chat/continue", json!({ "reply": sent.reply })),
        ("chat/edit", json!({ "message": sent.message, "new": random, "text": "x", "model": null })),
        ("chat/version", json!({ "message": sent.message, "number": 1 })),
        ("chat/change", json!({ "conversation": conversation, "changes": { "title": "x" } })),
        ("chat/delete", json!({ "conversation": conversation })),
        ("follow", json!({ "conversation": conversation, "cursor": sent.cursor, "list": null })),
    ];
    for (name, arguments) in functions {
        let answer = app.post(&format!("/api/{name}"), arguments).await;
        problem(answer, 404).await;
    }
    let page = app.get(&format!("/c/{conversation}")).await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert!(!page.text().await.unwrap().contains("Please answer"));
    let taken = json!({ "conversation": conversation, "message": random, "text": "x", "start": {} });
    problem(app.post("/api/chat/send", taken).await, 409).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a16_nobody_in_particular_gets_nothing() {
    let app = App::start().await;
    let id = uuid::Uuid::now_v7();
    for (method, path) in [
        (Method::GET, "/api/v1/models".to_owned()),
        (Method::GET, "/api/v1/conversations".to_owned()),
        (Method::POST, "/api/v1/conversations".to_owned()),
        (Method::GET, format!("/api/v1/conversations/{id}")),
        (Method::GET, format!("/api/v1/conversations/{id}/events")),
        (Method::POST, format!("/api/v1/conversations/{id}/messages")),
        (Method::POST, format!("/api/v1/replies/{id}/stop")),
        (Method::POST, "/api/list".to_owned()),
        (Method::POST, "/api/follow".to_owned()),
    ] {
        let body = json!({ "content": "x", "conversation": null, "cursor": null, "list": null, "after": null });
        let answer = app.stranger(method, &path).json(&body).send().await.unwrap();
        problem(answer, 401).await;
    }
    // Whatever else is wrong with the request.
    let bad = app.stranger(Method::POST, "/api/v1/conversations/nonsense/messages").body("{");
    problem(bad.send().await.unwrap(), 401).await;
    let bearer = app.stranger(Method::GET, "/api/v1/models").header("authorization", "Bearer nonsense");
    problem(bearer.send().await.unwrap(), 401).await;
    let forged = app.stranger(Method::GET, "/api/v1/models").header("cookie", "rivulet=0000");
    problem(forged.send().await.unwrap(), 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a21_a22_another_website_cannot_send_in_this_persons_name() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let request = app.request(Method::POST, &path).json(&json!({ "content": "x" })).header(name, value);
        problem(request.send().await.unwrap(), 403).await;
        let form = [("conversation", conversation.as_str()), ("text", "x")];
        let request = app.form("/forms/send", &form).header(name, value);
        let answer = request.send().await.unwrap();
        assert!(!answer.headers().contains_key("location"));
        problem(answer, 403).await;
    }
    let own = app.request(Method::POST, &path).json(&json!({ "content": "x" })).header("origin", &app.url);
    assert_eq!(own.send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(app.snapshot(&conversation).await["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_headers_and_every_page_its_own_nonce() {
    let app = App::start().await;
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let page = app.get("/").await;
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("'strict-dynamic'"));
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let html = page.text().await.unwrap();
        for script in html.split("<script").skip(1) {
            assert!(script.split('>').next().unwrap().contains(&nonce), "a script without the nonce");
        }
        assert!(!html.contains(" style="), "inline styles are blocked");
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
    for path in ["/healthz", "/api/v1/models", "/nowhere", "/favicon.ico"] {
        let answer = app.get(path).await;
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers()["referrer-policy"], "same-origin", "{path}");
        assert!(answer.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_what_a_person_writes_cannot_end_the_pages_script() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let nasty = "</script><script>alert(1)</script><!-- \u{2028} ]]> <img src=x onerror=alert(1)>";
    let path = format!("/api/v1/conversations/{conversation}");
    app.post(&format!("{path}/messages"), json!({ "content": nasty })).await;
    app.request(Method::PATCH, &path).json(&json!({ "title": nasty, "system": nasty })).send().await.unwrap();
    let html = app.get(&format!("/c/{conversation}")).await.text().await.unwrap();
    assert!(!html.contains("<script>alert"), "a script of theirs");
    assert!(!html.contains("<img"), "an element of theirs");
    assert!(html.contains("&lt;script&gt;") || html.contains("&lt;/script&gt;"), "shown as text");
}

#[tokio::test(flavor = "multi_thread")]
async fn a45_paths_do_not_lead_out_of_the_site() {
    let app = App::start().await;
    for path in ["/pkg/..%2F..%2FCargo.toml", "/pkg/%2e%2e%2f%2e%2e%2fCargo.toml", "/pkg/..%5C.env", "/pkg/x%00"] {
        let answer = app.get(path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a15_fields_that_are_not_ours_change_nothing() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let body = json!({ "content": directive(&Script::default()), "role": "assistant", "status": "failed",
                       "created_at": "1999-01-01T00:00:00Z", "account": uuid::Uuid::now_v7() });
    let answer = app.post(&format!("/api/v1/conversations/{conversation}/messages"), body).await;
    let sent: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(sent["message"]["role"], "user");
    assert_eq!(sent["message"]["status"], "done");
    assert!(!sent["message"]["created_at"].as_str().unwrap().starts_with("1999"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_guests_no_page_makes_an_account() {
    let app = App::with(&["--guests=off"]).await;
    let page = app.stranger(Method::GET, "/").send().await.unwrap();
    assert!(!page.headers().contains_key("set-cookie"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a21_a_server_function_answers_in_place_and_says_what_is_malformed() {
    let app = App::start().await;
    let ask = |path: &str, body: &'static str| {
        let request = app.request(Method::POST, path).header("accept", "text/html").body(body);
        request.header("content-type", "application/json").header("referer", "http://evil.example/x").send()
    };
    for path in ["/api/chat/open", "/api/chat/send", "/api/chat/stop", "/api/follow", "/api/list", "/api/usage"] {
        for body in ["{", "[]", "", "{\"conversation\":1,\"after\":1}"] {
            let told = problem(ask(path, body).await.unwrap(), 400).await;
            assert!(told["detail"].as_str().unwrap().starts_with("The request's JSON cannot be read"), "{path} {body}");
        }
    }
    let answer = ask("/api/list", "{\"after\":null}").await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "and what is well is not sent elsewhere either");
    let nothing = app.request(Method::POST, "/api/list").header("accept", "text/html").header("cookie", "a=b");
    assert_ne!(nothing.json(&json!({ "after": null })).send().await.unwrap().status(), StatusCode::FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_a_request_names_one_host() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = App::start().await;
    let mut socket = tokio::net::TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    let head = "GET /api/v1/models HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem_document() {
    let app = App::start().await;
    problem(app.get(&format!("/app/{}?protocol=7&protocol=8", app.state.sockets.app.key)).await, 400).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        problem(app.request(Method::POST, path).send().await.unwrap(), 405).await;
    }
}

#[test]
fn a_setting_that_cannot_be_kept_stops_the_start_by_its_name() {
    use crate::server::settings::Settings;
    use clap::Parser;
    let read = |flag: &str| Settings::try_parse_from(["rivulet", flag]).map_err(|error| error.to_string());
    for wrong in
        ["https://a.example/path", "https://a.example?x=1", "https://ann:secret@a.example", "a.example", "ftp://a"]
    {
        let said = read(&format!("--public-url={wrong}")).err().unwrap();
        assert!(said.contains("RIVULET_PUBLIC_URL expects"), "{wrong}: {said}");
    }
    let read_url = |text: &str| read(&format!("--public-url={text}")).unwrap().public_url.unwrap();
    assert_eq!(read_url("https://Chat.example.org/"), "https://chat.example.org");
    assert_eq!(read_url("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
    assert!(read("--redis-url=redis+cluster://127.0.0.1").err().unwrap().contains("REDIS_URL expects one server"));
    assert!(read("--redis-prefix={c}").err().unwrap().contains("RIVULET_REDIS_PREFIX expects"));
}
