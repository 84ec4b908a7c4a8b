//! The export of an account: all of it, nothing of others, and an archive that other programs can open.

use super::app::{App, Sent, problem, text};
use super::images::files::png;
use super::sharing::Shared;
use super::upstream::script::Script;
use crate::server::secret::Hash;
use crate::server::store::sql;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::process::Command;

const EXPORT: &str = "/api/v1/account/export";

/// The files of an archive by their names.
fn unpacked(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let names = (0..archive.len()).map(|index| {
        let mut file = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().unwrap().into_owned(), bytes)
    });
    names.collect()
}

pub(super) async fn export(app: &App) -> BTreeMap<String, Vec<u8>> {
    let answer = app.get(EXPORT).await;
    assert_eq!(answer.status(), StatusCode::OK);
    unpacked(&answer.bytes().await.unwrap())
}

fn json_of(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(&files[name]).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A user with one of everything, and a conversation that has two branches. Returns its id.
async fn full(app: &mut App, name: &str, says: &str) -> String {
    app.sign_up(name).await;
    let conversation = app.conversation().await;
    let script = Script { text: Some(says.into()), thinking: 3, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.rest_of(&conversation, &sent).await;
    let again = app.post(&format!("/api/v1/replies/{}/retry", sent.reply), json!({})).await;
    let again = super::app::Sent::of(&again.json().await.unwrap());
    app.rest_of(&conversation, &again).await;
    let image = app.image(png(8, 8)).await;
    let said = json!({ "content": format!("{says} And an image."), "images": [image] });
    let sent = app.post(&format!("/api/v1/conversations/{conversation}/messages"), said).await;
    let sent = super::app::Sent::of(&sent.json().await.unwrap());
    app.rest_of(&conversation, &sent).await;
    app.token("read").await;
    conversation
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_all_of_the_account_and_nothing_of_another() {
    let mut app = App::start().await;
    full(&mut app, "Bob", "Only Bob knows this.").await;
    app.cookie = app.new_cookie().await;
    let conversation = full(&mut app, "Alice", "A secret of Alice.").await;
    let title = json!({ "title": "../../etc/pass\u{202e}wd <b>" });
    let path = format!("/api/v1/conversations/{conversation}");
    app.request(Method::PATCH, &path).json(&title).send().await.unwrap();
    let files = export(&app).await;
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 8, "{names:?}");
    let name = names[2].strip_suffix(".json").unwrap();
    assert!(
        name.starts_with("conversations/20") && name.ends_with(&format!("-etc-pass-wd-b-{conversation}")),
        "{name}"
    );
    for file in &names {
        assert!(file.chars().all(|c| c.is_alphanumeric() || "-./".contains(c)) && !file.contains(".."), "{file}");
    }
    let whole = json_of(&files, &format!("{name}.json"));
    assert_eq!(whole["conversation"]["title"], title["title"], "in the file it is as it was set");
    let messages = whole["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 5, "both branches and what came after");
    assert_eq!(messages[1]["parent"], messages[2]["parent"]);
    assert!(!text(&messages[1]["thinking"]).is_empty());
    assert_eq!(messages[1]["text"], "A secret of Alice.");
    assert!(messages[1]["usage"]["output_tokens"].as_u64().is_some());
    let read = String::from_utf8(files[&format!("{name}.md")].clone()).unwrap();
    assert!(read.contains("## 1. You") && read.contains("## 3. anthropic/mock") && read.contains("*In answer to 1.*"));
    let image = json_of(&files, "images.json")[0].clone();
    assert!(read.contains(&format!("](../{})", text(&image["file"]))), "{read}");
    assert!(image::load_from_memory(&files[&text(&image["file"])]).is_ok());
    let account = json_of(&files, "account.json");
    assert_eq!((&account["name"], &account["tokens"][0]["name"]), (&json!("Alice"), &json!("a program")));
    assert_eq!(account["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(json_of(&files, "usage.json")[0]["replies"], 3);
    nothing_of_others(&app, &files).await;
}

async fn nothing_of_others(app: &App, files: &BTreeMap<String, Vec<u8>>) {
    let account = app.state.store.credentials("alice").await.unwrap().unwrap();
    let mut secrets = vec![account.password.unwrap(), "argon2".into(), "Bob".into()];
    secrets.extend(app.state.store.sessions(account.account).await.unwrap().iter().map(|it| it.hash.to_string()));
    secrets.extend(app.state.store.tokens(account.account).await.unwrap().iter().map(|it| it.hash.to_string()));
    secrets.push(app.cookie.split_once('=').unwrap().1.to_owned());
    for (name, bytes) in files {
        let text = String::from_utf8_lossy(bytes);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{name} has {secret}");
        }
    }
}

/// Runs a program on the archive, where there is such a program.
fn opens_with(program: &str, arguments: &[&str], file: &std::path::Path) {
    match Command::new(program).args(arguments).arg(file).output() {
        Ok(done) => assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr)),
        Err(error) => super::alone::not_run(&format!("{program} on an archive"), &error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_opens_with_unzip_and_with_python() {
    let mut app = App::start().await;
    full(&mut app, "Alice", "Ünïcödé, and more.").await;
    for (count, title) in ["Über Flüsse", "川と湖", ""].into_iter().enumerate() {
        app.post("/api/v1/conversations", json!({ "title": title.to_owned() + &"!".repeat(count) })).await;
    }
    let bytes = app.get("/account/export").await.bytes().await.unwrap();
    assert_eq!(
        unpacked(&bytes).len(),
        5 + 1 + 4 * 2,
        "four files, the README, the image, and two of each conversation"
    );
    let file = app.folder.0.join("export.zip");
    std::fs::write(&file, &bytes).unwrap();
    opens_with("unzip", &["-tqq"], &file);
    opens_with("python3", &["-m", "zipfile", "-t"], &file);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_says_who_wrote_what_in_shared_conversations_and_what_is_shared_with_whom() {
    let mut shared = Shared::with("participant").await;
    let link = shared.app.share_link(&shared.conversation, json!({ "role": "reader" })).await;
    shared.be_bob();
    let image = shared.app.image(png(8, 8)).await;
    let body = json!({ "content": "Said by Bob.", "images": [image] });
    let sent = Sent::of(&shared.app.post(&shared.path("/messages"), body).await.json().await.unwrap());
    shared.app.rest_of(&shared.conversation, &sent).await;
    let of_bob = export(&shared.app).await;
    shared.be_ann();
    let of_ann = export(&shared.app).await;

    let file = of_ann.keys().find(|name| name.ends_with(".md")).unwrap();
    let read = String::from_utf8(of_ann[file].clone()).unwrap();
    assert!(read.contains("## 1. You") && read.contains("## 3. Bob"), "{read}");
    assert!(read.contains("*An image that is not here: a.png*") && !read.contains("]("), "{read}");
    let sharing = json_of(&of_ann, "account.json")["sharing"].clone();
    let person = &sharing["people"][0];
    assert_eq!(
        (&person["conversation"], &person["person"], &person["role"]),
        (&json!(shared.conversation), &json!("Bob"), &json!("participant"))
    );
    assert_eq!((&sharing["links"][0]["role"], &sharing["shared_with_it"]), (&json!("reader"), &json!([])));
    let account = String::from_utf8(of_ann["account.json"].clone()).unwrap();
    assert!(!account.contains(&link) && !account.contains(&Hash::of(&link).to_string()));
    assert_eq!(json_of(&of_ann, "written-elsewhere.json"), json!([]));

    let sharing = json_of(&of_bob, "account.json")["sharing"].clone();
    assert_eq!((&sharing["people"], &sharing["shared_with_it"][0]["person"]), (&json!([]), &json!("Ann")));
    let written = json_of(&of_bob, "written-elsewhere.json");
    assert_eq!(written.as_array().unwrap().len(), 1, "neither what Ann wrote, nor replies");
    assert_eq!(
        (&written[0]["text"], &written[0]["conversation"]),
        (&json!("Said by Bob."), &json!(shared.conversation))
    );
    assert!(of_bob.contains_key(&format!("images/{image}.png")) && !of_bob.keys().any(|name| name.ends_with(".md")));
}

/// More than the buffers on the way hold, and hard to compress.
async fn make_large(app: &App) {
    let conversation = app.conversation().await;
    let mut write = app.state.store.write().await.unwrap();
    let mut dice = super::rng::Dice::new(7);
    // The same again is too far away to be found by what compresses it.
    let text: String = (0..125_000).map(|_| format!("{:016x}", dice.below(u64::MAX))).collect();
    for position in 1..=40 {
        sql::query(
            "insert into message (id, conversation, position, role, text, thinking, status, created_at)
             values ($1, $2, $3, 'user', $4, '', 'done', '2026-01-01T00:00:00.000Z')",
        )
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(&conversation)
        .bind(position)
        .bind(&text)
        .execute(&mut *write)
        .await
        .unwrap();
    }
    write.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_export_at_a_time_and_none_after_signing_out() {
    let mut app = App::start().await;
    app.sign_up("Alice").await;
    make_large(&app).await;
    let mut first = app.get(EXPORT).await;
    assert_eq!(first.status(), StatusCode::OK);
    assert!(first.chunk().await.unwrap().is_some());
    let refused = problem(app.get(EXPORT).await, 429).await;
    assert!(text(&refused["detail"]).contains("under way already"));
    let (alice, cookie) = (app.cookie.clone(), app.new_cookie().await);
    app.cookie = cookie;
    assert_eq!(export(&app).await.len(), 5, "a guest has an account as well, and is not held up by others");
    app.cookie = alice;
    app.form("/sign-out", &[]).send().await.unwrap();
    let rest = async {
        while first.chunk().await?.is_some() {}
        Ok::<_, reqwest::Error>(())
    };
    assert!(rest.await.is_err(), "the archive breaks off, and says so");
    app.sign_in("Alice").await;
    while app.get(EXPORT).await.status() != StatusCode::OK {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_takes_more_than_a_token_for_reading() {
    let mut app = App::start().await;
    app.sign_up("Alice").await;
    let (read, write) = (app.token("read").await, app.token("write").await);
    problem(app.stranger(Method::GET, EXPORT).bearer_auth(&read).send().await.unwrap(), 403).await;
    let whole = app.stranger(Method::GET, EXPORT).bearer_auth(&write).send().await.unwrap();
    assert_eq!(whole.headers()["content-type"], "application/zip");
    assert!(whole.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"rivulet-20"));
    assert_eq!(unpacked(&whole.bytes().await.unwrap()).len(), 5);
    problem(app.stranger(Method::GET, EXPORT).send().await.unwrap(), 401).await;
}

/// The messages of an exported file as a Markdown program reads them: the text under each heading with an id.
fn read_back(file: &str) -> Vec<(String, String)> {
    use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};
    let is_heading = |event: &Event<'_>| matches!(event, Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }));
    let events = Parser::new_ext(file, Options::all()).into_offset_iter();
    let starts: Vec<_> = events.filter(|(event, _)| is_heading(event)).map(|(_, range)| range.start).collect();
    let ends = starts.iter().skip(1).copied().chain([file.len()]);
    let part = |(start, end): (&usize, usize)| {
        let (heading, text) = file[*start..end].split_once('\n').unwrap();
        let id = heading.split_once(" UTC <!-- ").unwrap().1.trim_end_matches(" -->");
        (id.to_owned(), text.trim().to_owned())
    };
    starts.iter().zip(ends).map(part).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn z22_what_one_message_leaves_open_does_not_swallow_the_next() {
    let case: Value = serde_json::from_str(include_str!("cases/export-unclosed-fence.json")).unwrap();
    assert!(text(&case["steps"][0]).contains("```sh"));
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let cut = "Run this:\n\n```sh\nmake all\nmake ins";
    let texts = [cut, "<!-- a note\n\n**b**", "<pre>\n\na", "~~~~\n```\n~~~", "\\[ a", "fine"];
    for said in texts {
        let script = Script { text: Some(said.into()), ..Script::default() };
        let body = json!({ "content": format!("{said}\n{}", super::app::directive(&script)) });
        let sent = app.post(&format!("/api/v1/conversations/{conversation}/messages"), body).await;
        let sent = Sent::of(&sent.json().await.unwrap());
        app.rest_of(&conversation, &sent).await;
    }
    let files = export(&app).await;
    let name = files.keys().find(|name| name.ends_with(".md")).unwrap();
    let read = read_back(std::str::from_utf8(&files[name]).unwrap());
    let whole = json_of(&files, &name.replace(".md", ".json"));
    let messages = whole["messages"].as_array().unwrap();
    assert_eq!(read.len(), messages.len(), "{read:?}");
    for ((id, shown), message) in read.iter().zip(messages) {
        assert_eq!(id, &text(&message["id"]));
        assert!(shown.starts_with(text(&message["text"]).trim()), "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_conversation_is_exported_as_a_page_in_one_file_and_as_json() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { text: Some("**Bold** `a<b` \\(a^2\\)".into()), ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.rest_of(&conversation, &sent).await;
    let change = app.request(Method::PATCH, &format!("/api/v1/conversations/{conversation}"));
    change.json(&json!({ "title": "A <script> & more", "system": "Be <brief>." })).send().await.unwrap();
    let exported = async |format: &str| {
        let answer = app.get(&format!("/c/{conversation}/export?as={format}")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let name = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(name.starts_with("attachment;") && name.ends_with(&format!(".{format}")), "{name}");
        answer.text().await.unwrap()
    };
    let page = exported("html").await;
    for part in
        ["<title>A &lt;script&gt; &amp; more</title>", "Be &lt;brief&gt;.", "<strong>Bold</strong>", "a&lt;b", "<math"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</body></html>\n") && !page.contains("<script"));
    let all: Value = serde_json::from_str(&exported("json").await).unwrap();
    assert_eq!(all["conversation"]["title"], "A <script> & more");
    let messages = all["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &messages[1]["text"]), (2, &json!("**Bold** `a<b` \\(a^2\\)")));
    assert_eq!(app.get(&format!("/c/{conversation}/export?as=exe")).await.status(), StatusCode::BAD_REQUEST);
}
