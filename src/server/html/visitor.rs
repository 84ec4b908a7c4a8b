//! The page of a site, as its visitors see it: drawn by the server, with forms that work without code. `visitor.js` adds the
//! live answer.

use super::super::store::desk::visitors::OwnConversation;
use super::conversation::{self, Shown};
use crate::contract::site::Site;
use crate::error::Problem;
use crate::event::Snapshot;
use crate::model::{Assignment, AssignmentState, ConversationId, Message, MessageId, Role, Status};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;

/// What the page shows.
pub struct Page {
    pub site: Site,
    /// None: no conversation is open.
    pub snapshot: Option<Snapshot>,
    pub shown: Vec<Shown>,
    pub own: Vec<OwnConversation>,
    pub problem: Option<Problem>,
    /// What was typed in a form that was refused.
    pub typed: String,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let problem = self.problem.clone();
        conversation::answer(problem.as_ref(), document(self))
    }
}

/// The first line: who answers.
fn who(assignment: Option<&Assignment>) -> String {
    match assignment.map(|assignment| (assignment.state, &assignment.agent)) {
        Some((AssignmentState::Agent, Some(agent))) => format!("{} is answering", agent.name),
        Some((AssignmentState::Waiting, _)) => "waiting for a person".into(),
        Some((AssignmentState::Closed, _)) => "closed".into(),
        _ => "answers by an AI".into(),
    }
}

fn document(page: Page) -> impl IntoView {
    let Page { site, snapshot, shown, own, problem, typed } = page;
    let assignment = snapshot.as_ref().and_then(|snapshot| snapshot.assignment.clone());
    let open = shown.last().filter(|last| last.message.status.is_open()).map(|last| last.message.id);
    let waits = assignment.as_ref().is_some_and(|it| it.state == AssignmentState::Waiting);
    // Without code the page comes again by itself while something is awaited.
    let again =
        (open.is_some() || waits).then(|| view! { <noscript><meta http-equiv="refresh" content="5"/></noscript> });
    let base = format!("/w/{}", site.id);
    let path = snapshot.as_ref().map(|snapshot| format!("{base}/c/{}", snapshot.conversation.id));
    let begins = snapshot.is_none().then(|| begin(&site, own, &base));
    view! {
        <html lang="en">
            <head>{conversation::head(site.title.clone(), "/visitor.css", "/visitor.js")} {again}</head>
            <body class="visitor">
                {top(&site, assignment.as_ref(), path.clone(), &base)}
                <main class="visitor__main" id="main">
                    {begins}
                    {log(&site, snapshot.as_ref(), shown, &base)}
                    {assignment.map(|assignment| line(&site, assignment))}
                </main>
                <footer class="visitor__foot">{foot(&site, (path, open), problem, typed)}</footer>
            </body>
        </html>
    }
}

/// The head: who answers, and what can be done.
fn top(site: &Site, assignment: Option<&Assignment>, path: Option<String>, base: &str) -> impl IntoView + use<> {
    let state = assignment.map_or("assistant", |assignment| assignment.state.name());
    let id = path.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or_default().to_owned();
    let to = match assignment.map(|assignment| assignment.state) {
        Some(AssignmentState::Assistant) if site.handoff.button => Some(("waiting", "Talk to a person")),
        Some(AssignmentState::Waiting) => Some(("assistant", "Go on with the assistant")),
        _ => None,
    };
    let change = to.map(|(to, label)| {
        view! {
            <form method="post" action=format!("{base}/change")>
                <input type="hidden" name="conversation" value=id.clone()/>
                <input type="hidden" name="to" value=to/>
                <button class="button button--quiet">{label}</button>
            </form>
        }
    });
    let more = path.is_some().then(|| more(base, &id));
    view! {
        <header class="visitor__head" id="top">
            <h1 class="visitor__title" dir="auto">
                {site.title.clone()}
                <span class="visitor__who" role="status" id="who"><span class=format!("mark mark--{state}") aria-hidden="true"></span>{who(assignment)}</span>
            </h1>
            <div class="visitor__tools">{change}{more}</div>
        </header>
    }
}

/// What is needed seldom.
fn more(base: &str, id: &str) -> impl IntoView + use<> {
    let api = format!("{base}/conversations/{id}");
    view! {
        <details class="more" data-menu="">
            <summary class="button button--quiet">"More"</summary>
            <ul class="more__menu">
                <li><a href=base.to_owned()>"New conversation, and earlier ones"</a></li>
                <li data-script="">
                    <button type="button" class="plain" data-request="DELETE" data-path=api data-then=base.to_owned()
                        data-sure="Delete this conversation? It cannot be brought back.">"Delete this conversation"</button>
                </li>
                <li>
                    <form method="post" action=format!("{base}/forget")>
                        <button class="plain" data-sure="Forget this browser? Its conversations can then no longer be read here.">
                            "Forget this browser"
                        </button>
                    </form>
                </li>
            </ul>
        </details>
    }
}

/// Before the first message: the greeting, the notice, and earlier conversations.
fn begin(site: &Site, own: Vec<OwnConversation>, base: &str) -> impl IntoView + use<> {
    let notice = (!site.texts.notice.trim().is_empty())
        .then(|| view! { <p class="visitor__notice" dir="auto">{site.texts.notice.clone()}</p> });
    let earlier = own.into_iter().map(|own| {
        let title = if own.title.is_empty() { "A conversation".to_owned() } else { own.title };
        let when = super::super::times::since(&own.updated_at);
        view! { <li><a href=format!("{base}/c/{}", own.id) dir="auto">{title}<span class="quiet">{when}</span></a></li> }
    });
    let earlier: Vec<_> = earlier.collect();
    let earlier = (!earlier.is_empty()).then(|| {
        view! { <nav aria-label="Earlier conversations"><h2>"Earlier"</h2><ul class="visitor__own">{earlier}</ul></nav> }
    });
    view! {
        <section class="visitor__begin" id="begin">
            <p class="visitor__greeting" dir="auto">{site.texts.greeting.clone()}</p>
            {notice}
            {earlier}
        </section>
    }
}

/// Who says a message.
fn author(message: &Message) -> String {
    match (message.role, &message.author) {
        (Role::User, _) => "You".into(),
        (Role::Assistant, _) => "Assistant".into(),
        (Role::Agent, Some(author)) => author.name.clone(),
        (Role::Agent, None) => "A person".into(),
    }
}

/// The messages, and where they come from.
fn log(site: &Site, snapshot: Option<&Snapshot>, shown: Vec<Shown>, base: &str) -> impl IntoView + use<> {
    let is_assistant = snapshot.and_then(|snapshot| snapshot.assignment.as_ref()).map(|it| it.state)
        == Some(AssignmentState::Assistant);
    let last = shown.last().map(|last| last.message.id);
    let messages = shown.into_iter().map(|shown| {
        let can_retry = is_assistant && last == Some(shown.message.id) && retries(&shown.message);
        let retry = can_retry.then(|| {
            let path = format!("{base}/replies/{}/retry", shown.message.id);
            view! {
                <p data-script=""><button type="button" class="button button--quiet" data-request="POST" data-path=path>"Try again"</button></p>
            }
            .into_any()
        });
        let end = conversation::ended(&shown.message, None);
        let said = author(&shown.message);
        let said = view! { <h2 class="turn__author" dir="auto">{said}</h2> }.into_any();
        conversation::message(shown, said, (end, retry))
    });
    let messages = messages.collect_view();
    let of = |what: &str| snapshot.map(|it| format!("{base}/conversations/{}/{what}", it.conversation.id));
    let cursor = snapshot.map(|snapshot| snapshot.cursor.to_string());
    let path = snapshot.map(|snapshot| format!("{base}/c/{}", snapshot.conversation.id));
    let begin = format!("{base}/conversations");
    let earlier = snapshot.is_some_and(|snapshot| snapshot.earlier).then(|| {
        view! { <p class="quiet" data-key="earlier">"The beginning of this conversation is not shown."</p> }
    });
    view! {
        <div class="log" id="log" role="log" aria-label=format!("Conversation with {}", site.title) data-front=base.to_owned() data-path=path
            data-events=of("events") data-send=of("messages") data-begin=begin data-cursor=cursor>
            {earlier}
            {messages}
        </div>
    }
}

/// Whether another try can be asked for.
fn retries(message: &Message) -> bool {
    match message.status {
        Status::Interrupted => true,
        Status::Failed => message.error.as_ref().is_none_or(|error| error.retryable),
        _ => false,
    }
}

/// The site's sentence in this state.
fn line(site: &Site, assignment: Assignment) -> impl IntoView + use<> {
    let is_first = assignment.state == AssignmentState::Assistant && assignment.number <= 1;
    let text = assignment.text.clone().filter(|text| !is_first && !text.is_empty()).unwrap_or_default();
    let wait = super::super::times::span(site.handoff.wait_seconds.into());
    let away = (assignment.state == AssignmentState::Waiting && 0 < site.handoff.wait_seconds)
        .then(|| format!(" After {wait} you can go on with the assistant."));
    view! { <p class="visitor__line" id="line" dir="auto" role="status">{text}{away}</p> }
}

/// What went wrong, and the field.
fn foot(
    site: &Site,
    (path, open): (Option<String>, Option<MessageId>),
    problem: Option<Problem>,
    typed: String,
) -> impl IntoView + use<> {
    let base = format!("/w/{}", site.id);
    let id = path.as_deref().and_then(|path| path.rsplit('/').next()).map(str::to_owned);
    let problem = problem.map(|problem| view! { <p class="alert" role="alert">{problem.to_string()}</p> });
    let begins = id.is_none().then(|| {
        let new = ConversationId::new().to_string();
        view! { <input type="hidden" name="begins" value=new/> }
    });
    let is_known = id.map(|id| view! { <input type="hidden" name="conversation" value=id/> });
    let stop = open.map(|reply| {
        let path = format!("{base}/replies/{reply}/stop");
        view! { <button type="button" class="button button--quiet" data-script="" data-request="POST" data-path=path>"Stop"</button> }
    });
    let most = site.limits.visitor.characters.to_string();
    view! {
        <p class="line-state" id="broken" role="status" hidden></p>
        <div id="said">{problem}</div>
        <div class="stopper" id="stopper">{stop}</div>
        <form class="composer-form" id="composer" method="post" action=format!("{base}/say")>
            {is_known}
            {begins}
            <input type="hidden" name="message" value=MessageId::new().to_string()/>
            <label for="text" class="unseen">"Your message"</label>
            <textarea class="field" id="text" name="text" rows="1" required dir="auto" maxlength=most placeholder="Your message">{typed}</textarea>
            <button class="button">"Send"</button>
        </form>
    }
}
