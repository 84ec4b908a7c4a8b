//! The nodes that share a database of PostgreSQL: each counts up in a row of its own, once a second, and watches the
//! rows of the others.
//!
//! Who is dead is said by one row, and that is never taken back: first the verdict is committed, then the dead one's
//! sessions are ended, and only then does anybody touch what it was doing. One that was only paused finds its verdict
//! with its next beat, and goes on as a new process.
//!
//! All of it is on a connection of its own and takes no lock of the store: neither a pool that is used up nor a long
//! transaction must look like death.

use super::judge::{Judge, SILENCE};
use super::{Presence, Sole};
use crate::server::node;
use crate::server::sync::lock;
use crate::server::times::now;
use anyhow::Context;
use futures::future::BoxFuture;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How often a node beats.
const EVERY: Duration = Duration::from_secs(1);
/// How long a round may take; then its connection is given up. Where something on the way has forgotten that one, the next
/// round has to reach the database on another before the others take this node for dead.
const PATIENCE: Duration = Duration::from_millis(1500);
const _: () = assert!(2 * PATIENCE.as_millis() + EVERY.as_millis() < SILENCE.as_millis());
/// The lock of the one that does what is done once for all nodes. No transaction's (`sql/lock`), but any number would do.
const SOLE: i64 = 0x5256_4c55;
/// How long a node that ends tries to say so: nobody judges it by that time.
const FAREWELL: Duration = Duration::from_secs(5);

/// This node.
pub struct Beats {
    known: Arc<Known>,
    options: PgConnectOptions,
    beating: AbortHandle,
}

/// What the rounds have found, for those who ask.
#[derive(Debug)]
struct Known {
    /// A text that is never freed: it is handed out, and a node is declared dead hardly ever.
    process: Mutex<&'static str>,
    /// What this node is set up with. None: not known yet.
    config: Mutex<Option<String>>,
    /// Whether this node shares its journals.
    joined: AtomicBool,
    /// Asks for a round before its time.
    soon: Notify,
    others: Mutex<Others>,
}

#[derive(Debug, Default)]
struct Others {
    live: HashSet<String>,
    /// Those of them that do not share their journals.
    apart: HashSet<String>,
    dead: HashSet<String>,
    /// Those that were asked about and are neither: the next round looks. Only a database that was restored has no row
    /// of one.
    asked: HashSet<String>,
    /// Those that were found dead, until somebody asks.
    gone: Vec<String>,
    /// Those that were warned of, with what they are set up with.
    warned: HashSet<(String, String)>,
}

/// Another node's row, as it was looked at.
struct Seen {
    process: String,
    beat: i64,
    is_joined: bool,
    is_dead: bool,
    config: Option<String>,
}

impl Beats {
    /// Makes this node's row, looks at the others, and beats from then on. Must be called within a runtime.
    pub async fn begin(options: PgConnectOptions) -> anyhow::Result<Self> {
        let mut node = Node::begin(options).await.context("DATABASE_URL: this node could not be made known")?;
        let (known, options) = (Arc::clone(&node.known), node.options.clone());
        let beating = tokio::spawn(async move {
            let mut rhythm = interval(EVERY);
            rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let soon = Arc::clone(&node.known);
            loop {
                tokio::select! {
                    _ = rhythm.tick() => {}
                    () = soon.soon.notified() => {}
                }
                node.try_round().await;
            }
        });
        Ok(Self { known, options, beating: beating.abort_handle() })
    }
}

impl Presence for Beats {
    fn process(&self) -> &str {
        self.known.process()
    }

    fn lives(&self, process: &str) -> io::Result<bool> {
        Ok(self.known.lives(process))
    }

    fn gone(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.known.others).gone)
    }

    fn is_set_up_with(&self, config: String) {
        *lock(&self.known.config) = Some(config);
    }

    fn is_joined(&self, is_joined: bool) {
        if self.known.joined.swap(is_joined, Ordering::Relaxed) != is_joined {
            self.known.soon.notify_one();
        }
    }

    fn is_apart(&self, process: &str) -> bool {
        lock(&self.known.others).apart.contains(process)
    }

    fn is_any_apart(&self) -> bool {
        !lock(&self.known.others).apart.is_empty()
    }

    fn sole(&self) -> BoxFuture<'_, anyhow::Result<Option<Sole>>> {
        Box::pin(async {
            let options = self.options.clone().application_name(&session(self.process()));
            let mut session = options.connect().await?;
            let first = sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(SOLE);
            let is_first: bool = first.fetch_one(&mut session).await?;
            Ok(is_first.then_some(Sole(Some(session))))
        })
    }

    fn end(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async {
            self.beating.abort();
            let ended = async {
                let mut connection = self.options.connect().await?;
                let end = sqlx::query("update node set dead_at = $2 where process = $1 and dead_at is null");
                end.bind(self.process()).bind(now()).execute(&mut connection).await?;
                connection.close().await
            };
            Ok(timeout(FAREWELL, ended).await??)
        })
    }
}

impl Drop for Beats {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

impl Known {
    fn process(&self) -> &'static str {
        *lock(&self.process)
    }

    /// Warns of a node that is set up otherwise, once.
    fn compare(&self, other: &Seen) {
        let (Some(own), Some(config)) = (lock(&self.config).clone(), &other.config) else { return };
        let differs = own != *config && lock(&self.others).warned.insert((other.process.clone(), config.clone()));
        if differs {
            tracing::warn!(
                other = other.process,
                "Another node has another rivulet.toml or default model: what people are shown depends on the node"
            );
        }
    }

    /// One of which nothing is known lives until it has been watched for long enough.
    fn lives(&self, process: &str) -> bool {
        if process == self.process() {
            return true;
        }
        let mut others = lock(&self.others);
        if others.dead.contains(process) {
            return false;
        }
        if !others.live.contains(process) {
            others.asked.insert(process.to_owned());
        }
        true
    }
}

/// The half that works: one round after the other.
struct Node {
    known: Arc<Known>,
    options: PgConnectOptions,
    /// None after a round that failed.
    connection: Option<PgConnection>,
    judge: Judge,
}

/// An id that no process has had.
fn new_process() -> &'static str {
    Box::leak(uuid::Uuid::now_v7().to_string().into_boxed_str())
}

/// What the names of sessions begin with.
const NAMED: &str = "rivulet ";

/// The name of a process's sessions, by which they are found when it is dead.
pub fn session(process: &str) -> String {
    format!("{NAMED}{process}")
}

/// Whether a session of this name is the process's.
pub fn is_session_of(name: &str, process: &str) -> bool {
    name.strip_prefix(NAMED) == Some(process)
}

impl Node {
    async fn begin(options: PgConnectOptions) -> sqlx::Result<Self> {
        let process = new_process();
        node::is(process);
        let (config, joined, soon, others) = Default::default();
        let known = Known { process: Mutex::new(process), config, joined, soon, others };
        let mut node = Self { known: Arc::new(known), options, connection: None, judge: Judge::default() };
        node.round().await?;
        Ok(node)
    }

    async fn connected(&mut self) -> sqlx::Result<&mut PgConnection> {
        if self.connection.is_none() {
            let options = self.options.clone().application_name(&session(self.known.process()));
            self.connection = Some(options.connect().await?);
        }
        Ok(self.connection.as_mut().expect("it was just opened"))
    }

    /// A round. One that fails, or takes too long, does not count, and the next has another connection.
    async fn try_round(&mut self) {
        let done = timeout(PATIENCE, self.round()).await;
        let failure = match done {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer for {PATIENCE:?}"),
        };
        tracing::warn!(error = failure, "This node could not tell the others that it lives");
        self.connection = None;
        self.judge.missed();
    }

    /// Beats, looks at the others, and declares dead who is silent for too long.
    async fn round(&mut self) -> sqlx::Result<()> {
        let rows = self.look().await?;
        // After the answer: what was seen is no younger than this.
        self.judge(Instant::now(), rows).await
    }

    /// Beats, and reads the beats of the others, with those that are known to be dead.
    async fn look(&mut self) -> sqlx::Result<Vec<Seen>> {
        if !self.beat().await? {
            self.go_on_as_another().await?;
        }
        let process = self.known.process();
        let asked: Vec<_> = lock(&self.known.others).asked.iter().cloned().collect();
        // The dead ones are never deleted, so that no verdict is forgotten: only those are read that somebody asks for.
        let others = "select process, beat, joined = 1 as is_joined, dead_at is not null as is_dead, config from node
                      where process <> $1 and (dead_at is null or process = any($2))";
        let others = sqlx::query_as::<_, (String, i64, bool, bool, Option<String>)>(others).bind(process).bind(asked);
        let rows = others.fetch_all(self.connected().await?).await?;
        let seen = |(process, beat, is_joined, is_dead, config)| Seen { process, beat, is_joined, is_dead, config };
        Ok(rows.into_iter().map(seen).collect())
    }

    async fn judge(&mut self, seen_at: Instant, rows: Vec<Seen>) -> sqlx::Result<()> {
        let (dead, live): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.is_dead);
        for row in dead {
            self.bury(row.process).await?;
        }
        live.iter().for_each(|row| self.known.compare(row));
        let apart = live.iter().filter(|row| !row.is_joined).map(|row| row.process.clone()).collect();
        let mut beats: HashMap<_, _> = live.into_iter().map(|row| (row.process, Some(row.beat))).collect();
        {
            let mut others = lock(&self.known.others);
            others.apart = apart;
            let before = std::mem::replace(&mut others.live, beats.keys().cloned().collect());
            let Others { live, dead, asked, .. } = &mut *others;
            // Another node has declared them dead, or they have ended: the next round reads their verdicts.
            asked.extend(before);
            asked.retain(|process| !live.contains(process) && !dead.contains(process));
            beats.extend(asked.iter().map(|process| (process.clone(), None)));
        }
        for (process, beat) in self.judge.round(seen_at, beats) {
            // Asked about, it is looked at again if this round comes no further.
            lock(&self.known.others).asked.insert(process.clone());
            if declare_dead(self.connected().await?, &process, beat).await? {
                tracing::warn!(process, "A node has been silent for too long, and is declared dead");
                self.bury(process).await?;
            }
        }
        Ok(())
    }

    /// Ends its sessions, and only then says that it is dead. Each node that finds the verdict does that: the one that
    /// gave it may not have come so far.
    async fn bury(&mut self, process: String) -> sqlx::Result<()> {
        end_sessions(self.connected().await?, &process).await?;
        let mut others = lock(&self.known.others);
        others.asked.remove(&process);
        if others.dead.insert(process.clone()) {
            others.gone.push(process);
        }
        Ok(())
    }

    /// What the former process had open is not this one's: the others end it, and refuse what it still writes.
    async fn go_on_as_another(&mut self) -> sqlx::Result<()> {
        let (former, process) = (self.known.process(), new_process());
        tracing::error!(
            former,
            process,
            "This node was declared dead, and goes on as another one. Its open replies are lost"
        );
        // The others ended this connection, or are about to.
        self.connection = None;
        self.judge.missed();
        {
            let mut others = lock(&self.known.others);
            others.dead.insert(former.to_owned());
            // What it left open is ended by the first node that finds it, perhaps by this one.
            others.gone.push(former.to_owned());
        }
        *lock(&self.known.process) = process;
        node::is(process);
        self.beat().await.map(drop)
    }

    /// Makes the row, or counts it up. False: this process was declared dead.
    async fn beat(&mut self) -> sqlx::Result<bool> {
        let (process, config) = (self.known.process(), lock(&self.known.config).clone());
        let joined = i64::from(self.known.joined.load(Ordering::Relaxed));
        let beat = sqlx::query(
            "insert into node (process, beat, joined, started_at, version, config) values ($1, 1, $5, $2, $3, $4)
             on conflict (process) do update set beat = node.beat + 1, config = excluded.config, joined = excluded.joined
             where node.dead_at is null",
        );
        let beat = beat.bind(process).bind(now()).bind(env!("CARGO_PKG_VERSION")).bind(config).bind(joined);
        Ok(beat.execute(self.connected().await?).await?.rows_affected() == 1)
    }
}

/// The verdict, which is committed by itself. False: it has beaten since, or somebody else was first.
async fn declare_dead(connection: &mut PgConnection, process: &str, beat: Option<i64>) -> sqlx::Result<bool> {
    let verdict = match beat {
        Some(beat) => sqlx::query("update node set dead_at = $2 where process = $1 and beat = $3 and dead_at is null")
            .bind(process)
            .bind(now())
            .bind(beat),
        // Without a row: it gets one, unless it comes back at this moment.
        None => sqlx::query(
            "insert into node (process, beat, joined, dead_at, started_at, version) values ($1, 0, 0, $2, $2, '')
             on conflict (process) do nothing",
        )
        .bind(process)
        .bind(now()),
    };
    Ok(verdict.execute(connection).await?.rows_affected() == 1)
}

/// Their locks are free at once, and what is not committed yet never is.
async fn end_sessions(connection: &mut PgConnection, process: &str) -> sqlx::Result<()> {
    let ended = sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = $1 and datname = current_database() and usename = current_user",
    );
    ended.bind(session(process)).execute(connection).await.map(drop)
}

#[cfg(test)]
#[path = "../../../tests/postgres/beats.rs"]
mod tests;
