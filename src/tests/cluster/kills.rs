//! kill -9 of a random node in mid-reply, again and again. `RIVULET_SOAK_CLUSTER` says how often (`make soak`).

use super::connection::Transport;
use super::deeds::{self, Scene};
use super::judge::Fault;
use super::viewer::{Promise, Viewer};
use super::{Cluster, Person};
use crate::model::ConversationId;
use crate::server::sync::lock;
use crate::tests::rng::Dice;
use crate::tests::upstream::script::Script;
use crate::tests::viewer::client;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// In `make test`.
const ROUNDS: usize = 5;
/// How soon everybody has everything, in `make soak` on a machine with nothing else to do, ...
const SOON: Duration = Duration::from_secs(10);
/// ... and in `make test`, where hundreds of tests run at the same time.
const BUSY: Duration = Duration::from_secs(40);
/// Viewers of each transport in each conversation.
const EACH: usize = 3;
const SOAK_EACH: usize = 5;
const CONVERSATIONS: usize = 4;
/// Between two pieces of a reply.
const GAP_MS: u64 = 30;
/// How long people go on after a kill.
const AFTER_MS: u64 = 2_500;
/// What may be lost with a node without Redis (promise S6), in milliseconds, with what a viewer may be ahead of a checkpoint
/// that is being written.
const LOST_MS: u64 = 1_500;
/// Faults in a report, and how many viewers' stories.
const MOST_SHOWN: usize = 12;

/// What all rounds came to.
#[derive(Default)]
struct Figures {
    slowest: Duration,
    replies: usize,
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_killed_on_postgresql_alone() {
    kills(Promise::Coarse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_killed_with_redis() {
    kills(Promise::Live).await;
}

async fn kills(promise: Promise) {
    let Some(mut cluster) = Cluster::start(promise).await else { return };
    let soak = number("RIVULET_SOAK_CLUSTER");
    let (rounds, limit) = soak.map_or((ROUNDS, BUSY), |rounds| (rounds as usize, SOON));
    let seed = number("SOAK_SEED").unwrap_or(14);
    let mut dice = Dice::new(seed);
    let scene = cluster.scene(CONVERSATIONS, &mut dice).await;
    let each = if soak.is_some() { SOAK_EACH } else { EACH };
    let viewers = cluster.viewers(&scene.conversations, each, promise);
    let mut figures = Figures::default();
    for round in 1..=rounds {
        cluster.story.tell(format!("--- round {round} of {rounds}, seed {seed} ---"));
        let mut faults = cluster.round(&scene, &mut dice, &mut figures).await;
        match cluster.settled(&scene, &viewers, limit).await {
            Ok(took) => figures.slowest = figures.slowest.max(took),
            Err(missing) => faults.extend(missing),
        }
        faults.extend(cluster.verdict(&scene, &viewers, promise, (LOST_MS / GAP_MS) as usize).await);
        assert!(faults.is_empty(), "{}", cluster.report(&faults, &viewers, round, seed));
        cluster.story.forget();
        viewers.iter().for_each(|viewer| lock(&viewer.eyes).forget());
    }
    for transport in [Transport::App, Transport::Sse, Transport::Pusher] {
        let of_it = viewers.iter().filter(|viewer| viewer.transport == transport);
        let nodes: BTreeSet<_> = of_it.flat_map(|viewer| lock(&viewer.eyes).nodes.clone()).collect();
        let missed = cluster.nodes.iter().filter(|node| !nodes.contains(&node.address.to_string()));
        assert_eq!(missed.count(), 0, "{transport:?} had viewers at all nodes: {nodes:?}");
    }
    let connections: usize = viewers.iter().map(|viewer| lock(&viewer.eyes).connections).sum();
    let snapshots: usize = viewers.iter().map(|viewer| lock(&viewer.eyes).snapshots).sum();
    let line = format!(
        "{rounds} kills, {} replies, {} viewers with {connections} connections and {snapshots} snapshots; everybody had \
         everything at most {:.1} s after the last deed",
        figures.replies,
        viewers.len(),
        figures.slowest.as_secs_f64()
    );
    eprintln!("cluster ({promise:?}): {line}");
}

impl Cluster {
    /// Replies begin in all conversations but one; a node dies, and comes back; people go on.
    async fn round(&mut self, scene: &Scene, dice: &mut Dice, figures: &mut Figures) -> Vec<Fault> {
        let idle = dice.below(scene.conversations.len() as u64) as usize;
        let busy = scene.conversations.iter().enumerate().filter(|(index, _)| *index != idle);
        let replies: Vec<_> = busy.map(|(_, id)| self.reply(*id, dice)).collect();
        figures.replies += replies.len();
        let alive = Duration::from_millis(300 + dice.below(2_000));
        let (victim, away) = (dice.below(3) as usize, Duration::from_millis(dice.below(AFTER_MS)));
        let until = Instant::now() + alive + Duration::from_millis(AFTER_MS);
        let mut own = Dice::new(dice.below(u64::MAX));
        let people = self.people.clone();
        let deeds = async {
            let mut failed = Vec::new();
            while Instant::now() < until {
                failed.extend(deeds::any(&people, scene, idle, &mut own).await.err());
                sleep(Duration::from_millis(own.below(250))).await;
            }
            failed
        };
        let node = &mut self.nodes[victim];
        let story = self.story.clone();
        let death = async {
            sleep(alive).await;
            node.kill(&story);
            sleep(away).await;
            node.start();
            node.answers(&client()).await;
            story.tell(format!("node {} is back", victim + 1));
        };
        let (mut failed, ()) = tokio::join!(deeds, death);
        for reply in replies {
            failed.extend(reply.await.unwrap().err());
        }
        self.story.tell("the last deed is done".into());
        failed.into_iter().map(|what| Fault { viewer: None, what }).collect()
    }

    /// A message that is answered for some seconds.
    fn reply(&self, conversation: ConversationId, dice: &mut Dice) -> tokio::task::JoinHandle<Result<(), String>> {
        let person: Arc<Person> = Arc::clone(&self.people[dice.below(2) as usize]);
        let (pieces, wait) = (60 + dice.below(80) as usize, Duration::from_millis(dice.below(400)));
        let multibyte = dice.below(3) == 0;
        let script = Script { pieces, gap_ms: GAP_MS, multibyte, ..Script::default() };
        let mut own = Dice::new(dice.below(u64::MAX));
        tokio::spawn(async move {
            sleep(wait).await;
            deeds::send(&person, conversation, &script, &mut own).await.map(drop)
        })
    }

    /// What was wrong, and the story of the first viewer to whom it happened.
    pub(super) fn report(&self, faults: &[Fault], viewers: &[Viewer], round: usize, seed: u64) -> String {
        let mut report = format!("{} faults in round {round} (SOAK_SEED={seed}):\n", faults.len());
        for fault in faults.iter().take(MOST_SHOWN) {
            let name = fault.viewer.map_or("all", |viewer| &viewers[viewer].name);
            writeln!(report, "- {name}: {}", fault.what).unwrap();
        }
        for node in &self.nodes {
            writeln!(
                report,
                "\nNode {} ({}, runs: {}) said last:\n{}",
                node.number,
                node.address,
                node.runs(),
                node.said()
            )
            .unwrap();
        }
        let first = faults.iter().find_map(|fault| fault.viewer);
        let (name, lines) = first
            .map_or(("nobody", Vec::new()), |first| (&*viewers[first].name, lock(&viewers[first].eyes).lines.clone()));
        write!(report, "\nWhat happened, and what {name} saw:\n{}", self.story.with(&lines)).unwrap();
        report
    }
}
