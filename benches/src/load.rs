//! Replies: time to first token, the gap between tokens, and the processor time that a token costs, in three ways: by the
//! bare relay, by `/chat/stream` (stateless, as the relay is), and by a conversation, which is what Rivulet is for.

use crate::http::Caller;
use crate::process::Program;
use crate::report::{Budget, Report, Row};
use crate::scene::{self, Person};
use crate::sse::{Events, Seen};
use crate::times::Times;
use anyhow::{Context, ensure};
use futures::future::try_join_all;
use hyper::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The upstream's pace in each reply: twenty pieces a second, so that two cores can do a thousand replies.
const GAP_MS: u64 = 50;
/// The warm-up after the last client has begun.
const WARM_UP: Duration = Duration::from_millis(500);
/// What Rivulet may add to the time to first token, in milliseconds (design, 10), and at how many replies.
const ADDED_TTFT_MS: f64 = 2.0;
const AT_REPLIES: usize = 1_000;
/// What a token may cost, as a multiple of the bare relay's (design, 10).
const CPU_RATIO: f64 = 2.0;

/// The load: `replies` clients, each sending again as soon as its reply has ended.
pub struct Level {
    pub replies: usize,
    pub pieces: usize,
    pub seconds: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Relay,
    Stateless,
    Conversation,
}

/// The measurements of the window.
#[derive(Default)]
struct Sheet {
    first: Vec<Duration>,
    gaps: Vec<Duration>,
    tokens: usize,
}

struct Outcome {
    first: Times,
    gaps: Times,
    cpu_per_token: f64,
}

pub async fn measure(level: &Level, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("bench: replies, {} at a time ...", level.replies);
    let relay = outcome(Way::Relay, level).await.context("by the bare relay")?;
    let stateless = outcome(Way::Stateless, level).await.context("by Rivulet's /chat/stream")?;
    let conversation = outcome(Way::Conversation, level).await.context("in Rivulet's conversations")?;
    for (how, outcome) in [("conversation", &conversation), ("/chat/stream", &stateless)] {
        rows(level, how, &relay, outcome, report)?;
    }
    Ok(())
}

fn rows(level: &Level, how: &str, relay: &Outcome, rivulet: &Outcome, report: &mut Report) -> anyhow::Result<()> {
    let replies = level.replies;
    for (name, percentile) in [("p50", 50), ("p95", 95), ("p99", 99)] {
        let what = format!("time to first token, {replies} at a time, {how}, {name}");
        let of = |outcome: &Outcome| outcome.first.millis(percentile);
        let budget = (replies == AT_REPLIES && name == "p99" && how == "conversation")
            .then(|| Budget::added(ADDED_TTFT_MS, "ms"));
        report.add(Row::beside(what, "ms", of(relay), of(rivulet)).with(budget));
    }
    for (name, percentile) in [("p50", 50), ("p95", 95), ("p99", 99)] {
        let what = format!("gap between tokens, {replies} at a time, {how}, {name}");
        let of = |outcome: &Outcome| outcome.gaps.millis(percentile);
        report.add(Row::beside(what, "ms", of(relay), of(rivulet)));
    }
    if replies > 1 {
        let what = format!("CPU per token, {replies} at a time, {how}");
        let budget = (how == "conversation").then(|| Budget::ratio(CPU_RATIO));
        report.add(Row::beside(what, "us", relay.cpu_per_token, rivulet.cpu_per_token).with(budget));
    }
    Ok(())
}

async fn outcome(way: Way, level: &Level) -> anyhow::Result<Outcome> {
    let upstream = scene::upstream().await?;
    let program = match way {
        Way::Relay => scene::relay(upstream.address).await?,
        Way::Stateless | Way::Conversation => scene::rivulet(upstream.address).await?,
    };
    let script = json!({ "pieces": level.pieces, "gap_ms": GAP_MS });
    let clients = clients(way, &program, level.replies, &script).await?;
    let length = Duration::from_millis(GAP_MS) * level.pieces as u32;
    let began = Instant::now();
    let from = began + length + WARM_UP;
    let until = from + Duration::from_secs(level.seconds);
    let running = clients.into_iter().enumerate().map(|(index, client)| {
        // Spread over one reply's length, so that as many begin in each moment as end.
        let start = began + length * index as u32 / level.replies as u32;
        tokio::spawn(client.run(start, from, until, level.pieces))
    });
    let running: Vec<_> = running.collect();
    sleep_until(from).await;
    let before = program.cpu()?;
    sleep_until(until).await;
    let cpu = program.cpu()? - before;
    let sheets = try_join_all(running).await?.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    summed(&sheets, cpu)
}

fn summed(sheets: &[Sheet], cpu: Duration) -> anyhow::Result<Outcome> {
    let first = Times::new(sheets.iter().flat_map(|sheet| &sheet.first).copied()).context("no reply began")?;
    let gaps = Times::new(sheets.iter().flat_map(|sheet| &sheet.gaps).copied()).context("no token came")?;
    let tokens: usize = sheets.iter().map(|sheet| sheet.tokens).sum();
    Ok(Outcome { first, gaps, cpu_per_token: cpu.as_micros() as f64 / tokens as f64 })
}

async fn clients(way: Way, program: &Program, count: usize, script: &Value) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::new();
    if way == Way::Conversation {
        for person in Person::many(program.address, count).await? {
            let events = person.caller.again().await?.call(Method::GET, &person.events(), &[], None).await?;
            clients.push(Client::Conversation {
                person,
                events: Events::new(events.into_body()),
                script: script.clone(),
            });
        }
        return Ok(clients);
    }
    let (path, body) = match way {
        Way::Relay => ("/v1/messages", scene::request(script)),
        _ => ("/chat/stream", json!({ "messages": [{ "role": "user", "content": scene::ask(script) }] })),
    };
    for _ in 0..count {
        clients.push(Client::Direct { caller: Caller::new(program.address).await?, path, body: body.clone() });
    }
    Ok(clients)
}

/// One user who sends and reads.
enum Client {
    /// The answer to the request is the stream.
    Direct { caller: Caller, path: &'static str, body: Value },
    /// The request is answered immediately; the stream is open all the time.
    Conversation { person: Person, events: Events, script: Value },
}

impl Client {
    async fn run(mut self, start: Instant, from: Instant, until: Instant, pieces: usize) -> anyhow::Result<Sheet> {
        sleep_until(start).await;
        let mut sheet = Sheet::default();
        let asking = async {
            loop {
                let mut reading = Reading { asked: Instant::now(), last: None, pieces: 0, from, sheet: &mut sheet };
                self.ask(&mut reading).await?;
                ensure!(reading.pieces == pieces, "a reply came with {} of {pieces} pieces", reading.pieces);
            }
        };
        match timeout_at(until, asking).await {
            Err(_) => Ok(sheet),
            Ok(Err(error)) => Err(error),
            Ok(Ok(never)) => never,
        }
    }

    async fn ask(&mut self, reading: &mut Reading<'_>) -> anyhow::Result<()> {
        match self {
            Self::Direct { caller, path, body } => {
                let answer = caller.call(Method::POST, path, scene::HEADERS, Some(body)).await?;
                let mut events = Events::new(answer.into_body());
                reading.read(&mut events).await?;
                // To its last byte, so that the connection serves the next request.
                events.rest().await
            }
            // Concurrently: the first token may arrive before the answer.
            Self::Conversation { person, events, script } => {
                futures::try_join!(person.send(script), reading.read(events)).map(drop)
            }
        }
    }
}

/// One reply, as it is read.
struct Reading<'a> {
    asked: Instant,
    last: Option<Instant>,
    pieces: usize,
    from: Instant,
    sheet: &'a mut Sheet,
}

impl Reading<'_> {
    async fn read(&mut self, events: &mut Events) -> anyhow::Result<()> {
        while let Seen::Pieces(pieces) = events.next().await? {
            self.note(pieces, Instant::now());
        }
        Ok(())
    }

    fn note(&mut self, pieces: usize, now: Instant) {
        self.pieces += pieces;
        let before = self.last.replace(now);
        if now < self.from {
            return;
        }
        self.sheet.tokens += pieces;
        match before {
            Some(before) => self.sheet.gaps.push(now - before),
            None if self.from <= self.asked => self.sheet.first.push(now - self.asked),
            None => {}
        }
    }
}
