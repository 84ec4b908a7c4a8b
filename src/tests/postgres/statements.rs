//! Each statement that any test runs on SQLite is prepared on PostgreSQL as well, with the types of its values.
//!
//! The driver tells of each text when it first runs it, so that no list of them can be out of date. A thread prepares them
//! meanwhile; what PostgreSQL refuses fails the next test that runs a statement, with the place in the sources.

use crate::server::store::sql::Value;
use crate::server::sync::lock;
use crate::tests::alone::INSIDE;
use crate::tests::app::App;
use crate::tests::services::{Database, postgres};
use crate::tests::upstream::script::Script;
use sqlx::postgres::PgTypeInfo;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, SqlSafeStr, Type};
use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex};

/// Asks SQLite for checkpoints.
const WRITE_AHEAD: &str = "src/server/store/sql/write_ahead.rs";

struct Statement {
    sql: String,
    types: Vec<PgTypeInfo>,
    place: String,
}

enum Order {
    Prepare(Statement),
    /// Answers when everything that was sent before is done.
    Finish(Sender<()>),
}

/// A text and the types of its values.
type Seen = (String, Vec<Discriminant<Value>>);

static SEEN: LazyLock<Mutex<HashSet<Seen>>> = LazyLock::new(Mutex::default);
static REFUSED: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// How many of those a test has failed for.
static TOLD: AtomicUsize = AtomicUsize::new(0);
/// Not a process that is started for one test: it would start a server for that, and may not be able to.
static IS_ON: LazyLock<bool> = LazyLock::new(|| std::env::var_os(INSIDE).is_none());
static PREPARED: AtomicUsize = AtomicUsize::new(0);
static ORDERS: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (sender, orders) = channel();
    std::thread::spawn(move || work(&orders));
    sender
});

/// Called by the driver for each statement that it runs on SQLite.
pub(crate) fn seen(sql: &str, values: &[Value], place: &'static Location<'static>) {
    let refused = lock(&REFUSED).clone();
    // Each fails one test, and not all that follow; the test below fails for all of them.
    let told = TOLD.swap(refused.len(), Ordering::Relaxed).min(refused.len());
    assert!(told == refused.len(), "PostgreSQL refuses what SQLite takes:\n{}", refused[told..].join("\n\n"));
    // Those of tests may look at what only SQLite has, and one file is about SQLite's log.
    if !*IS_ON || !place.file().starts_with("src/server/store") || place.file() == WRITE_AHEAD {
        return;
    }
    if lock(&SEEN).insert((sql.to_owned(), values.iter().map(discriminant).collect())) {
        let types = values.iter().map(type_of).collect();
        let statement = Statement { sql: sql.to_owned(), types, place: place.to_string() };
        ORDERS.send(Order::Prepare(statement)).ok();
    }
}

fn type_of(value: &Value) -> PgTypeInfo {
    match value {
        Value::Text(_) => <str as Type<Postgres>>::type_info(),
        Value::Int(_) => <i64 as Type<Postgres>>::type_info(),
        Value::Bool(_) => <bool as Type<Postgres>>::type_info(),
        Value::Bytes(_) => <Vec<u8> as Type<Postgres>>::type_info(),
    }
}

fn work(orders: &Receiver<Order>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut server: Option<(Database, PgConnection)> = runtime.block_on(async {
        let database = postgres()?.database().await;
        let connection = database.connect().await;
        Some((database, connection))
    });
    for order in orders {
        match (order, &mut server) {
            (Order::Prepare(statement), Some((_, connection))) => runtime.block_on(prepare(statement, connection)),
            (Order::Prepare(_), None) => {}
            (Order::Finish(answer), _) => drop(answer.send(())),
        }
    }
}

async fn prepare(Statement { sql, types, place }: Statement, connection: &mut PgConnection) {
    match connection.prepare_with(AssertSqlSafe(sql.clone()).into_sql_str(), &types).await {
        Ok(_) => drop(PREPARED.fetch_add(1, Ordering::Relaxed)),
        Err(error) => lock(&REFUSED).push(format!("{place}: {error}\n{sql}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_prepares_on_postgres() {
    if std::env::var("RIVULET_TEST_STORE").is_ok_and(|store| store == "postgres") || postgres().is_none() {
        // There each of them runs.
        return;
    }
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let (answer, finished) = channel();
    ORDERS.send(Order::Finish(answer)).unwrap();
    tokio::task::spawn_blocking(move || finished.recv().unwrap()).await.unwrap();
    assert_eq!(*lock(&REFUSED), Vec::<String>::new());
    assert!(20 < PREPARED.load(Ordering::Relaxed));
}
