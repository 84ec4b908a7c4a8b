//! A call of Redis, and how it can fail.

use ::redis::{Cmd, ServerError, ToRedisArgs, Value, cmd};
use std::fmt;

/// What a server answers that is no primary any more or not yet, that may not write, or that wants a password: as good as
/// none. In a script's error they stand in the middle.
const AWAY: [&str; 8] =
    ["READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "MISCONF", "NOAUTH", "WRONGPASS", "CLUSTERDOWN"];
const UNKNOWN_SCRIPT: &str = "NOSCRIPT";

/// A command or a script with its arguments.
pub struct Call(pub(super) Cmd);

impl Call {
    pub fn command(name: &str) -> Self {
        Self(cmd(name))
    }

    pub fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.0.arg(argument);
        self
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Redis is away: this process is alone from here on, until it has joined again. Whether the call was carried out is
    /// unknown.
    Away,
    /// Redis does not do this. Its words have `OOM` in them where its memory is full.
    Refused(String),
    /// Another process has had the turn for too long.
    Taken,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away => formatter.write_str("Redis does not answer"),
            Self::Refused(words) => write!(formatter, "Redis refuses it: {words}"),
            Self::Taken => formatter.write_str("another process has had the turn for too long"),
        }
    }
}

/// The answer, where it is none of Redis' errors.
pub(super) fn answer(value: Value) -> Result<Value, Failure> {
    match value {
        Value::ServerError(error) => Err(Failure::Refused(words(&error))),
        value => Ok(value),
    }
}

fn words(error: &ServerError) -> String {
    format!("{} {}", error.code(), error.details().unwrap_or_default()).trim().to_owned()
}

/// Redis' words, where they are those of a server that is as good as none.
pub(super) fn as_good_as_none(answer: &Result<Value, Failure>) -> Option<&str> {
    let Err(Failure::Refused(words)) = answer else { return None };
    AWAY.iter().any(|code| words.split([' ', '-']).any(|word| word == *code)).then_some(words)
}

/// Whether the memory is full. In a script's error of older servers the word stands in the middle.
pub(super) fn is_full(words: &str) -> bool {
    words.contains("OOM")
}

/// Whether the memory is full, or a script runs for too long: that passes.
pub(super) fn passes(words: &str) -> bool {
    is_full(words) || words.starts_with("BUSY")
}

/// Whether the server does not know the script: it has been restarted, or is another one.
pub(super) fn is_unknown_script(answer: &Result<Value, Failure>) -> bool {
    matches!(answer, Err(Failure::Refused(words)) if words.starts_with(UNKNOWN_SCRIPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_may_not_write_is_as_good_as_none() {
        for away in [
            "READONLY You can't write against a read only replica.",
            "LOADING Redis is loading the dataset in memory",
            "ERR Error running script (call to f_1): @user_script:3: -READONLY You can't write",
        ] {
            assert_eq!(as_good_as_none(&Err(Failure::Refused(away.into()))), Some(away));
        }
        for refused in ["OOM command not allowed when used memory > 'maxmemory'.", "ERR unknown command"] {
            assert_eq!(as_good_as_none(&Err(Failure::Refused(refused.into()))), None, "{refused}");
        }
        assert!(is_unknown_script(&Err(Failure::Refused("NOSCRIPT No matching script. Please use EVAL.".into()))));
    }
}
