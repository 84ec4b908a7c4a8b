//! Plays one script to one client.

use std::{io, time::Duration};

use tokio::{
    net::tcp::WriteHalf,
    time::{Instant, sleep_until},
};

use super::{
    http::{Body, pause},
    script::Script,
    state::{Ended, Entry, State},
    wire::{Event, Framer, ODD_EVENT, Turn},
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Longer than any client's time limit, but not for ever.
const LONGEST_SILENCE: Duration = Duration::from_secs(3600);

/// A reset discards what has not arrived yet: the pieces before it are given this time to arrive.
const FLIGHT: Duration = Duration::from_millis(50);

/// Answers one request. An error means that the client does not listen any more.
pub(super) async fn play(state: &State, turn: &Turn, entry: &Entry, writer: &mut WriteHalf<'_>) -> io::Result<Ended> {
    let script = &turn.script;
    pause(Duration::from_millis(script.headers_ms)).await;
    let plain = script.status.is_some() || script.body.is_some() || !turn.streaming;
    let status = script.status.unwrap_or(200);
    let usual = if plain { "application/json" } else { turn.format.wire().content_type() };
    let drip = Duration::from_millis(script.drip_ms);
    let body = Body::start(writer, status, &headers(turn, usual), script.split, drip).await?;
    pause(Duration::from_millis(script.first_ms)).await;
    if plain {
        return answer(turn, status, body).await;
    }
    Stream { state, turn, entry, body, framer: Framer::new(turn), pace: Pace::new(script) }.play().await
}

fn headers(turn: &Turn, content_type: &str) -> String {
    let script = &turn.script;
    let content_type = script.content_type.as_deref().unwrap_or(content_type);
    let mut headers = format!(
        "content-type: {content_type}\r\ncache-control: no-cache\r\n{}: req_{}\r\n",
        turn.format.wire().id_header(),
        turn.id
    );
    if let Some(location) = &script.location {
        headers += &format!("location: {location}\r\n");
    }
    if let Some(wait) = &script.retry_after {
        headers += &format!("retry-after: {wait}\r\n");
    }
    if script.should_retry {
        headers += "x-should-retry: true\r\n";
    }
    if let Some(wait_ms) = script.retry_after_ms {
        headers += &format!("retry-after-ms: {wait_ms}\r\n");
    }
    headers
}

/// An answer that is not a stream of events.
async fn answer(turn: &Turn, status: u16, mut body: Body<'_, '_>) -> io::Result<Ended> {
    let wire = turn.format.wire();
    let fine = (200..300).contains(&status);
    let text = match &turn.script.body {
        Some(text) => text.clone(),
        None if fine => wire.message(turn).to_string(),
        None => wire.error(turn, status).to_string(),
    };
    body.write(text.as_bytes()).await?;
    body.write("x".repeat(turn.script.long_line.unwrap_or_default()).as_bytes()).await?;
    body.end().await?;
    Ok(if fine { Ended::Completed } else { Ended::Failed })
}

/// A stream of events under way.
struct Stream<'a, 'b, 'c> {
    state: &'a State,
    turn: &'a Turn,
    entry: &'a Entry,
    body: Body<'b, 'c>,
    framer: Framer,
    pace: Pace,
}

impl Stream<'_, '_, '_> {
    async fn play(mut self) -> io::Result<Ended> {
        let wire = self.turn.format.wire();
        let script = &self.turn.script;
        if script.bom {
            self.body.write(BYTE_ORDER_MARK).await?;
        }
        self.send(&wire.opening(self.turn)).await?;
        self.fall_silent(script.silent_ms).await?;
        for piece in script.thinking_pieces() {
            self.send_piece(wire.thinking(self.turn, &piece)).await?;
            self.state.thought(self.entry);
        }
        self.fall_silent(script.thinking_ms).await?;
        self.hold(0).await?;
        self.send(&wire.turning(self.turn)).await?;
        let mut sent = 0;
        for piece in script.text_pieces() {
            if let Some(fault) = Fault::after(script, sent) {
                return self.fail(fault).await;
            }
            self.send_piece(wire.text(self.turn, &piece)).await?;
            self.state.wrote(self.entry, &piece.text);
            sent += 1;
            self.hold(sent).await?;
        }
        if let Some(fault) = Fault::after(script, sent) {
            return self.fail(fault).await;
        }
        self.close(script.thinking + sent).await
    }

    async fn fall_silent(&mut self, ms: u64) -> io::Result<()> {
        if ms > 0 {
            self.body.flush().await?;
            pause(Duration::from_millis(ms)).await;
            self.pace.due = self.pace.due.max(Instant::now());
        }
        Ok(())
    }

    /// Where the script says so.
    async fn hold(&mut self, sent: usize) -> io::Result<()> {
        if self.turn.script.hold_after.contains(&sent) {
            self.body.flush().await?;
            self.state.told_to_go().await;
            self.pace.due = self.pace.due.max(Instant::now());
        }
        Ok(())
    }

    async fn send(&mut self, events: &[Event]) -> io::Result<()> {
        let bytes = self.framer.events(events);
        self.body.write(&bytes).await
    }

    /// One write, when it is due.
    async fn send_piece(&mut self, event: Event) -> io::Result<()> {
        if !self.pace.gap.is_zero() {
            self.body.flush().await?;
            self.pace.next().await;
        }
        let mut bytes = Vec::new();
        if self.turn.script.comments {
            let wire = self.turn.format.wire();
            let odd = if wire.in_lines() { &[] } else { ODD_EVENT };
            bytes = self.framer.lines(&[wire.noise(), odd].concat());
        }
        bytes.extend(self.framer.events(&[event]));
        self.body.write(&bytes).await
    }

    async fn fail(mut self, fault: Fault) -> io::Result<Ended> {
        self.body.flush().await?;
        match fault {
            Fault::Error => {
                let event = self.turn.format.wire().error_event(self.turn);
                self.send(&[event]).await?;
                self.body.end().await?;
                Ok(Ended::Failed)
            }
            Fault::Cut => {
                self.body.end().await?;
                Ok(Ended::Cut)
            }
            Fault::Close => {
                pause(FLIGHT).await;
                Ok(Ended::Reset)
            }
            Fault::Silence => {
                pause(LONGEST_SILENCE).await;
                Ok(Ended::Reset)
            }
        }
    }

    async fn close(mut self, output_tokens: usize) -> io::Result<Ended> {
        let mut bytes = self.framer.events(&self.turn.format.wire().closing(self.turn, output_tokens));
        if self.turn.script.no_final_newline {
            let trimmed = bytes.trim_ascii_end().len();
            bytes.truncate(trimmed);
        }
        self.body.write(&bytes).await?;
        self.body.end().await?;
        Ok(Ended::Completed)
    }
}

enum Fault {
    Error,
    Cut,
    /// With or without a reset, which is the socket's business.
    Close,
    Silence,
}

impl Fault {
    fn after(script: &Script, pieces: usize) -> Option<Self> {
        let now = Some(pieces);
        if script.error_after == now {
            return Some(Self::Error);
        }
        if script.cut_after == now {
            return Some(Self::Cut);
        }
        if script.close_after == now || script.reset_after == now {
            return Some(Self::Close);
        }
        (script.silence_after == now).then_some(Self::Silence)
    }
}

/// The clock of one stream. Due times are counted from the start, so that lateness does not add up.
struct Pace {
    due: Instant,
    gap: Duration,
}

impl Pace {
    fn new(script: &Script) -> Self {
        Self { due: Instant::now(), gap: Duration::from_millis(script.gap_ms) }
    }

    async fn next(&mut self) {
        sleep_until(self.due).await;
        self.due += self.gap;
    }
}
