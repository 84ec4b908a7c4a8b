//! One reply, over as many attempts as needed: retries while nothing has been shown, and afterwards keeps what it has.

use super::service::Service;
use super::{Delta, Failure, FailureKind, Request, retry};
use crate::server::provider::ProviderLimits;
use crate::server::provider::attempt::Answer;
use futures::Stream;
use futures::stream;
use secrecy::ExposeSecret;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// One retry after a timeout: the user has waited the full time for each.
const MAX_RETRIES_AFTER_TIMEOUT: u32 = 1;
/// A prompt shorter than this is not redacted in excerpts: it is in any text by chance.
const SHORTEST_HIDDEN_PROMPT: usize = 12;
/// A key shorter than this is not a secret, but a local server's placeholder.
const SHORTEST_KEY: usize = 6;

/// The model that is asked where the first cannot answer.
pub(super) struct Fallback {
    pub(super) service: Arc<Service>,
    /// As `provider/model`.
    pub(super) model: String,
}

/// A reply that is being requested.
pub(super) struct Talk {
    service: Arc<Service>,
    request: Request,
    limits: ProviderLimits,
    fallback: Option<Fallback>,
    retries: u32,
    /// How long to wait before the next attempt.
    pause: Option<Duration>,
    answer: Option<Answer>,
    /// Deltas that were read but not passed on yet.
    ready: VecDeque<Delta>,
    /// A piece has been passed on. From then on another attempt would be another reply, and another bill (S8).
    spoken: bool,
    ended: bool,
}

impl Talk {
    pub(super) fn new(service: Arc<Service>, request: Request, limits: ProviderLimits) -> Self {
        let ready = VecDeque::new();
        let (fallback, pause, answer) = (None, None, None);
        Self { service, request, limits, fallback, retries: 0, pause, answer, ready, spoken: false, ended: false }
    }

    /// Adds a fallback that is asked if the service fails.
    pub(super) fn or(self, fallback: Option<Fallback>) -> Self {
        Self { fallback, ..self }
    }

    /// The reply, piece by piece. Nothing is sent before the first poll.
    pub(super) fn deltas(self) -> impl Stream<Item = Delta> + Send + use<> {
        // In a box, because every delta moves it.
        stream::unfold(Box::new(self), async |mut talk| Some((talk.next().await?, talk)))
    }

    async fn next(&mut self) -> Option<Delta> {
        while !self.ended {
            match self.ready.pop_front() {
                None => self.advance().await,
                Some(Delta::Failed(failure)) => return Some(self.fail(failure)),
                Some(delta @ Delta::Finished { .. }) => {
                    self.answer.take().into_iter().for_each(Answer::finish);
                    return Some(self.end(delta));
                }
                Some(delta) => {
                    if matches!(delta, Delta::Text(_) | Delta::Thinking(_)) && !self.spoken {
                        self.spoken = true;
                        self.service.trouble.clear();
                        // No further attempt would show them, and they are most of what a reply takes in memory.
                        self.request.turns.iter_mut().for_each(|turn| turn.images.clear());
                    }
                    return Some(delta);
                }
            }
        }
        None
    }

    /// Begins an attempt, or reads on in the current one.
    async fn advance(&mut self) {
        if let Some(pause) = self.pause.take() {
            tokio::time::sleep(pause).await;
        }
        if let Some(answer) = &mut self.answer {
            self.ready.extend(answer.read().await);
            return;
        }
        // In a box, which is freed when the answer begins.
        match Box::pin(Answer::open(&self.service, &self.request, &self.limits)).await {
            Ok(answer) => {
                self.ready.push_back(Delta::Started { request_id: answer.request_id() });
                self.answer = Some(answer);
            }
            Err(failure) => self.ready.push_back(Delta::Failed(failure)),
        }
    }

    /// Retries, asks the fallback, or gives up.
    fn fail(&mut self, failure: Failure) -> Delta {
        if let Some(pause) = self.pause_after(&failure) {
            return self.try_again(&failure, pause);
        }
        match self.fallback.take_if(|_| !self.spoken && failure.kind.may_be_the_models()) {
            Some(fallback) => self.turn_to(fallback, &failure),
            None => {
                let failure = self.presentable(failure);
                self.end(Delta::Failed(failure))
            }
        }
    }

    /// How long to wait before another attempt; none when this failure is final.
    fn pause_after(&self, failure: &Failure) -> Option<Duration> {
        let most = match failure.kind {
            FailureKind::Timeout => MAX_RETRIES_AFTER_TIMEOUT.min(self.limits.retries),
            _ => self.limits.retries,
        };
        // A reply without a word was paid for like any other: the user decides whether to ask again.
        let is_paid = failure.kind == FailureKind::Empty;
        if self.spoken || is_paid || !failure.retryable || most <= self.retries {
            return None;
        }
        let ProviderLimits { patience, shortest_pause, longest_pause, .. } = self.limits;
        match failure.retry_after {
            Some(wait) if patience < wait => None,
            Some(wait) if !wait.is_zero() => Some(wait),
            _ => Some(retry::pause(self.retries, shortest_pause, longest_pause)),
        }
    }

    fn try_again(&mut self, failure: &Failure, pause: Duration) -> Delta {
        let provider = &self.service.origin.name;
        tracing::info!(provider, kind = failure.kind.name(), ?pause, "Asking the provider again");
        self.retries += 1;
        self.pause = Some(pause);
        self.forget_the_answer();
        Delta::Waiting { message: failure.kind.retried(pause), model: None, is_paid: false }
    }

    fn turn_to(&mut self, fallback: Fallback, failure: &Failure) -> Delta {
        let Fallback { service, model } = fallback;
        tracing::warn!(provider = self.service.origin.name, kind = failure.kind.name(), model, "Asking another model");
        let name = model.split_once('/').map_or(model.as_str(), |(_, name)| name);
        let message = failure.kind.replaced(&self.request.model, name);
        self.request.model = name.to_owned();
        self.service = service;
        self.retries = 0;
        self.forget_the_answer();
        Delta::Waiting { message, model: Some(model), is_paid: failure.kind == FailureKind::Empty }
    }

    /// Its connection is closed at once: the reply needs no more of it.
    fn forget_the_answer(&mut self) {
        self.ready.clear();
        self.answer = None;
    }

    /// Closes the connection at the last delta, not when another one is requested.
    fn end(&mut self, delta: Delta) -> Delta {
        self.ended = true;
        self.answer = None;
        delta
    }

    /// The failure as the user, and the log, may see it.
    fn presentable(&self, failure: Failure) -> Failure {
        let turns = self.request.turns.iter().map(|turn| turn.text.as_str());
        let prompts = turns.chain([self.request.system.as_str()]);
        let prompts = prompts.filter(|prompt| SHORTEST_HIDDEN_PROMPT <= prompt.trim().len());
        let failure = prompts.fold(failure, |failure, prompt| failure.without(prompt));
        let key = self.service.key.as_ref().map(|key| key.expose_secret().trim());
        let failure = match key.filter(|key| SHORTEST_KEY <= key.len()) {
            Some(key) => failure.without_key(key),
            None => failure,
        };
        let request_id = self.answer.as_ref().and_then(Answer::request_id);
        let failure = failure.blaming(&self.request.parameters);
        let provider = &self.service.origin.name;
        let kind = failure.kind.name();
        tracing::warn!(provider, kind, request_id, said = %failure.message, "A reply failed at the provider");
        if failure.kind.is_the_operators() {
            self.service.trouble.note(provider, &failure.message);
        }
        failure
    }
}
