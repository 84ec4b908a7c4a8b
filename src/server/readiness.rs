//! Whether the store answers. A check takes its only writer, and any caller may ask: so one check runs at a time, and
//! concurrent callers, and those shortly after, get its result.

use super::task::owned;
use crate::error::Problem;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

#[derive(Default)]
pub struct Readiness(Arc<Mutex<Option<LastAnswer>>>);

struct LastAnswer {
    at: Instant,
    told: Result<(), Problem>,
}

impl Readiness {
    /// The result of `check`, cached for `again`.
    pub async fn ask(
        &self,
        again: Duration,
        check: impl Future<Output = Result<(), Problem>> + Send + 'static,
    ) -> Result<(), Problem> {
        let mut last = Arc::clone(&self.0).lock_owned().await;
        if let Some(answer) = last.as_ref().filter(|answer| answer.at.elapsed() < again) {
            return answer.told.clone();
        }
        // In a task of its own, with the lock: when the caller disconnects, a transaction is not dropped half-begun,
        // and the next caller waits for this result.
        owned(async move {
            let told = check.await;
            *last = Some(LastAnswer { at: Instant::now(), told: told.clone() });
            told
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::{advance, sleep, timeout};

    const AGAIN: Duration = Duration::from_secs(1);
    const SLOW: Duration = Duration::from_secs(5);

    async fn ask(readiness: &Readiness, checks: &Arc<AtomicUsize>) -> Result<(), Problem> {
        let checks = Arc::clone(checks);
        let check = async move {
            checks.fetch_add(1, Ordering::Relaxed);
            sleep(SLOW).await;
            Err(Problem::Internal)
        };
        readiness.ask(AGAIN, check).await
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_are_told_what_one_was() {
        let (readiness, checks) = (Readiness::default(), Arc::default());
        let told = join_all((0..100).map(|_| ask(&readiness, &checks))).await;
        assert!(told.iter().all(|told| *told == Err(Problem::Internal)));
        assert_eq!(checks.load(Ordering::Relaxed), 1);
        advance(AGAIN).await;
        ask(&readiness, &checks).await.unwrap_err();
        assert_eq!(checks.load(Ordering::Relaxed), 2, "and then it is asked anew");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hangs_up_leaves_the_answer_to_the_next() {
        let (readiness, checks) = (Readiness::default(), Arc::default());
        timeout(SLOW / 2, ask(&readiness, &checks)).await.unwrap_err();
        ask(&readiness, &checks).await.unwrap_err();
        assert_eq!(checks.load(Ordering::Relaxed), 1);
    }
}
