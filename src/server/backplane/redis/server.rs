//! What Redis says of itself, and what Rivulet needs of it.

use super::address::RedisUrl;
use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Pipeline, RedisResult, cmd};
use std::time::Duration;
use tokio::time::timeout;

/// `XTRIM MINID` came with it.
const OLDEST: (u32, u32) = (6, 2);
/// A connection that takes longer will be as slow later.
const CONNECT: Duration = Duration::from_secs(1);

/// All that is asked of it takes longer only where it does not answer.
const LOOK: Duration = Duration::from_secs(3);

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    pub run_id: String,
    pub version: String,
    pub mode: String,
    /// What is done where the memory is full. None: it may not be asked for.
    pub eviction: Option<String>,
    /// Whether what it has survives its restart. None: it may not be asked for.
    pub is_kept: Option<bool>,
}

impl Server {
    /// From the answer to `INFO server`.
    pub(super) fn read(info: &str) -> Self {
        let field = |name: &str| {
            let mut fields = info.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        // The second is Valkey's.
        let mode = ["redis_mode", "server_mode"].map(field).concat();
        let (run_id, version) = (field("run_id"), field("redis_version"));
        Self { run_id, version, mode, ..Self::default() }
    }

    /// Why it cannot be used.
    pub fn fault(&self) -> Option<String> {
        if matches!(self.mode.as_str(), "cluster" | "sentinel") {
            return Some(format!(
                "the server runs as {}, which is not supported: give the address of one Redis or Valkey",
                self.mode
            ));
        }
        let mut numbers = self.version.split('.').map_while(|part| part.parse::<u32>().ok());
        let version = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        (version < OLDEST).then(|| {
            let (major, minor) = OLDEST;
            format!("the server is Redis {}, and {major}.{minor} or newer is needed, or Valkey", self.version)
        })
    }

    /// What it should be set to, each in a sentence.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if let Some(policy) = self.eviction.as_deref().filter(|policy| *policy != "noeviction") {
            advice.push(format!(
                "Redis removes keys when its memory is full (maxmemory-policy {policy}): viewers then get conversations anew, and \
                 limits are forgotten. Set it to noeviction."
            ));
        }
        if self.is_kept == Some(false) {
            advice.push(
                "Redis keeps nothing over its restart (appendonly no): limits are forgotten then, and viewers get conversations \
                 anew. Set appendonly to yes."
                    .into(),
            );
        }
        advice
    }
}

/// How connections are opened.
pub(super) fn config() -> AsyncConnectionConfig {
    // How long an answer may take is decided for each request.
    AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(None)
}

pub(super) async fn connect(url: &RedisUrl, config: &AsyncConnectionConfig) -> RedisResult<MultiplexedConnection> {
    Client::open(url.info())?.get_multiplexed_async_connection_with_config(config).await
}

/// Connects and reads all of it.
///
/// # Errors
/// In words: it cannot be reached, or not be asked.
pub async fn look(url: &RedisUrl) -> Result<Server, String> {
    let looking = async {
        let mut connection = connect(url, &config()).await?;
        examine(&mut connection).await
    };
    match timeout(LOOK, looking).await {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err("it does not answer".into()),
    }
}

pub(super) async fn examine(connection: &mut MultiplexedConnection) -> RedisResult<Server> {
    let info: String = cmd("INFO").arg("server").query_async(connection).await?;
    let mut server = Server::read(&info);
    // Managed servers do not let their settings be read.
    server.eviction = setting(connection, "maxmemory-policy").await;
    server.is_kept = setting(connection, "appendonly").await.map(|value| value == "yes");
    Ok(server)
}

async fn setting(connection: &mut MultiplexedConnection, name: &str) -> Option<String> {
    let mut ask = Pipeline::new();
    ask.cmd("CONFIG").arg("GET").arg(name);
    let (pairs,): (Vec<(String, String)>,) = ask.query_async(connection).await.ok()?;
    pairs.into_iter().next().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(version: &str, mode: &str) -> Server {
        Server::read(&format!("# Server\r\nredis_version:{version}\r\nredis_mode:{mode}\r\nrun_id:abc\r\n"))
    }

    #[test]
    fn a_server_that_cannot_be_used_is_refused_in_a_sentence() {
        assert_eq!(server("7.0.15", "standalone").run_id, "abc");
        for version in ["6.2.0", "6.2.14", "7.0.15", "10.0.0"] {
            assert_eq!(server(version, "standalone").fault(), None, "{version}");
        }
        for version in ["6.0.16", "5.0.14", "2.8", ""] {
            assert!(server(version, "standalone").fault().unwrap().contains("6.2 or newer"), "{version}");
        }
        assert!(server("7.0.15", "cluster").fault().unwrap().contains("cluster"));
    }

    #[test]
    fn advice_is_given_on_what_is_known_alone() {
        let well = Server { eviction: Some("noeviction".into()), is_kept: Some(true), ..Server::default() };
        assert!(well.advice().is_empty() && Server::default().advice().is_empty());
        let badly = Server { eviction: Some("allkeys-lru".into()), is_kept: Some(false), ..Server::default() };
        assert_eq!(badly.advice().len(), 2);
        assert!(badly.advice()[0].contains("allkeys-lru"));
    }
}
