//! Who may what: visitors, agents, admins who are no agents, members, and people who were agents (A59 to A61).

use super::{Desk, Visitor};
use crate::tests::admin::member;
use crate::tests::app::{directive, problem, text};
use crate::tests::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// What an account may ask of a conversation, by every door of the API that takes its id.
fn doors(conversation: &str, message: &str, reply: &str) -> Vec<(Method, String, Value)> {
    let place = format!("/api/v1/conversations/{conversation}");
    let none = || Value::Null;
    vec![
        (Method::GET, place.clone(), none()),
        (Method::PATCH, place.clone(), json!({ "title": "x" })),
        (Method::DELETE, place.clone(), none()),
        (Method::GET, format!("{place}/messages"), none()),
        (Method::POST, format!("{place}/messages"), json!({ "content": "x" })),
        (Method::GET, format!("{place}/events"), none()),
        (Method::GET, format!("{place}/tree"), none()),
        (Method::PUT, format!("{place}/branch"), json!({ "message": message })),
        (Method::GET, format!("{place}/sharing"), none()),
        (Method::POST, format!("{place}/sharing/people"), json!({ "name": "Root", "role": "reader" })),
        (Method::PUT, format!("{place}/sharing/public"), json!({})),
        (Method::POST, format!("{place}/queue"), json!({ "content": "x" })),
        (Method::POST, format!("{place}/fork"), json!({})),
        (Method::PATCH, format!("{place}/standing"), json!({ "pinned": true })),
        (Method::PUT, format!("{place}/read"), json!({ "reply": reply })),
        (Method::POST, format!("{place}/typing"), none()),
        (Method::POST, format!("{place}/assignment"), json!({ "to": "agent" })),
        (Method::GET, format!("/api/v1/messages/{message}"), none()),
        (Method::GET, format!("/api/v1/messages/{reply}/text"), none()),
        (Method::GET, format!("/api/v1/replies/{reply}"), none()),
        (Method::POST, format!("/api/v1/replies/{reply}/stop"), none()),
        (Method::POST, format!("/api/v1/replies/{reply}/retry"), none()),
        (Method::POST, format!("/api/v1/replies/{reply}/continue"), none()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a59_a_sites_conversation_is_not_there_for_anybody_else() {
    let mut desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let seen = desk.seen(&who, &conversation).await;
    let (message, reply) = (text(&seen["messages"][0]["id"]), text(&seen["messages"][1]["id"]));
    let (_, bob) = member(&mut desk.app, "Bob").await;
    let (otto, _) = member(&mut desk.app, "Otto").await;
    // An agent of another site.
    let other = desk.app.post("/api/v1/sites", json!({ "settings": { "name": "other", "title": "Other" } })).await;
    let first = std::mem::replace(&mut desk.site, text(&other.json::<Value>().await.unwrap()["id"]));
    let otto = desk.employ("Otto", otto).await;
    desk.site = first;
    let admin = desk.app.cookie.clone();
    for (name, cookie) in [("a member", &bob), ("an agent of another site", &otto), ("an admin", &admin)] {
        for (method, path, body) in doors(&conversation, &message, &reply) {
            let request = desk.by(cookie, method.clone(), &path);
            let request = if body.is_null() { request } else { request.json(&body) };
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{name}: {method} {path}");
        }
    }
    // The agent reads, follows, answers and assigns; nothing else.
    let allowed = ["GET /api/v1/conversations/", "/events", "/messages", "/assignment"];
    for (method, path, body) in doors(&conversation, &message, &reply) {
        let named = format!("{method} {path}");
        let ends =
            ["/messages", "/events", "/assignment"].iter().any(|end| path.ends_with(end)) && method != Method::GET;
        let is_snapshot = method == Method::GET && (path.ends_with(&conversation) || path.ends_with("/events"));
        let request = desk.agent(method, &path);
        let request = if body.is_null() { request } else { request.json(&body) };
        let status = request.send().await.unwrap().status();
        match ends || is_snapshot {
            true => assert!(status.is_success(), "{named}: {status} {allowed:?}"),
            false => assert_eq!(status, StatusCode::NOT_FOUND, "{named}"),
        }
    }
    let seen = desk.seen(&who, &conversation).await;
    assert_eq!(seen["messages"].as_array().unwrap().len(), 3, "the agent's answer is all that came");
    assert!(desk.app.conversations().await.is_empty(), "it is in nobody's list");
}

#[tokio::test(flavor = "multi_thread")]
async fn a60_a_visitors_secret_opens_nothing_else_and_nothing_else_opens_a_site() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    for path in
        [format!("/api/v1/conversations/{conversation}"), "/api/v1/conversations".into(), "/api/v1/account".into()]
    {
        let answer = desk.app.stranger(Method::GET, &path).bearer_auth(&who.0).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let path = format!("/w/{}/conversations/{conversation}", desk.site);
    for cookie in [&desk.browser, &desk.app.cookie] {
        assert_eq!(desk.by(cookie, Method::GET, &path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
        // And beside the visitor's own it does not disturb.
        let both = desk.by(cookie, Method::GET, &path).bearer_auth(&who.0).send().await.unwrap();
        assert_eq!(both.status(), StatusCode::OK);
    }
    let unlisted =
        desk.visitor(&who, Method::GET, &format!("/conversations/{conversation}/tree")).send().await.unwrap();
    assert_eq!(unlisted.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a61_another_visitors_conversation_is_not_there() {
    let desk = Desk::start().await;
    let (who, other) = (Visitor::new(), Visitor::new());
    let begun = desk.begin(&who, &Script::default()).await;
    let conversation = text(&begun["conversation"]);
    let own = desk.answered(&other).await;
    let place = format!("/conversations/{conversation}");
    let (reply, cursor) = (text(&begun["reply"]["id"]), text(&begun["cursor"]));
    for (method, path) in [
        (Method::GET, place.clone()),
        (Method::DELETE, place.clone()),
        (Method::GET, format!("{place}/events?cursor={cursor}")),
        (Method::GET, format!("{place}/messages?before={reply}")),
        (Method::POST, format!("{place}/handoff")),
        (Method::POST, format!("{place}/close")),
        (Method::POST, format!("/replies/{reply}/stop")),
        (Method::POST, format!("/replies/{reply}/retry")),
        (Method::GET, format!("/c/{conversation}")),
    ] {
        for stranger in [&other, &Visitor::new()] {
            let answer = desk.visitor(stranger, method.clone(), &path).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
    let said = desk.visitor(&other, Method::POST, &format!("{place}/messages")).json(&json!({ "content": "x" }));
    problem(said.send().await.unwrap(), 404).await;
    // Their own cursor there is the start of their own conversation.
    let mut events = desk.follow(&other, &own, &cursor).await;
    let first = events.next().await.unwrap();
    assert_eq!(text(&first.data["conversation"]["id"]), own);
    // What a visitor never sets is refused by its name.
    let forged = json!({ "content": "x", "model": "anthropic/mock" });
    let forged = desk.visitor(&who, Method::POST, &format!("{place}/messages")).json(&forged).send().await.unwrap();
    assert!(problem(forged, 422).await["detail"].as_str().unwrap().contains("model"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_is_taken_away_sees_nothing_more_and_the_conversation_waits() {
    for by_role in [false, true] {
        let desk = Desk::start().await;
        let who = Visitor::new();
        let conversation = desk.answered(&who).await;
        assert_eq!(desk.try_answer(&conversation, json!({ "content": "Mine." })).await.status(), StatusCode::ACCEPTED);
        let mut agent = desk.watch(&conversation).await;
        let mut visitor = desk.follow(&who, &conversation, "").await;
        agent.next().await;
        visitor.next().await;
        match by_role {
            true => {
                let id = desk.agent.to_string();
                let role = [("account", id.as_str()), ("role", "member")];
                assert!(desk.app.form("/admin/accounts/role", &role).send().await.unwrap().status().is_redirection());
            }
            false => {
                let path = format!("/api/v1/sites/{}/agents/{}", desk.site, desk.agent);
                assert_eq!(
                    desk.app.request(Method::DELETE, &path).send().await.unwrap().status(),
                    StatusCode::NO_CONTENT
                );
            }
        }
        let ended = async { while agent.next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, ended).await.expect("the agent's stream ends");
        let path = format!("/api/v1/conversations/{conversation}");
        let gone = desk.agent(Method::GET, &path).send().await.unwrap().status();
        assert_eq!(gone, if by_role { StatusCode::UNAUTHORIZED } else { StatusCode::NOT_FOUND });
        let waits = visitor.until("snapshot").await;
        assert_eq!(waits.last().unwrap().data["assignment"]["state"], "waiting", "by role: {by_role}");
        assert_eq!(desk.say(&who, &conversation, "Hello?").await["reply"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_visitor_is_cut_off_and_told_until_when() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let inbox: Value = desk.agent(Method::GET, "/api/v1/inbox").send().await.unwrap().json().await.unwrap();
    let visitor = text(&inbox["items"][0]["visitor"]);
    let mut events = desk.follow(&who, &conversation, "").await;
    events.next().await;
    let path = format!("/api/v1/visitors/{visitor}/block");
    let by_admin = desk.app.request(Method::PUT, &path).json(&json!({ "seconds": 60 })).send().await.unwrap();
    assert_eq!(by_admin.status(), StatusCode::NOT_FOUND, "an admin who is no agent");
    let blocked = desk.agent(Method::PUT, &path).json(&json!({ "seconds": 60 })).send().await.unwrap();
    assert_eq!(blocked.status(), StatusCode::NO_CONTENT);
    let ended = async { while events.next().await.is_some() {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the visitor's stream ends");
    let refused = desk.visitor(&who, Method::GET, &format!("/conversations/{conversation}")).send().await.unwrap();
    assert!(problem(refused, 403).await["detail"].as_str().unwrap().contains("until"));
    let back = desk.agent(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(back.status(), StatusCode::NO_CONTENT);
    desk.say(&who, &conversation, &directive(&Script::default())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a63_sites_are_an_admins_and_the_inbox_an_agents() {
    let mut desk = Desk::start().await;
    let (_, bob) = member(&mut desk.app, "Bob").await;
    let site = format!("/api/v1/sites/{}", desk.site);
    let agents = format!("{site}/agents/{}", desk.agent);
    for cookie in [&bob, &desk.browser] {
        for (method, path) in [
            (Method::POST, "/api/v1/sites".to_owned()),
            (Method::GET, site.clone()),
            (Method::PATCH, site.clone()),
            (Method::DELETE, site.clone()),
            (Method::GET, format!("{site}/agents")),
            (Method::PUT, agents.clone()),
            (Method::DELETE, agents.clone()),
        ] {
            let answer = desk.by(cookie, method.clone(), &path).json(&json!({})).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
    for path in ["/api/v1/sites", "/api/v1/inbox"] {
        assert_eq!(desk.by(&bob, Method::GET, path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
        assert_eq!(desk.agent(Method::GET, path).send().await.unwrap().status(), StatusCode::OK);
    }
    // Without the notice there has to be a reason.
    let silent = json!({ "texts": { "notice": "" } });
    problem(desk.app.request(Method::PATCH, &site).json(&silent).send().await.unwrap(), 422).await;
    let said = json!({ "texts": { "notice": "", "without_notice": "It is for our own staff." } });
    assert_eq!(desk.app.request(Method::PATCH, &site).json(&said).send().await.unwrap().status(), StatusCode::OK);
}
