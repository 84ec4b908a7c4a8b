//! What joins several processes, against real servers of Redis.

mod log_refusals;
mod mirrors;
mod redis_connection;
mod redis_faults;
mod redis_limits;
mod redis_nodes;
mod redis_scripts;

use crate::server::backplane::redis::{Options, Redis, Standing};
use crate::tests::services::{Redis as Server, redis};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process of this id, on Redis.
async fn process(options: &Options, id: &'static str) -> Redis {
    Redis::start(options.clone(), Arc::new(move || id.to_owned()), Arc::default()).await.unwrap()
}

/// The server that tests share, and two processes that are joined by it.
async fn pair() -> Option<(&'static Server, Redis, Redis)> {
    let server = redis()?;
    let options = server.options();
    let (one, other) = (process(&options, "one").await, process(&options, "other").await);
    assert!(one.is_joined() && other.is_joined());
    Some((server, one, other))
}

/// Waits until the process is joined, or alone.
async fn stands(redis: &Redis, joined: bool) -> Standing {
    let mut standing = redis.standing();
    let came = timeout(PATIENCE, standing.wait_for(|standing| standing.joined == joined)).await;
    *came.unwrap_or_else(|_| panic!("joined is not {joined}")).unwrap()
}

/// Waits until it is so.
async fn until(mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it does not become so");
}
