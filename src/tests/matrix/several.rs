//! The same on several nodes: everybody signs in at one node, and each request goes to one of two others by turns.

use super::super::app::App;
use super::super::several::Nodes;
use super::{Doors, Ids, fill, ids_of_another, nothing_for_a_stranger, nothing_of_another, only_reading};
use std::cell::Cell;

/// Three nodes, of which the first is where both signed up.
struct Others {
    nodes: Nodes,
    asked: Cell<usize>,
}

impl Others {
    async fn filled() -> Option<(Self, Ids)> {
        let mut nodes = Nodes::start(3).await?;
        let ids = fill(&mut nodes[0]).await;
        let cookie = nodes[0].cookie.clone();
        nodes.be(&cookie);
        Some((Self { nodes, asked: Cell::new(0) }, ids))
    }
}

impl Doors for Others {
    fn next(&self) -> &App {
        let asked = self.asked.get();
        self.asked.set(asked + 1);
        &self.nodes[1 + asked % 2]
    }

    fn be(&mut self, cookie: String) {
        self.nodes.be(&cookie);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_at_other_nodes_the_ids_of_another_answer_as_random_ids() {
    let Some((mut others, theirs)) = Others::filled().await else { return };
    ids_of_another(&mut others, &theirs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a13_at_other_nodes_nothing_of_another_account_is_in_any_answer() {
    let Some((others, theirs)) = Others::filled().await else { return };
    nothing_of_another(&others, &theirs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a16_a_stranger_gets_nothing_at_any_node() {
    let Some((mut others, theirs)) = Others::filled().await else { return };
    nothing_for_a_stranger(&mut others, &theirs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_at_other_nodes_reads_by_every_transport_and_writes_by_none() {
    let Some((mut others, ids)) = Others::filled().await else { return };
    only_reading(&mut others, &ids).await;
}
