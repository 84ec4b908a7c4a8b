//! The conversation that is open in the inbox: its messages, the lines between them that say who has it, and the field.

use super::list::word;
use super::{Listed, Opened, Place, details};
use crate::error::Problem;
use crate::model::{AccountId, Assignment, AssignmentState, Message, MessageId, Role};
use crate::server::html::conversation::{self, Shown};
use crate::server::store::desk::details::Change;
use leptos::prelude::*;

/// No conversation is open.
pub(super) fn nothing(listed: &Listed) -> impl IntoView + use<> {
    let text = match listed.rows.is_empty() {
        true => "What visitors write is shown here.",
        false => "Choose a conversation.",
    };
    view! { <section class="inbox-thread inbox-thread--empty" id="thread"><p class="quiet">{text}</p></section> }
}

/// What the forms of a conversation send along: what its reader has seen.
struct Seen {
    number: u64,
    expect: String,
}

pub(super) fn thread(
    place: &Place,
    opened: Opened,
    me: AccountId,
    (problem, typed): (Option<Problem>, String),
) -> impl IntoView + use<> {
    let Opened { snapshot, shown, details } = opened;
    let id = snapshot.conversation.id;
    let assignment = snapshot.assignment.clone();
    let seen = Seen {
        number: assignment.as_ref().map(|assignment| assignment.number).unwrap_or_default(),
        expect: snapshot.messages.last().map(|message| message.id.to_string()).unwrap_or_default(),
    };
    let base = format!("/inbox/{id}");
    let name = details.name.clone();
    let head = head(place, (&name, &snapshot.conversation.title), assignment.as_ref(), &seen, me);
    let problem = problem.map(|problem| view! { <p class="alert" role="alert">{problem.to_string()}</p> });
    let earlier = snapshot.earlier.then(|| {
        view! { <p class="quiet" data-key="earlier">"The beginning of this conversation is not shown."</p> }
    });
    let api = format!("/api/v1/conversations/{id}");
    let last = shown.last().map(|last| last.message.id.to_string());
    let log = lines(&name, shown, &details.changes);
    let composer = composer(&base, &seen, assignment.as_ref(), typed, me);
    view! {
        <section class="inbox-thread" id="thread" tabindex="-1" aria-labelledby="thread-title" data-id=id.to_string() data-path=place.href(Some(id))
            data-events=format!("{api}/events") data-send=format!("{api}/messages") data-assign=format!("{api}/assignment") data-read=format!("{api}/read")
            data-cursor=snapshot.cursor.to_string() data-number=seen.number.to_string() data-expect=seen.expect.clone() data-last=last
            data-state=assignment.as_ref().map(|it| it.state.name())>
            {head}
            <div class="inbox-scroll" id="scroll" tabindex="0" aria-label="Messages" role="region">
                <div class="log" id="log" role="log" aria-label="Conversation">{earlier}{log}</div>
            </div>
            <div class="inbox-foot">
                <div id="said">{problem}</div>
                {composer}
            </div>
        </section>
        {details::details(&snapshot.messages, &details)}
    }
}

fn head(
    place: &Place,
    (name, title): (&str, &str),
    assignment: Option<&Assignment>,
    seen: &Seen,
    me: AccountId,
) -> impl IntoView + use<> {
    let state = assignment.map(|assignment| assignment.state);
    let agent = assignment.and_then(|assignment| assignment.agent.as_ref());
    let who = match (state, agent) {
        (Some(AssignmentState::Agent), Some(agent)) if agent.id == me => "You have it".to_owned(),
        (Some(AssignmentState::Agent), Some(agent)) => format!("{} has it", agent.name),
        (Some(AssignmentState::Waiting), _) => "Waits for a person".into(),
        (Some(AssignmentState::Closed), _) => "Closed".into(),
        (Some(AssignmentState::Agent | AssignmentState::Assistant) | None, _) => "The assistant answers".into(),
    };
    let mark = format!("mark mark--{}", state.map_or("assistant", AssignmentState::name));
    let base = format!("/inbox/{}", place.open.map(|id| id.to_string()).unwrap_or_default());
    let is_mine = agent.is_some_and(|agent| agent.id == me);
    let forms = changes(state, is_mine).into_iter().map(|(to, label, key)| {
        view! {
            <form method="post" action=format!("{base}/assign") data-assign="">
                <input type="hidden" name="to" value=to/>
                <input type="hidden" name="queue" value=place.queue.clone()/>
                <input type="hidden" name="number" value=seen.number.to_string()/>
                <input type="hidden" name="expect" value=seen.expect.clone()/>
                <button class="button button--quiet" data-key-does=key title=format!("{label} ({key})")>{label}</button>
            </form>
        }
    });
    let title = if title.is_empty() { "A conversation".to_owned() } else { title.to_owned() };
    view! {
        <header class="inbox-head">
            <a class="plain inbox-back" href=place.href(None) data-back="" aria-label="Back to the list">"‹"</a>
            <div class="inbox-head__names">
                <h2 id="thread-title" dir="auto">{title}</h2>
                <p class="inbox-head__who"><span class=mark aria-hidden="true"></span><span id="who" role="status">{who}</span><span class="quiet" dir="auto">{name.to_owned()}</span></p>
            </div>
            <div class="inbox-tools">{forms.collect_view()}<a class="button button--quiet inbox-to-details" href="#details">"Details"</a></div>
        </header>
    }
}

/// What an agent can do in this state, besides answering: the state it leads to, its name, its key.
fn changes(state: Option<AssignmentState>, is_mine: bool) -> Vec<(&'static str, &'static str, &'static str)> {
    let (take, close) = (("agent", "Take over", "t"), ("closed", "Close", "e"));
    let back = ("assistant", "Hand back", "h");
    match state {
        Some(AssignmentState::Agent) if is_mine => vec![back, ("waiting", "Release", "r"), close],
        Some(AssignmentState::Agent) => vec![take, back, close],
        Some(AssignmentState::Closed) => vec![take],
        Some(AssignmentState::Assistant | AssignmentState::Waiting) => vec![take, close],
        None => Vec::new(),
    }
}

/// The messages, and between them who took it, and when.
fn lines(visitor: &str, shown: Vec<Shown>, changes: &[Change]) -> Vec<AnyView> {
    let mut changes = changes.iter().filter(|change| 1 < change.number).peekable();
    let mut all = Vec::new();
    for shown in shown {
        while let Some(change) = changes.next_if(|change| change.at <= shown.message.created_at) {
            all.push(line(visitor, change).into_any());
        }
        let said = author(visitor, &shown.message);
        let said = view! { <h3 class="turn__author" dir="auto">{said}</h3> }.into_any();
        let end = conversation::ended(&shown.message, Some("Taken over here."));
        all.push(conversation::message(shown, said, (end, None)).into_any());
    }
    all.extend(changes.map(|change| line(visitor, change).into_any()));
    all
}

fn author(visitor: &str, message: &Message) -> String {
    match (message.role, &message.author) {
        (Role::Assistant, _) => "Assistant".into(),
        (_, Some(author)) => author.name.clone(),
        (Role::User, None) => visitor.to_owned(),
        (Role::Agent, None) => "Somebody who has left".into(),
    }
}

fn line(visitor: &str, change: &Change) -> impl IntoView + use<> {
    let actor = match change.by.as_str() {
        "visitor" => visitor.to_owned(),
        "agent" => change.actor.clone().unwrap_or_else(|| "Somebody who has left".into()),
        _ => "The server".into(),
    };
    let is_self = change.agent == change.actor;
    let text = match (change.to, change.by.as_str()) {
        (AssignmentState::Agent, _) if is_self => format!("{actor} took over"),
        (AssignmentState::Agent, _) => format!("{actor} gave it to {}", word(change.to, change.agent.as_deref())),
        (AssignmentState::Assistant, "agent") => format!("{actor} handed it back to the assistant"),
        (AssignmentState::Assistant, _) => format!("{actor} went on with the assistant"),
        (AssignmentState::Waiting, "agent") => format!("{actor} released it"),
        (AssignmentState::Waiting, "visitor") => format!("{actor} asked for a person"),
        (AssignmentState::Waiting, _) if change.why.is_empty() => "A person is asked for".into(),
        (AssignmentState::Waiting, _) => format!("A person is asked for: {}", change.why),
        (AssignmentState::Closed, _) => format!("{actor} closed it"),
    };
    let time = change.at.get(11..16).map(|time| format!("{time} UTC")).unwrap_or_default();
    view! {
        <p class="change" data-key=format!("change-{}", change.number)>
            <span><bdi>{text}</bdi>", "<time datetime=change.at.clone() data-clock="">{time}</time></span>
        </p>
    }
}

fn composer(
    base: &str,
    seen: &Seen,
    assignment: Option<&Assignment>,
    typed: String,
    me: AccountId,
) -> impl IntoView + use<> {
    let agent = assignment.and_then(|assignment| assignment.agent.as_ref());
    let (label, hint) = match assignment.map(|assignment| assignment.state) {
        Some(AssignmentState::Agent) if agent.is_some_and(|agent| agent.id == me) => ("Answer", "Your answer"),
        Some(AssignmentState::Agent) => ("Answer", "Answer beside your colleague"),
        Some(AssignmentState::Closed) => ("Open again and answer", "Your answer"),
        _ => ("Take over and answer", "Your answer. It stops the assistant"),
    };
    view! {
        <form class="composer-form" id="composer" method="post" action=format!("{base}/answer")>
            <input type="hidden" name="message" value=MessageId::new().to_string()/>
            <input type="hidden" name="expect" value=seen.expect.clone()/>
            <label for="text" class="unseen">"Your answer"</label>
            <textarea class="field" id="text" name="text" rows="1" required dir="auto" placeholder=hint>{typed}</textarea>
            <button class="button" id="send">{label}</button>
        </form>
    }
}
