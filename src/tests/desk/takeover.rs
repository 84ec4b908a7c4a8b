//! An agent takes over, answers, hands back and closes, by the API; and what both sides see of it.

use super::{Desk, Visitor};
use crate::tests::app::{Frame, directive, problem, said, text};
use crate::tests::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn kinds(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.event.as_str()).filter(|kind| *kind != "token").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_takes_over_in_mid_sentence() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let script = Script { pieces: 60, gap_ms: 1, hold_after: vec![20], ..Script::default() };
    let begun = desk.begin(&who, &script).await;
    let (conversation, reply) = (text(&begun["conversation"]), text(&begun["reply"]["id"]));
    let mut visitor = desk.follow(&who, &conversation, &text(&begun["cursor"])).await;
    let mut agent = desk.watch(&conversation).await;
    let before =
        visitor.until_that(|frame| frame.event == "token" && frame.data["text"].to_string().contains("t19")).await;
    let shown = said(&before);
    let answer = desk.try_answer(&conversation, json!({ "content": "I am here." })).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!((&answer["reply"], &answer["message"]["role"]), (&Value::Null, &json!("agent")));
    for events in [&mut visitor, &mut agent] {
        let frames = events.until("message").await;
        let kinds = kinds(&frames);
        assert!(kinds.ends_with(&["stopped", "assignment", "message"]), "{kinds:?}");
        let end = frames.iter().position(|frame| frame.event == "stopped").unwrap();
        assert!(frames[end..].iter().all(|frame| frame.event != "token"), "nothing comes after the end");
        assert_eq!(frames[end + 1].data["ended"], json!(reply));
    }
    let seen = desk.seen(&who, &conversation).await;
    let stopped = &seen["messages"][1];
    assert_eq!((&stopped["status"], &stopped["stop_reason"]), (&json!("stopped"), &json!("taken_over")));
    assert!(text(&stopped["text"]).starts_with(&shown));
    assert_eq!(seen["assignment"]["state"], "agent");
    assert_eq!(seen["assignment"]["agent"]["name"], "Agatha");
    assert_ne!(seen["assignment"]["agent"]["id"], json!(desk.agent.to_string()), "nobody's id elsewhere");
    assert_eq!(seen["messages"][2]["author"], seen["assignment"]["agent"]);
    // What the visitor writes now opens no reply.
    let next = desk.say(&who, &conversation, "Thank you").await;
    assert_eq!(next["reply"], Value::Null);
    let heard = agent.until("message").await;
    assert_eq!(heard.last().unwrap().data["message"]["text"], "Thank you");
    assert_eq!(desk.app.upstream.seen().len(), 1, "the model is not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_reply_is_the_take_over_also_by_a_token_and_again_it_is_the_same() {
    let mut desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let admin = std::mem::replace(&mut desk.app.cookie, desk.browser.clone());
    let token = desk.app.token("write").await;
    desk.app.cookie = admin;
    let id = uuid::Uuid::now_v7();
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let mut answers = Vec::new();
    for _ in 0..2 {
        let request = desk.app.stranger(Method::POST, &path).bearer_auth(&token);
        let answer = request.json(&json!({ "id": id, "content": "By a program." })).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        answers.push(text(&answer.json::<Value>().await.unwrap()["message"]["id"]));
    }
    assert_eq!(answers[0], answers[1]);
    let seen = desk.seen(&who, &conversation).await;
    assert_eq!(seen["messages"].as_array().unwrap().len(), 3);
    assert_eq!((&seen["assignment"]["state"], &seen["assignment"]["number"]), (&json!("agent"), &json!(2)));
    for wrong in [json!({ "content": "x", "model": "anthropic/mock" }), json!({ "content": "x", "parent": null })] {
        problem(desk.try_answer(&conversation, wrong).await, 422).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn handed_back_it_answers_again() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    assert_eq!(desk.try_answer(&conversation, json!({ "content": "You get it back." })).await.status(), 202);
    let asked = desk.say(&who, &conversation, &directive(&Script::default())).await;
    let taken = desk.assign(&conversation, json!({ "to": "agent" })).await;
    let number = &taken["assignment"]["number"];
    problem(desk.try_assign(&conversation, json!({ "to": "assistant", "number": number })).await, 422).await;
    // The agent has not seen the visitor's message.
    let seen = desk.seen(&who, &conversation).await;
    let promise = &seen["messages"][2]["id"];
    let back = json!({ "to": "assistant", "number": number, "expect": promise, "answer_now": true });
    problem(desk.try_assign(&conversation, back).await, 409).await;
    assert_eq!(desk.app.upstream.seen().len(), 1);
    let mut events = desk.follow(&who, &conversation, &text(&asked["cursor"])).await;
    let back = json!({
        "to": "assistant", "number": number, "expect": asked["message"]["id"], "answer_now": true, "instruction": "Be kind.",
    });
    let assigned = desk.assign(&conversation, back).await;
    assert_eq!(assigned["assignment"]["state"], "assistant");
    let frames = events.until_end(&text(&assigned["reply"]["id"])).await;
    let order: Vec<_> =
        frames.iter().map(|frame| frame.event.as_str()).filter(|it| ["assignment", "reply"].contains(it)).collect();
    assert_eq!(order, ["assignment", "reply"]);
    let told = desk.app.upstream.seen()[1].body["messages"].to_string();
    assert_eq!(told.matches("From here on you answer again").count(), 1, "{told}");
    assert!(told.contains("You get it back.") && told.contains("Be kind.") && !told.contains("Agatha"), "{told}");
    let seen = desk.seen(&who, &conversation).await;
    assert_eq!(seen["messages"].as_array().unwrap().last().unwrap()["status"], "done");
    // And the next question is answered as usual.
    assert_ne!(desk.say(&who, &conversation, "And then?").await["reply"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_asks_for_a_person_goes_on_and_closes() {
    let handoff = json!({ "handoff": { "wait_seconds": 0 } });
    let desk = Desk::with(&[], handoff).await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let post = async |rest: &str| {
        let path = format!("/conversations/{conversation}/{rest}");
        desk.visitor(&who, Method::POST, &path).send().await.unwrap()
    };
    assert_eq!(post("handoff").await.status(), StatusCode::OK);
    let inbox: Value =
        desk.agent(Method::GET, "/api/v1/inbox?state=waiting").send().await.unwrap().json().await.unwrap();
    assert_eq!(inbox["items"][0]["conversation"], json!(conversation));
    assert_eq!(inbox["counts"]["waiting"], 1);
    let waits = desk.say(&who, &conversation, &directive(&Script::default())).await;
    assert_eq!(waits["reply"], Value::Null, "in `waiting` no reply is opened");
    assert_eq!(post("assistant").await.status(), StatusCode::OK);
    let seen = desk.seen(&who, &conversation).await;
    assert_eq!(seen["assignment"]["state"], "assistant");
    assert_eq!(seen["messages"].as_array().unwrap().len(), 4, "what nobody had answered is answered by one reply");
    assert_eq!(post("close").await.status(), StatusCode::OK);
    let again = desk.say(&who, &conversation, "One more thing").await;
    assert_ne!(again["reply"], Value::Null, "a message opens it again");
    assert_eq!(desk.seen(&who, &conversation).await["assignment"]["state"], "assistant");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_closes_what_was_seen_and_reopens() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let seen = desk.seen(&who, &conversation).await;
    let last = seen["messages"].as_array().unwrap().last().unwrap()["id"].clone();
    desk.say(&who, &conversation, "Wait").await;
    let close = |expect: &Value| json!({ "to": "closed", "number": 1, "expect": expect });
    problem(desk.try_assign(&conversation, close(&last)).await, 409).await;
    let seen = desk.seen(&who, &conversation).await;
    let last = seen["messages"].as_array().unwrap().last().unwrap()["id"].clone();
    let closed = desk.assign(&conversation, close(&last)).await;
    assert_eq!(closed["assignment"]["state"], "closed");
    assert_eq!(
        desk.assign(&conversation, close(&last)).await["assignment"]["number"],
        2,
        "pressed twice is pressed once"
    );
    assert_eq!(desk.try_answer(&conversation, json!({ "content": "Still there?" })).await.status(), 202);
    assert_eq!(desk.seen(&who, &conversation).await["assignment"]["state"], "agent");
}
