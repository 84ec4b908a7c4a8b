//! How PostgreSQL reads what is asked often: by an index that has just that, with many rows and not with none.

use crate::server::store::opening::INSERT;
use crate::server::store::watching::{NEWS, STOPS};
use crate::tests::services::postgres;
use sqlx::{AssertSqlSafe, PgConnection};

/// 2,000 accounts with an open reply each, and one with 3,000 conversations, of which three are used now. As much news as a
/// busy cluster has before it is swept.
const MANY: &str = "
insert into account (id, kind, created_at) select 'a' || n, 'user', '2026' from generate_series(0, 2000) n;
insert into conversation (id, account, title, system, created_at, updated_at)
    select 'c' || n, 'a' || n, '', '', '2026-01', '2026-06' from generate_series(1, 2000) n;
insert into conversation (id, account, title, system, created_at, updated_at)
    select 'own' || n, 'a0', '', '', '2026-01', case when n <= 3 then '2026-06' else '2026-02' end from generate_series(1, 3000) n;
insert into message (id, conversation, position, role, text, thinking, status, process, created_at, account)
    select 'open' || n, 'c' || n, 2, 'assistant', '', '', 'streaming', 'p' || n % 3, '2026',
           case when n % 100 = 0 then 'a0' end from generate_series(1, 2000) n;
insert into message (id, conversation, position, role, text, thinking, status, created_at, account)
    select 'said' || n, 'c' || n, 1, 'user', '', '', 'done', '2026', 'a0' from generate_series(1, 2000) n;
insert into message (id, conversation, position, role, text, thinking, status, created_at)
    select 'own' || n, 'own' || n, 1, 'user', '', '', 'done', '2026' from generate_series(1, 3000) n;
insert into news (id, topic, process, at, xid)
    select n::text, 'conversation/' || n, 'p' || n % 3, n, n from generate_series(1, 20000) n;
analyze";

/// The statement's plan, with these in the places of its values.
async fn plan(connection: &mut PgConnection, statement: &str, values: &[&str]) -> String {
    let numbered = values.iter().enumerate().rev();
    let statement =
        numbered.fold(statement.to_owned(), |text, (index, value)| text.replace(&format!("${}", index + 1), value));
    let explain = AssertSqlSafe(format!("explain {statement}"));
    sqlx::query_scalar::<_, String>(explain).fetch_all(connection).await.unwrap().join("\n")
}

/// Whether a step of the plan goes into the index by this condition.
fn goes_by(plan: &str, index: &str, condition: &str) -> bool {
    let lines: Vec<_> = plan.lines().map(str::trim).collect();
    let mut steps = lines.windows(2);
    steps.any(|step| {
        (step[0].contains(&format!("using {index} ")) || step[0].contains(&format!("on {index} ")))
            && step[1].starts_with("Index Cond:")
            && step[1].contains(condition)
    })
}

#[tokio::test]
async fn what_each_node_asks_again_and_again_is_as_short_as_what_it_finds() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let mut connection = database.connect().await;
    sqlx::raw_sql(MANY).execute(&mut connection).await.unwrap();
    let news = plan(&mut connection, NEWS, &["'p1'", "19990"]).await;
    assert!(goes_by(&news, "news_by_xid", "xid >= "), "{news}");
    let stops = plan(&mut connection, STOPS, &["'p1'"]).await;
    assert!(goes_by(&stops, "message_stop", "process = "), "{stops}");
    // Of the values, the payer and the time are what is looked for.
    let mut values = vec!["'x'"; 17];
    (values[10], values[12], values[14], values[16]) = ("0", "0", "4", "'2026-05'");
    values[15] = "'a0'";
    let count = plan(&mut connection, INSERT, &values).await;
    assert!(goes_by(&count, "message_open", "account = 'a0'"), "of others' conversations: {count}");
    assert!(goes_by(&count, "conversation_by_account", "updated_at >= '2026-05'"), "of its own: {count}");
    assert!(goes_by(&count, "message_one_open", "conversation = place.id"), "one for each: {count}");
}
