//! Queries that run often, or inside the one writer, use an index.

use super::app::App;
use crate::server::store::opening::INSERT;
use crate::server::store::sessions;
use crate::server::store::sql;
use crate::server::store::watching::STOPS;
use std::collections::BTreeSet;

async fn texts(app: &App, query: String, column: &str) -> Vec<String> {
    let rows = sql::query(query).fetch_all(app.state.store.read()).await.unwrap();
    // The first column of an index has no name where it is an expression.
    rows.iter().filter_map(|row| row.try_get::<Option<String>>(column).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_with_something_is_found_by_an_index() {
    let app = App::start().await;
    let mut missing = Vec::new();
    let mut keys = 0;
    for table in texts(&app, "select name from sqlite_master where type = 'table'".into(), "name").await {
        let mut first = BTreeSet::new();
        for index in texts(&app, format!("pragma index_list('{table}')"), "name").await {
            let begins = format!("select name from pragma_index_info('{index}') where seqno = 0");
            first.extend(texts(&app, begins, "name").await);
        }
        for column in texts(&app, format!("pragma foreign_key_list('{table}')"), "from").await {
            keys += 1;
            if !first.contains(&column) {
                missing.push(format!("{table}.{column}"));
            }
        }
    }
    assert!(10 < keys, "{keys}");
    assert_eq!(missing, Vec::<String>::new(), "each deletion of what they point to reads the whole table");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_of_sessions_reads_those_that_are_old() {
    let app = App::start().await;
    for (query, index) in [
        (sessions::ANY_UNUSED, "session_by_last_use"),
        (sessions::ANY_UNUSED, "known_browser_by_age"),
        (sessions::END_UNUSED, "session_by_last_use"),
        (sessions::FORGET_UNUSED, "known_browser_by_age"),
    ] {
        let plan = texts(&app, format!("explain query plan {query}"), "detail").await;
        assert!(plan.iter().any(|step| step.contains(index)), "{index}: {plan:?}");
        let reads_all = |step: &String| step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
        assert!(!plan.iter().any(reads_all), "{plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_replies_are_found_by_what_is_asked_of_them() {
    let app = App::start().await;
    for (query, steps) in [
        (STOPS, &["SEARCH message USING INDEX message_stop (process=?)"][..]),
        ("select id from message where status = 'streaming'", &["SCAN message USING INDEX message_o"]),
        (
            INSERT,
            &[
                "SEARCH other USING INDEX message_open (account=?)",
                "SEARCH place USING COVERING INDEX conversation_by_account (account=? AND updated_at>?)",
                "SEARCH other USING INDEX message_one_open (conversation=?)",
            ],
        ),
    ] {
        let plan = texts(&app, format!("explain query plan {query}"), "detail").await;
        for step in steps {
            assert!(plan.iter().any(|found| found.starts_with(step)), "{step}: {plan:?}");
        }
    }
}
