//! Copies of the database on a schedule.

use super::Shared;
use super::drain::Drain;
use super::metrics::Metrics;
use super::store::backup::Series;
use super::task::round;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How often to look whether a copy is due. The newest copy tells when, so a restart delays none.
const LOOK: Duration = Duration::from_secs(60);
/// How long a copy that failed is not tried again, unless another is due earlier: it reads and writes all of the
/// database, and what it failed of, such as a full disk, needs a person.
const AFTER_FAILURE: Duration = Duration::from_secs(3_600);

/// Makes a copy whenever the newest one is older than `every`, until the drain or the end of the state.
pub(super) async fn make(state: Weak<Shared>, drain: Drain, series: Series, every: Duration) {
    let mut failed: Option<Instant> = None;
    loop {
        let Some(state) = state.upgrade() else { return };
        if is_due(series.age(), failed.map(|at| at.elapsed()), every) {
            // A panic is a failure as well.
            failed = Some(Instant::now());
            round(&state.metrics, "backup", async {
                if add(&state.metrics, &series).await {
                    failed = None;
                }
            })
            .await;
        }
        drop(state);
        if timeout(LOOK, drain.begun()).await.is_ok() {
            return;
        }
    }
}

/// Whether to make a copy: the newest is of this age, and the last try has failed this long ago.
fn is_due(age: Option<Duration>, failed: Option<Duration>, every: Duration) -> bool {
    age.is_none_or(|age| every <= age) && failed.is_none_or(|ago| every.min(AFTER_FAILURE) <= ago)
}

/// Makes a copy. `false`: it failed, which is counted and reported.
async fn add(metrics: &Metrics, series: &Series) -> bool {
    match series.add().await {
        Ok((path, contents)) => {
            tracing::info!(path = %path.display(), %contents, "A backup was made");
            true
        }
        Err(error) => {
            metrics.backup_failures.inc();
            tracing::error!(error = format!("{error:#}"), "The backup that is due could not be made");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_failed_is_not_tried_again_each_minute() {
        let (minute, hour, day) = (LOOK, Duration::from_secs(3_600), Duration::from_secs(86_400));
        assert!(is_due(None, None, day) && is_due(Some(day), None, day));
        assert!(!is_due(Some(hour), None, day));
        assert!(!is_due(Some(day), Some(minute), day) && !is_due(None, Some(hour - minute), day));
        assert!(is_due(Some(day), Some(hour), day) && is_due(None, Some(minute), minute));
    }
}
