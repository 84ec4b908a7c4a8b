//! Tables that another process changes while a store runs, as in an update.

use super::*;
use crate::server::store::sql::fault::{Fault, fault};
use crate::server::store::sql::{Server, query_scalar};
use std::sync::Mutex;

const EVERYTHING: &str = "select * from kept order by it";

async fn alter(side: &Side, sql: &'static str) {
    sqlx::query(sql).execute(&mut side._database.as_ref().unwrap().connect().await).await.unwrap();
}

/// Has it prepared on each connection.
async fn prepare(side: &Side) {
    let mut all = Vec::new();
    for _ in 0..4 {
        let mut taken = side.seats.take().await.unwrap();
        query(EVERYTHING).fetch_all(&mut *taken).await.unwrap();
        all.push(taken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_prepared_before_a_table_was_changed_is_prepared_anew() {
    let Some(side) = Side::postgres().await else { return };
    prepare(&side).await;
    alter(&side, "alter table kept add column more text").await;
    for _ in 0..8 {
        query(EVERYTHING).fetch_all(&side.seats).await.unwrap();
    }
    prepare(&side).await;
    alter(&side, "alter table kept add column even_more text").await;
    let batch = || Batch::write(Lock::Alone).then(add(1, None)).then(query(EVERYTHING));
    batch().run(&side.seats).await.unwrap();
    assert_eq!(side.kept().await.len(), 1, "it was done once");
    prepare(&side).await;
    alter(&side, "alter table kept drop column more").await;
    Batch::read().then(query(EVERYTHING)).then(query(EVERYTHING)).run(&side.seats).await.unwrap();
    side.seats.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_finds_a_changed_table_is_undone_and_the_next_one_succeeds() {
    let Some(side) = Side::postgres().await else { return };
    prepare(&side).await;
    alter(&side, "alter table kept add column more text").await;
    for expected in [Some(Fault::Busy), None] {
        let mut taken = side.seats.take().await.unwrap();
        taken.has_transaction = true;
        taken.command("begin").await.unwrap();
        add(1, None).execute(&mut *taken).await.unwrap();
        let done = query(EVERYTHING).fetch_all(&mut *taken).await;
        assert_eq!(done.err().and_then(|error| fault(&error)), expected);
        drop(taken);
        assert_eq!(side.kept().await, []);
    }
    side.seats.close().await;
}

/// A node that was declared dead goes on as another one: what it has opened until then is ended with the dead one, whenever
/// a node reads the verdict, and must not be in the middle of something by then.
#[tokio::test]
async fn sessions_with_the_name_of_a_process_that_is_dead_are_not_used_again() {
    let Some(server) = postgres() else { return };
    let database = server.database_by("").await;
    let opened = options("DATABASE_URL", &database.url).unwrap();
    let name = Arc::new(Mutex::new("one"));
    let (of_options, of_check) = (Arc::clone(&name), Arc::clone(&name));
    let server = Server {
        options: Box::new(move || opened.clone().application_name(*of_options.lock().unwrap())),
        is_ours: Box::new(move |session| session == *of_check.lock().unwrap()),
    };
    let seats = Seats::postgres(3, server, &Arc::default());
    let own_name =
        async || query_scalar::<String>("select current_setting('application_name')").fetch_one(&seats).await;
    // One is in use while the name changes, and two are free.
    let (first, second, third) = (seats.take().await, seats.take().await, seats.take().await);
    drop((second.unwrap(), third.unwrap()));
    assert_eq!(own_name().await.unwrap(), "one");
    *name.lock().unwrap() = "another";
    assert_eq!(own_name().await.unwrap(), "another");
    drop(first.unwrap());
    assert_eq!(own_name().await.unwrap(), "another");
    assert_eq!(own_name().await.unwrap(), "another");
    let mut connection = database.connect().await;
    // PostgreSQL notices by itself that a session is left.
    let left = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'one'";
    while sqlx::query_scalar::<_, i64>(left).fetch_one(&mut connection).await.unwrap() != 0 {}
    seats.close().await;
}
