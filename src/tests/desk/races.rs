//! Two at once: the row decides, and what anybody is told agrees with it.

use super::{Desk, Visitor};
use crate::model::{AccountId, AssignmentState};
use crate::server::store::desk::changes::{AgentStep, By, Transition, Waits};
use crate::server::store::sql::query;
use crate::server::times::now;
use crate::tests::admin::member;
use crate::tests::app::{directive, text};
use crate::tests::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const TIMES: usize = 40;

/// An agent is there exactly in state `agent`, changes are numbered without a gap, and a reply is open only where the
/// assistant answers.
async fn assert_holds(desk: &Desk) {
    let rows = query(
        "select assignment.conversation, assignment.number,
                (select count(*) from assignment_change change where change.conversation = assignment.conversation) as changes,
                case when (assignment.state = 'agent') = (assignment.agent is not null) then 1 else 0 end as has_agent,
                (select count(*) from message where message.conversation = assignment.conversation
                     and message.status = 'streaming' and assignment.state <> 'assistant') as open
         from assignment",
    );
    for row in rows.fetch_all(desk.app.state.store.read()).await.unwrap() {
        let count = |name: &str| row.try_get::<i64>(name).unwrap();
        assert_eq!(count("number"), count("changes"));
        assert_eq!(count("has_agent"), 1);
        assert_eq!(count("open"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_press_at_once() {
    let mut desk = Desk::with(&[], json!({ "limits": { "network": { "new": 1000, "minute": 1000 } } })).await;
    let (anna, _) = member(&mut desk.app, "Anna").await;
    let anna = desk.employ("Anna", anna).await;
    for _ in 0..TIMES {
        let who = Visitor::new();
        let begun = desk.begin(&who, &Script { pieces: 1_000, gap_ms: 1, ..Script::default() }).await;
        let conversation = text(&begun["conversation"]);
        let path = format!("/api/v1/conversations/{conversation}/assignment");
        let take = |cookie: &str| desk.by(cookie, Method::POST, &path).json(&json!({ "to": "agent" })).send();
        let (one, other) = tokio::join!(take(&desk.browser), take(&anna));
        let mut statuses = [one.unwrap().status(), other.unwrap().status()];
        statuses.sort();
        assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);
        assert_holds(&desk).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_over_is_not_written_beside_an_open_reply_nor_for_somebody_who_is_no_agent() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let begun = desk.begin(&who, &Script { hold_after: vec![2], ..Script::default() }).await;
    let (conversation, reply) = (text(&begun["conversation"]), text(&begun["reply"]["id"]));
    let at = now();
    let take = async |whom: AccountId| {
        let change = Transition {
            from: &[AssignmentState::Assistant],
            number: None,
            to: AssignmentState::Agent,
            agent: Some(whom),
            by: By::Agent(desk.agent),
            why: "taken over",
            asked_by: None,
            instruction: String::new(),
            waits: Waits::Still,
            seen: None,
            ended: None,
        };
        let (conversation, agent) = (conversation.parse().unwrap(), desk.agent);
        let step = AgentStep { conversation, agent, change: Some(&change), says: None, seen: None, at: &at };
        desk.app.state.store.change_assignment(step).await.unwrap().is_some()
    };
    assert!(!take(desk.agent).await, "another node has opened a reply");
    let mut events = desk.follow(&who, &conversation, &text(&begun["cursor"])).await;
    let stopped = desk.visitor(&who, Method::POST, &format!("/replies/{reply}/stop")).send().await.unwrap();
    assert_eq!(stopped.status(), StatusCode::ACCEPTED);
    events.until_end(&reply).await;
    assert!(!take(AccountId::new()).await, "nobody's conversation");
    assert!(take(desk.agent).await);
    assert_holds(&desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_first_message_twice_at_once_is_one() {
    let desk = Desk::with(&[], json!({ "limits": { "network": { "new": 1000, "minute": 1000 } } })).await;
    for _ in 0..TIMES {
        let who = Visitor::new();
        let (id, message) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
        let body = json!({ "id": id, "message": { "id": message, "content": "Hello" } });
        let begin = || desk.visitor(&who, Method::POST, "/conversations").json(&body).send();
        let (one, other) = tokio::join!(begin(), begin());
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!((one.status(), other.status()), (StatusCode::CREATED, StatusCode::CREATED));
        let (one, other): (Value, Value) = (one.json().await.unwrap(), other.json().await.unwrap());
        assert_eq!(one["reply"]["id"], other["reply"]["id"]);
        assert_ne!(one["reply"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_and_a_take_over_at_once_leave_no_reply_behind_it() {
    let desk = Desk::with(&[], json!({ "limits": { "network": { "new": 1000, "minute": 1000 } } })).await;
    let (mut answered, mut stored) = (0, 0);
    for _ in 0..TIMES {
        let who = Visitor::new();
        let conversation = desk.answered(&who).await;
        let path = format!("/conversations/{conversation}/messages");
        let body = json!({ "content": directive(&Script { pieces: 1_000, gap_ms: 1, ..Script::default() }) });
        let say = desk.visitor(&who, Method::POST, &path).json(&body).send();
        let (said, taken) = tokio::join!(say, desk.try_answer(&conversation, json!({ "content": "Mine" })));
        assert_eq!(taken.status(), StatusCode::ACCEPTED);
        let said: Value = said.unwrap().json().await.unwrap();
        match said["reply"].is_null() {
            true => stored += 1,
            false => answered += 1,
        }
        assert_holds(&desk).await;
        let seen = desk.seen(&who, &conversation).await;
        assert_eq!(seen["assignment"]["state"], "agent");
    }
    assert_eq!(answered + stored, TIMES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitors_message_is_never_handed_back_or_closed_unseen() {
    let desk = Desk::with(&[], json!({ "limits": { "network": { "new": 1000, "minute": 1000 } } })).await;
    for _ in 0..TIMES {
        let who = Visitor::new();
        let conversation = desk.answered(&who).await;
        let mine: Value = desk.try_answer(&conversation, json!({ "content": "Mine" })).await.json().await.unwrap();
        let close = json!({ "to": "closed", "number": 2, "expect": mine["message"]["id"] });
        let path = format!("/conversations/{conversation}/messages");
        let say = desk.visitor(&who, Method::POST, &path).json(&json!({ "content": "But" })).send();
        let (said, closed) = tokio::join!(say, desk.try_assign(&conversation, close));
        assert_eq!(said.unwrap().status(), StatusCode::ACCEPTED);
        let seen = desk.seen(&who, &conversation).await;
        match closed.status() {
            // Closed first: the message has opened it again.
            StatusCode::OK => assert_eq!(seen["assignment"]["state"], "assistant"),
            status => {
                assert_eq!(status, StatusCode::CONFLICT);
                assert_eq!(seen["assignment"]["state"], "agent");
            }
        }
    }
}
