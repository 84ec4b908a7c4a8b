//! A rolling update: each node in its turn is told to end, ends its replies, and starts anew.

use super::deeds::{self, Scene};
use super::viewer::Promise;
use super::{Cluster, Person};
use crate::model::{MessageId, Status};
use crate::server::sync::lock;
use crate::tests::rng::Dice;
use crate::tests::upstream::script::Script;
use crate::tests::viewer::client;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const CONVERSATIONS: usize = 4;
const EACH: usize = 2;
/// Until every viewer has everything, on a machine with hundreds of other tests.
const SOON: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_interrupts_nothing_and_refuses_nothing() {
    let Some(mut cluster) = Cluster::start(Promise::Coarse).await else { return };
    let mut dice = Dice::new(7);
    let scene = cluster.scene(CONVERSATIONS, &mut dice).await;
    let viewers = cluster.viewers(&scene.conversations, EACH, Promise::Coarse);
    // People are behind the proxy, as everybody is.
    let people = cluster.people.clone().map(|person| Arc::new(person.behind(&cluster.nginx.url)));
    let mut replies = Vec::new();
    for node in 0..3 {
        replies.extend(cluster.replaces(node, &people, &scene, &mut dice).await);
    }
    let mut faults = cluster.settled(&scene, &viewers, SOON).await.err().unwrap_or_default();
    faults.extend(cluster.verdict(&scene, &viewers, Promise::Coarse, 0).await);
    assert!(faults.is_empty(), "{}", cluster.report(&faults, &viewers, 1, 7));
    for (person, reply) in replies {
        let path = format!("/api/v1/messages/{reply}");
        let kept = people[person].get(0, &path).await.unwrap();
        assert_eq!(kept["status"], Status::Done.name(), "{reply}: {}", cluster.report(&[], &viewers, 1, 7));
    }
    for person in &people {
        assert_eq!(*lock(&person.refused), Vec::<String>::new(), "{}", cluster.report(&[], &viewers, 1, 7));
    }
}

impl Cluster {
    /// Replies begin everywhere; meanwhile this node ends in order and starts again, and people go on. The replies.
    async fn replaces(
        &mut self,
        node: usize,
        people: &[Arc<Person>; 2],
        scene: &Scene,
        dice: &mut Dice,
    ) -> Vec<(usize, MessageId)> {
        let idle = dice.below(scene.conversations.len() as u64) as usize;
        let mut replies = Vec::new();
        for (index, conversation) in scene.conversations.iter().enumerate().filter(|(index, _)| *index != idle) {
            let script = Script { pieces: 80 + dice.below(60) as usize, gap_ms: 30, ..Script::default() };
            let sent = deeds::send(&people[index % 2], *conversation, &script, dice).await.unwrap();
            replies.push((index % 2, deeds::reply_of(&sent)));
        }
        let mut own = Dice::new(dice.below(u64::MAX));
        let (node, story) = (&mut self.nodes[node], self.story.clone());
        let ended = async {
            story.tell(format!("node {} is told to end", node.number));
            assert_eq!(node.end().await, Some(0), "it ends in order\n{}", node.said());
            story.tell(format!("node {} has ended", node.number));
            node.update();
            node.start();
            node.answers(&client()).await;
            story.tell(format!("node {} is back", node.number));
        };
        let stop = tokio_util::sync::CancellationToken::new();
        let deeds = async {
            while !stop.is_cancelled() {
                deeds::any(people, scene, idle, &mut own).await.unwrap();
                sleep(Duration::from_millis(own.below(250))).await;
            }
        };
        tokio::join!(deeds, async {
            ended.await;
            stop.cancel();
        });
        replies
    }
}
