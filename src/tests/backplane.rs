//! What joins several processes, against real servers of Redis.

mod apart;
mod holes;
mod joined_nodes;
mod log_refusals;
mod mirrors;
mod redis_company;
mod redis_connection;
mod redis_faults;
mod redis_limits;
mod redis_nodes;
mod redis_scripts;

use crate::server::backplane::redis::{Options, Redis, Standing};
use crate::tests::app::{App, Folder};
use crate::tests::services::{Redis as Server, redis};
use crate::tests::upstream::Upstream;
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

/// Two nodes on one database and one Redis, as two browsers of one account meet them behind a balancer.
pub(crate) async fn apps(more: &[&str]) -> Option<(App, App)> {
    let (url, options) = (redis()?.url(), redis()?.options());
    let (url, prefix) = (format!("--redis-url={url}"), format!("--redis-prefix={}", options.prefix));
    let flags: Vec<_> = [url.as_str(), &prefix].into_iter().chain(more.iter().copied()).collect();
    let one = App::with(&flags).await;
    let mut other = App::on(Folder(one.folder.0.clone()), Upstream::start().await, &flags).await;
    other.cookie.clone_from(&one.cookie);
    Some((one, other))
}

/// Waits until the process is joined, or alone.
async fn stands(redis: &Redis, joined: bool) -> Standing {
    let mut standing = redis.standing();
    let came = timeout(PATIENCE, standing.wait_for(|standing| standing.joined == joined)).await;
    *came.unwrap_or_else(|_| panic!("joined is not {joined}")).unwrap()
}

/// Waits until it is so.
pub(crate) async fn until(mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it does not become so");
}
