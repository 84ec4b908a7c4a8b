//! Joining: what a server has to be, what is published and heard, and the life.

use super::{PATIENCE, pair, process, stands};
use crate::model::{ConversationId, MessageId};
use crate::server::backplane::redis::{Failure, Kind, Options, Redis, RedisUrl, Wake, Wakes, look};
use crate::tests::services::{certificate, own_redis, redis, redis_options, redis_with_tls};
use redis::cmd;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::time::timeout;

pub(super) async fn next(wakes: &mut Wakes) -> Wake {
    timeout(PATIENCE, wakes.next()).await.expect("nothing is heard")
}

/// The next message; that everything may have changed is said whenever a process joins.
pub(super) async fn heard(wakes: &mut Wakes) -> (String, Vec<u8>) {
    loop {
        if let Wake::Message { channel, payload } = next(wakes).await {
            return (channel, payload);
        }
    }
}

async fn refusal(url: &str) -> String {
    let process = Arc::new(|| "one".to_owned());
    Redis::start(redis_options(url), process, Arc::default()).await.err().expect("it is refused").to_string()
}

#[tokio::test]
async fn what_is_published_is_heard_by_those_who_have_subscribed_and_by_no_one_else() {
    let Some((_server, one, other)) = pair().await else { return };
    let (mut topics, mut people) = (other.listen(Kind::Topic), other.listen(Kind::People));
    other.subscribe("{c:1}").await.unwrap();
    one.publish("{c:2}", b"not heard").await.unwrap();
    one.publish("{c:1}", b"7:1").await.unwrap();
    assert_eq!(heard(&mut topics).await, ("{c:1}".into(), b"7:1".to_vec()));
    // In the order in which it is asked for.
    other.unsubscribe("{c:1}");
    other.subscribe("{c:3}").await.unwrap();
    other.unsubscribe("{c:3}");
    other.subscribe("{c:3}").await.unwrap();
    one.publish("{c:1}", b"not heard").await.unwrap();
    one.publish("{c:3}", b"7:2").await.unwrap();
    assert_eq!(heard(&mut topics).await, ("{c:3}".into(), b"7:2".to_vec()));
    assert_eq!(people.now(), None);
}

#[tokio::test]
async fn many_subscriptions_at_once_are_all_confirmed() {
    let Some((_server, one, other)) = pair().await else { return };
    let mut topics = other.listen(Kind::Topic);
    let all = (0..2_000).map(|number| {
        let other = other.clone();
        async move { other.subscribe(&format!("{{c:{number}}}")).await }
    });
    assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
    one.publish("{c:1999}", b"last").await.unwrap();
    assert_eq!(heard(&mut topics).await, ("{c:1999}".into(), b"last".to_vec()));
}

#[tokio::test]
async fn a_stop_reaches_the_process_that_writes_and_is_kept_for_its_next_piece() {
    let Some((server, one, other)) = pair().await else { return };
    let (mut ours, mut theirs) = (one.listen(Kind::Stop), other.listen(Kind::Stop));
    let (conversation, reply) = (ConversationId::new(), MessageId::new());
    one.stop(conversation, reply, "other").await;
    assert_eq!(heard(&mut theirs).await.1, reply.to_string().into_bytes());
    assert_eq!(ours.now(), None);
    let key = format!("cancel:{conversation}");
    assert_eq!(server.ask::<String>(cmd("GET").arg(&key)).await, reply.to_string());
    assert!((1..=60_000).contains(&server.ask::<i64>(cmd("PTTL").arg(&key)).await));
}

#[tokio::test]
async fn a_process_with_another_id_is_called_by_that() {
    let Some(server) = redis() else { return };
    let id = Arc::new(std::sync::Mutex::new("former".to_owned()));
    let options = server.options();
    let named = Arc::clone(&id);
    let moving = Redis::start(options.clone(), Arc::new(move || named.lock().unwrap().clone()), Arc::default());
    let (moving, other) = (moving.await.unwrap(), process(&options, "other").await);
    let mut stops = moving.listen(Kind::Stop);
    *id.lock().unwrap() = "new".into();
    let reply = MessageId::new();
    super::until(async || {
        other.stop(ConversationId::new(), reply, "new").await;
        stops.now().is_some_and(|wake| wake != Wake::Everything)
    })
    .await;
    assert_eq!(moving.standing().borrow().changes, 1);
}

#[tokio::test]
async fn h10_processes_that_find_a_new_run_at_the_same_moment_have_one_life() {
    let Some(server) = own_redis("") else { return };
    let options = server.options();
    let (one, other) = tokio::join!(process(&options, "one"), process(&options, "other"));
    assert!(!one.life().is_empty());
    assert_eq!(one.life(), other.life());
    assert_eq!(*server.ask::<String>(cmd("GET").arg(one.key("life"))).await, *one.life());
    // What it has is gone, though it is the same run.
    let former = one.life();
    let (mut heard_by_one, mut heard_by_other) = (one.listen(Kind::Topic), other.listen(Kind::Topic));
    let () = server.ask(cmd("FLUSHALL").arg("SYNC")).await;
    // Both find it with their next beat, and say that everything may have changed.
    assert_eq!((next(&mut heard_by_one).await, next(&mut heard_by_other).await), (Wake::Everything, Wake::Everything));
    assert_ne!(one.life(), former);
    assert_eq!(one.life(), other.life());
    assert_eq!(one.learn_life().await, Ok(other.life()));
    assert_eq!(one.standing().borrow().changes, 1);
}

#[tokio::test]
async fn a_server_that_wants_a_password_is_joined_with_it_and_refused_without_showing_it() {
    let Some(server) = own_redis("--requirepass correct-horse") else { return };
    let wrong = refusal(&format!("{}?pass=battery-staple", server.url())).await;
    assert!(wrong.contains("does not accept the user and password") && !wrong.contains("staple"), "{wrong}");
    let without = refusal(&server.url()).await;
    assert!(without.contains("password") && !without.contains("horse"), "{without}");
    let options = redis_options(&format!("{}?pass=correct-horse", server.url()));
    let one = process(&options, "one").await;
    assert!(one.is_joined() && !format!("{options:?}").contains("horse"));
}

#[tokio::test]
async fn a_user_who_may_not_publish_is_refused_by_redis_words() {
    let Some(server) = own_redis("") else { return };
    let () = server.ask(cmd("ACL").arg(&["SETUSER", "ann", "on", ">horse", "~*", "+@all", "resetchannels"])).await;
    let why = refusal(&format!("{}?user=ann&pass=horse", server.url())).await;
    assert!(why.contains("Redis refuses what Rivulet needs: NOPERM") && !why.contains("horse"), "{why}");
}

#[tokio::test]
async fn a_server_whose_memory_is_full_does_not_stop_the_start() {
    let Some(server) = own_redis("--maxmemory 1") else { return };
    let one = process(&server.options(), "one").await;
    assert!(!one.is_joined());
    let () = server.ask(cmd("CONFIG").arg("SET").arg("maxmemory").arg(0)).await;
    stands(&one, true).await;
}

#[tokio::test]
async fn another_database_of_the_same_server_is_another_world() {
    let Some(server) = redis() else { return };
    let options = server.options();
    let mut second = redis_options(&format!("{}?db=1", server.url()));
    second.prefix.clone_from(&options.prefix);
    let (one, other) = (process(&options, "one").await, process(&second, "other").await);
    assert!(one.is_joined() && other.is_joined());
    let mut said = other.listen(Kind::Said);
    other.subscribe("say:orders").await.unwrap();
    one.publish("say:orders", b"not heard").await.unwrap();
    other.publish("say:orders", b"heard").await.unwrap();
    assert_eq!(heard(&mut said).await, ("orders".into(), b"heard".to_vec()));
}

/// It takes the connection, and answers nothing that is asked on it.
#[tokio::test]
async fn a_server_that_does_not_answer_is_not_looked_at_for_ever() {
    let folder = crate::tests::app::Folder::new();
    let path = folder.0.join("redis.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // To HELLO, and to the name of the client.
        stream.write_all(b"%0\r\n+OK\r\n+OK\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let url = RedisUrl::parse(&format!("unix://{}", path.display())).unwrap();
    let found = timeout(PATIENCE, look(&url)).await.expect("it is looked at for ever");
    assert_eq!(found.unwrap_err(), "it does not answer");
}

#[tokio::test]
async fn a_server_of_a_cluster_is_refused_in_a_sentence() {
    let Some(server) = own_redis("--cluster-enabled yes") else { return };
    let why = refusal(&server.url()).await;
    assert!(why.starts_with("REDIS_URL: ") && why.contains("cluster"), "{why}");
}

/// A server that knows no `HELLO`, as those before 6.0.
#[tokio::test]
async fn a_server_that_is_too_old_is_refused_in_a_sentence() {
    let folder = crate::tests::app::Folder::new();
    let path = folder.0.join("redis.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with('*') {
                write.write_all(b"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n").await.unwrap();
            }
        }
    });
    let why = refusal(&format!("unix://{}", path.display())).await;
    assert!(why.contains("older than 6.2"), "{why}");
}

#[tokio::test]
async fn what_a_server_should_be_set_to_is_said() {
    let Some(server) = own_redis("--maxmemory-policy allkeys-lru") else { return };
    let url = RedisUrl::parse(&server.url()).unwrap();
    let found = look(&url).await.unwrap();
    assert_eq!(found.fault(), None);
    let advice = found.advice().join(" ");
    assert!(advice.contains("allkeys-lru") && advice.contains("appendonly"), "{advice}");
    for (name, value) in [("maxmemory-policy", "noeviction"), ("appendonly", "yes")] {
        let () = server.ask(cmd("CONFIG").arg("SET").arg(name).arg(value)).await;
    }
    assert_eq!(look(&url).await.unwrap().advice(), Vec::<String>::new());
}

#[tokio::test]
async fn a_process_begins_alone_where_there_is_no_server_and_joins_when_there_is_one() {
    let Some(server) = own_redis("") else { return };
    let folder = crate::tests::app::Folder::new();
    let path = folder.0.join("redis.sock");
    let one = process(&redis_options(&format!("unix://{}", path.display())), "one").await;
    assert!(!one.is_joined());
    assert_eq!(one.publish("{c:1}", b"").await, Err(Failure::Away), "nobody waits");
    assert_eq!(one.subscribe("{c:1}").await, Err(Failure::Away));
    let mut topics = one.listen(Kind::Topic);
    std::os::unix::fs::symlink(server.socket(), &path).unwrap();
    stands(&one, true).await;
    // What was asked for before.
    one.publish("{c:1}", b"7:1").await.unwrap();
    assert_eq!(heard(&mut topics).await, ("{c:1}".into(), b"7:1".to_vec()));
}

/// As docs/cluster.md says of a network that others are on: TLS, and a user who may do no more than is needed.
#[tokio::test]
async fn a_server_with_a_certificate_of_ones_own_is_joined_by_a_user_of_ones_own() {
    let Some((server, port)) = redis_with_tls() else { return };
    rustls::crypto::ring::default_provider().install_default().ok();
    let url = format!("rediss://rivulet:horse@127.0.0.1:{port}");
    let mut options = redis_options(&url);
    let prefix = options.prefix.clone();
    let user = ["SETUSER", "rivulet", "on", ">horse", &format!("~{prefix}*"), "~cancel:*", &format!("&{prefix}*")];
    let rights = ["+@all", "-@dangerous", "+info", "+config|get"];
    let () = server.ask(cmd("ACL").arg(&user).arg(&rights)).await;
    // Nobody vouches for it yet.
    assert!(!process(&options, "one").await.is_joined());
    options.url = options.url.trusting(std::fs::read(certificate("authority")).unwrap()).unwrap();
    let (one, other) = (process(&options, "one").await, process(&options, "other").await);
    assert!(one.is_joined() && other.is_joined());
    let mut topics = other.listen(Kind::Topic);
    other.subscribe("{c:1}").await.unwrap();
    one.publish("{c:1}", b"7:1").await.unwrap();
    assert_eq!(heard(&mut topics).await, ("{c:1}".into(), b"7:1".to_vec()));
    // All that nodes do in it is within these rights.
    one.stop(ConversationId::new(), MessageId::new(), "other").await;
    drop(one.turn("{c:1}").await.unwrap());
    let refused = server.ask::<Vec<redis::Value>>(cmd("ACL").arg("LOG")).await;
    assert!(refused.is_empty(), "{refused:?}");
    let other_certificate = std::fs::read(certificate("server")).unwrap();
    let stranger = redis_options(&url);
    let url = stranger.url.trusting(other_certificate).unwrap();
    assert!(!process(&Options { url, ..stranger }, "three").await.is_joined(), "another authority");
}
