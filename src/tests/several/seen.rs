//! What is done at one node is seen at another.

use super::Nodes;
use crate::tests::upstream::script::Script;
use serde_json::Value;

#[tokio::test]
async fn a_conversation_of_one_node_is_read_at_another() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let conversation = nodes[0].conversation().await;
    let sent = nodes[0].send(&conversation, &Script::default()).await;
    nodes[0].rest_of(&conversation, &sent).await;
    let there: Value = nodes[1].last_message(&conversation).await;
    assert_eq!((&there["id"], &there["status"]), (&Value::from(sent.reply), &Value::from("done")));
    assert_ne!(nodes[0].process(), nodes[1].process());
}
