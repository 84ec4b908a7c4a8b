//! Wakes the task that polls a connection, but not for what happens while it does.

use futures::task::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// The task waits, or something else runs in it.
const IDLE: u8 = 0;
/// The task is polling the connection.
const POLLING: u8 = 1;
/// It rang while the task was polling.
const RUNG: u8 = 2;

/// The connection's end of the task. The two halves of a connection wake each other for every piece: without this, the
/// task would be run once more for each, to find nothing.
pub(super) struct Bell {
    rope: Arc<Rope>,
    waker: Waker,
}

#[derive(Default)]
struct Rope {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for Rope {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let noted = |state| (state != IDLE).then_some(RUNG);
        if self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, noted).is_err() {
            self.task.wake();
        }
    }
}

impl Bell {
    pub(super) fn new() -> Self {
        let rope = Arc::<Rope>::default();
        Self { waker: Waker::from(Arc::clone(&rope)), rope }
    }

    /// Polls with this as the waker. If it rang meanwhile and there is no result, the task is run once more: what was
    /// polled may want that, as a socket does once its task has run for long enough.
    pub(super) fn quietly<T>(&self, context: &Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.rope.task.register(context.waker());
        self.rope.state.store(POLLING, Ordering::SeqCst);
        let polled = poll(&mut Context::from_waker(&self.waker));
        if self.rope.state.swap(IDLE, Ordering::SeqCst) == RUNG && polled.is_pending() {
            context.waker().wake_by_ref();
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_is_woken_for_what_rings_later_or_was_in_vain() {
        let (bell, task) = (Bell::new(), Arc::<Task>::default());
        let waker = Waker::from(Arc::clone(&task));
        let context = Context::from_waker(&waker);
        let woken = || task.0.swap(0, Ordering::SeqCst);
        let mut kept = None;
        let polled: Poll<()> = bell.quietly(&context, |inner| {
            kept = Some(inner.waker().clone());
            Poll::Pending
        });
        assert_eq!((polled, woken()), (Poll::Pending, 0));
        let kept = kept.unwrap();
        kept.wake_by_ref();
        assert_eq!(woken(), 1, "nobody is polling");
        let ringing = |result: Poll<()>| {
            bell.quietly(&context, |_| {
                kept.wake_by_ref();
                kept.wake_by_ref();
                result
            })
        };
        assert_eq!((ringing(Poll::Ready(())), woken()), (Poll::Ready(()), 0), "the task has got something");
        assert_eq!((ringing(Poll::Pending), woken()), (Poll::Pending, 1), "it would never be polled again");
        kept.wake_by_ref();
        assert_eq!(woken(), 1);
    }
}
