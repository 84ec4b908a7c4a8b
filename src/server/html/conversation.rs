//! A conversation of a site, as its visitor's page and the inbox both draw it.

use crate::error::Problem;
use crate::model::{Message, Status};
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

/// A page with scripts of ours, and the status of what went wrong with the last form.
pub(super) fn answer(problem: Option<&Problem>, document: impl IntoView) -> Response {
    let status = problem.map_or(200, Problem::status);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let html = format!("<!DOCTYPE html>{}", document.to_html());
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(seconds) = problem.and_then(Problem::retry_after_seconds) {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The head of both pages.
pub(super) fn head(title: String, style: &'static str, script: &'static str) -> impl IntoView {
    let app = format!("/{}/rivulet.css", crate::server::assets::folder());
    view! {
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"/>
        <meta name="color-scheme" content="light dark"/>
        <meta name="robots" content="noindex"/>
        <link rel="icon" href="/favicon.ico" sizes="32x32"/>
        <link rel="icon" href="/icon.svg" type="image/svg+xml"/>
        <link rel="stylesheet" href=app/>
        <link rel="stylesheet" href="/visitor.css"/>
        {(style != "/visitor.css").then(|| view! { <link rel="stylesheet" href=style/> })}
        <title>{title}</title>
        <script type="module" src=script></script>
    }
}

/// A message: who says it, its text, and how it ended where that is to be said. Pieces of an open reply come into its live
/// line, which is drawn empty: `live.js` fills it.
pub(super) fn message(shown: Shown, author: AnyView, (end, retry): (Option<String>, Option<AnyView>)) -> impl IntoView {
    let Shown { message, html } = shown;
    let id = message.id.to_string();
    let class = format!("turn turn--{}", message.role.name());
    let is_open = message.status.is_open();
    // Whether what comes next begins a block of its own.
    let ends = (is_open && (message.text.is_empty() || message.text.ends_with("\n\n"))).then_some("block");
    let text = match html {
        Some(html) => view! { <div class="prose" dir="auto" inner_html=html></div> }.into_any(),
        None => view! { <p class="turn__text" dir="auto">{message.text}</p> }.into_any(),
    };
    let at = message.created_at;
    view! {
        <article class=class data-key=id data-open=is_open.then_some("yes") data-ends=ends aria-busy=is_open.then_some("true")>
            <header class="turn__head">
                {author}
                <time datetime=at.clone() data-clock="">{clock(&at)}</time>
            </header>
            {text}
            {is_open.then(|| view! { <p class="turn__live" dir="auto" data-key="live" data-live=""></p> })}
            {end.map(|text| view! { <p class="turn__end">{text}</p> })}
            {retry}
        </article>
    }
}

/// The time of the day in UTC; the script makes it the reader's own.
fn clock(at: &str) -> String {
    at.get(11..16).map(|time| format!("{time} UTC")).unwrap_or_default()
}

/// How a reply ended, where that is to be said. `taken`: what is said where a person took over.
pub(super) fn ended(message: &Message, taken: Option<&str>) -> Option<String> {
    match message.status {
        Status::Streaming | Status::Done => None,
        Status::Stopped if message.stop_reason.is_some() => taken.map(str::to_owned),
        Status::Stopped => Some("Stopped.".into()),
        Status::Interrupted => Some("This answer broke off.".into()),
        Status::Failed => message.error.as_ref().map(|error| error.message.clone()),
    }
}
