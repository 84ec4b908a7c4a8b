//! How a wrong setting is told.

use super::Settings;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue};
use std::io::Write;
use std::process::ExitCode;

/// clap repeats what was wrong. A key is not repeated, not even a wrong one: standard error is kept in the log.
fn without_secret(error: &clap::Error, line: &str) -> String {
    let told = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let (setting, value) = (told(ContextKind::InvalidArg), told(ContextKind::InvalidValue));
    let mut command = Settings::command();
    // An argument can say how it is written only then.
    command.build();
    let mut secrets = command.get_arguments().filter(|arg| arg.is_hide_env_values_set());
    match secrets.any(|arg| arg.to_string() == setting) {
        true if !value.is_empty() => line.replacen(value, "…", 1),
        _ => line.to_owned(),
    }
}

/// Help is printed as clap writes it; a wrong setting is one line that names it and says what is expected.
pub(super) fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.print().ok();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let line = without_secret(error, line);
    // `eprintln!` would panic where nobody reads.
    writeln!(std::io::stderr(), "rivulet: {line}").ok();
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn told(argument: &str) -> String {
        let error = Settings::try_parse_from(["rivulet", argument]).unwrap_err();
        without_secret(&error, error.to_string().lines().next().unwrap())
    }

    #[test]
    fn a_wrong_secret_is_not_repeated_and_another_value_is() {
        for secret in ["--metrics-token=too-short", "--pusher-secret=too-short", "--otlp-headers=too-short"] {
            let told = told(secret);
            assert!(told.contains("'…'") && told.contains("expects") && !told.contains("too-short"), "{told}");
        }
        assert!(told("--guests=perhaps").contains("'perhaps'"));
    }
}
