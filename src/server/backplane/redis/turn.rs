//! The turn of a topic among processes: a key that expires, so that a process that dies in its turn holds up nobody for long.
//!
//! It gives what is told an order, and no more: what is written is kept in order by the database. So it can be lost (a
//! process that sleeps longer than the key lives), and then whatever is appended under its value is refused.

use super::line::Line;
use super::{Call, Failure, Redis, Script};
use ::redis::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// How long the key lives without being renewed: so long a dead process holds up a conversation ...
const LIVES: Duration = Duration::from_secs(6);
/// ... and how often it is renewed.
const RENEWED: Duration = Duration::from_secs(2);
/// The time between two tries while another process has the turn.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(20);
/// A turn that is not given back for longer is gone on without.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) static RELEASE: Script =
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end\nreturn 0");
pub(super) static RENEW: Script = Script::new(
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end\nreturn 0",
);

/// The turn of a topic, until it is dropped.
pub struct Turn {
    line: Arc<Line>,
    key: String,
    value: String,
    renewing: Option<JoinHandle<()>>,
}

impl Redis {
    /// Waits for the turn of a topic, `{c:…}`. Nobody in this process may have it or wait for it.
    ///
    /// # Errors
    /// Redis is away, or another process has the turn for too long.
    pub async fn turn(&self, topic: &str) -> Result<Turn, Failure> {
        let (key, value) = (self.key(&format!("{topic}:t")), uuid::Uuid::new_v4().simple().to_string());
        // Made before it is taken: whatever becomes of the answer, it is given back.
        let mut turn = Turn { line: Arc::clone(&self.0.line), key, value, renewing: None };
        let deadline = Instant::now() + PATIENCE;
        let mut wait = SHORTEST_WAIT;
        loop {
            let take = Call::command("SET").arg(&turn.key).arg(&turn.value);
            if self.call(take.arg("NX").arg("PX").arg(LIVES.as_millis() as u64)).await? != Value::Nil {
                break;
            }
            if deadline < Instant::now() {
                return Err(Failure::Taken);
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        turn.renewing = Some(tokio::spawn(renew(Arc::clone(&turn.line), turn.key.clone(), turn.value.clone())));
        Ok(turn)
    }
}

impl Turn {
    /// What is in the key: another one for each turn.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.renewing.iter().for_each(JoinHandle::abort);
        let (line, key, value) =
            (Arc::clone(&self.line), std::mem::take(&mut self.key), std::mem::take(&mut self.value));
        // Where it is not given back it expires. A runtime that is shutting down takes no task.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Ok(link) = line.link() {
                    line.call(&link, RELEASE.call(&[&key]).arg(value)).await.ok();
                }
            });
        }
    }
}

/// Until it is lost.
async fn renew(line: Arc<Line>, key: String, value: String) {
    loop {
        sleep(RENEWED).await;
        let Ok(link) = line.link() else { return };
        let renew = RENEW.call(&[&key]).arg(&value).arg(LIVES.as_millis() as u64);
        match line.call(&link, renew).await {
            Ok(Value::Int(1)) => {}
            Ok(_) | Err(Failure::Away) => return,
            Err(_) => {}
        }
    }
}
