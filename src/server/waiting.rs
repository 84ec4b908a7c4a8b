//! Waiting for what hardly ever happens, beside what happens many times a second, at almost no cost.
//!
//! A loop that makes its futures anew for each piece of a reply registers each of them at a list or in the timer wheel and
//! takes it out again, under locks that all replies share. These two stay registered instead.

use super::sync::lock;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};
use tokio::time::{Instant, Sleep, sleep_until};

/// A future that is polled only after it was woken itself, however often the task around it is.
pub struct Rarely<'a, T> {
    /// Never locked: its owner alone polls it. So what holds it can be shared between threads.
    future: Mutex<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
    bell: Arc<Bell>,
    /// The waker that the bell has.
    task: Option<Waker>,
}

/// Wakes the task, and notes that it was this future that woke it.
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        // The waker stays: the task may be polled for this before it is woken.
        if let Some(task) = &*lock(&self.task) {
            task.wake_by_ref();
        }
    }
}

impl<'a, T> Rarely<'a, T> {
    /// It has to be dropped once it has completed.
    pub fn new(future: impl Future<Output = T> + Send + 'a) -> Self {
        // Rung: the first poll registers it.
        let bell = Bell { rung: AtomicBool::new(true), task: Mutex::default() };
        Self { future: Mutex::new(Box::pin(future)), bell: Arc::new(bell), task: None }
    }
}

impl<T> Future for Rarely<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Self { future, bell, task } = self.get_mut();
        let is_known = task.as_ref().is_some_and(|task| task.will_wake(context.waker()));
        if !is_known {
            *task = Some(context.waker().clone());
            lock(&bell.task).clone_from(task);
        }
        // After the waker is there: rung in between, it is woken, or sees it here.
        if !bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(bell));
        let future = future.get_mut().unwrap_or_else(PoisonError::into_inner);
        future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// A deadline that is put off far more often than it passes: the timer is set again only when it fires early.
pub struct Patience {
    timer: Pin<Box<Sleep>>,
    deadline: Instant,
}

impl Patience {
    pub fn until(deadline: Instant) -> Self {
        Self { timer: Box::pin(sleep_until(deadline)), deadline }
    }

    pub fn set(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
    }

    /// Completes when the deadline has passed. Cancel-safe.
    pub async fn is_over(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            if self.deadline <= self.timer.deadline() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;
    use tokio::sync::Notify;

    /// Counts how often the future is polled.
    fn counted<'a, T: 'a>(
        future: impl Future<Output = T> + Send + 'a,
        polls: &'a AtomicUsize,
    ) -> impl Future<Output = T> + Send + 'a {
        let mut future = Box::pin(future);
        poll_fn(move |context| {
            polls.fetch_add(1, Ordering::SeqCst);
            future.as_mut().poll(context)
        })
    }

    #[tokio::test]
    async fn a_rare_future_is_polled_only_when_it_was_woken_itself() {
        let (rung, other, polls) = (Notify::new(), Notify::new(), AtomicUsize::new(0));
        let mut rarely = Rarely::new(counted(rung.notified(), &polls));
        for _ in 0..100 {
            other.notify_one();
            tokio::select! {
                biased;
                () = &mut rarely => panic!("nothing has rung"),
                () = other.notified() => {}
            }
        }
        assert_eq!(polls.load(Ordering::SeqCst), 1, "to register it");
        rung.notify_one();
        rarely.await;
        assert_eq!(polls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_rare_future_wakes_the_task_that_polled_it_last() {
        let rung = Arc::new(Notify::new());
        let bell = Arc::clone(&rung);
        let mut rarely = Rarely::new(async move { bell.notified().await });
        assert!((&mut rarely).now_or_never().is_none());
        let waiting = tokio::spawn(rarely);
        tokio::task::yield_now().await;
        rung.notify_one();
        waiting.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_up_of_a_rare_future_is_lost() {
        let rung = Arc::new(Notify::new());
        for _ in 0..2_000 {
            let (bell, mut left) = (Arc::clone(&rung), 3);
            // It goes on waiting twice after it was woken.
            let waiting = tokio::spawn(Rarely::new(async move {
                while left != 0 {
                    bell.notified().await;
                    left -= 1;
                }
            }));
            while !waiting.is_finished() {
                rung.notify_one();
                tokio::task::yield_now().await;
            }
            waiting.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_at_the_last_deadline_that_was_set() {
        let began = Instant::now();
        let mut patience = Patience::until(began + Duration::from_secs(10));
        for second in 1..=30 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(patience.is_over().now_or_never().is_none(), "at {second}");
            patience.set(Instant::now() + Duration::from_secs(10));
        }
        patience.is_over().await;
        assert_eq!(began.elapsed().as_secs(), 40);
        patience.set(Instant::now() + Duration::from_secs(10));
        patience.set(Instant::now() + Duration::from_secs(1));
        patience.is_over().await;
        assert_eq!(began.elapsed().as_secs(), 41, "also where it is an earlier one");
    }
}
