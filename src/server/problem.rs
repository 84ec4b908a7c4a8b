//! Problems as HTTP answers: `application/problem+json` (RFC 9457) with the status and, where known, `Retry-After`.

use crate::error::{PROBLEM_JSON, Problem};
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("a problem is always valid JSON");
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 11.6.1. Browsers show no dialog for a bearer token, unlike for a password.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A problem as an HTML page. The values of a submitted form are one step back in the browser's history.
pub struct ProblemPage(pub Problem);

impl From<sqlx::Error> for ProblemPage {
    fn from(error: sqlx::Error) -> Self {
        Self(error.into())
    }
}

impl From<Problem> for ProblemPage {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ProblemPage {
    fn into_response(self) -> Response {
        page(&self.0, "<p>Go back in your browser to find what you wrote.</p>")
    }
}

/// `way` says how to go on, where there is a way.
fn page(problem: &Problem, way: &str) -> Response {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let sentence = problem.to_string().replace('&', "&amp;").replace('<', "&lt;");
    let (head, way) = match problem {
        Problem::NotFound => ("Nothing here", ""),
        _ => ("That did not work", way),
    };
    let folder = super::assets::folder();
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"stylesheet\" href=\"/{folder}/rivulet.css\"><title>{head} · Rivulet</title></head>\
         <body><main class=\"page page--alone\"><section class=\"way\"><h1>{head}</h1><p>{sentence}</p>{way}\
         <p><a class=\"button\" href=\"/\">Start a new conversation</a></p></section></main></body></html>"
    );
    let policy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    let mut response = (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response();
    if let Some(seconds) = problem.retry_after_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The answer in place of a page that was opened: a page for a browser, a document for a program.
pub fn in_place_of_page(problem: Problem, headers: &HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") { page(&problem, "") } else { problem.into_response() }
}

/// The answer to an unknown path.
pub async fn not_found(headers: HeaderMap) -> Response {
    in_place_of_page(Problem::NotFound, &headers)
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(super::bounds::MAX_BODY_BYTES),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::Unsupported("Send JSON, with the header Content-Type: application/json.".into())
            }
            StatusCode::UNPROCESSABLE_ENTITY => {
                // "Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant …"
                let text = rejection.body_text();
                let detail = text.split_once(": ").map_or(text.as_str(), |(_, detail)| detail);
                let field = field_of(detail);
                Self::Invalid { field, message: in_words(detail) }
            }
            _ => Self::Malformed(format!("The request's JSON cannot be read. {}", rejection.body_text())),
        }
    }
}

/// The part of serde's message that helps the caller.
fn in_words(detail: &str) -> String {
    match detail.contains("UUID parsing failed") {
        true => "This is not an id. An id is a UUID, as the server's answers have it.".into(),
        false => detail.to_owned(),
    }
}

pub(crate) fn too_large(most_bytes: usize) -> Problem {
    let most = match most_bytes >> 20 {
        0 => format!("{} KiB", most_bytes >> 10),
        mib => format!("{mib} MiB"),
    };
    Problem::TooLarge(format!("The request is larger than {most}. Send less at once."))
}

/// The field that serde's message is about: the path before the first colon, or the name that it puts in backticks.
fn field_of(detail: &str) -> String {
    let path = detail.split_once(": ").map_or("", |(path, _)| path);
    let is_path = !path.is_empty() && path.chars().all(|c| c.is_ascii_alphanumeric() || "_[].".contains(c));
    if is_path {
        return path.to_owned();
    }
    detail.split('`').nth(1).unwrap_or_default().to_owned()
}
