//! The inbox: the conversations of an agent's sites, and one of them. Drawn by the server, with forms that work without code;
//! `visitor.js` adds what comes live.

use super::navigation;
use crate::contract::site::InboxRow;
use crate::error::Problem;
use crate::event::Snapshot;
use crate::model::{AssignmentState, ConversationId, MessageId, Role, Status};
use crate::server::html::visitor::Shown;
use crate::server::principal::Owner;
use crate::server::times::since;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// Scripts of ours alone, and nothing of other hosts.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The lists of the inbox: their names in the address, and for people.
const QUEUES: [(&str, &str); 5] =
    [("waiting", "Waiting"), ("mine", "Mine"), ("assistant", "Assistant"), ("open", "All open"), ("closed", "Closed")];

/// What the page shows.
pub struct Page {
    pub owner: Owner,
    pub queue: String,
    pub rows: Vec<InboxRow>,
    pub counts: BTreeMap<String, u64>,
    pub next: Option<String>,
    pub has_sites: bool,
    /// The conversation that is open.
    pub snapshot: Option<Snapshot>,
    pub shown: Vec<Shown>,
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
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        response
    }
}

fn document(page: Page) -> impl IntoView {
    let Page { owner, queue, rows, counts, next, has_sites, snapshot, shown, problem, typed } = page;
    let style = format!("/{}/rivulet.css", crate::server::assets::folder());
    let waiting = counts.get("waiting").copied().unwrap_or_default();
    let title = if waiting == 0 { "Inbox".to_owned() } else { format!("({waiting}) Inbox") };
    let open = snapshot.as_ref().map(|snapshot| snapshot.conversation.id);
    let class = if open.is_some() { "inbox inbox--open" } else { "inbox" };
    let problem = problem.map(|problem| view! { <p class="alert" role="alert">{problem.to_string()}</p> });
    view! {
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="robots" content="noindex"/>
                <link rel="icon" href="/icon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                <link rel="stylesheet" href="/sheet.css"/>
                <link rel="stylesheet" href="/visitor.css"/>
                <title>{title}</title>
                <script src="/visitor.js" defer></script>
            </head>
            <body>
                <header class="masthead"><a class="brand" href="/">"Rivulet"</a>{navigation(owner)}</header>
                <main class=class>
                    {list(&queue, rows, &counts, (next, has_sites), open)}
                    {match snapshot {
                        Some(snapshot) => thread(&queue, snapshot, shown, (problem.map(IntoAny::into_any), typed)).into_any(),
                        None => view! { <section class="inbox-thread"><p class="quiet">"Choose a conversation."</p></section> }.into_any(),
                    }}
                </main>
            </body>
        </html>
    }
}

fn list(
    queue: &str,
    rows: Vec<InboxRow>,
    counts: &BTreeMap<String, u64>,
    (next, has_sites): (Option<String>, bool),
    open: Option<ConversationId>,
) -> impl IntoView + use<> {
    let tabs = QUEUES.map(|(name, label)| {
        let count = counts.get(name).map(|count| format!(" ({count})")).unwrap_or_default();
        let current = (name == queue).then_some("page");
        view! { <li><a href=format!("/inbox?queue={name}") aria-current=current>{label}{count}</a></li> }
    });
    let nothing = match (has_sites, queue) {
        (false, _) => Some("No site is yours yet. Ask an admin."),
        (true, "waiting") => Some("Nobody is waiting."),
        (true, _) => Some("Nothing here."),
    };
    let nothing = nothing.filter(|_| rows.is_empty()).map(|text| view! { <p class="quiet">{text}</p> });
    let shown = queue.to_owned();
    let rows = rows.into_iter().map(|it| row(&shown, it, open)).collect_view();
    let more = next.map(|next| {
        let href = format!("/inbox?queue={shown}&cursor={next}");
        view! { <p><a href=href>"Show more"</a></p> }
    });
    view! {
        <section class="inbox-list" id="list" aria-label="Conversations">
            <h1>"Inbox"</h1>
            <nav class="tabs" aria-label="Queues"><ul>{tabs}</ul></nav>
            {nothing}
            <ul class="inbox-rows">{rows}</ul>
            {more}
        </section>
    }
}

fn row(queue: &str, row: InboxRow, open: Option<ConversationId>) -> impl IntoView + use<> {
    let state = match (&row.state, &row.agent) {
        (AssignmentState::Agent, Some(agent)) => agent.name.clone(),
        (AssignmentState::Waiting, _) => "waits".to_owned(),
        (state, _) => state.name().to_owned(),
    };
    let when = since(row.waiting_since.as_ref().unwrap_or(&row.last.at));
    let who = match row.last.role {
        Role::User => "",
        Role::Assistant => "Assistant: ",
        Role::Agent => "Team: ",
    };
    let current = (open == Some(row.conversation)).then_some("true");
    let mark = format!("inbox-state inbox-state--{}", row.state.name());
    view! {
        <li>
            <a href=format!("/inbox/{}?queue={queue}", row.conversation) aria-current=current>
                <span class="inbox-line"><strong>{row.name}</strong><span class=mark>{state}</span><span class="quiet">{when}</span></span>
                <span class="inbox-last" dir="auto">{who}{row.last.text}</span>
            </a>
        </li>
    }
}

fn thread(
    queue: &str,
    snapshot: Snapshot,
    shown: Vec<Shown>,
    (problem, typed): (Option<AnyView>, String),
) -> impl IntoView + use<> {
    let id = snapshot.conversation.id;
    let state = snapshot.assignment.as_ref().map(|assignment| assignment.state);
    let number = snapshot.assignment.as_ref().map(|assignment| assignment.number).unwrap_or_default();
    let expect = snapshot.messages.last().map(|message| message.id.to_string()).unwrap_or_default();
    let who = match (state, snapshot.assignment.as_ref().and_then(|assignment| assignment.agent.as_ref())) {
        (Some(AssignmentState::Agent), Some(agent)) => format!("{} has it", agent.name),
        (Some(AssignmentState::Waiting), _) => "Waits for a person".into(),
        (Some(AssignmentState::Closed), _) => "Closed".into(),
        _ => "The assistant answers".into(),
    };
    let base = format!("/inbox/{id}");
    let forms = changes(state).into_iter().map(|(to, label)| {
        view! {
            <form method="post" action=format!("{base}/assign")>
                <input type="hidden" name="to" value=to/>
                <input type="hidden" name="number" value=number.to_string()/>
                <input type="hidden" name="expect" value=expect.clone()/>
                <button class="button button--quiet">{label}</button>
            </form>
        }
    });
    let forms = forms.collect_view();
    let label = match state {
        Some(AssignmentState::Agent) => "Answer",
        _ => "Take over and answer",
    };
    let log = shown.into_iter().map(message).collect_view();
    let api = format!("/api/v1/conversations/{id}");
    let title = snapshot.conversation.title.clone();
    let name = snapshot.conversation.owner.map(|owner| owner.name).unwrap_or_default();
    view! {
        <section class="inbox-thread" id="page" data-events=format!("{api}/events") data-send=format!("{api}/messages")
            data-front="/inbox" data-path=format!("{base}?queue={queue}") data-poll="5000" data-expect=expect.clone() data-cursor=snapshot.cursor.to_string()>
            <header class="inbox-head">
                <p><a href=format!("/inbox?queue={queue}")>"Back to the list"</a></p>
                <h2 dir="auto">{name}" · "{title}</h2>
                <p id="who" role="status">{who}</p>
                <div class="visitor-tools">{forms}</div>
            </header>
            <div id="log" role="log" aria-label="Conversation">{log}</div>
            {problem}
            <form class="visitor-composer" id="composer" method="post" action=format!("{base}/answer")>
                <input type="hidden" name="message" value=MessageId::new().to_string()/>
                <input type="hidden" name="expect" value=expect.clone()/>
                <label for="text" class="visually-hidden">"Your answer"</label>
                <textarea class="field" id="text" name="text" rows="2" required dir="auto">{typed}</textarea>
                <button class="button">{label}</button>
            </form>
        </section>
    }
}

/// What an agent can do in this state, besides answering.
fn changes(state: Option<AssignmentState>) -> Vec<(&'static str, &'static str)> {
    match state {
        Some(AssignmentState::Agent) => {
            vec![("assistant", "Hand back"), ("waiting", "Release"), ("closed", "Close")]
        }
        Some(AssignmentState::Closed) => vec![("agent", "Take over")],
        Some(AssignmentState::Assistant | AssignmentState::Waiting) => {
            vec![("agent", "Take over"), ("closed", "Close")]
        }
        None => Vec::new(),
    }
}

fn message(shown: Shown) -> impl IntoView {
    let Shown { message, html } = shown;
    let said = match (message.role, &message.author) {
        (Role::Assistant, _) => "Assistant".to_owned(),
        (_, Some(author)) => author.name.clone(),
        (_, None) => "Somebody".to_owned(),
    };
    let class = format!("visitor-message visitor-message--{}", message.role.name());
    let text = match html {
        Some(html) => view! { <div class="prose" dir="auto" inner_html=html></div> }.into_any(),
        None => view! { <p class="visitor-text" dir="auto">{message.text.clone()}</p> }.into_any(),
    };
    let is_open = message.status.is_open();
    let end = match message.status {
        Status::Streaming | Status::Done => None,
        Status::Stopped if message.stop_reason.is_some() => Some("Taken over here.".to_owned()),
        Status::Stopped => Some("Stopped.".to_owned()),
        Status::Interrupted => Some("This answer broke off.".to_owned()),
        Status::Failed => message.error.map(|error| error.message),
    };
    view! {
        <article class=class>
            <h3 class="visitor-author" dir="auto">{said}</h3>
            {text}
            {is_open.then(|| view! { <p class="visitor-live" dir="auto" aria-live="off"></p> })}
            {end.map(|text| view! { <p class="visitor-end">{text}</p> })}
        </article>
    }
}
