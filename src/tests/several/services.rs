//! PostgreSQL is restarted, or ends everybody's session, under nodes that work (F29, S18): what is shown goes on, and nobody
//! is taken for dead.

use super::{Nodes, PATIENCE, within};
use crate::server::bounds::Bounds;
use crate::tests::app::assert_contiguous;
use crate::tests::services::{Database, postgres, postgres_of_its_own};
use crate::tests::upstream::script::Script;
use std::process::Command;

async fn dead(database: &Database) -> i64 {
    let dead = sqlx::query_scalar("select count(*) from node where dead_at is not null");
    dead.fetch_one(&mut database.connect().await).await.unwrap()
}

/// A reply at each node is written while `happens`, and everybody sees it to its end.
async fn goes_on(nodes: &Nodes, happens: impl AsyncFnOnce()) {
    let processes: Vec<_> = nodes.iter().map(|node| node.process()).collect();
    let script = Script { pieces: 200, gap_ms: 20, ..Script::default() };
    let mut open = Vec::new();
    for node in nodes.iter() {
        let conversation = node.conversation().await;
        let mut events = node.follow(&conversation, None).await;
        let sent = node.send(&conversation, &script).await;
        events.until("token").await;
        open.push((conversation, events, sent));
    }
    happens().await;
    for (conversation, events, sent) in &mut open {
        let frames = within(PATIENCE, "end", events.until_end(&sent.reply)).await;
        assert_eq!(frames.last().unwrap().event, "done");
        assert_contiguous(&frames);
        for node in nodes.iter() {
            assert_eq!(node.last_message(conversation).await["text"], script.full_text());
        }
    }
    assert_eq!(dead(&nodes.database).await, 0);
    assert_eq!(nodes.iter().map(|node| node.process()).collect::<Vec<_>>(), processes);
}

#[tokio::test]
async fn f29_all_sessions_are_ended_and_replies_go_on() {
    let Some(nodes) = Nodes::start(2).await else { return };
    goes_on(&nodes, async || {
        for _ in 0..3 {
            let all = "select pg_terminate_backend(pid) from pg_stat_activity
                       where datname = current_database() and pid <> pg_backend_pid()";
            sqlx::query(all).execute(&mut nodes.database.connect().await).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn f29_postgresql_breaks_down_and_starts_again_and_replies_go_on() {
    if postgres().is_none() {
        return;
    }
    let server = postgres_of_its_own("breaking").unwrap();
    let nodes = Nodes::on(server.database().await, 2, &[], Bounds::default()).await;
    goes_on(&nodes, async || {
        // A session that is killed takes all others with it: the server starts anew from its log.
        let mut session = nodes.database.connect().await;
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut session).await.unwrap();
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    })
    .await;
}
