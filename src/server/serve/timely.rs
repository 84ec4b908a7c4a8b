//! A request body with a deadline, however slowly it arrives.

use axum::BoxError;
use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep_until};

pub(super) struct Timely {
    body: Incoming,
    deadline: Instant,
    /// Created when there is something to wait for: most bodies come with the head.
    timer: Option<Pin<Box<Sleep>>>,
}

/// The body took too long.
#[derive(Debug, thiserror::Error)]
#[error("its body did not arrive in time")]
pub struct Late;

impl Timely {
    pub(super) fn new(body: Incoming, deadline: Instant) -> Self {
        Self { body, deadline, timer: None }
    }
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, deadline, timer } = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(*deadline)));
        timer.as_mut().poll(context).map(|()| Some(Err(Late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
