//! Redis for tests.

use super::{Server, folders_of, say_missing};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Nothing is kept. It is ready when it answers.
pub(super) const SCRIPT: &str = r#"
"$programs/redis-server" --port 0 --unixsocket "$folder/redis.sock" --save "" --appendonly no --dir "$folder" >log 2>&1 &
server=$!
until [ "$("$programs/redis-cli" -s "$folder/redis.sock" ping 2>/dev/null)" = PONG ]; do
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

/// The folder of its programs.
pub(super) fn programs() -> Option<PathBuf> {
    folders_of("redis-server", vec![PathBuf::from("/usr/local/bin")]).next()
}

impl Redis {
    /// The path of its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.server.folder.join("redis.sock")
    }
}
