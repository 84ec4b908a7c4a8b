//! `rivulet doctor`: faults that are planted, each found alone, and a machine where there is none.

use super::super::app::{App, Folder};
use crate::server::commands::doctor::{Machine, findings};
use crate::server::settings::Settings;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use clap::Parser;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// A machine that is well, whatever the one is that runs the tests.
fn machine(folder: &Folder) -> Machine {
    Machine {
        mounts: "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n".into(),
        sync: Ok(Duration::from_millis(2)),
        free: Some(100 << 30),
        limits: Some("Max open files            65536                65536                files     \n".into()),
        ..Machine::read(&folder.0.join("rivulet.db"))
    }
}

/// What the doctor says beside this server, whose public address is `url`.
async fn told(app: &App, url: &str, machine: &Machine) -> Vec<String> {
    told_with(app, url, machine, &[]).await
}

async fn told_with(app: &App, url: &str, machine: &Machine, more: &[&str]) -> Vec<String> {
    let (database, url) = (app.folder.database(), format!("--public-url={url}"));
    let words =
        ["rivulet", "--database-url", &database, &url].into_iter().chain(more.iter().copied()).chain(["doctor"]);
    findings(&Settings::parse_from(words), machine).await.unwrap()
}

/// Expects one finding, with these words in it.
fn assert_found(told: &[String], words: &[&str]) {
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(words.iter().all(|word| told[0].contains(word)) && told[0].lines().count() == 1, "{}", told[0]);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Answers are handed on once they are complete, and no connection is upgraded.
    Buffers,
    /// The clock is a minute fast.
    Clock,
    AddsPolicy,
    ReplacesPolicy,
    RemovesPolicy,
    /// Every path is answered by another program.
    Elsewhere,
}

/// A proxy with this fault, before a server. All but the first hand streams on.
async fn proxy(app: &App, fault: Fault) -> String {
    let (server, client) = (app.url.clone(), reqwest::Client::new());
    let answer = move |request: Request| {
        let (server, client) = (server.clone(), client.clone());
        async move { relay(&client, &server, request, fault).await }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() });
    url
}

async fn relay(client: &reqwest::Client, server: &str, request: Request, fault: Fault) -> Response {
    let csp = HeaderName::from_static("content-security-policy");
    if fault == Fault::Elsewhere {
        return Response::new(Body::from("Welcome to nginx!"));
    }
    if request.uri().path().starts_with("/app/") && fault != Fault::Buffers {
        // Only that it is accepted counts.
        return Response::builder()
            .status(101)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .body(Body::empty())
            .unwrap();
    }
    let mut told = client.get(format!("{server}{}", request.uri())).send().await.unwrap();
    let mut response = Response::builder().status(told.status());
    for (name, value) in told.headers() {
        if !matches!(name.as_str(), "transfer-encoding" | "content-length" | "connection" | "date") {
            response = response.header(name, value);
        }
    }
    let body = if fault == Fault::Buffers {
        Body::from(told.bytes().await.unwrap())
    } else {
        let (pieces, body) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            while let Ok(Some(piece)) = told.chunk().await {
                pieces.send(Ok::<_, std::io::Error>(piece)).await.ok();
            }
        });
        Body::from_stream(futures::stream::unfold(body, async |mut body| Some((body.recv().await?, body))))
    };
    let mut response = response.body(body).unwrap();
    let other = HeaderValue::from_static("frame-ancestors 'self'");
    match fault {
        Fault::AddsPolicy => drop(response.headers_mut().append(csp, other)),
        Fault::ReplacesPolicy => drop(response.headers_mut().insert(csp, other)),
        Fault::RemovesPolicy => drop(response.headers_mut().remove(csp)),
        Fault::Clock => {
            let date =
                (jiff::Timestamp::now() + Duration::from_secs(61)).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            response.headers_mut().insert("date", date.parse().unwrap());
        }
        Fault::Buffers | Fault::Elsewhere => {}
    }
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_good_machine_the_doctor_has_nothing_to_say() {
    let app = App::start().await;
    assert_eq!(told(&app, &app.url, &machine(&app.folder)).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_disk_are_found() {
    let app = App::start().await;
    let good = machine(&app.folder);
    let on = |kind: &str| Machine { mounts: format!("22 1 0:31 / / rw - {kind} it rw\n"), ..good.clone() };
    assert_found(&told(&app, &app.url, &on("nfs4")).await, &["network file system", "local disk"]);
    assert_found(&told(&app, &app.url, &on("cifs")).await, &["network file system"]);
    assert_found(&told(&app, &app.url, &on("overlay")).await, &["container", "mount a volume"]);
    assert_found(&told(&app, &app.url, &on("tmpfs")).await, &["in memory"]);
    let slow = Machine { sync: Ok(Duration::from_millis(180)), ..good.clone() };
    assert_found(&told(&app, &app.url, &slow).await, &["180 ms", "faster disk"]);
    let full = Machine { free: Some(20 << 20), ..good.clone() };
    assert_found(&told(&app, &app.url, &full).await, &["Only 20 MiB are free", "make room"]);
    let denied = Machine { sync: Err("Permission denied".into()), ..good.clone() };
    assert_found(&told(&app, &app.url, &denied).await, &["Nothing can be written", "owner"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_others_may_read_a_low_limit_and_a_late_backup_are_found() {
    let app = App::start().await;
    let good = machine(&app.folder);
    let few = Machine {
        limits: Some("Max open files            1024                 524288               files\n".into()),
        ..good.clone()
    };
    assert_found(&told(&app, &app.url, &few).await, &["1024 files", "LimitNOFILE=65536"]);
    let database = app.folder.0.join("rivulet.db");
    let mode = |mode: u32| std::fs::set_permissions(&database, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    assert_found(&told(&app, &app.url, &good).await, &["chmod 600", "rivulet.db"]);
    mode(0o600);
    let backups: PathBuf = app.folder.0.join("backups");
    std::fs::create_dir(&backups).unwrap();
    std::fs::write(backups.join("rivulet-20200101T000000Z.db"), "").unwrap();
    std::fs::set_permissions(backups.join("rivulet-20200101T000000Z.db"), std::fs::Permissions::from_mode(0o600))
        .unwrap();
    let late = told_with(&app, &app.url, &good, &["--backup-hours=24"]).await;
    assert_found(&late, &["newest backup", "due every 24 hours"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_never_made_a_backup_is_found_once_the_database_is_older_than_two_of_them() {
    let app = App::start().await;
    let good = machine(&app.folder);
    let aged = |hours: u64| Machine { age: Some(Duration::from_secs(3_600 * hours)), ..good.clone() };
    let daily = ["--backup-hours=24"];
    for young in [&good, &aged(47)] {
        assert_eq!(told_with(&app, &app.url, young, &daily).await, Vec::<String>::new());
    }
    let words = ["No scheduled backup was ever made", "due every 24 hours"];
    assert_found(&told_with(&app, &app.url, &aged(49), &daily).await, &words);
    assert_found(&told_with(&app, &app.url, &Machine { age: None, ..good.clone() }, &daily).await, &words);
    assert_eq!(told(&app, &app.url, &aged(49)).await, Vec::<String>::new(), "there is no schedule");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_a_proxy_are_found() {
    let app = App::start().await;
    let good = machine(&app.folder);
    let through = async |fault| told(&app, &proxy(&app, fault).await, &good).await;
    let buffers = through(Fault::Buffers).await;
    assert_eq!(buffers.len(), 2, "{buffers:#?}");
    assert!(buffers[0].contains("proxy_buffering off") && buffers[1].contains("WebSockets"), "{buffers:#?}");
    assert_found(&through(Fault::AddsPolicy).await, &["adds a Content-Security-Policy"]);
    assert_found(&through(Fault::ReplacesPolicy).await, &["replaces the header Content-Security-Policy"]);
    assert_found(&through(Fault::RemovesPolicy).await, &["removes the header Content-Security-Policy"]);
    assert_found(&through(Fault::Clock).await, &["seconds behind", "set-ntp"]);
    assert_found(&through(Fault::Elsewhere).await, &["not by Rivulet"]);
    assert_found(&told(&app, "http://127.0.0.1:9", &good).await, &["RIVULET_PUBLIC_URL", "is not reached"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_stream_is_open_to_everybody_and_not_often() {
    let app = App::start().await;
    for _ in 0..10 {
        assert_eq!(app.stranger(reqwest::Method::GET, "/healthz/stream").send().await.unwrap().status(), 200);
    }
    let refused = app.stranger(reqwest::Method::GET, "/healthz/stream").send().await.unwrap();
    super::super::app::problem(refused, 429).await;
}

#[test]
fn this_machine_is_measured() {
    let folder = Folder::new();
    let machine = Machine::read(&folder.0.join("not/there/yet.db"));
    assert_eq!(machine.folder, folder.0.canonicalize().unwrap());
    assert!(machine.sync.is_ok() && machine.free.is_some() && !machine.mounts.is_empty(), "{machine:?}");
    assert_eq!(folder.0.read_dir().unwrap().count(), 0, "nothing stays");
}
