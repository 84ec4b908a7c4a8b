//! What is left of visitors and sites: nothing, and nowhere are they taken for people (A67, A68).

use super::{Desk, Visitor};
use crate::server::store::sql::query;
use crate::tests::admin::page;
use crate::tests::app::text;
use crate::tests::upstream::script::Script;
use reqwest::{Method, StatusCode};

async fn count(desk: &Desk, table: &'static str) -> i64 {
    let sql = format!("select count(*) as rows from {table}");
    query(sql).fetch_one(desk.app.state.store.read()).await.unwrap().try_get("rows").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a67_a_deleted_site_leaves_nothing() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let mut events = desk.follow(&who, &conversation, "").await;
    events.next().await;
    let path = format!("/api/v1/sites/{}", desk.site);
    assert_eq!(desk.app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let gone = desk.visitor(&who, Method::GET, "").send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    while events.next().await.is_some() {}
    for table in
        ["site", "site_agent", "visitor", "visitor_token", "assignment", "assignment_change", "conversation", "message"]
    {
        assert_eq!(count(&desk, table).await, 0, "{table}");
    }
    assert_eq!(count(&desk, "account where kind = 'visitor'").await, 0);
    assert_eq!(count(&desk, "site_usage").await, 1, "what it has cost stays known");
}

#[tokio::test(flavor = "multi_thread")]
async fn a67_a_visitor_deletes_a_conversation_and_is_forgotten() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let path = format!("/conversations/{conversation}");
    assert_eq!(desk.visitor(&who, Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    for table in ["assignment", "assignment_change", "conversation", "message"] {
        assert_eq!(count(&desk, table).await, 0, "{table}");
    }
    let other = desk.answered(&who).await;
    let mut events = desk.follow(&who, &other, "").await;
    events.next().await;
    let forgotten = desk.visitor(&who, Method::POST, "/forget").send().await.unwrap();
    assert_eq!(forgotten.status(), StatusCode::SEE_OTHER);
    while events.next().await.is_some() {}
    let gone = desk.visitor(&who, Method::GET, &format!("/conversations/{other}")).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_the_site_keeps_it_goes_by_itself() {
    let desk = Desk::with(&[], serde_json::json!({ "retention_days": 30 })).await;
    let (old, new) = (Visitor::new(), Visitor::new());
    let conversation = desk.answered(&old).await;
    let kept = desk.answered(&new).await;
    let mut write = desk.app.state.store.write().await.unwrap();
    query("update assignment set last_at = '2020-01-01' where conversation = $1")
        .bind(&conversation)
        .execute(&mut *write)
        .await
        .unwrap();
    query("update visitor set created_at = '2020-01-01'").execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    crate::server::desk::sweep(&desk.app.state).await;
    assert_eq!((count(&desk, "conversation").await, count(&desk, "visitor").await), (1, 1));
    desk.seen(&new, &kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_are_in_no_list_of_people_and_in_no_sweep_of_guests() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let row = query("select account from visitor").fetch_one(desk.app.state.store.read()).await.unwrap();
    let account: String = row.try_get("account").unwrap();
    for path in ["/admin", "/admin?guests=yes", "/admin/usage", "/admin/log"] {
        let html = page(&desk.app, path).await;
        assert!(!html.contains(&account) && !html.contains(&account[24..]), "{path}");
    }
    let delete = desk.visitor(&who, Method::DELETE, &format!("/conversations/{conversation}"));
    delete.send().await.unwrap();
    let (unused, _) = desk.app.state.store.unused_guests("9999", "", 1_000).await.unwrap();
    assert!(unused.iter().all(|guest| guest.to_string() != account), "the guests' sweep leaves it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a68_a_planted_cookie_means_nothing_until_its_first_message_and_two_secrets_are_refused() {
    let desk = Desk::start().await;
    let who = Visitor::new();
    let begun = desk.begin(&who, &Script::default()).await;
    let page = desk.app.stranger(Method::GET, &format!("/w/{}", desk.site)).send().await.unwrap();
    let set = page.headers()["set-cookie"].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let name = set.split('=').next().unwrap();
    let path = format!("/conversations/{}", text(&begun["conversation"]));
    let planted = format!("{name}={}", crate::server::secret::new().unwrap());
    let both = desk.visitor(&who, Method::GET, &path).header("cookie", &planted).send().await.unwrap();
    assert_eq!(both.status(), StatusCode::BAD_REQUEST);
    let alone = desk.by(&planted, Method::GET, &format!("/w/{}{path}", desk.site)).send().await.unwrap();
    assert_eq!(alone.status(), StatusCode::NOT_FOUND);
}
