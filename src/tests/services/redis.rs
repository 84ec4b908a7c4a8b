//! Redis for tests.

use super::{Server, folder_of, say_missing};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Nothing is kept. It is ready when it answers.
pub(super) const SCRIPT: &str = r#"
folder=$1; programs=$2
"$programs/redis-server" --port 0 --unixsocket "$folder/redis.sock" --save "" --appendonly no --dir "$folder" \
  >"$folder/log" 2>&1 &
server=$!
until [ "$("$programs/redis-cli" -s "$folder/redis.sock" ping 2>/dev/null)" = PONG ]; do
  kill -0 "$server" 2>/dev/null || exit 1
done
echo ready
cat >/dev/null
kill -KILL "$server"
wait "$server" 2>/dev/null
rm -rf "$folder"
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
    let Some(programs) = folder_of("redis-server", &[PathBuf::from("/usr/local/bin")]) else {
        say_missing("Redis", "redis-server");
        return None;
    };
    Some(Redis { server: Server::start("redis", SCRIPT, &programs, None) })
}

impl Redis {
    /// The path of its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.server.folder.join("redis.sock")
    }
}
