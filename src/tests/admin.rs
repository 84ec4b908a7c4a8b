//! What an admin does, and that it is logged.

use super::accounts::{PASSWORD, cookie, location};
use super::app::{App, problem};
use super::upstream::script::Script;
use crate::error::Problem;
use crate::model::{AccountId, MessageId};
use crate::server::admin;
use crate::server::engine::NewMessage;
use crate::server::principal::Credential;
use crate::server::principal::Principal;
use crate::server::principal::Role;
use crate::server::prompt::Prompt;
use crate::server::secret::Hash;
use crate::server::session::{Admin, Person};
use crate::server::store::audit::Note;
use reqwest::StatusCode;
use serde_json::json;

/// A server with an admin; the browser at hand is the admin's.
pub(crate) async fn with_admin(flags: &[&str]) -> App {
    let mut app = App::with(flags).await;
    let link = crate::server::accounts::first_admin(&app.state).await.unwrap().unwrap();
    let form = [("name", "Root"), ("password", PASSWORD), ("invitation", link.as_str())];
    let answer = app.form("/sign-up", &form).send().await.unwrap();
    app.cookie = cookie(&answer, "rivulet").unwrap();
    app
}

/// Another user, with the cookie of their browser.
pub(crate) async fn member(app: &mut App, name: &str) -> (AccountId, String) {
    let admin = std::mem::take(&mut app.cookie);
    app.cookie = app.new_cookie().await;
    app.sign_up(name).await;
    let cookie = std::mem::replace(&mut app.cookie, admin);
    let key = name.to_lowercase();
    (app.state.store.credentials(&key).await.unwrap().unwrap().account, cookie)
}

pub(crate) async fn page(app: &App, path: &str) -> String {
    let page = app.get(path).await;
    assert_eq!(page.status(), StatusCode::OK, "{path}");
    page.text().await.unwrap()
}

pub(crate) async fn submit(app: &App, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    app.form(path, fields).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_found_by_part_of_their_name_page_by_page() {
    let mut app = with_admin(&[]).await;
    for name in ["Ann", "Anton", "Bert_1", "Bert%2"] {
        let name = name.replace('%', ".");
        member(&mut app, &name).await;
    }
    let found = page(&app, "/admin?q=AN").await;
    assert!(found.contains("Ann") && found.contains("Anton") && !found.contains("Bert"), "{found}");
    let found = page(&app, "/admin?q=t_").await;
    assert!(found.contains("Bert_1") && !found.contains("Bert.2"), "a sign is a sign and no pattern");
    for number in 0..50 {
        let name = crate::server::principal::Name::parse(&format!("zz {number:02}")).unwrap();
        let new = crate::server::store::accounts::NewAccount {
            guest: None,
            name: &name,
            password: None,
            role: crate::server::principal::Role::Member,
            invitation: None,
        };
        app.state.store.add_account(new).await.unwrap().unwrap();
    }
    let first = page(&app, "/admin").await;
    assert!(first.contains("Show more") && !first.contains("zz 49"));
    let last = page(&app, "/admin?after=zz+40").await;
    assert!(last.contains("zz 49") && !last.contains("Show more"));
    assert!(!page(&app, "/admin?guests=yes").await.contains("Ann"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_a_disabled_account_and_ended_sessions_work_at_once_and_are_in_the_log() {
    let mut app = with_admin(&[]).await;
    let (ann, cookie) = member(&mut app, "Ann").await;
    let id = ann.to_string();
    let done = submit(&app, "/admin/accounts/role", &[("account", &id), ("role", "agent")]).await;
    assert_eq!(location(&done), format!("/admin/accounts/{id}"));
    let detail = page(&app, &format!("/admin/accounts/{id}")).await;
    assert!(detail.contains("agent, since today"), "{detail}");
    let admin = std::mem::replace(&mut app.cookie, cookie);
    problem(app.get("/api/v1/models").await, 401).await;
    app.cookie = app.new_cookie().await;
    app.sign_in("Ann").await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { silence_after: Some(2), ..Script::default() }).await;
    let token = app.token("write").await;
    let anns = std::mem::replace(&mut app.cookie, admin.clone());
    submit(&app, "/admin/accounts/disabled", &[("account", &id), ("disabled", "yes")]).await;
    app.upstream.closed(1).await.unwrap();
    let reply = sent.reply.parse().unwrap();
    while app.state.store.message(reply).await.unwrap().unwrap().0.status.is_open() {
        tokio::task::yield_now().await;
    }
    app.cookie = anns;
    problem(app.get("/api/v1/models").await, 401).await;
    let bearer = app.stranger(reqwest::Method::GET, "/api/v1/models").bearer_auth(&token);
    problem(bearer.send().await.unwrap(), 401).await;
    app.cookie = app.new_cookie().await;
    let refused = app.try_sign_in("Ann", PASSWORD).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(refused.text().await.unwrap().contains("This account is disabled"));
    let wrong = app.try_sign_in("Ann", "not the password").await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY, "only who knows the password hears so");
    app.cookie = admin;
    submit(&app, "/admin/accounts/disabled", &[("account", &id), ("disabled", "no")]).await;
    submit(&app, "/admin/accounts/sessions/end", &[("account", &id)]).await;
    let log = page(&app, "/admin/log").await;
    for words in
        ["Root", "changed the role", "member to agent", "disabled", "enabled", "ended the sessions", "signed up"]
    {
        assert!(log.contains(words), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a53_an_admin_cannot_lock_the_administration_and_nobody_else_finds_it() {
    let mut app = with_admin(&[]).await;
    let root = app.state.store.credentials("root").await.unwrap().unwrap().account.to_string();
    for (path, field, value) in
        [("/admin/accounts/role", "role", "member"), ("/admin/accounts/disabled", "disabled", "yes")]
    {
        let refused = submit(&app, path, &[("account", &root), (field, value)]).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().await.unwrap().contains("your own account"));
    }
    let (_, cookie) = member(&mut app, "Ann").await;
    app.cookie = cookie;
    for path in ["/admin", "/admin/log", "/metrics", "/debug", "/pkg/rivulet.js.map", "/admin/nothing"] {
        let answer = app.get(path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.headers().contains_key("server"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_that_act_on_each_other_at_once_leave_one() {
    let mut app = with_admin(&[]).await;
    let (ben, _) = member(&mut app, "Ben").await;
    let root = app.state.store.credentials("root").await.unwrap().unwrap().account;
    // Both have been let in as admins; their requests are handled one after the other.
    let admin = |account, name: &str| {
        let who = Principal { account, is_guest: false, role: Role::Admin, by: Credential::Session(Hash::of(name)) };
        Admin(Person { who, name: name.into() })
    };
    let (roots, bens) = (admin(root, "Root"), admin(ben, "Ben"));
    admin::set_role(&app.state, roots.clone(), ben, Role::Admin).await.unwrap();
    admin::set_role(&app.state, roots.clone(), ben, Role::Member).await.unwrap();
    for refused in [
        admin::set_role(&app.state, bens.clone(), root, Role::Member).await,
        admin::set_disabled(&app.state, bens.clone(), root, true).await,
    ] {
        assert!(refused.unwrap_err().to_string().starts_with("This is the only admin"));
    }
    admin::set_role(&app.state, roots.clone(), ben, Role::Admin).await.unwrap();
    admin::set_disabled(&app.state, roots, ben, true).await.unwrap();
    assert!(admin::set_disabled(&app.state, bens.clone(), root, true).await.is_err());
    assert!(admin::set_role(&app.state, bens, root, Role::Member).await.is_err());
    assert!(app.state.store.has_admin().await.unwrap());
    assert_eq!(app.name().await.as_deref(), Some("Root"), "nothing has happened to it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waits_while_its_account_is_disabled_is_not_sent() {
    let mut app = with_admin(&[]).await;
    let (ann, cookie) = member(&mut app, "Ann").await;
    app.cookie = cookie;
    let conversation = app.conversation().await.parse().unwrap();
    let note = Note::new("Root", "disabled", "Ann", "");
    app.state.store.set_disabled(ann, true, &note).await.unwrap().unwrap();
    // As a send that had been let in before goes on when its turn comes.
    let text = Prompt::parse("x".into()).unwrap();
    let sent = app.state.engine.send(ann, conversation, NewMessage::new(MessageId::new(), text)).await;
    assert_eq!(sent.unwrap_err(), Problem::Unknown);
    assert!(app.upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_lets_in_as_many_as_it_says_until_it_is_withdrawn() {
    let mut app = with_admin(&["--sign-up=invitation"]).await;
    let form = [("note", "The team"), ("role", "agent"), ("uses", "2"), ("days", "3")];
    let made = app.made("/admin/invitations", &form).await;
    let link = made.split("/sign-up?invitation=").nth(1).unwrap()[..64].to_owned();
    let admin = app.cookie.clone();
    for (name, status) in [("One", 303), ("Two", 303), ("Three", 422)] {
        app.cookie = app.new_cookie().await;
        let form = [("name", name), ("password", PASSWORD), ("invitation", link.as_str())];
        assert_eq!(submit(&app, "/sign-up", &form).await.status().as_u16(), status, "{name}");
    }
    let without = submit(&app, "/sign-up", &[("name", "Four"), ("password", PASSWORD)]).await;
    assert_eq!(without.status(), StatusCode::UNPROCESSABLE_ENTITY);
    app.cookie = admin;
    assert!(page(&app, "/admin/invitations").await.contains("agent, taken 2 of 2 times, used up"));
    let again = app.made("/admin/invitations", &form).await;
    let link = again.split("/sign-up?invitation=").nth(1).unwrap()[..64].to_owned();
    let hash = crate::server::secret::Hash::of(&link).to_string();
    let ended = submit(&app, "/admin/invitations/end", &[("invitation", &hash)]).await;
    assert_eq!(location(&ended), "/admin/invitations");
    app.cookie = app.new_cookie().await;
    let form = [("name", "Five"), ("password", PASSWORD), ("invitation", link.as_str())];
    assert_eq!(submit(&app, "/sign-up", &form).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

/// A link for one more person, made by the browser at hand.
async fn link(app: &App) -> String {
    let form = [("note", "Somebody"), ("role", "member"), ("uses", "9"), ("days", "3")];
    let made = app.made("/admin/invitations", &form).await;
    made.split("/sign-up?invitation=").nth(1).unwrap()[..64].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_links_of_an_admin_that_is_none_any_more_or_is_disabled_let_nobody_in() {
    let mut app = with_admin(&["--sign-up=open"]).await;
    let (ben, _) = member(&mut app, "Ben").await;
    let id = ben.to_string();
    let root = app.cookie.clone();
    submit(&app, "/admin/accounts/role", &[("account", &id), ("role", "admin")]).await;
    app.cookie = app.new_cookie().await;
    app.sign_in("Ben").await;
    let (bens, mut names) = (link(&app).await, 0);
    for (path, field, value, status) in [
        ("role", "role", "member", 422),
        ("role", "role", "admin", 303),
        ("disabled", "disabled", "yes", 422),
        ("disabled", "disabled", "no", 303),
    ] {
        app.cookie = root.clone();
        let done = submit(&app, &format!("/admin/accounts/{path}"), &[("account", &id), (field, value)]).await;
        assert_eq!(done.status(), StatusCode::SEE_OTHER, "{value}");
        app.cookie = app.new_cookie().await;
        let hash = Hash::of(&bens);
        assert_eq!(app.state.store.open_invitation(hash).await.unwrap().is_some(), status == 303, "{value}");
        names += 1;
        let name = format!("New {names}");
        let form = [("name", name.as_str()), ("password", PASSWORD), ("invitation", bens.as_str())];
        assert_eq!(submit(&app, "/sign-up", &form).await.status().as_u16(), status, "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_sign_up_is_set_while_it_runs() {
    let mut app = with_admin(&["--sign-up=open"]).await;
    let admin = app.cookie.clone();
    for (policy, status) in [("closed", 403), ("invitation", 422), ("open", 303)] {
        app.cookie = admin.clone();
        submit(&app, "/admin/sign-up", &[("policy", policy)]).await;
        app.cookie = app.new_cookie().await;
        let up = submit(&app, "/sign-up", &[("name", "Ann"), ("password", PASSWORD)]).await;
        assert_eq!(up.status().as_u16(), status, "{policy}");
    }
    app.cookie = admin;
    assert!(page(&app, "/admin/log").await.contains("set who may sign up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_reached_is_raised_by_an_admin_and_that_works_at_once() {
    let mut app = with_admin(&["--tokens-per-month=5"]).await;
    let (ann, cookie) = member(&mut app, "Ann").await;
    let admin = std::mem::replace(&mut app.cookie, cookie);
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let asked = app.upstream.seen().len();
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let refused = problem(app.post(&path, json!({ "content": "x" })).await, 429).await["detail"].to_string();
    assert!(refused.contains("This month's 5 tokens are used up. It goes on at 00:00 UTC on 1 "), "{refused}");
    assert_eq!(app.upstream.seen().len(), asked);
    let anns = std::mem::replace(&mut app.cookie, admin);
    let id = ann.to_string();
    let limits = |month: &'static str| {
        let open = [("sends_per_minute", ""), ("open_replies", "1"), ("streams", "1"), ("tokens_per_day", "")];
        open.into_iter().chain([("tokens_per_month", month)]).collect::<Vec<_>>()
    };
    for (month, status) in [("many", 422), ("1000000", 303)] {
        let fields: Vec<_> = limits(month).into_iter().chain([("account", id.as_str())]).collect();
        assert_eq!(submit(&app, "/admin/accounts/limits", &fields).await.status().as_u16(), status, "{month}");
    }
    let usage = page(&app, "/admin/usage").await;
    assert!(usage.contains("Ann") && usage.contains("anthropic/mock"), "{usage}");
    assert!(page(&app, "/admin/log").await.contains("tokens per month 1000000"));
    app.cookie = anns;
    let sent = app.send(&conversation, &Script { silence_after: Some(1), ..Script::default() }).await;
    let other = app.conversation().await;
    let refused = app.post(&format!("/api/v1/conversations/{other}/messages"), json!({ "content": "x" })).await;
    assert!(problem(refused, 429).await["detail"].as_str().unwrap().starts_with("1 replies are being written"));
    let _one = app.follow(&conversation, None).await;
    problem(app.get(&format!("/api/v1/conversations/{conversation}/events")).await, 429).await;
    app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_page_by_page() {
    let app = with_admin(&[]).await;
    for number in 0..120 {
        let note = Note::new("Root", "did", &format!("thing {number}."), "");
        app.state.store.note_again(&note).await.unwrap();
    }
    let first = page(&app, "/admin/log").await;
    assert!(first.contains("thing 119.") && !first.contains("thing 0."));
    let older = first.split("/admin/log?before=").nth(1).unwrap().split('"').next().unwrap();
    let last = page(&app, &format!("/admin/log?before={older}")).await;
    assert!(last.contains("thing 0.") && last.contains("thing 19.") && !last.contains("thing 20."), "{last}");
    assert!(!last.contains("Older ones"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_sees_how_pusher_clients_connect_and_it_stays_so() {
    let app = with_admin(&["--allowed-origins=https://app.example.org"]).await;
    let shown = page(&app, "/admin/connect").await;
    let pusher = &app.state.sockets.app;
    assert!(shown.contains(&format!("REVERB_APP_KEY={}", pusher.key)));
    assert!(shown.contains(&format!("REVERB_APP_SECRET={}", pusher.secret())));
    assert!(shown.contains("https://app.example.org"));
    let again = crate::server::State::start(super::app::settings(&app.folder, &app.upstream, &[])).await.unwrap();
    assert_eq!((&again.sockets.app.key, again.sockets.app.secret()), (&pusher.key, pusher.secret()));
}
