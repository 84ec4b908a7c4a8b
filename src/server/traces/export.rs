//! Sends spans to the collector, many in one request.

use super::span::Finished;
use super::{Lost, json};
use anyhow::Context;
use axum::http::HeaderMap;
use reqwest::Client;
use reqwest::redirect::Policy;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Spans in one request: some hundred KiB of JSON.
const BATCH: usize = 512;
/// How long spans are gathered before they are sent.
const GATHER: Duration = Duration::from_secs(1);
/// A collector is near, and takes what it gets without looking into it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often lost spans are reported at most: a collector may be down for days.
const REPORT: Duration = Duration::from_secs(60);

pub(super) struct Exporter {
    client: Client,
    url: String,
    headers: HeaderMap,
    lost: Arc<Lost>,
    reported: Option<Instant>,
}

impl Exporter {
    pub(super) fn new(url: String, headers: HeaderMap, lost: Arc<Lost>) -> anyhow::Result<Self> {
        // reqwest panics without one. The first in the process stays; a second attempt is not an error here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Not to another address: the headers may hold a key.
        let builder = Client::builder().timeout(PATIENCE).redirect(Policy::none());
        // Without HTTPS no certificates are needed, and a machine may have none.
        let builder = if url.starts_with("https:") { builder } else { builder.tls_certs_only([]) };
        let client = builder.build();
        let client =
            client.context("RIVULET_OTLP_ENDPOINT: the HTTPS client cannot start; are CA certificates installed?")?;
        Ok(Self { client, url, headers, lost, reported: None })
    }

    /// Sends until `stop`, and then what is left, until `give_up`: what the collector has not taken by then is reported. A
    /// request that is under way at the stop goes on.
    pub(super) async fn run(
        mut self,
        mut spans: Receiver<Finished>,
        stop: CancellationToken,
        give_up: CancellationToken,
    ) {
        let mut batch = Vec::with_capacity(BATCH);
        give_up.run_until_cancelled(self.send_all(&mut spans, &mut batch, &stop)).await;
        spans.close();
        self.lost.add(batch.len() + spans.len());
        // The last chance to say so.
        self.reported = None;
        self.report(Some("the process ended".into()));
    }

    async fn send_all(&mut self, spans: &mut Receiver<Finished>, batch: &mut Vec<Finished>, stop: &CancellationToken) {
        while stop.run_until_cancelled(spans.recv_many(batch, BATCH)).await.is_some_and(|count| 0 < count) {
            timeout(GATHER, stop.run_until_cancelled(fill(spans, batch))).await.ok();
            self.send(batch).await;
        }
        while let Ok(span) = spans.try_recv() {
            batch.push(span);
            if batch.len() == BATCH {
                self.send(batch).await;
            }
        }
        if !batch.is_empty() {
            self.send(batch).await;
        }
    }

    /// Empties the batch, whether the collector takes it or not.
    async fn send(&mut self, batch: &mut Vec<Finished>) {
        let request = self.client.post(&self.url).headers(self.headers.clone()).json(&json::request(batch));
        let sent = request.send().await.and_then(reqwest::Response::error_for_status);
        let why = sent.err().map(|error| {
            self.lost.add(batch.len());
            // The address may hold a password.
            error.without_url().to_string()
        });
        batch.clear();
        self.report(why);
    }

    fn report(&mut self, why: Option<String>) {
        if self.reported.is_some_and(|last| last.elapsed() < REPORT) {
            return;
        }
        let lost = self.lost.take();
        if 0 < lost {
            self.reported = Some(Instant::now());
            let why = why.unwrap_or_else(|| "more came than the collector takes".into());
            tracing::warn!(lost, why, "Traces were not sent");
        }
    }
}

async fn fill(spans: &mut Receiver<Finished>, batch: &mut Vec<Finished>) {
    while batch.len() < BATCH && 0 < spans.recv_many(batch, BATCH - batch.len()).await {}
}
