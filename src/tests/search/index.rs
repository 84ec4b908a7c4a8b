//! The search index: what is in it is found however old it is, by the same rights, and what is deleted is out of it.

use super::{found, said};
use crate::model::{AccountId, ConversationId};
use crate::server::search::indexing::Indexing;
use crate::server::store::search::index::{Block, Place};
use crate::server::store::sql::{query, query_scalar};
use crate::server::times::ago;
use crate::tests::app::{App, Sent, text};
use crate::tests::sharing::Shared;
use crate::tests::upstream::script::Script;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// Other tests run beside this one.
const PATIENCE: Duration = Duration::from_secs(60);

/// More than a page of search reads.
const FILLERS: i64 = 6_000;

/// Fills and cleans the index until there is nothing to be done, for the server's own loop neither.
pub(super) async fn index(app: &App) {
    let mut indexing = Indexing::eager();
    let done = async {
        // One round looks at the accounts up to the end, one begins anew.
        let mut quiet = 0;
        while quiet < 3 || 0 < unsettled(app).await {
            quiet = if indexing.sweep(&app.state).await { 0 } else { quiet + 1 };
        }
    };
    timeout(PATIENCE, done).await.expect("the index is never complete");
}

async fn unsettled(app: &App) -> i64 {
    let blocks = "select count(*) from search_block where state <> 1";
    query_scalar(blocks).fetch_one(app.state.store.read()).await.unwrap()
}

/// Messages of the account of which none has a word that is looked for, in a conversation that is newer than all others.
async fn bury(app: &App, account: AccountId) {
    let mut write = app.state.store.write().await.unwrap();
    for what in [
        "insert into conversation (id, account, title, title_by, system, parameters, created_at, updated_at)
         values ('0192f0c1-0000-7000-8000-0000000000ff', $1, 'Newer', 'person', '', '{}', $2, $2)",
        "insert into message (id, conversation, position, role, text, thinking, status, created_at)
         with recursive n (i) as (select 1 union all select i + 1 from n where i < 6000)
         select '0192f0c2-0000-7000-8000-' || (100000000000 + i), '0192f0c1-0000-7000-8000-0000000000ff', i, 'user',
                'Something else, of no interest', '', 'done', $2 from n where $1 = $1",
    ] {
        query(what).bind(account.to_string()).bind(ago(Duration::ZERO)).execute(&mut *write).await.unwrap();
    }
    write.commit().await.unwrap();
}

pub(super) async fn owner(app: &App, conversation: &str) -> AccountId {
    app.state.store.owner(conversation.parse().unwrap()).await.unwrap()
}

async fn count(app: &App, table: &'static str) -> i64 {
    query_scalar(format!("select count(*) from {table}")).fetch_one(app.state.store.read()).await.unwrap()
}

fn ids(page: &Value) -> Vec<String> {
    let mut ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|it| text(&it["conversation"])).collect();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_stands_once_in_the_oldest_message_is_on_the_first_page() {
    let app = App::start().await;
    let (oldest, sent) = said(&app, "The weather\n\nwas Quixotic, 東京の天気, über c#").await;
    bury(&app, owner(&app, &oldest).await).await;
    let before = found(&app, "q=quixotic").await;
    assert!(before["items"] == json!([]) && before["next"].is_string(), "without the index it takes several pages");
    index(&app).await;
    assert!(FILLERS / 1_024 < count(&app, "search_block").await);
    for words in ["quixotic", "uixot", "QUIXOTIC+weather", "%E5%A4%A9%E6%B0%97", "%E4%BA%AC", "%C3%9Cber", "c%23", "qu"]
    {
        let page = found(&app, &format!("q={words}&limit=3")).await;
        let of_message: Vec<_> = page["items"].as_array().unwrap().iter().map(|it| text(&it["message"])).collect();
        assert!(of_message.contains(&sent.message), "{words}: {page}");
        assert!(page["next"].is_null(), "{words}: and nothing more is to be looked through");
    }
    for words in ["quixotic+newer", "quixotics", "%E6%B0%97%E5%A4%A9"] {
        let page = found(&app, &format!("q={words}")).await;
        assert!(page["items"] == json!([]) && page["next"].is_null(), "{words}: {page}");
    }
    let title = found(&app, "q=newer").await;
    assert_eq!((ids(&title).len(), &title["items"][0]["message"]), (1, &Value::Null), "by its title");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_index_have_each_result_once_and_what_is_newer_than_it_first() {
    let app = App::start().await;
    let mut expected = Vec::new();
    for number in 0..3 {
        expected.insert(0, said(&app, &format!("{}\n\nneedle {number}", "x".repeat(200))).await.1.message);
    }
    let account = owner(&app, &app.conversation().await).await;
    bury(&app, account).await;
    index(&app).await;
    expected.insert(0, said(&app, &format!("{}\n\nneedle, not yet in it", "y".repeat(200))).await.1.message);
    let (mut seen, mut query) = (Vec::new(), "q=needle&limit=1".to_owned());
    loop {
        let page = found(&app, &query).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(&item["message"])));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("q=needle&limit=1&cursor={next}");
    }
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_out_of_the_index_and_the_rest_stays() {
    let app = App::start().await;
    let (gone, _) = said(&app, "A quixotic secret").await;
    let (kept, _) = said(&app, "A quixotic remark").await;
    bury(&app, owner(&app, &kept).await).await;
    index(&app).await;
    let members = async |id: &str| {
        let blocks: Vec<Vec<u8>> =
            query_scalar("select members from search_block").fetch_all(app.state.store.read()).await.unwrap();
        let id: ConversationId = id.parse().unwrap();
        blocks.iter().filter(|members| members.windows(16).any(|some| some == id.0.as_bytes())).count()
    };
    assert_eq!((members(&gone).await, members(&kept).await), (1, 1));
    let parts = count(&app, "search_part").await;
    let deleted = app.request(Method::DELETE, &format!("/api/v1/conversations/{gone}")).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(ids(&found(&app, "q=quixotic").await), [kept.as_str()], "at once");
    index(&app).await;
    assert_eq!((members(&gone).await, members(&kept).await), (0, 1));
    assert!(count(&app, "search_part").await <= parts, "the former block is deleted");
    assert_eq!(ids(&found(&app, "q=quixotic").await), [kept]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_whose_conversation_went_without_a_word_is_found_by_the_check() {
    let app = App::start().await;
    let (gone, _) = said(&app, "A quixotic secret").await;
    said(&app, "A remark").await;
    index(&app).await;
    let mut write = app.state.store.write().await.unwrap();
    // As a process of an earlier version does, which knows no index.
    query("delete from conversation where id = $1").bind(&gone).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    index(&app).await;
    let left: Vec<i64> =
        query_scalar("select conversations from search_block").fetch_all(app.state.store.read()).await.unwrap();
    assert_eq!(left, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_title_is_found_and_the_former_is_not() {
    let app = App::start().await;
    let (named, _) = said(&app, "Quixotic plans").await;
    bury(&app, owner(&app, &named).await).await;
    index(&app).await;
    let change = app.request(Method::PATCH, &format!("/api/v1/conversations/{named}"));
    let changed = change.json(&json!({ "title": "Windmills" })).send().await.unwrap();
    assert!(changed.status().is_success());
    index(&app).await;
    let found_title = async |words: &str| {
        let page = found(&app, &format!("q={words}")).await;
        page["items"].as_array().unwrap().iter().filter(|item| item["message"].is_null()).count()
    };
    assert_eq!((found_title("windmills").await, found_title("quixotic").await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shared_is_found_by_the_index_for_as_long_as_it_is() {
    let mut shared = Shared::with("reader").await;
    let sent = said_in(&shared.app, &shared.conversation, "A quixotic thing").await;
    let secret = said(&shared.app, "A quixotic secret of Ann").await.0;
    let ann = owner(&shared.app, &secret).await;
    bury(&shared.app, ann).await;
    shared.be_bob();
    let (own, _) = said(&shared.app, "Bob's").await;
    index(&shared.app).await;
    // Bob's newest are more than a search reads before it asks the index.
    let bob = owner(&shared.app, &own).await;
    let mut write = shared.app.state.store.write().await.unwrap();
    query("update conversation set account = $1 where title = 'Newer'")
        .bind(bob.to_string())
        .execute(&mut *write)
        .await
        .unwrap();
    write.commit().await.unwrap();
    let page = found(&shared.app, "q=quixotic").await;
    assert_eq!(ids(&page), [shared.conversation.clone()], "and not what is beside it in the block");
    assert!(page["items"].as_array().unwrap().iter().any(|item| text(&item["message"]) == sent), "{page}");
    shared.take_back().await;
    shared.be_bob();
    assert_eq!(ids(&found(&shared.app, "q=quixotic").await), Vec::<String>::new());
}

async fn said_in(app: &App, conversation: &str, words: &str) -> String {
    let answer = app.post(&format!("/api/v1/conversations/{conversation}/messages"), json!({ "content": words })).await;
    let sent = Sent::of(&answer.json().await.unwrap());
    app.rest_of(conversation, &sent).await;
    sent.message
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_reply_is_in_the_index_once_it_has_ended() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { text: Some("haystack ".repeat(20)), silence_after: Some(5), ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.follow(&conversation, Some(&sent.cursor)).await.until("token").await;
    let account = owner(&app, &conversation).await;
    index(&app).await;
    assert_eq!(app.state.store.covered_to(account).await.unwrap().to, "", "what is being written is not covered");
    app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    app.rest_of(&conversation, &sent).await;
    bury(&app, account).await;
    index(&app).await;
    assert!(!app.state.store.covered_to(account).await.unwrap().to.is_empty());
    assert_eq!(ids(&found(&app, "q=haystack").await), [conversation]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_has_in_the_index_goes_with_it_into_an_account() {
    let mut app = App::start().await;
    app.sign_up("ann").await;
    app.cookie = app.new_cookie().await;
    let (of_guest, _) = said(&app, "A quixotic guest").await;
    bury(&app, owner(&app, &of_guest).await).await;
    index(&app).await;
    app.sign_in("ann").await;
    app.form("/account/conversations", &[("keep", "yes")]).send().await.unwrap();
    assert_eq!(ids(&found(&app, "q=quixotic").await), [of_guest.as_str()]);
    index(&app).await;
    assert_eq!(ids(&found(&app, "q=quixotic").await), [of_guest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_leaves_nothing_in_the_index() {
    let app = App::start().await;
    let (conversation, _) = said(&app, "A quixotic secret").await;
    let account = owner(&app, &conversation).await;
    bury(&app, account).await;
    index(&app).await;
    assert!(0 < count(&app, "search_part").await);
    crate::server::accounts::delete(&app.state, account, None).await.unwrap();
    index(&app).await;
    for table in ["search_block", "search_part", "search_place", "search_account"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_a_dead_process_was_writing_is_deleted() {
    let app = App::start().await;
    let (conversation, _) = said(&app, "A quixotic start").await;
    let account = owner(&app, &conversation).await;
    let mut write = app.state.store.write().await.unwrap();
    query("insert into search_block (id, account, state, members, conversations, made_at) values (7, $1, 0, $2, 1, '2026')")
        .bind(account.to_string())
        .bind(b"x".as_slice())
        .execute(&mut *write)
        .await
        .unwrap();
    query("insert into search_part (id, grams) values (3584, $1)")
        .bind(b"x".as_slice())
        .execute(&mut *write)
        .await
        .unwrap();
    write.commit().await.unwrap();
    index(&app).await;
    let left: Vec<i64> = query_scalar("select id from search_block").fetch_all(app.state.store.read()).await.unwrap();
    assert!(left.len() == 1 && left[0] != 7, "{left:?}");
    assert_eq!(ids(&found(&app, "q=quixotic").await), [conversation]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_ahead_hides_nothing() {
    let app = App::start().await;
    let (oldest, _) = said(&app, "A quixotic start").await;
    let account = owner(&app, &oldest).await;
    let begin = app.state.store.covered_to(account).await.unwrap();
    app.state.store.set_covered_to(account, &begin, "2199-01-01T00:00:00.000Z").await.unwrap();
    bury(&app, account).await;
    index(&app).await;
    assert_eq!(ids(&found(&app, "q=quixotic").await), [oldest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_to_an_account_in_the_middle_of_a_pass_is_looked_at() {
    let app = App::start().await;
    let (own, _) = said(&app, "A remark").await;
    let account = owner(&app, &own).await;
    let guest: AccountId = "0192f0c1-0000-7000-8000-0000000000aa".parse().unwrap();
    let begin = app.state.store.covered_to(account).await.unwrap();
    let mut write = app.state.store.write().await.unwrap();
    crate::server::store::search::index::inherit(&mut write, guest, account).await.unwrap();
    write.commit().await.unwrap();
    app.state.store.set_covered_to(account, &begin, "2026-01-01").await.unwrap();
    assert_eq!(app.state.store.covered_to(account).await.unwrap().to, "", "the pass began before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_that_an_earlier_version_changed_is_found_by_the_check() {
    let app = App::start().await;
    let (named, _) = said(&app, "Quixotic plans").await;
    bury(&app, owner(&app, &named).await).await;
    index(&app).await;
    let mut write = app.state.store.write().await.unwrap();
    // It knows no index, and marks nothing.
    query("update conversation set title = 'Windmills' where id = $1").bind(&named).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    index(&app).await;
    let page = found(&app, "q=windmills").await;
    assert_eq!((ids(&page), page["items"][0]["message"].is_null()), (vec![named], true));
}

/// A block with only this conversation's place.
fn block(account: AccountId, conversation: &str, title: Option<&str>) -> Block {
    let place = Place { conversation: conversation.parse().unwrap(), up_to: 1, title: title.map(str::to_owned) };
    Block { account, members: Vec::new(), parts: vec![(0, b"x".to_vec())], places: vec![place], former: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_is_no_longer_right_when_it_is_ready_is_not_used() {
    let app = App::start().await;
    let (conversation, _) = said(&app, "A quixotic start").await;
    let account = owner(&app, &conversation).await;
    let other = "0192f0c1-0000-7000-8000-0000000000aa".parse().unwrap();
    let store = &app.state.store;
    assert!(store.put_block(&block(other, &conversation, None)).await.is_err(), "it is another account's now");
    assert!(store.put_block(&block(account, &conversation, Some("Another"))).await.is_err(), "it was named anew");
    store.put_block(&block(account, &conversation, None)).await.unwrap();
    assert!(store.put_block(&block(account, &conversation, None)).await.is_err(), "another process was sooner");
    let states: Vec<i64> =
        query_scalar("select state from search_block order by state").fetch_all(store.read()).await.unwrap();
    assert_eq!(states, [1, 3, 3, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_deleted_is_deleted_in_a_row() {
    let app = App::start().await;
    let (conversation, _) = said(&app, "A quixotic start").await;
    let account = owner(&app, &conversation).await;
    let mut write = app.state.store.write().await.unwrap();
    for id in 1..30i64 {
        query("insert into search_block (id, account, state, members, conversations, made_at) values ($1, $2, 3, $3, 1, '2026')")
            .bind(id)
            .bind(account.to_string())
            .bind(b"x".as_slice())
            .execute(&mut *write)
            .await
            .unwrap();
    }
    write.commit().await.unwrap();
    let mut indexing = Indexing::default();
    let mut rounds = 0;
    while indexing.sweep(&app.state).await {
        rounds += 1;
    }
    assert_eq!((rounds, count(&app, "search_block").await), (3, 0), "without the pause that follows the last");
}
