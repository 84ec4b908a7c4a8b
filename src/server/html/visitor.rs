//! The page of a site, as its visitors see it: drawn by the server, with forms that work without code. `visitor.js` adds the
//! live answer.

use super::super::store::desk::visitors::OwnConversation;
use crate::contract::site::Site;
use crate::error::Problem;
use crate::event::Snapshot;
use crate::model::{Assignment, AssignmentState, ConversationId, Message, MessageId, Role, Status};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use leptos::prelude::*;

/// Scripts of ours alone, and nothing of other hosts.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A message, and the HTML of its text; none: it is shown as it stands.
pub struct Shown {
    pub message: Message,
    pub html: Option<String>,
}

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
        let status = self.problem.as_ref().map_or(200, Problem::status);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let html = format!("<!DOCTYPE html>{}", document(self).to_html());
        let mut response = (status, Html(html)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }
}

/// The first line: who answers.
fn who(site: &Site, assignment: Option<&Assignment>) -> String {
    match assignment.map(|assignment| (assignment.state, &assignment.agent)) {
        Some((AssignmentState::Agent, Some(agent))) => format!("{} · {} is answering", site.title, agent.name),
        Some((AssignmentState::Waiting, _)) => format!("{} · waiting for a person", site.title),
        Some((AssignmentState::Closed, _)) => format!("{} · closed", site.title),
        _ => format!("{} · answers by an AI", site.title),
    }
}

fn document(page: Page) -> impl IntoView {
    let Page { site, snapshot, shown, own, problem, typed } = page;
    let style = format!("/{}/rivulet.css", crate::server::assets::folder());
    let assignment = snapshot.as_ref().and_then(|snapshot| snapshot.assignment.clone());
    let head = who(&site, assignment.as_ref());
    let is_open = shown.last().is_some_and(|last| last.message.status.is_open());
    let waits = assignment.as_ref().is_some_and(|it| it.state == AssignmentState::Waiting);
    // Without code the page comes again by itself while something is awaited.
    let again = (is_open || waits).then(|| view! { <noscript><meta http-equiv="refresh" content="5"/></noscript> });
    let cursor = snapshot.as_ref().map(|snapshot| snapshot.cursor.to_string()).unwrap_or_default();
    let id = snapshot.as_ref().map(|snapshot| snapshot.conversation.id.to_string()).unwrap_or_default();
    let base = format!("/w/{}", site.id);
    let of = |what: &str| (!id.is_empty()).then(|| format!("{base}/conversations/{id}/{what}"));
    let (events, send) = (of("events"), of("messages"));
    let path = (!id.is_empty()).then(|| format!("{base}/c/{id}"));
    let tools = tools(&site, assignment.as_ref(), &id, &base);
    let is_empty = snapshot.is_none();
    let problem = problem.map(|problem| view! { <p class="alert" role="alert">{problem.to_string()}</p> });
    let log = shown.into_iter().map(message).collect_view();
    view! {
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="robots" content="noindex"/>
                <link rel="icon" href="/icon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                <link rel="stylesheet" href="/visitor.css"/>
                <title>{site.title.clone()}</title>
                {again}
                <script src="/visitor.js" defer></script>
            </head>
            <body class="visitor">
                <header class="visitor-head"><h1 id="who" dir="auto">{head}</h1>{tools}</header>
                <main class="visitor-main" id="page" data-front=base.clone() data-path=path data-events=events data-send=send data-begin=format!("{base}/conversations")
                    data-cursor=cursor>
                    {is_empty.then(|| begin(&site, own, &base))}
                    <div id="log" role="log" aria-label="Conversation">{log}</div>
                    {assignment.map(|assignment| line(&site, assignment))}
                    {problem}
                    {composer(&base, &id, typed, site.limits.visitor.characters)}
                </main>
            </body>
        </html>
    }
}

/// Before the first message: the greeting, the notice, and earlier conversations.
fn begin(site: &Site, own: Vec<OwnConversation>, base: &str) -> impl IntoView {
    let notice = (!site.texts.notice.trim().is_empty())
        .then(|| view! { <p class="visitor-notice" dir="auto">{site.texts.notice.clone()}</p> });
    let earlier = own.into_iter().map(|own| {
        let title = if own.title.is_empty() { "A conversation".to_owned() } else { own.title };
        view! { <li><a href=format!("{base}/c/{}", own.id) dir="auto">{title}</a></li> }
    });
    let earlier: Vec<_> = earlier.collect();
    let earlier = (!earlier.is_empty()).then(|| {
        view! { <nav aria-label="Earlier conversations"><h2>"Earlier"</h2><ul class="visitor-own">{earlier}</ul></nav> }
    });
    view! {
        <p class="visitor-greeting" dir="auto">{site.texts.greeting.clone()}</p>
        {notice}
        {earlier}
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

fn message(shown: Shown) -> impl IntoView {
    let Shown { message, html } = shown;
    let said = author(&message);
    let class = format!("visitor-message visitor-message--{}", message.role.name());
    let is_open = message.status.is_open();
    let text = match html {
        Some(html) => view! { <div class="prose" dir="auto" inner_html=html></div> }.into_any(),
        None => view! { <p class="visitor-text" dir="auto">{message.text.clone()}</p> }.into_any(),
    };
    let end = ended(&message).map(|text| view! { <p class="visitor-end">{text}</p> });
    view! {
        <article class=class data-id=message.id.to_string() data-open=is_open.then_some("yes")>
            <h2 class="visitor-author" dir="auto">{said}</h2>
            {text}
            {is_open.then(|| view! { <p class="visitor-live" dir="auto" aria-live="off"></p> })}
            {end}
        </article>
    }
}

/// How a reply ended, where that is to be said.
fn ended(message: &Message) -> Option<String> {
    match message.status {
        Status::Streaming | Status::Done => None,
        Status::Stopped if message.stop_reason.is_some() => None,
        Status::Stopped => Some("Stopped.".into()),
        Status::Interrupted => Some("This answer broke off.".into()),
        Status::Failed => message.error.as_ref().map(|error| error.message.clone()),
    }
}

/// The site's sentence in this state.
fn line(site: &Site, assignment: Assignment) -> impl IntoView + use<> {
    let is_first = assignment.state == AssignmentState::Assistant && assignment.number <= 1;
    let text = assignment.text.clone().filter(|text| !is_first && !text.is_empty());
    let away = (assignment.state == AssignmentState::Waiting)
        .then(|| format!("After {} seconds you can go on with the assistant.", site.handoff.wait_seconds));
    text.map(|text| view! { <p class="visitor-line" id="line" dir="auto">{text}" "{away}</p> })
}

fn tools(site: &Site, assignment: Option<&Assignment>, id: &str, base: &str) -> impl IntoView {
    let to = match assignment.map(|assignment| assignment.state) {
        Some(AssignmentState::Assistant) if site.handoff.button => vec![("waiting", "Talk to a person")],
        Some(AssignmentState::Waiting) => vec![("assistant", "Go on with the assistant")],
        _ => Vec::new(),
    };
    let form = |(to, label): (&'static str, &'static str)| {
        view! {
            <form method="post" action=format!("{base}/change")>
                <input type="hidden" name="conversation" value=id.to_owned()/>
                <input type="hidden" name="to" value=to/>
                <button class="button button--quiet">{label}</button>
            </form>
        }
    };
    let new = assignment.is_some().then(|| view! { <a class="button button--quiet" href=base.to_owned()>"New"</a> });
    view! { <div class="visitor-tools" id="tools">{to.into_iter().map(form).collect_view()}{new}</div> }
}

fn composer(base: &str, id: &str, typed: String, most: u32) -> impl IntoView {
    let conversation =
        (!id.is_empty()).then(|| view! { <input type="hidden" name="conversation" value=id.to_owned()/> });
    let new = ConversationId::new().to_string();
    let begins = id.is_empty().then(|| view! { <input type="hidden" name="begins" value=new/> });
    let message = MessageId::new().to_string();
    view! {
        <form class="visitor-composer" id="composer" method="post" action=format!("{base}/say")>
            {conversation}
            {begins}
            <input type="hidden" name="message" value=message/>
            <label for="text" class="visually-hidden">"Your message"</label>
            <textarea class="field" id="text" name="text" rows="2" required dir="auto" maxlength=most.to_string()
                placeholder="Your message">{typed}</textarea>
            <button class="button">"Send"</button>
        </form>
    }
}
