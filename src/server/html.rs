//! HTML pages that the server alone draws, as forms that work without any code in the browser and so cost the app no
//! byte.
//!
//! They are leptos views that are rendered to text once. The macro escapes its inputs, as it does in the app; and no
//! script runs on them even if one were injected: their policy has no `script-src`. They share the app's style sheet
//! and nothing else.

pub mod account;
pub mod admin;
pub mod conversation;
pub mod delete_account;
mod form;
pub mod inbox;
pub mod manage;
pub mod oidc;
pub mod reference;
pub mod reset;
pub mod search;
pub mod settings;
pub mod sharing;
pub mod sign_in;
pub mod status;
pub mod visitor;

use super::assets;
use super::principal::{Owner, Role};
use crate::error::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use form::{Alert, first_fault};
use leptos::prelude::*;
use std::borrow::Cow;

/// The pages' content security policy: they show themselves, and send their forms to their own origin.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; manifest-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page's width.
#[derive(Clone, Copy)]
pub enum Width {
    /// For a form of a few fields.
    Narrow,
    /// For text.
    Text,
    /// For tables.
    Broad,
}

/// The message beside a page's forms: what was wrong with the last one, or that it succeeded.
#[derive(Clone, Debug, Default)]
pub struct Notice {
    pub problem: Option<Problem>,
    /// The form that the problem is about: a page can have several forms with equal field names.
    pub form: &'static str,
    pub done: Option<&'static str>,
}

impl Notice {
    pub fn problem(form: &'static str, problem: Problem) -> Self {
        Self { problem: Some(problem), form, done: None }
    }

    /// The problem of one field of this form.
    fn fault(&self, form: &str, field: &str) -> Option<String> {
        match &self.problem {
            Some(Problem::Invalid { field: wrong, message }) if self.form == form && wrong == field => {
                Some(message.clone())
            }
            _ => None,
        }
    }
}

/// A page, ready to be sent.
pub struct Sheet {
    pub title: Cow<'static, str>,
    pub width: Width,
    pub owner: Option<Owner>,
    pub said: Notice,
    /// The fields that can show their own problem, as `form/field`.
    pub fields: &'static [&'static str],
    pub body: AnyView,
}

impl IntoResponse for Sheet {
    fn into_response(self) -> Response {
        let problem = self.said.problem.clone();
        let html = format!("<!DOCTYPE html>{}", document(self).to_html());
        let status = problem.as_ref().map_or(200, Problem::status);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Html(html)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        if let Some(seconds) = problem.and_then(|problem| problem.retry_after_seconds()) {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

fn document(sheet: Sheet) -> impl IntoView {
    let style = format!("/{}/rivulet.css", assets::folder());
    let width = match sheet.width {
        Width::Narrow => "sheet sheet--narrow",
        Width::Text => "sheet",
        Width::Broad => "sheet sheet--broad",
    };
    let alert = first_fault(&sheet.said, sheet.fields).is_none();
    let head = sheet.title.clone().into_owned();
    let problem = sheet.said.problem.filter(|_| alert).map(|problem| problem.to_string());
    view! {
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" content="#f7f2e8" media="(prefers-color-scheme: light)"/>
                <meta name="theme-color" content="#0f1722" media="(prefers-color-scheme: dark)"/>
                <meta name="robots" content="noindex"/>
                <link rel="icon" href="/favicon.ico" sizes="32x32"/>
                <link rel="icon" href="/icon.svg" type="image/svg+xml"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <link rel="stylesheet" href=style/>
                <link rel="stylesheet" href="/sheet.css"/>
                <link rel="stylesheet" href="/print.css" media="print"/>
                <title>{format!("{} · Rivulet", sheet.title)}</title>
            </head>
            <body>
                <header class="masthead">
                    <a class="brand" href="/">"Rivulet"</a>
                    {sheet.owner.map(navigation)}
                </header>
                <main class=width>
                    <h1>{head}</h1>
                    {problem.map(|text| view! { <Alert text/> })}
                    {sheet.said.done.map(|text| view! { <p class="done" role="status">{text}</p> })}
                    {sheet.body}
                </main>
            </body>
        </html>
    }
}

fn navigation(owner: Owner) -> impl IntoView {
    let admin = (owner.role == Role::Admin).then(|| view! { <a href="/admin">"Administration"</a> });
    let inbox = owner.role.may_answer().then(|| view! { <a href="/inbox">"Inbox"</a> });
    view! {
        <nav aria-label="Account">
            {inbox}
            {admin}
            <a href="/account">{owner.name}</a>
        </nav>
    }
}
