//! Scripts that run in Redis, called by their hash.

use super::call::Call;
use ::redis::cmd;
use std::sync::OnceLock;

/// A script in Lua.
pub struct Script {
    pub(super) text: &'static str,
    hash: OnceLock<String>,
}

impl Script {
    pub const fn new(text: &'static str) -> Self {
        Self { text, hash: OnceLock::new() }
    }

    /// A call of it. The keys are whole ones, with the prefix.
    pub fn call(&self, keys: &[&str]) -> Call {
        let hash = self.hash.get_or_init(|| ::redis::Script::new(self.text).get_hash().to_owned());
        let mut command = cmd("EVALSHA");
        command.arg(hash).arg(keys.len()).arg(keys);
        Call(command)
    }
}
