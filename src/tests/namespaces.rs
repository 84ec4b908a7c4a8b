//! A disk that is really full, and a line that is really gone: rows F17 and F22 of the fault matrix, and a start on such a
//! disk (Z40), each in its own namespaces.

use super::alone::apart;
use super::app::{App, Folder, said};
use super::invariants::assert_sound;
use super::upstream::Upstream;
use super::upstream::script::Script;
use crate::server::bounds::Bounds;
use crate::server::store::sql;
use reqwest::StatusCode;
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Every file of the test is on it.
const SMALL_DISK: &str = "mount -t tmpfs -o size=4m rivulet /mnt && export TMPDIR=/mnt";
/// More than the database's files have room for already.
const LARGE_CHARS: usize = 900_000;

/// Takes what room there is.
fn fill_disk() {
    let mut ballast = File::create("/mnt/ballast").unwrap();
    for block in [1 << 16, 1 << 10, 1] {
        let full = loop {
            if let Err(error) = ballast.write_all(&vec![0; block]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    }
}

#[test]
fn f17_a_disk_that_is_really_full_loses_nothing() {
    let name = "tests::namespaces::f17_a_disk_that_is_really_full_loses_nothing";
    apart(name, "-rm", &["mount"], SMALL_DISK, async {
        let short = Duration::from_millis(300);
        let bounds = Bounds { end_write: short, shortest_pause: short, longest_pause: short, ..Bounds::default() };
        let app = App::bounded(bounds).await;
        let conversation = app.conversation().await;
        let script = Script {
            text: Some("word ".repeat(LARGE_CHARS / 5)),
            piece_chars: 200,
            first_ms: 500,
            ..Script::default()
        };
        // Too long to be told in a message.
        app.upstream.script(script.clone());
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let sent = super::app::Sent::of(&app.post(&path, json!({ "content": "Go on" })).await.json().await.unwrap());
        fill_disk();

        let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
        let frames = events.until_end(&sent.reply).await;
        assert_eq!(said(&frames), script.full_text(), "the live text keeps flowing");
        let end = frames.last().unwrap();
        assert_eq!((end.event.as_str(), &end.data["kind"]), ("error", &json!("not_saved")));
        super::app::problem(app.get("/readyz").await, 503).await;
        super::app::problem(app.post(&path, json!({ "content": "And now" })).await, 503).await;

        std::fs::remove_file("/mnt/ballast").unwrap();
        assert_eq!(events.next().await.unwrap().event, "snapshot", "viewers hear that it is saved");
        let message = app.last_message(&conversation).await;
        assert_eq!((&message["status"], &message["text"]), (&json!("done"), &json!(script.full_text())));
        assert_eq!(app.get("/readyz").await.status(), StatusCode::OK);
        let next = app.send(&conversation, &Script::default()).await;
        let frames = events.until_end(&next.reply).await;
        assert_sound(&app, &next.reply, &[&frames], &Script::default().full_text()).await;
        let sound: String =
            sql::query_scalar("pragma integrity_check").fetch_one(app.state.store.read()).await.unwrap();
        assert_eq!(sound, "ok");
    });
}

/// Room for the index of the write-ahead log (32 KiB), without which nothing can be read, and for no write.
const ROOM_TO_READ: u64 = 40 << 10;

#[test]
fn z40_a_start_on_a_full_disk_shows_what_is_there_and_takes_nothing() {
    let name = "tests::namespaces::z40_a_start_on_a_full_disk_shows_what_is_there_and_takes_nothing";
    apart(name, "-rm", &["mount"], SMALL_DISK, async {
        let mut app = App::start().await;
        app.sign_up("Ann").await;
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &Script::default()).await;
        app.rest_of(&conversation, &sent).await;
        let (folder, upstream, cookie) = app.end().await;
        fill_disk();
        let ballast = File::options().write(true).open("/mnt/ballast").unwrap();
        ballast.set_len(ballast.metadata().unwrap().len() - ROOM_TO_READ).unwrap();

        let bounds = Bounds { ready_again: Duration::ZERO, ..Bounds::default() };
        let mut app = App::at(folder, upstream, &["--guests=off"], bounds).await;
        app.cookie = cookie;
        let path = format!("/api/v1/conversations/{conversation}/messages");
        assert_eq!(app.snapshot(&conversation).await["messages"].as_array().unwrap().len(), 2);
        super::app::problem(app.get("/readyz").await, 503).await;
        super::app::problem(app.post(&path, json!({ "content": "And now" })).await, 503).await;

        drop(ballast);
        std::fs::remove_file("/mnt/ballast").unwrap();
        assert_eq!(app.get("/readyz").await.status(), StatusCode::OK);
        app.send(&conversation, &Script::default()).await;
    });
}

/// The far end of a line, in a network of its own. It is told where to go, and reads for as long as it lives.
const VIEWER: &str = r#"
    echo here; read -r port path cookie
    ip address add 192.0.2.2/24 dev far && ip link set far up || exit
    exec 3<>/dev/tcp/192.0.2.1/$port
    printf 'GET %s HTTP/1.1\r\nhost: localhost\r\ncookie: %s\r\n\r\n' "$path" "$cookie" >&3
    exec cat <&3"#;

struct Viewer(Child);

impl Viewer {
    /// A process in a network of its own, with a line to it.
    fn new() -> Self {
        let mut command = Command::new("unshare");
        command.args(["-n", "bash", "-c", VIEWER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut viewer = Self(command.spawn().unwrap());
        let mut told = String::new();
        BufReader::new(viewer.0.stdout.as_mut().unwrap()).read_line(&mut told).unwrap();
        assert_eq!(told, "here\n");
        let pid = viewer.0.id();
        shell(&format!("ip link add near type veth peer name far netns {pid}"));
        shell("ip address add 192.0.2.1/24 dev near && ip link set near up && ip link set lo up");
        viewer
    }

    fn follow(&mut self, app: &App, conversation: &str) {
        let port = app.url.rsplit(':').next().unwrap();
        let go = format!("{port} /api/v1/conversations/{conversation}/events {}\n", app.cookie);
        self.0.stdin.as_mut().unwrap().write_all(go.as_bytes()).unwrap();
    }

    /// Its end of the line is gone: nothing comes through any more, without any signal.
    fn lose_the_line(&self) {
        shell(&format!("nsenter -t {} -n ip link set far down", self.0.id()));
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn shell(command: &str) {
    let run = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(run.status.success(), "{command}: {}", String::from_utf8_lossy(&run.stderr));
}

async fn followers(app: &App, count: usize) {
    let there = async {
        while app.state.limits.open_streams() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, there).await;
    assert!(came.is_ok(), "{} followers in place of {count}", app.state.limits.open_streams());
}

#[test]
fn f22_a_viewer_whose_line_is_gone_is_let_go_of() {
    let name = "tests::namespaces::f22_a_viewer_whose_line_is_gone_is_let_go_of";
    apart(name, "-rn", &["ip", "nsenter", "bash"], "true", async {
        let mut viewer = Viewer::new();
        let bounds = Bounds { user_timeout: Duration::from_millis(1_500), ..Bounds::default() };
        let there = ["--listen=192.0.2.1:0", "--guests=on"];
        let app = App::at(Folder::new(), Upstream::start().await, &there, bounds).await;
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &Script { pieces: 100_000, gap_ms: 25, ..Script::default() }).await;
        viewer.follow(&app, &conversation);
        followers(&app, 1).await;
        let cut = Instant::now();
        viewer.lose_the_line();
        followers(&app, 0).await;
        assert!(bounds.user_timeout / 2 < cut.elapsed(), "it was let go of at once: {:?}", cut.elapsed());
        // The reply went on, and a viewer who comes back has missed nothing.
        app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
        let frames = app.rest_of(&conversation, &sent).await;
        let whole = Script { pieces: 100_000, ..Script::default() }.full_text();
        assert_sound(&app, &sent.reply, &[&frames[1..]], &whole).await;
    });
}
