//! The seam between the store and its database: the same batches on SQLite and on PostgreSQL, which find the same, fail
//! alike and leave the same rows.

mod broken;
mod locks;
mod outdated;
mod silent;

use super::app::Folder;
use super::services::{Database, postgres};
use crate::server::store::postgres::options;
use crate::server::store::sql::batch::{Batch, Failed, Found};
use crate::server::store::sql::{Lock, Query, Seats, query};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many generated batches are run.
const CASES: u32 = 200;

/// A database with one table.
struct Side {
    name: &'static str,
    seats: Seats,
    commands: Arc<AtomicU64>,
    _folder: Option<Folder>,
    _database: Option<Database>,
}

impl Side {
    async fn sqlite() -> Self {
        let (folder, commands) = (Folder::new(), Arc::default());
        let options = SqliteConnectOptions::new().filename(folder.0.join("seam.db")).create_if_missing(true);
        let seats = Seats::new(vec![options.connect().await.unwrap()], options, &commands);
        Self::with("SQLite", seats, commands, Some(folder), None).await
    }

    /// None where PostgreSQL is not installed.
    async fn postgres() -> Option<Self> {
        let database = postgres()?.database_by("").await;
        let (options, commands) = (options("DATABASE_URL", &database.url).unwrap(), Arc::default());
        let seats = Seats::postgres(4, move || options.clone(), &commands);
        Some(Self::with("PostgreSQL", seats, commands, None, Some(database)).await)
    }

    async fn both() -> Vec<Self> {
        [Some(Self::sqlite().await), Self::postgres().await].into_iter().flatten().collect()
    }

    async fn with(
        name: &'static str,
        seats: Seats,
        commands: Arc<AtomicU64>,
        _folder: Option<Folder>,
        _database: Option<Database>,
    ) -> Self {
        query("create table kept (it bigint primary key, text text)").execute(&seats).await.unwrap();
        Self { name, seats, commands, _folder, _database }
    }

    /// All rows, once nothing is being written.
    async fn kept(&self) -> Vec<(i64, Option<String>)> {
        Batch::write(Lock::Alone).run(&self.seats).await.expect("a transaction can be begun");
        rows(&query(ALL).fetch_all(&self.seats).await.unwrap())
    }

    async fn clear(&self) {
        Batch::write(Lock::Alone).then(query("delete from kept")).run(&self.seats).await.unwrap();
    }
}

const ALL: &str = "select it, text from kept order by it";

fn rows(rows: &[crate::server::store::sql::Row]) -> Vec<(i64, Option<String>)> {
    rows.iter().map(|row| (row.try_get("it").unwrap(), row.try_get("text").unwrap())).collect()
}

/// The rows of one step, and how many it changed.
type Outcome = (Vec<(i64, Option<String>)>, Option<u64>);

/// What came of a batch, as far as it has to be the same on both.
#[derive(Clone, Debug, PartialEq)]
enum Came {
    Found(Vec<Outcome>),
    Unmet(usize),
    /// A row was there already.
    Taken,
    /// It could not be run.
    Refused,
    Failed,
}

fn came(result: Result<Vec<Found>, Failed>) -> Came {
    match result {
        Ok(found) => Came::Found(found.iter().map(|found| (rows(&found.rows), found.changed)).collect()),
        Err(Failed::Unmet(step)) => Came::Unmet(step),
        Err(Failed::Not(sqlx::Error::Protocol(_))) => Came::Refused,
        Err(Failed::Not(error)) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => {
            Came::Taken
        }
        Err(Failed::Not(_) | Failed::Perhaps(_)) => Came::Failed,
    }
}

fn add(it: i64, text: Option<&str>) -> Query {
    query("insert into kept (it, text) values ($1, $2)").bind(it).bind(text)
}

fn rename(from: i64, to: i64, text: &str) -> Query {
    query("update kept set text = $3 where it between $1 and $2 -- of 'them'; $4").bind(from).bind(to).bind(text)
}

fn remove(it: i64) -> Query {
    query("with these (it) as (values ($1)) delete from kept where it in (select it from these) returning it, text")
        .bind(it)
}

fn from(it: i64) -> Query {
    query("select it, text from kept where $1 <= it and text <> '$2; it''s' /* $3 */ order by it").bind(it)
}

fn there(it: i64) -> Query {
    query("select 1 from kept where it = $1").bind(it)
}

/// Batches that are refused, or fail, in ways that are not found by chance.
fn table() -> Vec<(Batch, Came)> {
    let write = || Batch::write(Lock::Alone);
    let two = || write().then(add(1, Some("one"))).then(add(2, None));
    let nothing = || query("select nothing from nowhere");
    vec![
        (Batch::read(), Came::Found(vec![])),
        (write(), Came::Found(vec![])),
        (
            two().then(from(1)),
            Came::Found(vec![(vec![], Some(1)), (vec![], Some(1)), (vec![(1, Some("one".into()))], None)]),
        ),
        (
            two().must(rename(1, 2, "new"), 2).then(remove(2)),
            Came::Found(vec![
                (vec![], Some(1)),
                (vec![], Some(1)),
                (vec![], Some(2)),
                (vec![(2, Some("new".into()))], Some(1)),
            ]),
        ),
        (two().must(rename(2, 9, "new"), 2), Came::Unmet(2)),
        (
            two().must(rename(3, 9, "new"), 0),
            Came::Found(vec![(vec![], Some(1)), (vec![], Some(1)), (vec![], Some(0))]),
        ),
        (two().then(add(1, None)).then(add(3, None)), Came::Taken),
        (two().then(nothing()), Came::Failed),
        (two().only_if(there(1)), Came::Unmet(0)),
        (Batch::read().then(from(0)).then(nothing()), Came::Failed),
        (Batch::write(Lock::None).then(add(1, Some("one"))), Came::Found(vec![(vec![], Some(1))])),
        (Batch::write(Lock::None).must(rename(1, 1, "new"), 1), Came::Unmet(0)),
        (Batch::write(Lock::Beside(&[])).then(add(1, Some("one"))), Came::Found(vec![(vec![], Some(1))])),
        (two().then(query("select $2").bind(1)), Came::Refused),
        (two().then(query("select $1").bind(1).bind("more")), Came::Refused),
        (two().then(query("select ?").bind(1)), Came::Refused),
        (two().then(query("select 1; commit")), Came::Refused),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_does_the_same_on_both_databases() {
    for side in Side::both().await {
        for (batch, expected) in table() {
            side.clear().await;
            assert_eq!(came(batch.run(&side.seats).await), expected, "{} of {batch:?}", side.name);
            if !matches!(expected, Came::Found(_)) {
                assert_eq!(side.kept().await, [], "{} keeps something of {batch:?}", side.name);
            }
        }
        side.seats.close().await;
    }
}

/// A step as it is generated.
#[derive(Clone, Debug)]
enum Step {
    Add(i64),
    Rename(i64, i64),
    /// And the number of rows that it must change.
    Must(i64, i64, u64),
    Remove(i64),
    From(i64),
    OnlyIf(i64),
    Nonsense,
}

fn step() -> impl Strategy<Value = Step> {
    let it = || 0..4_i64;
    prop_oneof![
        6 => it().prop_map(Step::Add),
        2 => (it(), it()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => (it(), it(), 0..3_u64).prop_map(|(from, to, rows)| Step::Must(from, to, rows)),
        2 => it().prop_map(Step::Remove),
        3 => it().prop_map(Step::From),
        1 => it().prop_map(Step::OnlyIf),
        1 => Just(Step::Nonsense),
    ]
}

fn generated(steps: &[Step]) -> Batch {
    steps.iter().fold(Batch::write(Lock::Beside(&[])), |batch, step| match step {
        Step::Add(it) => batch.then(add(*it, Some("added"))),
        Step::Rename(from, to) => batch.then(rename(*from, *to, "renamed")),
        Step::Must(from, to, rows) => batch.must(rename(*from, *to, "it must"), *rows),
        Step::Remove(it) => batch.then(remove(*it)),
        Step::From(it) => batch.then(from(*it)),
        Step::OnlyIf(it) => batch.only_if(there(*it)),
        Step::Nonsense => batch.then(query("select nothing from nowhere")),
    })
}

#[test]
fn any_batches_one_after_the_other_do_the_same_on_both_databases() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sides = runtime.block_on(Side::both());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let batches = prop::collection::vec(prop::collection::vec(step(), 0..6), 1..4);
    let done = runner.run(&batches, |batches| {
        runtime.block_on(async {
            let mut outcomes = Vec::new();
            for side in &sides {
                side.clear().await;
                let mut all = Vec::new();
                for batch in &batches {
                    let came = came(generated(batch).run(&side.seats).await);
                    all.push((came, side.kept().await));
                }
                outcomes.push(all);
            }
            assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:#?}");
        });
        Ok(())
    });
    done.unwrap();
    for side in &sides {
        runtime.block_on(side.seats.close());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_hand_over_on_sqlite_and_two_round_trips_more_than_steps_on_postgresql() {
    for side in Side::both().await {
        let batch = Batch::write(Lock::Beside(&[])).must(add(1, None), 1).then(from(0)).then(remove(1));
        let count = async |batch: &Batch| {
            let before = side.commands.load(Ordering::Relaxed);
            batch.run(&side.seats).await.unwrap();
            side.commands.load(Ordering::Relaxed) - before
        };
        let one = Batch::read().then(from(0));
        let counted = (count(&batch).await, count(&one).await);
        assert_eq!(counted, if side.name == "SQLite" { (1, 1) } else { (5, 1) });
        side.seats.close().await;
    }
}
