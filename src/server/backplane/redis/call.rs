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
    /// Redis does not do this. Its words: `OOM …`, where its memory is full.
    Refused(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away => formatter.write_str("Redis does not answer"),
            Self::Refused(words) => write!(formatter, "Redis refuses it: {words}"),
        }
    }
}

/// The answer, where it is none of Redis' errors.
pub(super) fn answer(value: Value) -> Result<Value, Failure> {
    match value {
        Value::ServerError(error) => Err(refusal(&error)),
        value => Ok(value),
    }
}

fn refusal(error: &ServerError) -> Failure {
    refused(&format!("{} {}", error.code(), error.details().unwrap_or_default()))
}

fn refused(words: &str) -> Failure {
    match AWAY.iter().any(|code| words.split([' ', '-']).any(|word| word == *code)) {
        true => Failure::Away,
        false => Failure::Refused(words.trim().to_owned()),
    }
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
            assert_eq!(refused(away), Failure::Away, "{away}");
        }
        let full = "OOM command not allowed when used memory > 'maxmemory'.";
        assert_eq!(refused(full), Failure::Refused(full.into()));
        assert!(is_unknown_script(&Err(refused("NOSCRIPT No matching script. Please use EVAL."))));
    }
}
