//! Copies of the database on a schedule.

use super::Shared;
use super::drain::Drain;
use super::metrics::Metrics;
use super::store::backup::Series;
use super::task::round;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::timeout;

/// How often to look whether a copy is due. The newest copy tells when, so a restart delays none.
const LOOK: Duration = Duration::from_secs(60);

/// Makes a copy whenever the newest one is older than `every`, until the drain or the end of the state.
pub(super) async fn make(state: Weak<Shared>, drain: Drain, series: Series, every: Duration) {
    loop {
        let Some(state) = state.upgrade() else { return };
        round(&state.metrics, "backup", make_if_due(&state.metrics, &series, every)).await;
        drop(state);
        if timeout(LOOK, drain.begun()).await.is_ok() {
            return;
        }
    }
}

/// A copy that fails is tried again at the next look, and reported each time.
async fn make_if_due(metrics: &Metrics, series: &Series, every: Duration) {
    if series.age().is_some_and(|age| age < every) {
        return;
    }
    match series.add().await {
        Ok((path, contents)) => tracing::info!(path = %path.display(), %contents, "A backup was made"),
        Err(error) => {
            metrics.backup_failures.inc();
            tracing::error!(error = format!("{error:#}"), "The backup that is due could not be made");
        }
    }
}
