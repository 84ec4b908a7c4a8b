//! Nodes that judge each other, round by round: their rows are in a real database, and their clocks are the tests' own.

use super::*;
use crate::tests::services::{Database, Way, postgres};

const SECOND: Duration = Duration::from_secs(1);

async fn node(database: &Database) -> Node {
    let options = crate::server::store::postgres::options("DATABASE_URL", &database.url).unwrap();
    Node::begin(options).await.unwrap()
}

/// A node's rounds at this time of its own, and each second after it.
async fn rounds(node: &mut Node, count: u32, from: Instant) {
    for second in 0..count {
        let rows = node.look().await.unwrap();
        node.judge(from + second * SECOND, rows).await.unwrap();
    }
}

async fn dead_at(database: &Database, process: &str) -> Option<String> {
    let dead = sqlx::query_scalar("select dead_at from node where process = $1").bind(process);
    dead.fetch_one(&mut database.connect().await).await.unwrap()
}

#[tokio::test]
async fn a_silent_node_is_declared_dead_once_and_its_sessions_end() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let (mut a, b) = (node(&database).await, node(&database).await);
    let process = b.known.process();
    let mut locked = b.options.clone().application_name(&session(process)).connect().await.unwrap();
    sqlx::query("select pg_advisory_lock(1)").execute(&mut locked).await.unwrap();
    let start = Instant::now();
    rounds(&mut a, 5, start).await;
    assert!(a.known.lives(process), "five rounds take four seconds");
    assert_eq!(dead_at(&database, process).await, None);
    rounds(&mut a, 1, start + 5 * SECOND).await;
    assert!(!a.known.lives(process));
    assert!(dead_at(&database, process).await.is_some());
    // The lock is free as soon as the session has ended.
    sqlx::query("select pg_advisory_lock(1)").execute(&mut database.connect().await).await.unwrap();
    assert!(sqlx::query("select 1").execute(&mut locked).await.is_err());
    let mut connection = database.connect().await;
    assert!(!declare_dead(&mut connection, process, Some(1)).await.unwrap(), "there is one verdict");
}

#[tokio::test]
async fn a_node_that_finds_itself_dead_goes_on_as_another() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let (mut a, mut b) = (node(&database).await, node(&database).await);
    let former = b.known.process();
    rounds(&mut a, 6, Instant::now()).await;
    let verdict = dead_at(&database, former).await;
    assert!(verdict.is_some());
    // Its session was ended, so the first round fails.
    b.try_round().await;
    b.try_round().await;
    let process = b.known.process();
    assert_ne!(process, former);
    assert!(b.known.lives(process) && !b.known.lives(former));
    rounds(&mut a, 1, Instant::now() + 6 * SECOND).await;
    assert!(a.known.lives(process) && !a.known.lives(former));
    assert_eq!(dead_at(&database, former).await, verdict, "a verdict is never taken back");
}

#[tokio::test]
async fn a_node_that_beats_lives_and_a_verdict_about_an_older_beat_is_refused() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let (mut a, mut b) = (node(&database).await, node(&database).await);
    let start = Instant::now();
    for second in 0..20 {
        rounds(&mut a, 1, start + second * SECOND).await;
        // Each of its beats takes two rounds of the other.
        if second % 2 == 0 {
            rounds(&mut b, 1, start + second * SECOND).await;
        }
    }
    let process = b.known.process();
    assert!(a.known.lives(process));
    assert!(!declare_dead(&mut database.connect().await, process, Some(3)).await.unwrap());
    assert_eq!(dead_at(&database, process).await, None);
}

#[tokio::test]
async fn of_two_judges_one_declares() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    for _ in 0..50 {
        let silent = node(&database).await;
        let (mut first, mut second) = (database.connect().await, database.connect().await);
        let process = silent.known.process();
        let both =
            tokio::join!(declare_dead(&mut first, process, Some(1)), declare_dead(&mut second, process, Some(1)));
        assert_ne!(both.0.unwrap(), both.1.unwrap());
    }
}

/// Of a database that was restored, or went on at a replica: the rows of the last second are gone.
#[tokio::test]
async fn a_node_whose_row_is_lost_makes_it_anew_and_one_without_any_is_dead_in_the_end() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let (mut a, mut b) = (node(&database).await, node(&database).await);
    let process = b.known.process();
    sqlx::query("delete from node").execute(&mut database.connect().await).await.unwrap();
    rounds(&mut b, 1, Instant::now()).await;
    assert_eq!(b.known.process(), process);
    let start = Instant::now();
    assert!(a.known.lives("gone"), "it has not been looked for yet");
    for second in 0..6 {
        rounds(&mut a, 1, start + second * SECOND).await;
        rounds(&mut b, 1, start + second * SECOND).await;
    }
    assert!(a.known.lives(process) && !a.known.lives("gone"));
    assert!(dead_at(&database, "gone").await.is_some());
}

#[tokio::test]
async fn a_node_that_ends_says_so() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let mut a = node(&database).await;
    let ending = Beats::begin(a.options.clone()).await.unwrap();
    let process = ending.process().to_owned();
    assert!(ending.lives(a.known.process()).unwrap());
    ending.end().await.unwrap();
    assert!(a.known.lives(&process), "asked about, it is looked at in the next round");
    rounds(&mut a, 1, Instant::now()).await;
    assert!(!a.known.lives(&process));
}

/// The one that gave the verdict was lost before it ended the sessions: nothing of the dead one is touched before that.
#[tokio::test]
async fn who_finds_a_verdict_ends_the_sessions_before_it_says_so() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let (mut a, b) = (node(&database).await, node(&database).await);
    let process = b.known.process();
    let mut locked = b.options.clone().application_name(&session(process)).connect().await.unwrap();
    sqlx::query("select pg_advisory_lock(1)").execute(&mut locked).await.unwrap();
    rounds(&mut a, 1, Instant::now()).await;
    assert!(declare_dead(&mut database.connect().await, process, Some(1)).await.unwrap());
    rounds(&mut a, 1, Instant::now()).await;
    assert!(a.known.lives(process), "asked about, it is looked at in the next round");
    rounds(&mut a, 1, Instant::now()).await;
    assert!(!a.known.lives(process));
    sqlx::query("select pg_advisory_lock(1)").execute(&mut database.connect().await).await.expect("it is free");
}

/// There is one that says so; each of the others has to end what it knew of the dead one as well.
#[tokio::test]
async fn every_node_finds_out_who_was_declared_dead_or_has_ended() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let (mut a, mut c) = (node(&database).await, node(&database).await);
    let b = node(&database).await;
    let ended = Beats::begin(a.options.clone()).await.unwrap();
    let gone = [b.known.process().to_owned(), ended.process().to_owned()];
    let start = Instant::now();
    // The other judge has begun to watch a round later.
    rounds(&mut a, 1, start).await;
    for second in 1..5 {
        rounds(&mut c, 1, start + second * SECOND).await;
        rounds(&mut a, 1, start + second * SECOND).await;
    }
    ended.end().await.unwrap();
    rounds(&mut a, 1, start + 5 * SECOND).await;
    assert!(dead_at(&database, &gone[0]).await.is_some());
    rounds(&mut c, 2, start + 5 * SECOND).await;
    for node in [&mut a, &mut c] {
        rounds(node, 1, start + 7 * SECOND).await;
        let known: HashSet<_> = std::mem::take(&mut lock(&node.known.others).gone).into_iter().collect();
        assert_eq!(known, HashSet::from(gone.clone()));
    }
}

/// Something on the way has forgotten the connection of a node that works: it must not die of that.
#[tokio::test]
async fn a_node_whose_connection_is_silent_beats_on_another_one_in_time() {
    let Some(server) = postgres() else { return };
    let (database, way) = (server.database().await, Way::new(server));
    let mut node = Node::begin(way.options(&database)).await.unwrap();
    way.forget();
    tokio::time::pause();
    let began = Instant::now();
    node.try_round().await;
    assert!(began.elapsed() + EVERY + SECOND < SILENCE, "it has waited for {:?}", began.elapsed());
    tokio::time::resume();
    node.try_round().await;
    let beat = sqlx::query_scalar("select beat from node where process = $1").bind(node.known.process());
    let beat: i64 = beat.fetch_one(&mut database.connect().await).await.unwrap();
    assert_eq!(beat, 2);
}

/// It is paused at any moment of its rounds, for about as long as others wait: it is either untouched or dead for everybody.
#[tokio::test]
async fn h04_a_node_that_is_paused_for_about_as_long_as_others_wait_is_untouched_or_dead() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let (mut deaths, mut lives) = (0, 0);
    for pause in (4_900..=5_500).step_by(50).map(Duration::from_millis) {
        let (mut a, mut b) = (node(&database).await, node(&database).await);
        let (start, process) = (Instant::now(), b.known.process());
        rounds(&mut b, 1, start).await;
        // The judge's rounds, of which the first is anywhere within a second after the last beat.
        let phase = Duration::from_millis(pause.as_millis() as u64 * 7 % 1_000);
        let last = (0_u32..).take_while(|round| phase + *round * SECOND < pause).count() as u32;
        rounds(&mut a, last, start + phase).await;
        let (_, _) = (b.try_round().await, b.try_round().await);
        rounds(&mut a, 1, start + phase + last * SECOND).await;
        let is_dead = dead_at(&database, process).await.is_some();
        assert_eq!(is_dead, b.known.process() != process, "{pause:?}: it knows what the others know");
        assert_eq!(is_dead, !a.known.lives(process), "{pause:?}");
        (deaths, lives) = (deaths + u32::from(is_dead), lives + u32::from(!is_dead));
    }
    assert!(0 < deaths && 0 < lives, "both were met: {deaths} and {lives}");
}

#[tokio::test]
async fn of_a_node_that_is_set_up_otherwise_the_others_warn_once() {
    let Some(server) = postgres() else { return };
    let database = server.database().await;
    let (mut a, mut b, mut c) = (node(&database).await, node(&database).await, node(&database).await);
    for (node, config) in [(&a, "one"), (&b, "one"), (&c, "another")] {
        *lock(&node.known.config) = Some(config.into());
    }
    for second in 0..3 {
        for node in [&mut a, &mut b, &mut c] {
            rounds(node, 1, Instant::now() + second * SECOND).await;
        }
    }
    let warned = |node: &Node| lock(&node.known.others).warned.len();
    assert_eq!((warned(&a), warned(&b), warned(&c)), (1, 1, 2));
    assert!(lock(&a.known.others).warned.contains(&(c.known.process().to_owned(), "another".to_owned())));
}
