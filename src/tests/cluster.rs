//! Three processes on one PostgreSQL, and one Redis where it is to be live, behind nginx as `deploy/cluster` sets it up.
//!
//! `kills` kills one after the other while replies stream to viewers of every transport (`viewer`, by `connection`) and
//! people go on with what they do (`deeds`); `rolling` replaces them. `judge` says what each must have seen by the end.
//! `story` is the report. `proxies` is about the proxies' files alone.

mod connection;
mod deeds;
mod judge;
mod kills;
mod node;
mod person;
mod proxies;
mod rolling;
mod story;
mod viewer;

use super::app::Folder;
use super::services::{self, Database, Proxy};
use super::upstream::Upstream;
use connection::{KEY, Transport};
use futures::future::join_all;
use node::{Node, free_address};
use person::Person;
use serde_json::json;
use std::sync::Arc;
use story::Story;
use viewer::{Promise, Viewer};

/// A running cluster, its people, and their conversations.
struct Cluster {
    nodes: Vec<Node>,
    nginx: Proxy,
    story: Story,
    people: [Arc<Person>; 2],
    _upstream: Upstream,
    _database: Database,
    _folder: Folder,
}

impl Cluster {
    /// None where a program that it needs is not installed, which is said.
    async fn start(promise: Promise) -> Option<Self> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let database = services::postgres()?.database().await;
        let (upstream, folder, story) = (Upstream::start().await, Folder::new(), Story::new());
        let environment = environment(&database, &upstream, promise)?;
        let mut nodes: Vec<_> = (1..=3).map(|number| Node::new(number, &environment, &folder.0)).collect();
        let nginx = services::nginx(free_address(), [0, 1, 2].map(|node| nodes[node].address))?;
        nodes.iter_mut().for_each(Node::start);
        let client = super::viewer::client();
        join_all(nodes.iter_mut().map(|node| node.answers(&client))).await;
        story.tell("three nodes are ready".into());
        let urls = [0, 1, 2].map(|node: usize| nodes[node].url());
        let alice = Person::sign_up("Alice", urls.clone(), &story).await;
        let bob = Person::sign_up("Bob", urls, &story).await;
        let people = [Arc::new(alice), Arc::new(bob)];
        Some(Self { nodes, nginx, story, people, _upstream: upstream, _database: database, _folder: folder })
    }

    /// Viewers of every transport of both people, of each of these conversations.
    fn viewers(&self, conversations: &[crate::model::ConversationId], each: usize, promise: Promise) -> Vec<Viewer> {
        let mut viewers = Vec::new();
        for (index, conversation) in conversations.iter().enumerate() {
            for number in 0..each {
                for transport in [Transport::App, Transport::Sse, Transport::Pusher] {
                    let person = &self.people[number % 2];
                    let name = format!("{}'s {transport:?} {number} in conversation {}", person.name, index + 1);
                    let shown = (promise, &self.story);
                    viewers.push(Viewer::start(name, person, &self.nginx.url, *conversation, transport, shown));
                }
            }
        }
        viewers
    }
}

/// What each node is told, but for where it listens.
fn environment(database: &Database, upstream: &Upstream, promise: Promise) -> Option<Vec<(String, String)>> {
    let settings = [
        ("DATABASE_URL", database.url.clone()),
        ("ANTHROPIC_API_KEY", "key-of-the-test".into()),
        ("ANTHROPIC_BASE_URL", upstream.url().to_owned()),
        ("RIVULET_MODEL", "anthropic/mock".into()),
        ("RIVULET_MODELS", "anthropic/mock".into()),
        ("RIVULET_SIGN_UP", "open".into()),
        ("RIVULET_TRUSTED_PROXIES", "127.0.0.0/8".into()),
        ("RIVULET_SENDS_PER_MINUTE", "10000".into()),
        ("RIVULET_WRITES_PER_MINUTE", "60000".into()),
        ("RIVULET_OPEN_REPLIES", "1000".into()),
        ("RIVULET_STREAMS", "1000".into()),
        ("RIVULET_CONNECTIONS_PER_ADDRESS", "10000".into()),
        ("RIVULET_DRAIN_SECONDS", "10".into()),
        ("RIVULET_PUSHER_APP_ID", "cluster".into()),
        ("RIVULET_PUSHER_KEY", KEY.into()),
        ("RIVULET_PUSHER_SECRET", "a-secret-of-the-cluster-of-three".into()),
    ];
    let mut settings: Vec<_> = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if promise == Promise::Live {
        settings.push(("REDIS_URL".into(), services::redis()?.url()));
        settings.push(("RIVULET_REDIS_PREFIX".into(), format!("{}:", database.name())));
    }
    Some(settings)
}

/// A message that makes the model follow a script.
fn asking(script: &super::upstream::script::Script) -> serde_json::Value {
    json!(super::app::directive(script))
}

/// `docs/cluster.md` lists what can go wrong between store and log, each with its test.
#[test]
fn every_hole_that_the_docs_name_has_the_test_that_they_name() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let (mut folders, mut code) = (vec![std::path::PathBuf::from(root)], String::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                code += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let rows =
        include_str!("../../docs/cluster.md").lines().filter(|line| line.starts_with("| H") || line.starts_with("| F"));
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 24 + 5);
    for row in rows {
        let number = row.split(['|', ' ']).find(|part| !part.is_empty()).unwrap();
        let names: Vec<_> = row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty() || number == "F28", "{row}");
        for name in names {
            assert!(code.contains(&format!("fn {name}")), "{number}: there is no test that begins with {name}");
        }
    }
}
