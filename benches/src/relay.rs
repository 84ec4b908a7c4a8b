//! The limit to measure against: an axum handler that copies the upstream's stream to its client and does nothing else.
//! It keeps nothing, reads nothing, resumes nothing.

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::post;
use axum::serve::ListenerExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Upstream {
    client: Client<HttpConnector, Body>,
    address: SocketAddr,
}

pub async fn run(listen: SocketAddr, address: SocketAddr) -> anyhow::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let router = Router::new()
        .route("/v1/messages", post(copy))
        .route("/v1/chat/completions", post(copy))
        .with_state(Upstream { client, address });
    let listener = TcpListener::bind(listen).await.with_context(|| format!("{listen} cannot be listened on"))?;
    let listener = listener.tap_io(|stream| {
        // As Rivulet does. Without it, the relay is only slower.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

async fn copy(State(upstream): State<Upstream>, mut request: Request) -> Result<Response, StatusCode> {
    let uri = format!("http://{}{}", upstream.address, request.uri().path());
    *request.uri_mut() = uri.parse::<Uri>().map_err(|_| StatusCode::BAD_REQUEST)?;
    request.headers_mut().remove("host");
    let response = upstream.client.request(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(response.map(Body::new))
}
