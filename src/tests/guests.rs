//! Guests: how many are made, and which of them go again.

use super::app::{App, problem};
use super::upstream::script::Script;
use crate::model::{Access, AccountId};
use crate::server::accounts::GuestSweep;
use crate::server::revocation;
use crate::server::secret::Hash;
use crate::server::store::sql;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

async fn opens(app: &App, path: &str, from: &str) -> Response {
    let request = app.stranger(Method::GET, path).header("x-forwarded-for", from).header("accept", "text/html");
    request.send().await.unwrap()
}

async fn count(app: &App) -> i64 {
    sql::query_scalar("select count(*) from account").fetch_one(app.state.store.read()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_drops_its_cookies_gets_a_limited_number_of_guests() {
    let app = App::with(&["--trusted-proxies=127.0.0.1"]).await;
    let paths = ["/".to_owned(), format!("/c/{}", AccountId::new())];
    let mut refused = None;
    for number in 0..1_000 {
        let answer = opens(&app, &paths[number % 2], &format!("2001:db8::{number:x}")).await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("1,000 guests for one network");
    assert!(!refused.headers().contains_key("set-cookie"));
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    let page = refused.text().await.unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Open this page again in"), "{page}");
    let made = count(&app).await;
    assert!((121..200).contains(&made), "{made}");
    // Known guests continue, and so do others.
    let known = app.request(Method::GET, "/").header("x-forwarded-for", "2001:db8::1").send().await.unwrap();
    assert_eq!(known.status(), StatusCode::OK);
    assert_eq!(opens(&app, "/", "2001:db8:0:1::1").await.status(), StatusCode::OK);
}

impl App {
    /// A new guest's cookie, and its account.
    async fn new_guest(&self) -> (String, AccountId) {
        let cookie = self.new_cookie().await;
        let session = Hash::of(cookie.split_once('=').unwrap().1);
        (cookie, self.state.store.session(session).await.unwrap().unwrap().account)
    }

    /// Lets a year pass for every account that there is.
    async fn ages(&self) {
        let mut write = self.state.store.write().await.unwrap();
        for age in [
            "update account set created_at = '2020-01-01T00:00:00.000Z'",
            "update session set last_used_at = '2020-01-01T00:00:00.000Z'",
        ] {
            sql::query(age).execute(&mut *write).await.unwrap();
        }
        write.commit().await.unwrap();
    }

    async fn is_there(&self, account: AccountId) -> bool {
        self.state.store.account(account).await.is_ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_nobody_uses_goes_after_a_day_and_one_that_has_something_stays() {
    let mut app = App::start().await;
    // More than are looked at once.
    for number in 0..230 {
        app.state.store.add_guest(Hash::of(&number.to_string()), "").await.unwrap();
    }
    let (_, unused) = app.new_guest().await;
    let (invited, guest) = app.new_guest().await;
    let conversation = app.conversation().await;
    let (store, owner) = (app.state.store.clone(), app.state.writer(guest));
    store.share(owner, conversation.parse().unwrap(), guest, Access::Participant, 10).await.unwrap();
    // One that has written in another user's conversation, and is no longer in it.
    let (cookie, wrote) = app.new_guest().await;
    store.share(owner, conversation.parse().unwrap(), wrote, Access::Participant, 10).await.unwrap();
    let owner = std::mem::replace(&mut app.cookie, cookie);
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    app.cookie = owner.clone();
    store.unshare(conversation.parse().unwrap(), wrote, false).await.unwrap();
    app.ages().await;
    let (_, new) = app.new_guest().await;

    GuestSweep::default().sweep(&app.state).await;
    assert!(!app.is_there(unused).await);
    for (account, why) in [(guest, "shares"), (wrote, "has written"), (new, "came today")] {
        assert!(app.is_there(account).await, "{why}");
    }
    assert_eq!(count(&app).await, 4, "and the account that has the conversation");
    assert!(app.has_conversations().await);
    app.cookie = invited;
    assert!(app.has_conversations().await);
    // A page of yesterday begins anew.
    let page = app.stranger(Method::GET, "/").header("cookie", "rivulet=of-yesterday").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.headers().contains_key("set-cookie"));
}

impl App {
    async fn has_conversations(&self) -> bool {
        !self.conversations().await.is_empty()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whose_page_is_open_or_was_used_today_stays() {
    let mut app = App::start().await;
    let (cookie, account) = app.new_guest().await;
    let session = Hash::of(cookie.split_once('=').unwrap().1);
    app.ages().await;
    let sweep = async || GuestSweep::default().sweep(&app.state).await;
    let by = crate::server::principal::Credential::Session(session);
    let role = crate::server::principal::Role::Member;
    let who = crate::server::principal::Principal { account, is_guest: true, role, by };
    let open = revocation::grant(&app.state, who).await.unwrap();
    sweep().await;
    assert!(app.is_there(account).await, "its page is open");
    drop(open);
    app.state.store.touch_session(session).await.unwrap();
    sweep().await;
    assert!(app.is_there(account).await, "it was used");
    app.ages().await;
    sweep().await;
    assert!(!app.is_there(account).await);
    app.cookie = cookie;
    let refused = problem(app.post("/api/v1/conversations", json!({})).await, 401).await;
    assert!(refused["detail"].as_str().unwrap().contains("Open its start page"), "{refused}");
}
