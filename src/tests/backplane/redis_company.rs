//! Who is there, who types and what is said, over two nodes.

use super::redis_connection::heard;
use super::{pair, process, stands, until};
use crate::model::{AccountId, ConversationId};
use crate::server::audience::{Audience, Watch};
use crate::server::backplane::redis::{Kind, Redis};
use crate::server::channels::{ChannelMessage, Member, Name, PusherApp, SocketId, Sockets};
use crate::tests::services::{Valve, own_redis, redis_options};
use redis::cmd;
use serde_json::json;
use std::sync::Arc;

/// Waits until the watcher sees these accounts, each with whether it types. Those who come to two nodes in the same
/// moment are in one order here and in another there.
async fn sees(watch: &mut Watch, expected: &[(AccountId, bool)]) {
    let mut expected = expected.to_vec();
    expected.sort();
    until(async || {
        let mut now: Vec<_> = watch.members().iter().map(|one| (one.account, one.typing)).collect();
        now.sort();
        now == expected
    })
    .await;
}

fn audiences(one: &Redis, other: &Redis) -> (Arc<Audience>, Arc<Audience>) {
    (Audience::new(Some(one)), Audience::new(Some(other)))
}

#[tokio::test]
async fn s16_who_comes_goes_and_types_at_one_node_is_seen_at_another() {
    let Some((server, one, other)) = pair().await else { return };
    let (here, there) = audiences(&one, &other);
    let (conversation, ann, bob) = (ConversationId::new(), AccountId::new(), AccountId::new());
    let of_ann = here.enter(conversation, ann);
    let mut watch = there.watch(conversation);
    sees(&mut watch, &[(ann, false)]).await;
    let of_bob = there.enter(conversation, bob);
    sees(&mut of_ann.watch(), &[(ann, false), (bob, false)]).await;
    // A second tab at another node is nobody else.
    let second = there.enter(conversation, ann);
    sees(&mut watch, &[(ann, false), (bob, false)]).await;
    here.typing(conversation, ann);
    sees(&mut watch, &[(ann, true), (bob, false)]).await;
    here.not_typing(conversation, ann);
    sees(&mut watch, &[(ann, false), (bob, false)]).await;
    drop(of_ann);
    until(async || server.ask::<i64>(cmd("HLEN").arg(one.key(&format!("p:{conversation}")))).await == 2).await;
    sees(&mut watch, &[(ann, false), (bob, false)]).await;
    drop((second, of_bob));
    sees(&mut here.watch(conversation), &[]).await;
    drop(watch);
    until(async || server.ask::<i64>(cmd("EXISTS").arg(one.key(&format!("p:{conversation}")))).await == 0).await;
}

#[tokio::test]
async fn s16_typing_that_is_told_to_a_node_where_the_account_does_not_view_is_handed_on() {
    let Some((_server, one, other)) = pair().await else { return };
    let (here, there) = audiences(&one, &other);
    let (conversation, ann, bob) = (ConversationId::new(), AccountId::new(), AccountId::new());
    let (of_ann, _of_bob) = (here.enter(conversation, ann), there.enter(conversation, bob));
    let mut watch = of_ann.watch();
    sees(&mut watch, &[(ann, false), (bob, false)]).await;
    // Bob's request came to this node.
    here.typing(conversation, bob);
    sees(&mut watch, &[(ann, false), (bob, true)]).await;
    here.not_typing(conversation, bob);
    sees(&mut watch, &[(ann, false), (bob, false)]).await;
    // Who views nowhere does not type.
    here.typing(conversation, AccountId::new());
    here.typing(conversation, bob);
    sees(&mut watch, &[(ann, false), (bob, true)]).await;
}

#[tokio::test]
async fn s17_who_was_with_a_process_that_is_known_dead_is_there_no_more() {
    let Some((_server, one, other)) = pair().await else { return };
    let (here, there) = audiences(&one, &other);
    let (conversation, ann, bob) = (ConversationId::new(), AccountId::new(), AccountId::new());
    let (_of_ann, of_bob) = (here.enter(conversation, ann), there.enter(conversation, bob));
    let mut watch = of_bob.watch();
    sees(&mut watch, &[(ann, false), (bob, false)]).await;
    // What it has told still stands in Redis.
    other.bury("one");
    sees(&mut watch, &[(bob, false)]).await;
    there.typing(conversation, bob);
    sees(&mut watch, &[(bob, true)]).await;
}

#[tokio::test]
async fn of_very_many_a_part_is_told_and_those_who_type_are_in_it() {
    let Some((_server, one, other)) = pair().await else { return };
    let (here, there) = audiences(&one, &other);
    let conversation = ConversationId::new();
    let accounts: Vec<_> = (0..300).map(|_| AccountId::new()).collect();
    let _seats: Vec<_> = accounts.iter().map(|account| here.enter(conversation, *account)).collect();
    let last = accounts[299];
    here.typing(conversation, last);
    let mut watch = there.watch(conversation);
    until(async || {
        let members = watch.members();
        members.len() == 100 && members.iter().any(|one| one.account == last && one.typing)
    })
    .await;
}

#[tokio::test]
async fn looking_who_is_in_a_room_elsewhere_changes_nothing() {
    let Some((server, one, other)) = pair().await else { return };
    let (here, there) = (Sockets::shared(app(), Some(&one)), Sockets::shared(app(), Some(&other)));
    let name = Name::parse("presence-room").unwrap();
    let person = Member { id: "7".into(), info: json!({}) };
    let _first = there.enter(&name, Some(person.clone())).unwrap();
    let mut wakes = one.listen(Kind::Members);
    one.subscribe("q:presence-room").await.unwrap();
    until(async || here.people_anywhere(&name).await == [person.clone()]).await;
    // Somebody enters here in the same moment.
    let field = format!("{}:8", one.process());
    let value = server.ask::<String>(cmd("HGET").arg(one.key("q:presence-room")).arg("other:7")).await;
    let () = server.ask(cmd("HSET").arg(one.key("q:presence-room")).arg(&field).arg(value)).await;
    here.people_anywhere(&name).await;
    assert_eq!(server.ask::<i64>(cmd("HEXISTS").arg(one.key("q:presence-room")).arg(&field)).await, 1);
    one.publish("q:presence-room", b"last").await.unwrap();
    let mut news = Vec::new();
    while news.last().is_none_or(|last| *last != b"last") {
        news.push(heard(&mut wakes).await.1);
    }
    assert!(news.iter().all(|news| !news.is_empty()), "nothing was news: {news:?}");
}

#[tokio::test]
async fn who_is_there_is_told_once_and_what_is_no_news_wakes_nobody() {
    let Some((_server, one, other)) = pair().await else { return };
    let (here, conversation) = (Audience::new(Some(&one)), ConversationId::new());
    let mut wakes = other.listen(Kind::People);
    other.subscribe(&format!("p:{conversation}")).await.unwrap();
    let first = here.enter(conversation, AccountId::new());
    assert_eq!(heard(&mut wakes).await, (conversation.to_string(), b"one".to_vec()));
    // A second connection of the account, and a watch, are no news; another account is.
    let (second, watch) = (here.enter(conversation, AccountId::new()), here.watch(conversation));
    assert_eq!(heard(&mut wakes).await.1, b"one".to_vec());
    other.publish(&format!("p:{conversation}"), b"other").await.unwrap();
    assert_eq!(heard(&mut wakes).await.1, b"other".to_vec());
    drop((first, second, watch));
    assert_eq!(heard(&mut wakes).await.1, b"one".to_vec(), "looking again said nothing");
}

#[tokio::test]
async fn s18_without_redis_the_own_people_are_there_and_the_others_come_back_with_it() {
    let Some(server) = own_redis("") else { return };
    let valve = Valve::new(server.socket());
    let mut options = redis_options(&valve.url());
    let one = process(&options, "one").await;
    options.url = server.options().url;
    let other = process(&options, "other").await;
    let (here, there) = audiences(&one, &other);
    let (conversation, ann, bob, cleo) = (ConversationId::new(), AccountId::new(), AccountId::new(), AccountId::new());
    let (of_ann, _of_bob) = (here.enter(conversation, ann), there.enter(conversation, bob));
    let mut watch = of_ann.watch();
    sees(&mut watch, &[(ann, false), (bob, false)]).await;
    valve.shut();
    stands(&one, false).await;
    sees(&mut watch, &[(ann, false)]).await;
    let _of_cleo = here.enter(conversation, cleo);
    valve.open();
    sees(&mut watch, &[(ann, false), (bob, false), (cleo, false)]).await;
    sees(&mut there.watch(conversation), &[(ann, false), (bob, false), (cleo, false)]).await;
}

fn app() -> PusherApp {
    PusherApp::new("app", "key", "secret")
}

fn message(text: &str, except: Option<SocketId>) -> ChannelMessage {
    ChannelMessage { except, message: text.into() }
}

#[tokio::test]
async fn s16_what_is_said_on_a_channel_at_one_node_is_heard_once_at_each_in_its_order() {
    let Some((_server, one, other)) = pair().await else { return };
    let (here, there) = (Sockets::shared(app(), Some(&one)), Sockets::shared(app(), Some(&other)));
    let (name, elsewhere) = (Name::parse("private-orders").unwrap(), Name::parse("private-other").unwrap());
    let (mut own, mut far) = (here.enter(&name, None).unwrap(), there.enter(&name, None).unwrap());
    here.hear_others(&name).await;
    there.hear_others(&name).await;
    let socket = here.open(None).unwrap();
    here.say(&elsewhere, message("not here", None));
    for number in 0..40 {
        here.say(&name, message(&number.to_string(), Some(socket.id)));
    }
    let mut said = Vec::new();
    until(async || {
        said.extend(far.said());
        40 <= said.len()
    })
    .await;
    let texts: Vec<_> = said.iter().map(|one| one.message.to_string()).collect();
    assert_eq!(texts, (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(said.iter().all(|one| one.except == Some(socket.id)), "its sender's other node does not send it back");
    // What came back from Redis was not heard here once more.
    there.say(&name, message("answer", None));
    let mut at_home = Vec::new();
    until(async || {
        at_home.extend(own.said().iter().map(|one| one.message.to_string()));
        at_home.last().is_some_and(|last| last == "answer")
    })
    .await;
    assert_eq!(at_home.len(), 41);
    // A channel that is left and entered again is heard again.
    drop(far);
    let mut far = there.enter(&name, None).unwrap();
    there.hear_others(&name).await;
    here.say(&name, message("again", None));
    until(async || far.said().iter().any(|one| &*one.message == "again")).await;
}

#[tokio::test]
async fn s16_members_that_a_backend_signs_for_are_those_of_all_nodes() {
    let Some((_server, one, other)) = pair().await else { return };
    let (here, there) = (Sockets::shared(app(), Some(&one)), Sockets::shared(app(), Some(&other)));
    let name = Name::parse("presence-room").unwrap();
    let person = |id: &str| Member { id: id.into(), info: json!({ "name": format!("{id} : the first\n") }) };
    let ids = |sockets: &Sockets| sockets.people(&name).into_iter().map(|one| one.id).collect::<Vec<_>>();
    let first = here.enter(&name, Some(person("7:a"))).unwrap();
    assert_eq!(there.people(&name), []);
    until(async || there.people_anywhere(&name).await == [person("7:a")]).await;
    let far = there.enter(&name, Some(person("8"))).unwrap();
    until(async || ids(&there) == ["8", "7:a"] && ids(&here) == ["7:a", "8"]).await;
    assert_eq!(far.people()[1], person("7:a"), "with what it says of itself");
    // At both nodes it is one.
    let second = there.enter(&name, Some(person("7:a"))).unwrap();
    drop(first);
    let watcher = here.enter(&name, None).unwrap();
    until(async || ids(&here) == ["7:a", "8"]).await;
    drop((second, far));
    until(async || watcher.people().is_empty()).await;
}
