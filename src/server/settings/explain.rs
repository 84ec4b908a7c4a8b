//! How a wrong setting is told.

use super::Settings;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, CommandFactory};
use std::io::Write;
use std::process::ExitCode;

/// Help is printed as clap writes it; a wrong setting is one line that names it and says what is expected.
pub(super) fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.print().ok();
        return ExitCode::SUCCESS;
    }
    // `eprintln!` would panic where nobody reads.
    writeln!(std::io::stderr(), "rivulet: {}", line(error)).ok();
    ExitCode::from(2)
}

/// The error in one line, without the value where that may be a secret: what is wrong in it may be the secret itself,
/// and standard error is kept in the log.
pub(crate) fn line(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = |text: &str| text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let text_of = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (Some(argument), Some(value)) = (text_of(ContextKind::InvalidArg), text_of(ContextKind::InvalidValue)) else {
        return first(&text);
    };
    let command = Settings::command();
    let is_given =
        |arg: &&Arg| arg.get_long().is_some_and(|long| argument.split(' ').next() == Some(&format!("--{long}")));
    let of_commands = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let is_secret = command.get_arguments().chain(of_commands).find(is_given).is_some_and(Arg::is_hide_env_values_set);
    match is_secret && !value.is_empty() {
        // In the whole text: the value may have a line break, as one that is read from a file ends with.
        true => first(&text.replacen(&format!("'{value}'"), "(not shown)", 1)),
        false => first(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn told(argument: &str) -> String {
        line(&Settings::try_parse_from(["rivulet", argument]).unwrap_err())
    }

    #[test]
    fn a_wrong_secret_is_not_repeated_and_another_value_is() {
        for secret in ["--metrics-token=too-short", "--pusher-secret=too-short", "--otlp-headers=too-short"] {
            let told = told(secret);
            assert!(told.contains("(not shown)") && told.contains("expects") && !told.contains("too-short"), "{told}");
        }
        // The password in an address.
        for setting in ["--redis-url=redis+cluster://:too-short@db", "--otlp-endpoint=ftp://a:too-short@b"] {
            assert!(!told(setting).contains("too-short"), "{}", told(setting));
        }
        assert!(told("--guests=perhaps").contains("'perhaps'"));
    }
}
