//! `rivulet move` of a whole database with many conversations, images, shared and branched ones: killed at any moment and
//! begun again, and then every account's export is what it was before.

use crate::server::store::moving::copy;
use crate::server::store::postgres::options;
use crate::tests::app::{App, Folder, Sent};
use crate::tests::backup::killed::{Victim, victims_folder};
use crate::tests::export::export;
use crate::tests::images::files::png;
use crate::tests::services::{Database, postgres};
use crate::tests::upstream::Upstream;
use crate::tests::upstream::script::Script;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Conversations in `make test`. `make soak` takes as many as `RIVULET_SOAK_MOVE` says.
const CONVERSATIONS: usize = 400;
/// Each kill comes this much later after the beginning than the one before, until a move is not killed in time.
const LATER: Duration = Duration::from_millis(60);
/// In the folder of a victim: where it is to move to.
const TARGET: &str = "target";
const NAMES: [&str; 2] = ["Alice", "Bob"];

/// The columns with ids of conversations and messages, which are others in a copy of a conversation.
const IDS: [(&str, &[&str]); 5] = [
    ("conversation", &["id", "leaf"]),
    ("message", &["id", "conversation", "parent"]),
    ("message_image", &["message"]),
    ("share", &["conversation"]),
    ("public_link", &["conversation", "token_hash"]),
];

fn conversations() -> usize {
    std::env::var("RIVULET_SOAK_MOVE").ok().and_then(|count| count.parse().ok()).unwrap_or(CONVERSATIONS)
}

/// A conversation with a reply that was tried again, an image, and the first version chosen.
async fn conversation(app: &App) -> String {
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { multibyte: true, thinking: 2, ..Script::default() }).await;
    app.rest_of(&conversation, &sent).await;
    let again = app.post(&format!("/api/v1/replies/{}/retry", sent.reply), json!({})).await;
    app.rest_of(&conversation, &Sent::of(&again.json().await.unwrap())).await;
    let image = app.image(png(8, 8)).await;
    let said = json!({ "content": "What is this?", "images": [image] });
    let sent = app.post(&format!("/api/v1/conversations/{conversation}/messages"), said).await;
    app.rest_of(&conversation, &Sent::of(&sent.json().await.unwrap())).await;
    let first = app.snapshot(&conversation).await["messages"][0]["id"].clone();
    let shown = app.request(Method::PUT, &format!("/api/v1/conversations/{conversation}/branch"));
    assert_eq!(shown.json(&json!({ "message": first })).send().await.unwrap().status(), 200);
    conversation
}

/// Two people's conversations: one's own, one that is shared, one with a public link. Copied until there are enough.
async fn fill(app: &mut App) {
    for name in NAMES {
        let cookie = app.new_cookie().await;
        app.cookie = cookie;
        app.sign_up(name).await;
    }
    conversation(app).await;
    let cookie = app.new_cookie().await;
    app.cookie = cookie;
    app.sign_in("Alice").await;
    let shared = conversation(app).await;
    app.share(&shared, "Bob", "participant").await;
    let public = conversation(app).await;
    let link = app.request(Method::PUT, &format!("/api/v1/conversations/{public}/sharing/public"));
    assert!(link.json(&json!({})).send().await.unwrap().status().is_success());
    let file = SqliteConnectOptions::from_str(&app.folder.sqlite()).unwrap();
    let mut connection = file.connect().await.unwrap();
    let copies = conversations().div_ceil(3) - 1;
    for (table, ids) in IDS {
        let columns: Vec<String> = sqlx::query_scalar("select name from pragma_table_info($1)")
            .bind(table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let value = |name: &String| match ids.contains(&name.as_str()) {
            true => format!("substr({name}, 1, length({name}) - 6) || printf('%06x', n.n)"),
            false => name.clone(),
        };
        let values: Vec<_> = columns.iter().map(value).collect();
        let sql = format!(
            "with recursive n (n) as (select 1 union all select n + 1 from n where n < {copies})
             insert into {table} ({}) select {} from {table}, n",
            columns.join(", "),
            values.join(", ")
        );
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// A session of each person.
async fn cookies(app: &mut App) -> [String; 2] {
    let mut cookies = Vec::new();
    for name in NAMES {
        let cookie = app.new_cookie().await;
        app.cookie = cookie;
        app.sign_in(name).await;
        cookies.push(app.cookie.clone());
    }
    cookies.try_into().unwrap()
}

/// What each account's archive has in it, asked for by sessions that were there before.
async fn exports(app: &mut App, cookies: &[String; 2]) -> [BTreeMap<String, Vec<u8>>; 2] {
    let mut all = Vec::new();
    for cookie in cookies {
        app.cookie.clone_from(cookie);
        let mut files = export(app).await;
        // When a session was last used is written once a minute.
        let mut account: Value = serde_json::from_slice(&files["account.json"]).unwrap();
        for session in account["sessions"].as_array_mut().unwrap() {
            session["last_used_at"].take();
        }
        files.insert("account.json".into(), account.to_string().into_bytes());
        all.push(files);
    }
    all.try_into().unwrap()
}

async fn end(app: App) -> (Folder, Upstream) {
    app.stop.cancel();
    app.served.await.unwrap();
    app.state.store.close().await;
    (app.folder, app.upstream)
}

/// Not a test: moves, in a process that is killed meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn moves_until_it_is_killed() {
    let Some(folder) = victims_folder() else { return };
    let target = std::fs::read_to_string(folder.join(TARGET)).unwrap();
    std::fs::write(folder.join("begun"), "").unwrap();
    copy(&folder.join("rivulet.db"), &options("--to", &target).unwrap()).await.unwrap();
}

/// Kills a move later and later, until one is not killed in time: those before have done nothing. How many were, half-way.
async fn move_at_last(folder: &Path, database: &Database) -> u32 {
    std::fs::write(folder.join(TARGET), &database.url).unwrap();
    // A larger one takes longer.
    let later = LATER * (conversations() / CONVERSATIONS).max(1) as u32;
    for kills in 0.. {
        let victim = Victim::start("tests::postgres::moving_whole::moves_until_it_is_killed", folder);
        let begun = folder.join("begun");
        let ended = tokio::task::spawn_blocking(move || victim.kill(kills * later, &begun)).await.unwrap();
        if ended.success() {
            return kills;
        }
        let mut connection = database.connect().await;
        let there: i64 =
            sqlx::query_scalar("select count(*) from account").fetch_one(&mut connection).await.unwrap_or(0);
        connection.close().await.unwrap();
        // Killed between its commit and its end: whether it was a whole move is seen by the exports.
        if 0 < there {
            return kills;
        }
    }
    unreachable!("a move ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_killed_is_begun_again_and_every_export_stays_the_same() {
    let Some(server) = postgres() else { return };
    let database = server.database_by("encoding 'UTF8' template template0").await;
    let (folder, upstream) = (Folder::new(), Upstream::start().await);
    let on = |url: &str| format!("--database-url={url}");
    let (sqlite, there) = (on(&folder.sqlite()), on(&database.url));
    let mut app = App::on(folder, upstream, &[&sqlite]).await;
    fill(&mut app).await;
    let cookies = cookies(&mut app).await;
    let before = exports(&mut app, &cookies).await;
    assert!(conversations() <= before[0].len() + before[1].len(), "they are all in it");
    let (folder, upstream) = end(app).await;

    let began = Instant::now();
    let kills = move_at_last(&folder.0, &database).await;
    assert!(2 < kills, "some were killed half-way");
    eprintln!("moved {} conversations after {kills} kills, in {:?} in all", conversations(), began.elapsed());

    let mut app = App::on(folder, upstream, &[&there]).await;
    let after = exports(&mut app, &cookies).await;
    for ((before, after), name) in before.iter().zip(&after).zip(NAMES) {
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{name}'s files");
        for (file, bytes) in before {
            let [was, is] = [bytes, &after[file]].map(|bytes| String::from_utf8_lossy(bytes));
            let same = was.bytes().zip(is.bytes()).take_while(|(one, other)| one == other).count();
            let around = |text: &str| {
                String::from_utf8_lossy(&text.as_bytes()[same.saturating_sub(60)..])
                    .chars()
                    .take(120)
                    .collect::<String>()
            };
            assert!(was == is, "{file} of {name} was {} and is {}", around(&was), around(&is));
        }
    }
    end(app).await;
}
