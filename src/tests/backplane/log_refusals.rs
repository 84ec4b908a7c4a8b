//! What the log of several processes refuses: one table, for Redis and for the log in memory that other tests use.

use super::process;
use crate::event::{Cursor, Event};
use crate::model::{ConversationId, MessageId};
use crate::server::backplane::memory::Hub;
use crate::server::backplane::redis::Logs;
use crate::server::backplane::{Append, Backplane, Placed, Topic, What};
use crate::tests::rng::Dice;
use crate::tests::services::redis;
use redis::cmd;
use std::sync::Arc;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(600);

pub(super) fn opened(reply: MessageId) -> Event {
    Event::Reply { reply, model: "m".into(), parent: None, created_at: String::new(), left_out: 0, images_left_out: 0 }
}

pub(super) fn token(reply: MessageId, text: &str) -> Event {
    Event::Token { reply, text: text.into() }
}

fn other() -> Event {
    Event::Deleted { conversation: ConversationId::new() }
}

/// A log, and a way to make it forget everything.
struct Bench {
    log: Arc<dyn Backplane>,
    topic: Topic,
    forget: Box<dyn Fn() -> futures::future::BoxFuture<'static, ()> + Send>,
}

impl Bench {
    async fn all() -> Vec<Self> {
        let topic = || Topic::Conversation(ConversationId::new());
        let hub = Hub::new();
        let log = hub.node();
        let forget = Box::new(move || {
            hub.forget();
            Box::pin(std::future::ready(())) as _
        });
        let mut all = vec![Self { log, topic: topic(), forget }];
        if let Some(server) = redis() {
            let one = process(&server.options(), "one").await;
            let (here, prefix) = (topic(), one.key(""));
            let Topic::Conversation(id) = here else { unreachable!() };
            let meta = format!("{prefix}{{c:{id}}}:m");
            let forget = Box::new(move || {
                let meta = meta.clone();
                Box::pin(async move { _ = server.ask::<i64>(cmd("DEL").arg(meta)).await }) as _
            });
            all.push(Self { log: Logs::new(one, WINDOW), topic: here, forget });
        }
        all
    }

    async fn append(&self, what: What, events: Vec<Event>) -> Placed {
        self.log.append(self.topic, Append::new(what, events)).await.unwrap()
    }

    async fn at(&self, what: What, events: Vec<Event>) -> Cursor {
        match self.append(what, events).await {
            Placed::At { last, .. } => last,
            placed => panic!("{placed:?}"),
        }
    }

    /// Where the log ends, and what it has.
    async fn look(&self, known: Option<Cursor>) -> (Cursor, Vec<(u64, Event)>, Option<MessageId>) {
        let look = self.log.look(vec![(self.topic, known)]).await.unwrap().remove(0).unwrap();
        (look.cursor, look.events, look.open.map(|open| open.reply))
    }
}

fn open(reply: MessageId, owner: &str) -> What {
    What::Open { reply, owner: owner.into() }
}

fn pieces(reply: MessageId, owner: &str, epoch: u64, batch: u64) -> What {
    What::Pieces { reply, owner: owner.into(), epoch, batch }
}

fn end(reply: MessageId, owner: &str, epoch: u64, batch: u64) -> What {
    What::End { reply, owner: owner.into(), epoch, batch }
}

#[tokio::test]
async fn who_may_append_is_decided_in_the_log() {
    for bench in Bench::all().await {
        let (one, two) = (MessageId::new(), MessageId::new());
        let first = bench.at(What::Plain, vec![other()]).await;
        assert_eq!(first.seq, 1);
        let epoch = first.epoch;
        let begun = bench.at(open(one, "A"), vec![other(), opened(one), token(one, "x")]).await;
        assert_eq!(begun, Cursor { epoch, seq: 4 });
        assert_eq!(bench.append(open(two, "B"), vec![opened(two)]).await, Placed::Open(one), "a second reply");
        assert_eq!(bench.append(What::Quiet, vec![other()]).await, Placed::Open(one));
        let again = Placed::Again { last: begun, first: 3 };
        assert_eq!(bench.append(open(one, "A"), vec![opened(one)]).await, again, "the answer was lost");
        assert_eq!(bench.append(open(one, "B"), vec![opened(one)]).await, Placed::Fenced);
        assert_eq!(bench.at(pieces(one, "A", epoch, 1), vec![token(one, "y")]).await.seq, 5);
        let repeated = bench.append(pieces(one, "A", epoch, 1), vec![token(one, "y")]).await;
        assert_eq!(repeated, Placed::Again { last: Cursor { epoch, seq: 5 }, first: 3 }, "it writes nothing twice");
        assert_eq!(bench.at(What::Plain, vec![other()]).await.seq, 6, "numbered between two pieces");
        assert_eq!(bench.at(pieces(one, "A", epoch, 2), vec![token(one, "z")]).await.seq, 7);
        assert_eq!(bench.append(pieces(one, "B", epoch, 3), vec![token(one, "!")]).await, Placed::Fenced);
        assert_eq!(bench.append(pieces(two, "A", epoch, 3), vec![token(two, "!")]).await, Placed::Fenced);
        assert_eq!(bench.append(pieces(one, "A", epoch ^ 1, 3), vec![token(one, "!")]).await, Placed::Lost);
        // A healer, and one after it that died in between.
        assert!(bench.log.fence(bench.topic, two, "take:B".into()).await.unwrap().is_none());
        for healer in ["take:B", "take:C"] {
            let fence = bench.log.fence(bench.topic, one, healer.into()).await.unwrap().unwrap();
            assert_eq!((fence.end, fence.first), (Cursor { epoch, seq: 7 }, 3));
        }
        assert_eq!(
            bench.append(pieces(one, "A", epoch, 3), vec![token(one, "!")]).await,
            Placed::Fenced,
            "the old one"
        );
        assert_eq!(bench.append(end(one, "take:B", epoch, 1), vec![]).await, Placed::Fenced);
        assert!(!bench.log.start_over(bench.topic).await.unwrap(), "a reply is open");
        let stopped = || vec![Event::Stopped { reply: one, usage: None }];
        assert_eq!(bench.at(end(one, "take:C", epoch, 1), stopped()).await.seq, 8);
        for owner in ["take:C", "A", "take:B"] {
            let placed = bench.append(end(one, owner, epoch, 9), stopped()).await;
            assert!(matches!(placed, Placed::Again { .. }), "one terminal event: {placed:?}");
        }
        let (cursor, events, open) = bench.look(None).await;
        assert_eq!((cursor.seq, open), (8, None));
        assert!(events.iter().map(|(seq, _)| *seq).eq(1..=8));
        assert_eq!(events.last().unwrap().1, stopped()[0]);
        let (_, later, _) = bench.look(Some(Cursor { epoch, seq: 6 })).await;
        assert!(later.iter().map(|(seq, _)| *seq).eq(7..=8));
        assert!(bench.look(Some(Cursor { epoch, seq: 8 })).await.1.is_empty());
    }
}

#[tokio::test]
async fn what_is_lost_begins_another_epoch_and_is_not_written_on() {
    for bench in Bench::all().await {
        let one = MessageId::new();
        let begun = bench.at(open(one, "A"), vec![opened(one)]).await;
        (bench.forget)().await;
        assert_eq!(bench.append(pieces(one, "A", begun.epoch, 1), vec![token(one, "x")]).await, Placed::Lost);
        assert_eq!(bench.append(end(one, "A", begun.epoch, 2), vec![]).await, Placed::Lost);
        let plain = bench.at(What::Plain, vec![other()]).await;
        assert!(plain.epoch != begun.epoch && plain.seq == 1, "another epoch");
        assert_eq!(bench.append(pieces(one, "A", begun.epoch, 1), vec![token(one, "x")]).await, Placed::Lost);
        let reopened =
            bench.at(What::Reopen { reply: one, owner: "A".into() }, vec![opened(one), token(one, "x")]).await;
        let (cursor, events, open) = bench.look(Some(plain)).await;
        assert_eq!((cursor, open), (reopened, Some(one)));
        assert_eq!(events.first().unwrap().0, plain.seq + 2, "every mirror sees the jump");
        // A reader that knows more than there is has seen what was lost.
        let ahead = Cursor { seq: reopened.seq + 1, ..reopened };
        let (anew, events, open) = bench.look(Some(ahead)).await;
        assert!(anew.epoch != ahead.epoch && events.is_empty() && open.is_none());
        // What is deleted leaves nothing but that.
        bench.at(What::Plain, vec![other(), other()]).await;
        let gone = bench.at(What::Gone, vec![other()]).await;
        let (cursor, events, _) = bench.look(None).await;
        assert_eq!((cursor, events.len()), (gone, 1));
        assert!(bench.log.start_over(bench.topic).await.unwrap());
        let (cursor, events, _) = bench.look(None).await;
        assert_eq!((cursor.seq, events.len()), (gone.seq + 1, 0));
    }
}

#[tokio::test]
async fn h22_a_log_that_is_evicted_alone_is_begun_anew_before_anything_follows_the_gap() {
    let Some(server) = redis() else { return };
    let id = ConversationId::new();
    let one = process(&server.options(), "one").await;
    let key = format!("{}{{c:{id}}}:l", one.key(""));
    let (log, topic, forget) =
        (Logs::new(one, WINDOW), Topic::Conversation(id), Box::new(|| Box::pin(std::future::ready(())) as _));
    let bench = Bench { log, topic, forget };
    let reply = MessageId::new();
    let begun = bench.at(open(reply, "A"), vec![opened(reply)]).await;
    bench.at(pieces(reply, "A", begun.epoch, 1), vec![token(reply, "x")]).await;
    assert_eq!(server.ask::<i64>(cmd("DEL").arg(&key)).await, 1);
    // What else happens in the conversation begins the log again, without the reply.
    bench.at(What::Plain, vec![other()]).await;
    assert_eq!(bench.append(pieces(reply, "A", begun.epoch, 2), vec![token(reply, "y")]).await, Placed::Lost);
    let events = vec![opened(reply), token(reply, "xy")];
    let reopened = bench.at(What::Reopen { reply, owner: "A".into() }, events).await;
    bench.at(pieces(reply, "A", reopened.epoch, 1), vec![token(reply, "z")]).await;
    let (_, events, in_log) = bench.look(None).await;
    assert_eq!((events.len(), in_log), (3, Some(reply)), "all of it, from its opening on");
    // Where it is evicted before the end, nothing is left open.
    assert_eq!(server.ask::<i64>(cmd("DEL").arg(&key)).await, 1);
    assert_eq!(bench.append(end(reply, "A", reopened.epoch, 2), vec![]).await, Placed::Lost);
    assert_eq!(bench.look(None).await.2, None);
    let next = MessageId::new();
    bench.at(open(next, "B"), vec![opened(next)]).await;
}

#[tokio::test]
async fn h08_what_is_told_in_a_turn_that_has_run_out_is_refused() {
    for bench in Bench::all().await {
        let turn = bench.log.turn(bench.topic).await.unwrap();
        let mut batch = Append::new(What::Plain, vec![other()]);
        batch.turn = Some(turn.value().to_owned());
        let placed = bench.log.append(bench.topic, batch.clone()).await.unwrap();
        assert!(matches!(placed, Placed::At { .. }), "{placed:?}");
        batch.turn = Some("the turn of one who slept".into());
        assert_eq!(bench.log.append(bench.topic, batch).await.unwrap(), Placed::Late);
        assert_eq!(bench.look(None).await.0.seq, 1);
    }
}

/// Redis does what the log in memory does, whatever comes.
#[tokio::test]
async fn redis_and_the_log_in_memory_agree() {
    for seed in 0..30 {
        let mut benches = Bench::all().await;
        if benches.len() < 2 {
            return;
        }
        let mut dice = Dice::new(seed);
        let replies = [MessageId::new(), MessageId::new()];
        let mut epochs = [0, 0];
        for step in 0..80 {
            let reply = replies[dice.below(2) as usize];
            let owner = ["A", "B"][dice.below(2) as usize];
            let (kind, batch, is_right) = (dice.below(12), dice.below(6), dice.below(8) != 0);
            let text = format!("{step}");
            let mut answers = Vec::new();
            for (bench, epoch) in benches.iter_mut().zip(&mut epochs) {
                let at = if is_right { *epoch } else { *epoch ^ 1 };
                let what = match kind {
                    0 | 1 => open(reply, owner),
                    2 => What::Reopen { reply, owner: owner.into() },
                    3..=6 => pieces(reply, owner, at, batch),
                    7 => end(reply, owner, at, batch),
                    8 => What::Quiet,
                    9 => {
                        let fenced = bench.log.fence(bench.topic, reply, owner.into()).await.unwrap();
                        answers.push(format!("{:?}", fenced.map(|fence| (fence.end.seq, fence.first))));
                        continue;
                    }
                    10 if dice.clone().below(4) == 0 => {
                        (bench.forget)().await;
                        answers.push(String::new());
                        continue;
                    }
                    11 => {
                        answers.push(format!("{:?}", bench.log.start_over(bench.topic).await));
                        continue;
                    }
                    _ => What::Plain,
                };
                let events = match &what {
                    What::Open { .. } | What::Reopen { .. } => vec![opened(reply)],
                    What::End { .. } => vec![Event::Stopped { reply, usage: None }],
                    _ => vec![token(reply, &text)],
                };
                let placed = bench.append(what, events).await;
                answers.push(match placed {
                    Placed::At { last, cancel } => {
                        *epoch = last.epoch;
                        format!("at {} {cancel}", last.seq)
                    }
                    Placed::Again { last, first } => format!("again {} {first}", last.seq),
                    placed => format!("{placed:?}"),
                });
            }
            assert_eq!(answers[0], answers[1], "seed {seed}, step {step}, kind {kind}");
            let (one, other) = (benches[0].look(None).await, benches[1].look(None).await);
            assert_eq!((one.0.seq, one.1, one.2), (other.0.seq, other.1, other.2), "seed {seed}, step {step}");
            (epochs[0], epochs[1]) = (one.0.epoch, other.0.epoch);
        }
    }
}
