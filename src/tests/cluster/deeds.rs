//! What people do meanwhile: rename, begin, share, choose a branch, send. Each at a random node.

use super::Cluster;
use super::person::Person;
use crate::model::{ConversationId, MessageId};
use crate::tests::rng::Dice;
use crate::tests::upstream::script::Script;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// Conversations that both people have, with two versions of a reply.
pub(super) struct Scene {
    pub(super) conversations: Vec<ConversationId>,
    /// Of each, the two replies to its first message.
    versions: Vec<[MessageId; 2]>,
}

/// An id from the dice, so that each run has the same.
fn id(dice: &mut Dice) -> String {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&dice.below(u64::MAX).to_be_bytes());
    bytes[8..].copy_from_slice(&dice.below(u64::MAX).to_be_bytes());
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

fn path(conversation: ConversationId, rest: &str) -> String {
    format!("/api/v1/conversations/{conversation}{rest}")
}

pub(super) fn reply_of(sent: &Value) -> MessageId {
    sent["reply"]["id"].as_str().unwrap().parse().unwrap()
}

impl Cluster {
    /// Makes the conversations, before anybody looks.
    pub(super) async fn scene(&self, count: usize, dice: &mut Dice) -> Scene {
        let [alice, _] = &self.people;
        let mut scene = Scene { conversations: Vec::new(), versions: Vec::new() };
        for _ in 0..count {
            let id = begin(alice, dice).await.unwrap();
            let sent = send(alice, id, &Script::default(), dice).await.unwrap();
            self.ended(alice, id).await;
            let again = format!("/api/v1/replies/{}/retry", reply_of(&sent));
            let retried = alice.ask(0, Method::POST, &again, None).await.unwrap();
            let versions = [reply_of(&sent), reply_of(&retried)];
            self.ended(alice, id).await;
            share(alice, id, dice).await.unwrap();
            scene.conversations.push(id);
            scene.versions.push(versions);
        }
        scene
    }

    /// Waits until its reply has ended.
    async fn ended(&self, person: &Person, conversation: ConversationId) {
        while person.get(0, &path(conversation, "")).await.is_none_or(|now| !now["draft"].is_null()) {
            tokio::task::yield_now().await;
        }
    }
}

async fn begin(person: &Person, dice: &mut Dice) -> Result<ConversationId, String> {
    let id = id(dice);
    let body = json!({ "id": id, "title": format!("Begun {}", dice.below(1_000)) });
    person.ask(dice.below(3) as usize, Method::POST, "/api/v1/conversations", Some(&body)).await?;
    Ok(id.parse().unwrap())
}

async fn share(alice: &Person, conversation: ConversationId, dice: &mut Dice) -> Result<Value, String> {
    let body = json!({ "name": "Bob", "role": "participant" });
    alice.ask(dice.below(3) as usize, Method::POST, &path(conversation, "/sharing/people"), Some(&body)).await
}

/// Sends a message that the model answers as the script says.
pub(super) async fn send(
    person: &Person,
    conversation: ConversationId,
    script: &Script,
    dice: &mut Dice,
) -> Result<Value, String> {
    let body = json!({ "id": id(dice), "content": super::asking(script) });
    person.ask(dice.below(3) as usize, Method::POST, &path(conversation, "/messages"), Some(&body)).await
}

/// One of them, by the dice. `idle` is a conversation without an open reply.
pub(super) async fn any(people: &[Arc<Person>; 2], scene: &Scene, idle: usize, dice: &mut Dice) -> Result<(), String> {
    let [alice, bob] = people;
    let node = dice.below(3) as usize;
    match dice.below(4) {
        0 => {
            let conversation = scene.conversations[dice.below(scene.conversations.len() as u64) as usize];
            let title = json!({ "title": format!("Renamed {}", dice.below(1_000_000)) });
            alice.ask(node, Method::PATCH, &path(conversation, ""), Some(&title)).await?;
        }
        1 => drop(begin(if dice.below(2) == 0 { alice } else { bob }, dice).await?),
        2 => {
            let conversation = begin(alice, dice).await?;
            share(alice, conversation, dice).await?;
        }
        _ => {
            let version = json!({ "message": scene.versions[idle][dice.below(2) as usize] });
            alice.ask(node, Method::PUT, &path(scene.conversations[idle], "/branch"), Some(&version)).await?;
        }
    }
    Ok(())
}
