//! Account changes besides chatting: new names and passwords, single sessions, sign-ins in the log, and secrets that
//! are shown once.

use super::accounts::{PASSWORD, cookie, location};
use super::admin::{member, page, submit, with_admin};
use super::app::{App, Sse, directive, problem, text};
use super::upstream::script::Script;
use crate::server::secret::Hash;
use crate::server::store::sql;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const NEW: &str = "another quiet river";

/// The secret in a page behind `before`.
fn secret(page: &str, before: &str) -> String {
    page.split(before).nth(1).unwrap_or_else(|| panic!("{before} is not in {page}"))[..64].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_from_an_admin_sets_a_new_password_once_and_signs_out_everywhere() {
    let mut app = with_admin(&[]).await;
    let (ann, anns) = member(&mut app, "Ann").await;
    let id = ann.to_string();
    let before = app.made("/admin/accounts/reset", &[("account", &id)]).await;
    let made = app.made("/admin/accounts/reset", &[("account", &id)]).await;
    let (before, link) = (secret(&before, "/reset-password?link="), secret(&made, "/reset-password?link="));
    assert!(made.contains(&format!("{}/reset-password", app.url)), "with the address that the admin came by");
    let again = page(&app, &format!("/admin/accounts/{id}")).await;
    assert!(!again.contains(&link) && again.contains("There is a link that can be used until"), "{again}");
    let root = std::mem::replace(&mut app.cookie, "nothing=here".into());
    let over = page(&app, &format!("/reset-password?link={before}")).await;
    assert!(over.contains("used or has expired"), "a new link takes the place of the one before");
    let form = page(&app, &format!("/reset-password?link={link}")).await;
    assert!(form.contains("Choose a new password for Ann"), "{form}");
    let short = submit(&app, "/reset-password", &[("link", &link), ("password", "short")]).await;
    assert_eq!(short.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let set = submit(&app, "/reset-password", &[("link", &link), ("password", NEW)]).await;
    assert!(set.text().await.unwrap().contains("The new password is set"));
    let twice = submit(&app, "/reset-password", &[("link", &link), ("password", PASSWORD)]).await;
    assert_eq!(twice.status(), StatusCode::FORBIDDEN);
    app.cookie = anns;
    problem(app.get("/api/v1/models").await, 401).await;
    app.cookie = app.new_cookie().await;
    assert_eq!(app.try_sign_in("Ann", PASSWORD).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.try_sign_in("Ann", NEW).await.status(), StatusCode::SEE_OTHER);
    app.cookie = root;
    let log = page(&app, "/admin/log").await;
    assert!(log.contains("made a link for a new password") && log.contains("set a new password by a link"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_a_new_password_is_over_after_a_day_and_of_no_use_for_a_disabled_account() {
    let mut app = with_admin(&[]).await;
    let (ann, _) = member(&mut app, "Ann").await;
    let id = ann.to_string();
    let link = secret(&app.made("/admin/accounts/reset", &[("account", &id)]).await, "/reset-password?link=");
    submit(&app, "/admin/accounts/disabled", &[("account", &id), ("disabled", "yes")]).await;
    assert!(app.state.store.reset(Hash::of(&link)).await.unwrap().is_none());
    let refused = submit(&app, "/admin/accounts/reset", &[("account", &id)]).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    submit(&app, "/admin/accounts/disabled", &[("account", &id), ("disabled", "no")]).await;
    assert!(app.state.store.reset(Hash::of(&link)).await.unwrap().is_some());
    let mut write = app.state.store.write().await.unwrap();
    let ends = "update password_reset set ends_at = '2020-01-01T00:00:00.000Z'";
    sql::query(ends).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    let late = submit(&app, "/reset-password", &[("link", &link), ("password", NEW)]).await;
    assert_eq!(late.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_changed_by_its_owner_and_by_an_admin_and_is_still_the_only_one() {
    let mut app = with_admin(&[]).await;
    let (ann, anns) = member(&mut app, "Ann").await;
    let root = std::mem::replace(&mut app.cookie, anns);
    for (name, words) in [("root", "This name is taken"), ("<b>", "begins with a letter")] {
        let refused = submit(&app, "/account/name", &[("name", name)]).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().await.unwrap().contains(words), "{words}");
    }
    assert_eq!(location(&submit(&app, "/account/name", &[("name", "ANN")]).await), "/account");
    assert_eq!(app.name().await.as_deref(), Some("ANN"), "in other letters it is still one's own");
    submit(&app, "/account/name", &[("name", "Anna")]).await;
    let anns = std::mem::replace(&mut app.cookie, root);
    let id = ann.to_string();
    let done = submit(&app, "/admin/accounts/name", &[("account", &id), ("name", "Hannah")]).await;
    assert_eq!(location(&done), format!("/admin/accounts/{id}"));
    let log = page(&app, "/admin/log").await;
    assert!(log.contains("renamed") && log.contains("Hannah") && log.contains("Anna"), "{log}");
    app.cookie = anns;
    assert_eq!(app.name().await.as_deref(), Some("Hannah"), "the session goes on");
    app.cookie = app.new_cookie().await;
    app.sign_in("hannah").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_ends_one_session_of_an_account() {
    let mut app = with_admin(&[]).await;
    let (ann, first) = member(&mut app, "Ann").await;
    let root = std::mem::take(&mut app.cookie);
    app.cookie = app.new_cookie().await;
    app.sign_in("Ann").await;
    let second = std::mem::replace(&mut app.cookie, root);
    let session = Hash::of(first.split_once('=').unwrap().1).to_string();
    let id = ann.to_string();
    let form = [("account", id.as_str()), ("session", session.as_str())];
    assert_eq!(submit(&app, "/admin/accounts/sessions/end-one", &form).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(submit(&app, "/admin/accounts/sessions/end-one", &form).await.status(), StatusCode::NOT_FOUND);
    assert!(page(&app, "/admin/log").await.contains("ended a session"));
    app.cookie = first;
    problem(app.get("/api/v1/models").await, 401).await;
    app.cookie = second;
    assert_eq!(app.name().await.as_deref(), Some("Ann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a29_sign_ins_are_in_the_log_and_nobody_can_flood_it() {
    let mut app = with_admin(&["--trusted-proxies=127.0.0.1"]).await;
    member(&mut app, "Ann").await;
    let root = std::mem::replace(&mut app.cookie, "nothing=here".into());
    for number in 0..40_u8 {
        for name in ["ann", &format!("hunter{number}")] {
            let form = app.form("/sign-in", &[("name", name), ("password", "a wrong guess")]);
            form.header("x-forwarded-for", format!("203.0.113.{number}")).send().await.unwrap();
        }
    }
    app.cookie = app.new_cookie().await;
    let in_again = app.form("/sign-in", &[("name", "Root"), ("password", PASSWORD)]);
    in_again.header("x-forwarded-for", "198.51.100.1").send().await.unwrap();
    app.cookie = root;
    let log = page(&app, "/admin/log").await;
    assert_eq!(log.matches("could not sign in").count(), 2, "one entry for Ann, one for all the others: {log}");
    assert!(log.contains("40 times within an hour") && log.contains("a name that nobody has"), "{log}");
    assert!(log.contains("signed in") && !log.contains("hunter"), "what was typed may be a password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_shows_a_secret_makes_none_when_it_is_reloaded() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let made = app.form("/account/tokens", &[("name", "backups"), ("scope", "read")]).send().await.unwrap();
    assert_eq!((made.status(), location(&made)), (StatusCode::SEE_OTHER, "/account#tokens"));
    let once = cookie(&made, "rivulet-once").unwrap();
    let line = made.headers().get_all("set-cookie").iter().next().unwrap().to_str().unwrap().to_owned();
    assert!(line.contains("HttpOnly") && line.contains("Max-Age=60") && line.contains("SameSite=Lax"), "{line}");
    let page = app.request(Method::GET, "/account").header("cookie", &once).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(once.split_once('=').unwrap().1));
    let again = app.get("/account").await.text().await.unwrap();
    assert!(!again.contains("rivulet_") && again.matches("backups").count() == page.matches("backups").count());
    // A token that another account has put into the browser is not shown as one of this account.
    let forged = format!("rivulet-once=rivulet_{}", "0".repeat(64));
    let page = app.request(Method::GET, "/account").header("cookie", forged).send().await.unwrap();
    assert!(!page.text().await.unwrap().contains("000000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_names_the_address_that_its_admin_came_by() {
    let app = with_admin(&[]).await;
    let form = [("note", "The team"), ("role", "member"), ("uses", "1"), ("days", "3")];
    let made = app.made("/admin/invitations", &form).await;
    assert!(made.contains(&format!("href=\"{}/sign-up?invitation=", app.url)), "{made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_of_a_former_admin_is_not_called_open() {
    let mut app = with_admin(&[]).await;
    let (ben, _) = member(&mut app, "Ben").await;
    let (id, root) = (ben.to_string(), app.cookie.clone());
    submit(&app, "/admin/accounts/role", &[("account", &id), ("role", "admin")]).await;
    app.cookie = app.new_cookie().await;
    app.sign_in("Ben").await;
    app.made("/admin/invitations", &[("note", "Bens"), ("role", "member"), ("uses", "1"), ("days", "3")]).await;
    app.cookie = root;
    assert!(page(&app, "/admin/invitations").await.contains("open until"));
    submit(&app, "/admin/accounts/role", &[("account", &id), ("role", "member")]).await;
    let list = page(&app, "/admin/invitations").await;
    assert!(
        !list.contains("open until") && list.contains("invalid, because its creator is no longer an admin"),
        "{list}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_the_first_admin_says_so() {
    let app = App::start().await;
    let link = crate::server::accounts::first_admin(&app.state).await.unwrap().unwrap();
    let words = "You become an admin of this server";
    assert!(page(&app, &format!("/sign-up?invitation={link}")).await.contains(words));
    assert!(!page(&app, "/sign-up").await.contains(words));
    assert!(!page(&app, &format!("/sign-up?invitation={}", "0".repeat(64))).await.contains(words));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_a_guest_began_ends_with_the_account_that_took_it_over() {
    let mut app = with_admin(&[]).await;
    let (ann, _) = member(&mut app, "Ann").await;
    let root = std::mem::take(&mut app.cookie);
    app.cookie = app.new_cookie().await;
    let conversation = app.conversation().await;
    app.send(&conversation, &Script { silence_after: Some(2), ..Script::default() }).await;
    app.sign_in("Ann").await;
    app.form("/account/conversations", &[("keep", "yes")]).send().await.unwrap();
    assert_eq!(app.state.engine.open_replies(), 1);
    app.cookie = root;
    submit(&app, "/admin/accounts/disabled", &[("account", &ann.to_string()), ("disabled", "yes")]).await;
    app.upstream.closed(1).await.unwrap();
    while 0 < app.state.engine.open_replies() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a42_stateless_answers_are_open_replies_of_their_account() {
    let mut app = App::with(&["--open-replies=2"]).await;
    app.sign_up("Ann").await;
    let silent = Script { silence_after: Some(2), ..Script::default() };
    let stateless = json!({ "messages": [{ "role": "user", "content": directive(&silent) }] });
    let mut first = Sse::new(app.post("/chat/stream", stateless.clone()).await);
    assert_eq!(first.next().await.unwrap().event, "token");
    let conversation = app.conversation().await;
    app.send(&conversation, &silent).await;
    let refused = problem(app.post("/chat/stream", stateless.clone()).await, 429).await;
    assert!(text(&refused["detail"]).starts_with("2 replies are being written for you already"), "{refused}");
    let other = app.conversation().await;
    let path = format!("/api/v1/conversations/{other}/messages");
    problem(app.post(&path, json!({ "content": "x" })).await, 429).await;
    drop(first);
    // The place is free as soon as the server knows that the reader has left.
    while app.post(&path, json!({ "content": "x" })).await.status() != StatusCode::ACCEPTED {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_caller_is_told_what_to_do() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let detail =
        async |request: reqwest::RequestBuilder| text(&problem(request.send().await.unwrap(), 401).await["detail"]);
    let models = || app.stranger(Method::GET, "/api/v1/models");
    assert!(detail(models()).await.contains("Open its start page"));
    let wrong = detail(models().bearer_auth(format!("rivulet_{}", "0".repeat(64)))).await;
    assert!(wrong.starts_with("This API token is wrong, or was revoked"), "{wrong}");
    let alone = App::with(&["--guests=off"]).await;
    let stranger = detail(alone.stranger(Method::GET, "/api/v1/models")).await;
    assert!(stranger.contains("/sign-in") && !stranger.contains("start page"), "{stranger}");
    let stateless = alone.stranger(Method::POST, "/chat/stream");
    let stateless = stateless.json(&json!({ "messages": [{ "role": "user", "content": "x" }] }));
    assert!(detail(stateless).await.contains("/sign-in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_id_of_an_image_is_said_in_plain_words() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let refused: Value =
        problem(app.post(&path, json!({ "content": "x", "images": ["holiday.jpg"] })).await, 422).await;
    assert_eq!(refused["field"], "images[0]");
    assert!(text(&refused["detail"]).starts_with("This is not an id."), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn z41_a_session_that_nobody_used_for_long_is_not_shown_before_it_is_swept() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let ann = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    assert_eq!(app.state.store.sessions(ann).await.unwrap().len(), 1);
    let mut write = app.state.store.write().await.unwrap();
    let age = sql::query("update session set last_used_at = '2020-01-01T00:00:00.000Z'");
    age.execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    assert!(app.state.store.sessions(ann).await.unwrap().is_empty());
}
