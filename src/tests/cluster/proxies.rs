//! What the proxies' files in `deploy/cluster` promise, with nodes that say what they are told to.

use super::node::free_address;
use crate::tests::services::{Proxy, haproxy, nginx};
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// As many as it takes to ask each node by turns several times.
const TIMES: usize = 12;
/// HAProxy asks each second, and takes three answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node that is ready or not, and has the code of one build.
async fn node(number: usize, ready: Arc<AtomicBool>) -> SocketAddr {
    let asked = move || async move {
        if ready.load(Ordering::Relaxed) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    };
    let code = move |Path(name): Path<String>| async move {
        let build = if number == 3 { "new.js" } else { "old.js" };
        if name == build { StatusCode::OK } else { StatusCode::NOT_FOUND }
    };
    let router = Router::new()
        .route("/", get(move || async move { number.to_string() }))
        .route("/readyz", get(asked))
        .route("/pkg/{name}", get(code));
    let listener = tokio::net::TcpListener::bind(free_address()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

struct Scene {
    proxies: Vec<Proxy>,
    ready: [Arc<AtomicBool>; 3],
    client: reqwest::Client,
}

impl Scene {
    async fn new() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let ready = [true; 3].map(|ready| Arc::new(AtomicBool::new(ready)));
        let mut nodes = Vec::new();
        for (number, ready) in (1..).zip(&ready) {
            nodes.push(node(number, Arc::clone(ready)).await);
        }
        let nodes: [SocketAddr; 3] = nodes.try_into().unwrap();
        let proxies = [nginx(free_address(), nodes), haproxy(free_address(), nodes)];
        Self { proxies: proxies.into_iter().flatten().collect(), ready, client: reqwest::Client::new() }
    }

    async fn get(&self, proxy: &Proxy, path: &str) -> (StatusCode, String) {
        let answer = self.client.get(format!("{}{path}", proxy.url)).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_is_found_at_the_node_of_its_build() {
    let scene = Scene::new().await;
    for proxy in &scene.proxies {
        for _ in 0..TIMES {
            for build in ["old.js", "new.js"] {
                assert_eq!(scene.get(proxy, &format!("/pkg/{build}")).await.0, StatusCode::OK, "{} {build}", proxy.url);
            }
            assert_eq!(scene.get(proxy, "/pkg/none.js").await.0, StatusCode::NOT_FOUND, "{}", proxy.url);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_node_is_ready_all_are_asked() {
    let scene = Scene::new().await;
    scene.ready.iter().for_each(|ready| ready.store(false, Ordering::Relaxed));
    let began = Instant::now();
    // Until HAProxy has noticed, and some time after that.
    while began.elapsed() < Duration::from_secs(6) {
        for proxy in &scene.proxies {
            assert_eq!(scene.get(proxy, "/").await.0, StatusCode::OK, "{}", proxy.url);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_leaves_out_the_one_node_that_is_not_ready() {
    let scene = Scene::new().await;
    let Some(proxy) = scene.proxies.iter().find(|proxy| proxy.program == "haproxy") else { return };
    scene.ready[1].store(false, Ordering::Relaxed);
    let began = Instant::now();
    loop {
        let mut answers = Vec::new();
        for _ in 0..TIMES {
            answers.push(scene.get(proxy, "/").await.1);
        }
        if answers.iter().all(|answer| answer != "2") {
            return assert!(answers.contains(&"1".into()) && answers.contains(&"3".into()));
        }
        assert!(began.elapsed() < PATIENCE, "it is still asked");
    }
}
