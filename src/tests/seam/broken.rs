//! Batches that are broken off: by their caller, by PostgreSQL, and on the way there.

use super::*;
use crate::server::store::sql::query_scalar;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// A future that is given up after some polls.
struct Polled<F> {
    future: Pin<Box<F>>,
    left: u32,
}

impl<F: Future> Future for Polled<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        self.left -= 1;
        if self.left == 0 { Poll::Ready(None) } else { Poll::Pending }
    }
}

/// How often a batch is given up at each of its points.
const ROUNDS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_dropped_at_any_point_is_done_or_not_and_its_seat_is_usable() {
    let mut times_given_up = 0;
    for side in Side::both().await {
        let batch = Batch::write(Lock::Alone).then(add(1, None)).then(from(0)).then(add(2, None));
        // An answer that is there at once is no point at which to give up. On a full machine, where PostgreSQL runs as
        // soon as it is asked, all may be.
        for _ in 0..ROUNDS {
            for given_up in 1.. {
                side.clear().await;
                let done = Polled { future: Box::pin(batch.run(&side.seats)), left: given_up }.await;
                let kept = side.kept().await.len();
                assert!(kept == 0 || kept == 2, "{kept} of two rows stay, given up at {given_up}: {}", side.name);
                if let Some(found) = done {
                    assert_eq!((found.unwrap().len(), kept), (3, 2));
                    break;
                }
                times_given_up += 1;
            }
        }
        side.seats.close().await;
    }
    assert!(0 < times_given_up, "it was given up at least once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_dropped_at_any_point_leaves_a_session_that_answers_the_next_caller() {
    let Some(side) = Side::postgres().await else { return };
    let database = side._database.as_ref().unwrap();
    let options = options("DATABASE_URL", &database.url).unwrap();
    let seats = Seats::postgres(1, move || options.clone(), &Arc::default());
    let session = async || query_scalar::<i64>("select pg_backend_pid()").fetch_one(&seats).await.unwrap();
    let first = session().await;
    // Long enough to be given up between its rows, and each a text of its own, which is prepared.
    for given_up in 1..12 {
        for round in 0..10_i64 {
            let sql = format!("select i + $1 from generate_series(1, 20000) i -- {given_up} {round}");
            let read = query(sql).bind(round).fetch_all(&seats);
            drop(Polled { future: Box::pin(read), left: given_up }.await);
            let echo = query_scalar::<i64>("select $1").bind(1000 + round).fetch_one(&seats).await.unwrap();
            assert_eq!(echo, 1000 + round);
        }
    }
    assert_eq!(session().await, first, "none of them has cost a session");
    let check = query_scalar::<String>("select current_setting('client_connection_check_interval')");
    assert_eq!(check.fetch_one(&seats).await.unwrap(), "1s", "and what takes longer ends with its caller");
    seats.close().await;
    side.seats.close().await;
}

/// What ends the session that runs it, as an administrator does.
const END: &str = "select pg_terminate_backend(pg_backend_pid())";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_postgresql_ends_leaves_nothing_and_the_next_caller_has_another_one() {
    let Some(side) = Side::postgres().await else { return };
    for at in 0..3 {
        let steps = (0..3).map(|step| if step == at { query(END) } else { add(step, None) });
        let batch = steps.fold(Batch::write(Lock::Alone), Batch::then);
        let failed = batch.run(&side.seats).await.unwrap_err();
        assert!(matches!(failed, Failed::Not(_)), "{failed:?}");
        assert_eq!(side.kept().await, []);
    }
    side.seats.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_statement_whose_answer_is_lost_has_perhaps_happened() {
    let Some(side) = Side::postgres().await else { return };
    let failed = Batch::write(Lock::None).then(query(END)).run(&side.seats).await.unwrap_err();
    assert!(matches!(failed, Failed::Perhaps(_)), "{failed:?}");
    let failed = Batch::read().then(query(END)).run(&side.seats).await.unwrap_err();
    assert!(matches!(failed, Failed::Not(_)), "a read changes nothing: {failed:?}");
    side.seats.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_sessions_that_postgresql_has_ended_one_caller_at_most_is_told() {
    let Some(side) = Side::postgres().await else { return };
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(side.seats.take().await.unwrap());
    }
    drop(taken);
    let mut other = side._database.as_ref().unwrap().connect().await;
    let end = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database()
               and pid <> pg_backend_pid()";
    assert_eq!(sqlx::query(end).fetch_all(&mut other).await.unwrap().len(), 4);
    let mut failed = 0;
    for _ in 0..8 {
        failed += usize::from(query(ALL).fetch_all(&side.seats).await.is_err());
    }
    assert_eq!(failed, 1, "the others are asked before they are used");
    side.seats.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_in_its_commit_may_have_committed() {
    let Some(side) = Side::postgres().await else { return };
    let [function, trigger] = [
        "create function ends() returns trigger language plpgsql as
         $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$",
        "create constraint trigger ends after insert on kept deferrable initially deferred for each row
         execute function ends()",
    ];
    for sql in [function, trigger] {
        query(sql).execute(&side.seats).await.unwrap();
    }
    let failed = Batch::write(Lock::Alone).then(add(1, None)).then(from(0)).run(&side.seats).await.unwrap_err();
    assert!(matches!(failed, Failed::Perhaps(_)), "{failed:?}");
    assert_eq!(side.kept().await, [], "here it was not");
    side.seats.close().await;
}

/// Lets everything through to PostgreSQL up to the first `commit`, and nothing back from there on.
async fn cut_at_commit(listener: UnixListener, server: &Path) {
    let server = server.join(".s.PGSQL.5432");
    let (client, _) = listener.accept().await.unwrap();
    let (mut client_reads, mut client_writes) = client.into_split();
    let (mut server_reads, mut server_writes) = UnixStream::connect(&server).await.unwrap().into_split();
    let (sent, mut is_sent) = tokio::sync::watch::channel(false);
    let back = async {
        let mut buffer = vec![0; 1 << 16];
        loop {
            tokio::select! {
                biased;
                _ = is_sent.changed() => break,
                read = server_reads.read(&mut buffer) => {
                    let read = read.unwrap();
                    client_writes.write_all(&buffer[..read]).await.unwrap();
                }
            }
        }
        // The answer has come, and nobody is told.
        assert_ne!(server_reads.read(&mut buffer).await.unwrap(), 0);
    };
    let there = async {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = client_reads.read(&mut buffer).await.unwrap();
            let is_commit = buffer[..read].windows(7).any(|text| text == b"commit\0");
            if is_commit {
                sent.send(true).unwrap();
            }
            server_writes.write_all(&buffer[..read]).await.unwrap();
            if is_commit {
                break;
            }
        }
    };
    tokio::join!(back, there);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_has_perhaps_happened() {
    let Some(side) = Side::postgres().await else { return };
    // The path of a socket has a hundred letters, and the folder for temporary files may have them all.
    let folder = Folder(format!("/tmp/rivulet-lost-{}", std::process::id()).into());
    std::fs::create_dir(&folder.0).unwrap();
    let database = side._database.as_ref().unwrap();
    let listener = UnixListener::bind(folder.0.join(".s.PGSQL.5432")).unwrap();
    let server = postgres().unwrap().folder().clone();
    let cutting = tokio::spawn(async move { cut_at_commit(listener, &server).await });
    let options = options("DATABASE_URL", &database.url).unwrap().socket(&folder.0);
    let seats = Seats::postgres(1, move || options.clone(), &Arc::default());
    let failed = Batch::write(Lock::Alone).then(add(1, None)).then(add(2, None)).run(&seats).await.unwrap_err();
    assert!(matches!(failed, Failed::Perhaps(_)), "{failed:?}");
    cutting.await.unwrap();
    assert_eq!(side.kept().await.len(), 2, "here it has");
    side.seats.close().await;
}
