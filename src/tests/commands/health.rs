//! `rivulet health`.

use super::super::app::App;
use super::typed;
use crate::server::settings::Settings;
use clap::Parser;

async fn health(address: &str, more: &[&str]) -> (String, bool) {
    let words = ["rivulet", "--listen", address, "health"].into_iter().chain(more.iter().copied());
    let (told, well) = typed(&Settings::parse_from(words), "").await;
    (told, well.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_that_the_server_answers_and_readiness_that_it_takes_messages() {
    let app = App::start().await;
    let address = app.url.strip_prefix("http://").unwrap();
    assert_eq!(health(address, &[]).await, ("ok\n".into(), true));
    assert_eq!(health(address, &["--ready"]).await, ("ready\n".into(), true));
    app.state.drain.begin();
    assert!(health(address, &[]).await.1, "a server that ends its replies is not to be killed");
    let (told, well) = health(address, &["--ready"]).await;
    assert!(!well && told.contains("answers 503"), "{told}");
    let (told, well) = health("127.0.0.1:9", &[]).await;
    assert!(!well && told.contains("does not answer"), "{told}");
}
