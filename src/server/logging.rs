//! The log: one line for each event on standard error, for people or as JSON, and spans for a collector where one is
//! named. Nothing that people or models wrote is logged.

use super::node;
use super::settings::{LogFormat, Settings};
use super::traces::{self, Traces};
use anyhow::Context;
use std::any::Any;
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::panic::PanicHookInfo;
use tracing::Subscriber;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

/// Starts the log of the process, and the traces, if the settings name a collector.
///
/// # Errors
/// One line that names the setting that is wrong.
pub fn start(settings: &Settings) -> anyhow::Result<Option<Traces>> {
    let filter = EnvFilter::try_new(&settings.log).context("RUST_LOG expects a level, such as info")?;
    let traces = match &settings.otlp_endpoint {
        None => {
            registry().with(filter).with(lines(settings.log_format, std::io::stderr)).init();
            None
        }
        Some(endpoint) => {
            let headers = settings.otlp_headers.iter().map(|header| (header.name.clone(), header.value.clone()));
            let (traces, layer) = traces::start(endpoint, headers.collect())?;
            let lines = lines(settings.log_format, std::io::stderr).with_filter(filter);
            registry().with(lines).with(layer.with_filter(traces::ours())).init();
            Some(traces)
        }
    };
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell_panic(panic);
        // Who works on Rivulet sees all of it.
        if cfg!(debug_assertions) {
            usual(panic);
        }
    }));
    Ok(traces)
}

/// Writes events. A line of JSON names the spans around the event, with the ids of the request and the reply.
pub(crate) fn lines<S, W>(format: LogFormat, writer: fn() -> W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    // It would report its own errors by `eprintln!`, which panics where nobody reads.
    let layer = fmt::layer().log_internal_errors(false).with_writer(move || OneLine(writer()));
    match format {
        // Colours are for terminals: in a file they are noise.
        LogFormat::Text => layer.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    }
}

/// An event is handed over whole. A line break inside it, in the words of a provider, say, would make two events of one,
/// the second of which anybody could have written.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        self.write_all(event)?;
        Ok(event.len())
    }

    fn write_all(&mut self, event: &[u8]) -> std::io::Result<()> {
        match node::name() {
            None => self.0.write_all(&joined(event)),
            Some(node) => self.0.write_all(&of_node(node, &joined(event))),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn joined(event: &[u8]) -> Cow<'_, [u8]> {
    let (text, end) = match event.strip_suffix(b"\n") {
        Some(text) => (text, &b"\n"[..]),
        None => (event, &b""[..]),
    };
    if !text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Cow::Borrowed(event);
    }
    let mut line = Vec::with_capacity(event.len() + 16);
    for byte in text {
        match byte {
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            other => line.push(*other),
        }
    }
    line.extend(end);
    Cow::Owned(line)
}

/// The line with the node that wrote it, where several write: a field of JSON, or the last word.
fn of_node(node: &str, line: &[u8]) -> Vec<u8> {
    match line.strip_prefix(b"{") {
        Some(fields) => [format!("{{\"node\":\"{node}\",").as_bytes(), fields].concat(),
        None => {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            [text, format!(" node={node}\n").as_bytes()].concat()
        }
    }
}

/// A bug, with its place.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, words = words_of(panic.payload()), "A bug: this task has ended");
}

/// A panic's words where the program has them as they are. What is put together while it runs can hold what a person
/// wrote, as in "byte index 5 is not a char boundary of `...`".
fn words_of(payload: &(dyn Any + Send)) -> &str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("(its words are not logged)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_which_node_wrote_it() {
        assert_eq!(of_node("a1", b"INFO it is well\n"), b"INFO it is well node=a1\n");
        let line = of_node("a1", b"{\"level\":\"INFO\",\"message\":\"it is well\"}\n");
        let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((&json["node"], &json["level"]), (&"a1".into(), &"INFO".into()));
    }

    #[test]
    fn a_line_break_in_an_event_is_written_as_two_characters() {
        assert_eq!(&*joined(b"INFO it is well\n"), b"INFO it is well\n");
        assert_eq!(&*joined(b"WARN said: a\r\nERROR forged\n"), b"WARN said: a\\r\\nERROR forged\n");
        assert_eq!(&*joined(b"no end\nhere"), b"no end\\nhere");
    }

    #[test]
    fn a_panic_tells_what_the_program_says_and_not_what_a_person_wrote() {
        let caught = |panic: fn()| std::panic::catch_unwind(panic).unwrap_err();
        assert_eq!(words_of(&*caught(|| panic!("this cannot be"))), "this cannot be");
        let told = caught(|| {
            let secret = String::from("ein Gehe\u{69}mnis");
            panic!("byte index 5 of {secret}");
        });
        assert_eq!(words_of(&*told), "(its words are not logged)");
    }
}
