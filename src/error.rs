//! The errors that a user is shown, and their HTTP status.
//!
//! REST calls and server functions answer with one problem document (RFC 9457), so the browser reads what curl reads.

use crate::json::{self, Json, Unreadable};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use server_fn::codec::Encoding;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};
use server_fn::{ContentType, Decodes, Encodes, Format, FormatType};
use utoipa::ToSchema;

pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request failed, in words that a user can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(into = "Document", from = "Document")]
pub enum Problem {
    /// 400: the request cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// 401: the caller is anonymous.
    #[error("Rivulet does not know who you are. Open its start page in this browser, or send an API token.")]
    Unknown,
    /// 401, with a more specific reason: an invalid token, a server without guests.
    #[error("{0}")]
    Unauthorized(String),
    /// 403: a cross-site request with this user's cookie.
    #[error("{0}")]
    Forbidden(String),
    /// 404: it does not exist, or the caller has no access; the two are not distinguished.
    #[error("There is nothing here, or it is not yours to see.")]
    NotFound,
    /// 405
    #[error("This address does not support this method.")]
    Method,
    /// 408: the request arrived too slowly.
    #[error("{0}")]
    Slow(String),
    /// 409: it conflicts with the stored state.
    #[error("{0}")]
    Conflict(String),
    /// 413
    #[error("{0}")]
    TooLarge(String),
    /// 415
    #[error("{0}")]
    Unsupported(String),
    /// 422: readable, but a field is wrong.
    #[error("{message}")]
    Invalid { field: String, message: String },
    /// 429: a limit on the caller's requests is reached.
    #[error("{message}")]
    TooMany { message: String, retry_after_seconds: u64 },
    /// 503: temporarily unavailable.
    #[error("{message}")]
    Unavailable { message: String, retry_after_seconds: u64 },
    /// 500: our fault; the cause is in the server's log.
    #[error("Something went wrong on the server. Nothing you wrote is lost; try again.")]
    Internal,
    /// The server could not be reached. Only the browser creates this.
    #[error("The server cannot be reached. Check your connection; what you wrote is still here.")]
    Offline,
}

impl Problem {
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }

    /// The HTTP status; 0 for a problem that is not an answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Unknown | Self::Unauthorized(_) => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::Slow(_) => 408,
            Self::Conflict(_) => 409,
            Self::TooLarge(_) => 413,
            Self::Unsupported(_) => 415,
            Self::Invalid { .. } => 422,
            Self::TooMany { .. } => 429,
            Self::Internal => 500,
            Self::Unavailable { .. } => 503,
            Self::Offline => 0,
        }
    }

    pub fn title(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "Bad Request",
            Self::Unknown | Self::Unauthorized(_) => "Unauthorized",
            Self::Forbidden(_) => "Forbidden",
            Self::NotFound => "Not Found",
            Self::Method => "Method Not Allowed",
            Self::Slow(_) => "Request Timeout",
            Self::Conflict(_) => "Conflict",
            Self::TooLarge(_) => "Content Too Large",
            Self::Unsupported(_) => "Unsupported Media Type",
            Self::Invalid { .. } => "Unprocessable Content",
            Self::TooMany { .. } => "Too Many Requests",
            Self::Internal => "Internal Server Error",
            Self::Unavailable { .. } => "Service Unavailable",
            Self::Offline => "Offline",
        }
    }

    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after_seconds, .. } | Self::Unavailable { retry_after_seconds, .. } => {
                Some(*retry_after_seconds)
            }
            _ => None,
        }
    }
}

/// The problem document: RFC 9457, with `field` and `retry_after_seconds` as extension members.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

impl From<Problem> for Document {
    fn from(problem: Problem) -> Self {
        Self {
            kind: "about:blank".into(),
            title: problem.title().into(),
            status: problem.status(),
            detail: problem.to_string(),
            retry_after_seconds: problem.retry_after_seconds(),
            field: match problem {
                Problem::Invalid { field, .. } => Some(field),
                _ => None,
            },
        }
    }
}

impl From<Document> for Problem {
    fn from(document: Document) -> Self {
        let message = document.detail;
        let retry_after_seconds = document.retry_after_seconds.unwrap_or(1);
        match document.status {
            400 => Self::Malformed(message),
            401 => Self::Unknown,
            403 => Self::Forbidden(message),
            404 => Self::NotFound,
            405 => Self::Method,
            408 => Self::Slow(message),
            409 => Self::Conflict(message),
            413 => Self::TooLarge(message),
            415 => Self::Unsupported(message),
            422 => Self::Invalid { field: document.field.unwrap_or_default(), message },
            429 => Self::TooMany { message, retry_after_seconds },
            503 => Self::Unavailable { message, retry_after_seconds },
            0 => Self::Offline,
            _ => Self::Internal,
        }
    }
}

/// How a server function's error travels: as the problem document.
pub struct ProblemJson;

impl ContentType for ProblemJson {
    const CONTENT_TYPE: &'static str = PROBLEM_JSON;
}

impl FormatType for ProblemJson {
    const FORMAT_TYPE: Format = Format::Text;
}

impl Encoding for ProblemJson {
    const METHOD: http::Method = <Json as Encoding>::METHOD;
}

impl Encodes<Problem> for ProblemJson {
    type Error = serde_json::Error;

    fn encode(problem: &Problem) -> Result<Bytes, Self::Error> {
        serde_json::to_vec(problem).map(Bytes::from)
    }
}

impl Decodes<Problem> for ProblemJson {
    type Error = Unreadable;

    fn decode(bytes: Bytes) -> Result<Problem, Self::Error> {
        json::read(&bytes)
    }
}

impl FromServerFnError for Problem {
    type Encoder = ProblemJson;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => Self::Offline,
            ServerFnErrorErr::Args(message) | ServerFnErrorErr::MissingArg(message) => Self::Malformed(message),
            // In the browser, an answer that is not a problem document: a proxy's error page, or a newer server's.
            ServerFnErrorErr::Deserialization(_) if cfg!(target_family = "wasm") => Self::Offline,
            // On the server, a request that cannot be read.
            ServerFnErrorErr::Deserialization(message) => {
                Self::Malformed(format!("The request's JSON cannot be read: {message}"))
            }
            _ => Self::Internal,
        }
    }

    fn status_code(&self) -> http::StatusCode {
        http::StatusCode::from_u16(self.status()).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR)
    }
}
