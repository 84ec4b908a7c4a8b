//! The life of what Redis has: a random word that goes with the server's run. After a restart or a failover, which may have
//! lost what was acknowledged last, there is another one, so that nothing from before is gone on with.

use super::Failure;
use super::line::{Line, Link};
use super::server::Server;
use crate::server::sync::lock;
use ::redis::{Cmd, FromRedisValue, Value, cmd};
use std::sync::Arc;

/// Keeps the life of this run, or begins one: the first of several that find the new run does. `~life` is the run, a dot, and
/// the word, so that both change together.
const LEARN: &str = "\
local known = redis.call('GET', KEYS[1])
if known and string.sub(known, 1, #ARGV[1] + 1) == ARGV[1] .. '.' then return known end
local life = ARGV[1] .. '.' .. ARGV[2]
redis.call('SET', KEYS[1], life)
return life";

impl Line {
    pub(super) fn life(&self) -> Arc<str> {
        Arc::clone(&lock(&self.life))
    }

    /// Asks the server what it is.
    pub(super) async fn server(&self, link: &Link) -> Result<Server, Failure> {
        Ok(Server::read(&text(self.ask(link, cmd("INFO").arg("server")).await?)))
    }

    /// Asks for the server's run and its life, and begins a life where there is none of this run.
    pub(super) async fn learn(&self, link: &Link) -> Result<(), Failure> {
        let server = self.server(link).await?;
        let word = uuid::Uuid::new_v4().simple().to_string();
        let mut learn = cmd("EVAL");
        learn.arg(LEARN).arg(1).arg(self.key("life")).arg(&server.run_id).arg(word);
        let life = text(self.ask(link, &learn).await?);
        let known = std::mem::replace(&mut *lock(&self.life), life.as_str().into());
        if *known != *life && !known.is_empty() {
            tracing::info!("Redis was restarted, or another server has its place: what it had before is void");
            self.listeners.everything();
        }
        Ok(())
    }

    /// Whether these are the run and the life that are known here.
    pub(super) fn is_current(&self, server: &Server, life: &Value) -> bool {
        let life = text(life.clone());
        *life == *self.life() && life.split('.').next() == Some(&server.run_id)
    }

    /// Asks for the life.
    pub(super) fn life_command(&self) -> Cmd {
        let mut command = cmd("GET");
        command.arg(self.key("life"));
        command
    }
}

pub(super) fn text(value: Value) -> String {
    String::from_redis_value(value).unwrap_or_default()
}
