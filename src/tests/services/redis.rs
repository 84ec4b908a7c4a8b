//! Redis for tests.

use super::{Server, folders_of, say_missing};
use crate::server::backplane::redis::{Options, RedisUrl};
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, FromRedisValue};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Nothing is kept. It is ready when it answers.
pub(super) const SCRIPT: &str = r#"
"$programs/redis-server" --port 0 --unixsocket "$folder/redis.sock" --save "" --appendonly no --dir "$folder" $options >log 2>&1 &
server=$!
until "$programs/redis-cli" -s "$folder/redis.sock" ping 2>/dev/null | grep -q "PONG\|NOAUTH"; do
  kill -0 "$server" 2>/dev/null || failed
done
"#;

/// A server of Redis.
pub(crate) struct Redis {
    server: Server,
}

/// The server. None where it is not installed, which is said.
pub(crate) fn redis() -> Option<&'static Redis> {
    static SERVER: OnceLock<Option<Redis>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref()
}

fn start() -> Option<Redis> {
    let Some(programs) = programs() else {
        say_missing("Redis", "redis-server");
        return None;
    };
    Some(Redis { server: Server::start("redis", SCRIPT, &programs, None) })
}

/// A server of the test's own, which it may end or stop. None where it is not installed, which is said.
pub(crate) fn own_redis(options: &str) -> Option<Redis> {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let Some(programs) = programs() else {
        say_missing("Redis", "redis-server");
        return None;
    };
    let name = format!("redis-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let script = format!("options='{options}'\n{SCRIPT}");
    Some(Redis { server: Server::start(&name, &script, &programs, None) })
}

/// One that is reached by TLS, at this port of this machine, with a certificate of an authority of its own.
pub(crate) fn redis_with_tls() -> Option<(Redis, u16)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (key, server) = (certificate("server-key"), certificate("server"));
    let options = format!(
        "--tls-port {port} --bind 127.0.0.1 --tls-auth-clients no --tls-cert-file {} --tls-key-file {} --tls-ca-cert-file {}",
        server.display(),
        key.display(),
        certificate("authority").display()
    );
    Some((own_redis(&options)?, port))
}

/// The file of the tests' own authority, of a certificate that it has signed for this machine, or of that one's key. They
/// were made by `openssl` for a hundred years.
pub(crate) fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/tests/services/certificates/{name}.pem"))
}

/// The folder of its programs.
pub(super) fn programs() -> Option<PathBuf> {
    folders_of("redis-server", vec![PathBuf::from("/usr/local/bin")]).next()
}

impl Redis {
    /// The path of its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.server.folder.join("redis.sock")
    }

    /// The value of `REDIS_URL`.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// What a node connects with. No two tests have a prefix in common.
    pub(crate) fn options(&self) -> Options {
        options(&self.url())
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    /// A command beside the nodes.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &mut Cmd) -> T {
        command.query_async(&mut self.connect().await).await.unwrap()
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(mut self) {
        drop(self.server.watcher.stdin.take());
        self.server.watcher.wait().unwrap();
    }
}

pub(crate) fn options(url: &str) -> Options {
    Options { url: RedisUrl::parse(url).unwrap(), prefix: format!("test-{}:", uuid::Uuid::new_v4().simple()) }
}
