//! Deleting an account: nothing of it is left anywhere, and no other user notices (A58).

use super::accounts::{PASSWORD, cookie};
use super::admin::{member, page, submit, with_admin};
use super::app::{App, Folder, Sent, directive, problem, settings};
use super::images::files::png;
use super::sharing::Shared;
use super::upstream::Upstream;
use super::upstream::script::Script;
use crate::model::AccountId;
use crate::server::State;
use crate::server::principal::Credential;
use crate::server::principal::Principal;
use crate::server::principal::{Name, Role};
use crate::server::secret::Hash;
use crate::server::store::accounts::NewAccount;
use crate::server::store::deletion::Deletes;
use crate::server::store::sql;
use crate::server::transport::Permit;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};

const SECRET: &str = "What only Ann has ever said";

async fn delete(app: &App, proof: &str) -> Response {
    app.form("/account/delete", &[("proof", proof), ("sure", "yes")]).send().await.unwrap()
}

async fn id_of(app: &App, key: &str) -> Option<AccountId> {
    app.state.store.credentials(key).await.unwrap().map(|found| found.account)
}

/// Ann with a conversation, an image, a token; the browser at hand is hers.
async fn ann(app: &mut App) -> AccountId {
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let script = Script { text: Some(SECRET.into()), ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.rest_of(&conversation, &sent).await;
    let image = app.image(png(8, 8)).await;
    let said = json!({ "content": SECRET, "images": [image] });
    let sent = app.post(&format!("/api/v1/conversations/{conversation}/messages"), said).await;
    let sent = super::app::Sent::of(&sent.json().await.unwrap());
    app.rest_of(&conversation, &sent).await;
    app.token("write").await;
    id_of(app, "ann").await.unwrap()
}

/// The rows of every table that name this account, or have what was said.
async fn rows(app: &App, text: &str) -> Vec<String> {
    let tables: Vec<String> =
        sql::query_scalar("select name from sqlite_master where type = 'table' and name not like '\\_%' escape '\\'")
            .fetch_all(app.state.store.read())
            .await
            .unwrap();
    let mut found = Vec::new();
    for table in tables.iter().filter(|table| *table != "revocation") {
        let columns: Vec<String> = sql::query_scalar("select name from pragma_table_info($1)")
            .bind(table)
            .fetch_all(app.state.store.read())
            .await
            .unwrap();
        for column in columns {
            let sql = format!("select count(*) from {table} where instr(cast({column} as text), $1) > 0");
            let count: i64 = sql::query_scalar(sql).bind(text).fetch_one(app.state.store.read()).await.unwrap();
            if 0 < count {
                found.push(format!("{table}.{column}"));
            }
        }
    }
    found
}

async fn count(app: &App, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    sql::query_scalar(sql).fetch_one(app.state.store.read()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a58_a_deleted_account_leaves_nothing_in_any_table_nor_in_the_file() {
    let mut app = with_admin(&[]).await;
    let root = app.cookie.clone();
    app.cookie = app.new_cookie().await;
    let ann = ann(&mut app).await;
    assert!(!rows(&app, "Ann").await.is_empty() && !rows(&app, &ann.to_string()).await.is_empty());
    let form = app.get("/account/delete").await.text().await.unwrap();
    assert!(form.contains("1 conversation, with all its messages") && form.contains("1 image"), "{form}");
    for (fields, words) in [
        (vec![("proof", "not the password"), ("sure", "yes")], "This is not your password"),
        (vec![("proof", PASSWORD)], "Say yes to this first"),
    ] {
        let refused = app.form("/account/delete", &fields).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().await.unwrap().contains(words), "{words}");
    }
    let gone = delete(&app, PASSWORD).await;
    assert_eq!(gone.status(), StatusCode::OK);
    assert_eq!(cookie(&gone, "rivulet").as_deref(), Some("rivulet="));
    assert!(gone.text().await.unwrap().contains("Everything is deleted"));
    problem(app.get("/api/v1/conversations").await, 401).await;
    for words in [SECRET, "Ann", "ann", &ann.to_string()] {
        assert_eq!(rows(&app, words).await, Vec::<String>::new(), "{words}");
    }
    for table in ["conversation", "message", "image", "picture", "message_image", "api_token"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    for file in std::fs::read_dir(&app.folder.0).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let there = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!there, "it is still in {}", path.display());
    }
    app.cookie = root;
    let usage = page(&app, "/admin/usage").await;
    assert!(usage.contains("Deleted accounts") && usage.contains("anthropic/mock"), "what was used stays true");
    let log = page(&app, "/admin/log").await;
    assert!(log.contains("deleted itself") && log.contains("deleted account "), "{log}");
    app.cookie = app.new_cookie().await;
    app.sign_up("Ann").await;
    assert!(app.conversations().await.is_empty(), "the name is free, and its next owner has nothing of hers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a58_a_deleted_accounts_streams_and_replies_end_within_a_second_at_every_process() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { silence_after: Some(2), ..Script::default() }).await;
    let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
    let session = Hash::of(app.cookie.split_once('=').unwrap().1);
    let account = id_of(&app, "ann").await.unwrap();
    let who = Principal { account, is_guest: false, role: Role::Member, by: Credential::Session(session) };
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let permit = Permit::take(&second, who).await.unwrap();
    let token = app.token("read").await;
    assert_eq!(delete(&app, PASSWORD).await.status(), StatusCode::OK);
    let since = Instant::now();
    while events.next().await.is_some() {}
    tokio::time::timeout(Duration::from_secs(20), permit.withdrawn()).await.expect("it stays open elsewhere");
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    app.upstream.closed(1).await.unwrap();
    let bearer = app.stranger(Method::GET, "/api/v1/models").bearer_auth(&token);
    problem(bearer.send().await.unwrap(), 401).await;
    assert_eq!(app.state.engine.open_replies(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_admin_cannot_delete_itself_and_an_admin_deletes_others_by_their_name() {
    let mut app = with_admin(&[]).await;
    let refused = delete(&app, PASSWORD).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("This is the only admin that is left"));
    assert_eq!(app.name().await.as_deref(), Some("Root"));
    let (ann, cookie) = member(&mut app, "Ann").await;
    let (ann, root) = (ann.to_string(), id_of(&app, "root").await.unwrap().to_string());
    assert!(page(&app, &format!("/admin/accounts/{ann}/delete")).await.contains("Delete Ann"));
    for (account, proof, words) in [(&ann, "Bob", "not the name of the account"), (&root, "Root", "your own account")] {
        let refused =
            submit(&app, "/admin/accounts/delete", &[("account", account), ("proof", proof), ("sure", "yes")]).await;
        assert!(refused.text().await.unwrap().contains(words), "{words}");
    }
    let form = [("account", ann.as_str()), ("proof", "Ann"), ("sure", "yes")];
    assert_eq!(submit(&app, "/admin/accounts/delete", &form).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(submit(&app, "/admin/accounts/delete", &form).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(id_of(&app, "ann").await, None);
    let log = page(&app, "/admin/log").await;
    assert!(log.contains("deleted account ") && !log.contains("Ann"), "{log}");
    app.cookie = cookie;
    problem(app.get("/api/v1/models").await, 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a58_former_names_go_out_of_the_log_as_well_unless_somebody_else_has_one_by_now() {
    let mut app = with_admin(&[]).await;
    let root = app.cookie.clone();
    let (_, gave_it_up) = member(&mut app, "Hilda").await;
    app.cookie = gave_it_up;
    submit(&app, "/account/name", &[("name", "Yva")]).await;
    app.cookie = root.clone();
    let (ann, anns) = member(&mut app, "Ann").await;
    app.cookie = anns;
    for name in ["Zoe", "Mia", "Hilda"] {
        submit(&app, "/account/name", &[("name", name)]).await;
    }
    app.cookie = root.clone();
    member(&mut app, "Zoe").await;
    app.cookie = root;
    crate::server::accounts::delete(&app.state, ann, None).await.unwrap();
    let entries = app.state.store.audit(None).await.unwrap().0;
    let named = |name: &str| entries.iter().any(|it| [&it.actor, &it.subject, &it.detail].iter().any(|at| *at == name));
    for (name, stays) in [("Ann", false), ("Mia", false), ("Hilda", false), ("Zoe", true), ("Yva", true)] {
        assert_eq!(named(name), stays, "{name}: {entries:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a58_what_was_written_for_others_stays_without_a_name_and_without_images_that_are_gone() {
    let mut shared = Shared::with("participant").await;
    for (is_bob, image) in [(false, png(8, 8)), (true, png(9, 9))] {
        if is_bob {
            shared.be_bob()
        } else {
            shared.be_ann()
        }
        let image = shared.app.image(image).await;
        let body = json!({ "content": directive(&Script::default()), "images": [image] });
        let sent = Sent::of(&shared.app.post(&shared.path("/messages"), body).await.json().await.unwrap());
        shared.app.rest_of(&shared.conversation, &sent).await;
    }
    let form = shared.app.get("/account/delete").await.text().await.unwrap();
    assert!(form.contains("What stays: messages in other people's conversations"), "{form}");
    assert_eq!(delete(&shared.app, PASSWORD).await.status(), StatusCode::OK);
    shared.be_ann();
    let messages = shared.app.snapshot(&shared.conversation).await["messages"].clone();
    assert_eq!(messages[2]["images"].as_array().unwrap().len(), 1, "what others showed stays");
    assert_eq!(messages[4]["author"]["name"], "somebody who has left");
    assert_eq!((&messages[4]["text"], &messages[4]["images"]), (&json!(directive(&Script::default())), &json!(null)));
    let sent = shared.app.send(&shared.conversation, &Script::default()).await;
    let end = shared.app.rest_of(&shared.conversation, &sent).await.pop().unwrap();
    assert_eq!(end.event, "done", "and the conversation goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_deletes_what_it_has_said() {
    let app = App::start().await;
    app.conversation().await;
    assert!(app.get("/sign-in").await.text().await.unwrap().contains("/account/delete"));
    let form = app.get("/account/delete").await.text().await.unwrap();
    assert!(form.contains("Delete what you have said here") && !form.contains("password\""));
    assert_eq!(app.form("/account/delete", &[("sure", "yes")]).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!((count(&app, "account").await, count(&app, "conversation").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_password_is_deleted_by_its_name() {
    let mut app = App::start().await;
    app.sign_up("Ann Example").await;
    let mut write = app.state.store.write().await.unwrap();
    sql::query("update account set password = null").execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(delete(&app, "Bob").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(delete(&app, " ann  example ").await.status(), StatusCode::OK);
    assert_eq!(id_of(&app, "ann example").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_a_dying_process_has_begun_is_finished_by_the_next() {
    let mut app = App::start().await;
    let ann = ann(&mut app).await;
    app.cookie = app.new_cookie().await;
    app.sign_up("Bob").await;
    let other = app.conversation().await;
    // The state of a process that is killed right after.
    app.state.store.begin_deletion(ann, Deletes::Itself).await.unwrap().unwrap();
    assert!(0 < app.state.store.count_conversations(ann).await.unwrap());
    let (folder, upstream, cookie) = app.end().await;
    let mut app = App::on(folder, upstream, &[]).await;
    app.cookie = cookie;
    while !app.state.store.leaving().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(rows(&app, SECRET).await, Vec::<String>::new());
    assert_eq!(app.conversations().await[0]["id"], json!(other));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_ends_with_the_account_that_made_it() {
    let app = App::on(Folder::new(), Upstream::start().await, &[]).await;
    let admin = async |name: &str| {
        let name = Name::parse(name).unwrap();
        let new = NewAccount { guest: None, name: &name, password: None, role: Role::Admin, invitation: None };
        app.state.store.add_account(new).await.unwrap().unwrap().0
    };
    let (ben, _root) = (admin("Ben").await, admin("Root").await);
    let link = Hash::of("a link of Ben's");
    let new = crate::server::store::invitations::NewInvitation {
        hash: link,
        note: "",
        role: Role::Member,
        uses: 5,
        ends_at: crate::server::times::ahead(Duration::from_secs(60)),
        made_by: Some(ben),
    };
    app.state.store.add_invitation(new, None).await.unwrap();
    assert!(app.state.store.open_invitation(link).await.unwrap().is_some());
    crate::server::accounts::delete(&app.state, ben, None).await.unwrap();
    assert!(app.state.store.open_invitation(link).await.unwrap().is_none());
}
