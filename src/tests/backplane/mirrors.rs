//! Journals of three processes on one log: whatever is lost, late or doubled, each viewer ends with what is stored.

pub(super) mod store;
mod viewer;

use super::log_refusals::{opened, token};
use crate::event::{Cursor, Event};
use crate::model::{ConversationId, MessageId, Status};
use crate::server::backplane::memory::{Hub, Mishap, Node};
use crate::server::journal::{Journals, Rows, Topic, Writer};
use crate::server::sync::lock;
use crate::tests::rng::Dice;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Store, Stored, View, end};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use viewer::Viewer;

const WINDOW: Duration = Duration::from_secs(600);
const NODES: usize = 3;
/// Enough to meet each trouble in each state, and few enough for seconds.
const SEEDS: u64 = 25;
/// Longer than anything takes that is done by a timer.
const SETTLED: Duration = Duration::from_secs(65);

struct World {
    hub: Arc<Hub>,
    nodes: Vec<Arc<Node>>,
    journals: Vec<Arc<Journals>>,
    store: Arc<Store>,
    topic: Topic,
    open: Option<(usize, MessageId, Writer)>,
}

impl World {
    fn new() -> Self {
        let (hub, store) = (Hub::new(), Arc::<Store>::default());
        let nodes: Vec<_> = (0..NODES).map(|_| hub.node()).collect();
        let journals = nodes.iter().enumerate().map(|(node, plane)| {
            let journals = Journals::joined(WINDOW, 32 << 20, Arc::clone(plane) as _);
            let (store, me) = (Arc::clone(&store), Arc::downgrade(&journals));
            journals.ask(Arc::new(View { store, node, journals: me }));
            journals
        });
        let journals = journals.collect();
        Self { hub, nodes, journals, store, topic: Topic::Conversation(ConversationId::new()), open: None }
    }

    fn viewer(&self, node: usize, may_shrink: bool) -> Viewer {
        let (journals, store) = (Arc::clone(&self.journals[node]), Arc::clone(&self.store));
        Viewer { journals, store, topic: self.topic, reader: None, seen: HashMap::new(), snapshots: 0, may_shrink }
    }

    async fn open(&mut self, node: usize) {
        if self.open.is_some() {
            return;
        }
        let (reply, journals) = (MessageId::new(), &self.journals[node]);
        let journal = journals.topic(self.topic);
        let turn = journal.turn().await;
        let stored = Stored { owner: node, text: String::new(), status: Status::Streaming };
        lock(&self.store.replies).insert(reply, stored);
        let writer = journals.writer(self.topic, reply, &node.to_string(), &CancellationToken::new());
        writer.open(&turn, [opened(reply)]).await;
        self.open = Some((node, reply, writer));
    }

    /// The owner writes, and stores what it wrote now and then.
    fn write(&self, text: &str, is_stored: bool) {
        let Some((_, reply, writer)) = &self.open else { return };
        writer.append(token(*reply, text));
        if is_stored && let Some(draft) = writer.draft() {
            lock(&self.store.replies).get_mut(reply).unwrap().text = draft.text;
        }
    }

    async fn end(&mut self) {
        let Some((_, reply, writer)) = self.open.take() else { return };
        let text = writer.draft().map(|draft| draft.text).unwrap_or_default();
        let was_open = {
            let mut replies = lock(&self.store.replies);
            let row = replies.get_mut(&reply).unwrap();
            let was_open = row.status.is_open();
            if was_open {
                (row.text, row.status) = (text, Status::Stopped);
            }
            was_open
        };
        writer.end(end(reply, if was_open { Status::Stopped } else { Status::Interrupted })).await;
    }

    /// The owner is declared dead, and has died, or does not know. Some other process looks what it has left open.
    fn kill(&mut self, dice: &mut Dice) {
        let Some((node, reply, writer)) = self.open.take() else { return };
        lock(&self.store.dead).push(reply);
        let healer = (node + 1 + dice.below(NODES as u64 - 1) as usize) % NODES;
        let (store, journals, topic) = (Arc::clone(&self.store), Arc::clone(&self.journals[healer]), self.topic);
        let view = View { store: Arc::clone(&store), node: healer, journals: Arc::downgrade(&journals) };
        let wait = Duration::from_millis(dice.below(3_000));
        tokio::spawn(async move {
            sleep(wait).await;
            while lock(&view.store.replies)[&reply].status.is_open() {
                view.heal(topic, reply).await;
                sleep(Duration::from_secs(1)).await;
            }
        });
        if dice.below(2) == 0 {
            return writer.die();
        }
        // As a process that was stopped and goes on.
        tokio::spawn(async move {
            for _ in 0..5 {
                writer.append(token(reply, "late"));
                sleep(Duration::from_millis(300)).await;
            }
            World { open: Some((node, reply, writer)), ..World::of(store) }.end().await;
        });
    }

    /// For what rests on the store alone.
    fn of(store: Arc<Store>) -> Self {
        let (nodes, journals, topic) = (Vec::new(), Vec::new(), Topic::Conversation(ConversationId::new()));
        Self { hub: Hub::new(), nodes, journals, store, topic, open: None }
    }
}

/// Ends of replies in the log, by reply.
fn ends(entries: &[(u64, Event)]) -> HashMap<MessageId, usize> {
    let mut ends = HashMap::new();
    for (_, event) in entries.iter().filter(|(_, event)| event.outcome().is_some()) {
        *ends.entry(event.reply().unwrap()).or_default() += 1;
    }
    ends
}

/// What goes wrong in one run.
#[derive(Clone, Copy)]
struct Trouble {
    answers: u64,
    wakes: u64,
    dies: bool,
    forgets: bool,
    parts: bool,
    fills: bool,
}

async fn run(seed: u64, trouble: Trouble) {
    let mut dice = Dice::new(seed);
    let mut world = World::new();
    let mut fate = Dice::new(seed ^ 0xfa7e);
    world.hub.suffer(move || Mishap {
        is_not_done: fate.below(100) < trouble.answers,
        is_not_answered: fate.below(100) < trouble.answers,
        wakes: if fate.below(100) < trouble.wakes { 2 * fate.below(2) as usize } else { 1 },
        yields: fate.below(4) as usize,
    });
    let may_shrink = trouble.parts || trouble.forgets || trouble.fills;
    let viewers: Vec<_> = (0..NODES).map(|node| (Arc::default(), Arc::default(), node)).collect();
    for (out, count, node) in &viewers {
        tokio::spawn(world.viewer(*node, may_shrink).run(Arc::clone(out), Arc::clone(count)));
    }
    for step in 0..150 {
        let node = dice.below(NODES as u64) as usize;
        match dice.below(24) {
            0..=2 => world.open(node).await,
            3..=13 => world.write(&format!("{step} "), dice.below(4) == 0),
            14 => world.end().await,
            15..=17 => {
                let event = Event::Deleted { conversation: ConversationId::new() };
                world.journals[node].tell(world.topic, None, event).await;
            }
            18 => world.journals[node].start_over(world.topic).await,
            19 if trouble.dies => world.kill(&mut dice),
            20 if trouble.forgets => world.hub.forget(),
            20 if trouble.fills => world.hub.fill(dice.below(2) == 0),
            21 if trouble.parts => world.nodes[node].join(dice.below(2) == 0),
            _ => sleep(Duration::from_millis(dice.below(3_000))).await,
        }
        if dice.below(3) == 0 {
            sleep(Duration::from_millis(dice.below(20))).await;
        }
    }
    world.hub.suffer(|| Mishap { wakes: 1, ..Mishap::default() });
    world.nodes.iter().for_each(|node| node.join(true));
    world.hub.fill(false);
    world.end().await;
    sleep(SETTLED).await;
    let stored = lock(&world.store.replies).clone();
    for (reply, row) in &stored {
        assert!(!row.status.is_open(), "seed {seed}: {reply} is open in the store");
    }
    let (cursor, entries) = world.hub.entries(world.topic);
    for (reply, count) in ends(&entries) {
        assert_eq!(count, 1, "seed {seed}: {reply} has {count} terminal events");
    }
    for (out, _, node) in &viewers {
        let seen = lock(out).clone();
        for (reply, row) in &stored {
            let Some((text, status)) = seen.get(reply) else { panic!("seed {seed}: node {node} knows no {reply}") };
            let end = world.journals[*node].topic(world.topic).end();
            assert_eq!(
                (text, status),
                (&row.text, &row.status),
                "seed {seed}: {reply} at node {node}, {end:?}, {cursor}"
            );
        }
        let journal = world.journals[*node].topic(world.topic);
        assert_eq!(journal.end().0, cursor, "seed {seed}: the mirror at node {node}");
        // It is a part of the log, without gaps, to its end.
        let from = entries.first().map_or(cursor.seq, |(seq, _)| seq - 1);
        if let Some(mut reader) = journal.reader(Cursor { seq: from, ..cursor })
            && !entries.is_empty()
        {
            let read = reader.next(usize::MAX).await.unwrap();
            assert!(
                read.iter().map(|entry| (&entry.seq, &entry.event)).eq(entries.iter().map(|(seq, event)| (seq, event)))
            );
        }
    }
}

const CALM: Trouble = Trouble { answers: 0, wakes: 0, dies: false, forgets: false, parts: false, fills: false };

#[tokio::test(start_paused = true)]
async fn s01_viewers_at_three_processes_see_one_log() {
    for seed in 0..SEEDS {
        run(seed, CALM).await;
        run(seed, Trouble { wakes: 60, ..CALM }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn s02_answers_that_are_lost_double_nothing() {
    for seed in 0..SEEDS {
        run(seed, Trouble { answers: 20, wakes: 30, ..CALM }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn s17_of_a_process_that_dies_nothing_is_lost_that_was_shown() {
    for seed in 0..SEEDS {
        run(seed, Trouble { dies: true, wakes: 20, ..CALM }).await;
        run(seed, Trouble { dies: true, answers: 10, ..CALM }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn s18_a_log_that_is_lost_or_away_heals() {
    for seed in 0..SEEDS {
        run(seed, Trouble { forgets: true, ..CALM }).await;
        run(seed, Trouble { parts: true, ..CALM }).await;
        run(seed, Trouble { fills: true, wakes: 20, ..CALM }).await;
        run(seed, Trouble { fills: true, dies: true, answers: 10, ..CALM }).await;
        run(seed, Trouble { dies: true, forgets: true, parts: true, fills: false, answers: 10, wakes: 20 }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn h12_an_event_of_another_process_between_two_pieces_costs_nobody_a_snapshot() {
    let mut world = World::new();
    let (out, count) = (Arc::default(), Arc::<Mutex<usize>>::default());
    tokio::spawn(world.viewer(0, false).run(out, Arc::clone(&count)));
    let (there, counted) = (Arc::default(), Arc::<Mutex<usize>>::default());
    tokio::spawn(world.viewer(1, false).run(Arc::clone(&there), Arc::clone(&counted)));
    world.open(0).await;
    for number in 0..50 {
        world.write(&format!("{number} "), false);
        let event = Event::Deleted { conversation: ConversationId::new() };
        world.journals[1].tell(world.topic, None, event).await;
        sleep(Duration::from_millis(10)).await;
    }
    world.end().await;
    sleep(SETTLED).await;
    assert_eq!((*lock(&count), *lock(&counted)), (1, 1));
    let seen: HashMap<MessageId, (String, Status)> = lock(&there).clone();
    assert_eq!(seen.values().next().unwrap().0.split_whitespace().count(), 50);
}

#[tokio::test(start_paused = true)]
async fn h13_who_comes_from_a_process_that_is_ahead_goes_on_where_they_were() {
    let mut world = World::new();
    // Wakes are lost, so that the second process is behind.
    world.journals[1].attached(world.topic).await;
    world.hub.suffer(|| Mishap { wakes: 0, ..Mishap::default() });
    world.open(0).await;
    for number in 0..20 {
        world.write(&format!("{number} "), false);
        tokio::task::yield_now().await;
        let here = world.journals[0].attached(world.topic).await.end().0;
        let there = world.journals[1].attached(world.topic).await;
        assert!(there.reader(here).is_some(), "{here}");
    }
}
