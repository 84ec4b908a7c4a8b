//! One attempt at a reply: sends the request, checks what comes back, reads it under deadlines and caps.
//!
//! The stream that the engine polls owns it: there is no task and no queue, so dropping it closes the connection.

use super::answered::{Answered, Lost};
use super::dialect::{Changes, MAX_CHANGES};
use super::reader::Reader;
use super::retry;
use super::service::Service;
use super::{Delta, Failure, FailureKind, Origin, Request};
use crate::server::provider::ProviderLimits;
use crate::server::provider::error_body::Complaint;
use crate::server::waiting::Patience;
use jiff::Timestamp;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How long to wait for an error's body: its status says most.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(5);
/// The header with the request id of Anthropic, OpenAI, OpenRouter and Mistral.
const REQUEST_IDS: [&str; 4] = ["request-id", "x-request-id", "x-generation-id", "mistral-correlation-id"];
/// The longest request id that is passed on.
const REQUEST_ID_BYTES: usize = 200;

/// A provider's answer that is being read.
pub(super) struct Answer {
    origin: Arc<Origin>,
    response: Answered,
    /// The provider's id of this request; its support asks for it.
    request_id: Option<String>,
    reader: Reader,
    /// Until the provider has been silent for too long.
    patience: Patience,
    silence: Duration,
}

impl Answer {
    /// Sends the request and waits for an answer that can be a reply. If the server refuses a member that Rivulet has
    /// added by itself, the request is repeated without it, at once.
    pub(super) async fn open(service: &Service, request: &Request, limits: &ProviderLimits) -> Result<Self, Failure> {
        let deadline = Instant::now() + limits.first_byte;
        let mut changes = service.changes(&request.model);
        for _ in 0..MAX_CHANGES {
            let Refusal { failure, said } = match Self::ask(service, request, &changes, limits, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            match said.and_then(|said| service.learn(request, &changes, &said)) {
                Some(other) => changes = other,
                None => return Err(failure),
            }
        }
        let last = Self::ask(service, request, &changes, limits, deadline).await;
        last.map_err(|refusal| refusal.failure)
    }

    async fn ask(
        service: &Service,
        request: &Request,
        changes: &Changes,
        limits: &ProviderLimits,
        deadline: Instant,
    ) -> Result<Self, Refusal> {
        let origin = &service.origin;
        let sent = timeout_at(deadline, service.send(request, changes)).await;
        let sent = sent.map_err(|_| Failure::of(FailureKind::Timeout, origin))?;
        let mut response = sent.map_err(|error| unsent(origin, error))?;
        if !response.status().is_success() {
            return Err(refused(origin, response, limits).await);
        }
        check_encoding(origin, response.headers())?;
        // The first bytes decide what it is; a media type that does not fit only makes the check stricter.
        let media_type = media_type(response.headers()).unwrap_or_default();
        let reader = service.kind.reader_of(&media_type, origin, limits);
        let request_id = request_id(response.headers());
        response.forget_headers();
        let patience = Patience::until(deadline);
        Ok(Self { origin: Arc::clone(origin), response, request_id, reader, patience, silence: limits.silence })
    }

    pub(super) fn request_id(&self) -> Option<String> {
        self.request_id.clone()
    }

    /// The reply is complete.
    pub(super) fn finish(self) {
        self.response.finish();
    }

    /// Waits for the next bytes. The last deltas include a `Finished` or a `Failed`.
    pub(super) async fn read(&mut self) -> Vec<Delta> {
        let chunk = tokio::select! {
            biased;
            chunk = self.response.chunk() => Some(chunk),
            () = self.patience.is_over() => None,
        };
        match chunk {
            Some(Ok(Some(chunk))) => {
                self.patience.set(Instant::now() + self.silence);
                self.reader.push(&chunk)
            }
            Some(Ok(None)) => self.reader.end(),
            Some(Err(error)) if error.is_end() => self.reader.end(),
            Some(Err(error)) => {
                tracing::info!(provider = self.origin.name, error = %error.without_url(), "The provider's connection broke");
                self.reader.broke(Failure::of(FailureKind::UpstreamReset, &self.origin))
            }
            None => self.reader.broke(Failure::of(FailureKind::Timeout, &self.origin)),
        }
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = REQUEST_IDS.iter().find_map(|name| headers.get(*name))?.to_str().ok()?;
    (id.len() <= REQUEST_ID_BYTES).then(|| id.to_owned())
}

/// Why there is no answer to read.
struct Refusal {
    failure: Failure,
    /// The server's words about a request that it considers invalid.
    said: Option<String>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, said: None }
    }
}

fn unsent(origin: &Origin, error: Lost) -> Failure {
    let kind = match error.is_connect() {
        true if error.is_untrusted() => FailureKind::Untrusted,
        true => FailureKind::Unreachable,
        false => FailureKind::UpstreamReset,
    };
    // The address is the operator's own and is not shown to others; the log has the cause.
    tracing::warn!(provider = origin.name, error = %error.without_url(), "No answer from the provider");
    Failure::of(kind, origin)
}

/// The failure of an answer with an error status.
async fn refused(origin: &Origin, response: Answered, limits: &ProviderLimits) -> Refusal {
    let status = response.status();
    let wait = retry::retry_after(response.headers(), Timestamp::now());
    let should_retry = retry::should_retry(response.headers());
    if status.is_redirection() {
        return redirected(origin).into();
    }
    let body = body(response, limits).await;
    let complaint = Complaint::read(&body);
    // An API says that it has no such model. A server that only says that it has no such page is not the API.
    if complaint.is_none() && matches!(status.as_u16(), 404 | 405) {
        return Failure::of(FailureKind::Protocol, origin).into();
    }
    let is_wrong = matches!(status.as_u16(), 400 | 422);
    let said = is_wrong.then(|| complaint.as_ref().map_or(body, Complaint::words));
    let mut failure = complaint.unwrap_or_default().refusal(origin, status.as_u16(), wait);
    // Whatever the headers say: a retry does not help without credit.
    if failure.kind != FailureKind::Quota {
        failure.retryable = should_retry.unwrap_or(failure.retryable);
    }
    Refusal { failure, said }
}

fn redirected(origin: &Origin) -> Failure {
    let setting = &origin.address;
    let message = format!("The model provider has moved. Set {setting} to its new address; Rivulet does not follow.");
    Failure::new(FailureKind::Protocol, message)
}

/// We ask for no compression: an answer that is compressed anyway can be of any size once unpacked.
fn check_encoding(origin: &Origin, headers: &HeaderMap) -> Result<(), Failure> {
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(Failure::of(FailureKind::Protocol, origin)),
        _ => Ok(()),
    }
}

/// The media type without its parameters, in small letters; none when it is not given, which some servers do.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// An error's body, as much as arrives in time and fits.
async fn body(mut response: Answered, limits: &ProviderLimits) -> String {
    let mut bytes = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = limits.error_body_bytes - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if bytes.len() == limits.error_body_bytes {
                break;
            }
        }
    };
    // Late or truncated, what has arrived is the best there is.
    let _ = timeout(ERROR_BODY_WAIT.min(limits.silence), read).await;
    String::from_utf8_lossy(&bytes).into_owned()
}
