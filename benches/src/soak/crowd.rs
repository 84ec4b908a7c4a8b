//! Users who come and go for the configured time (row F44 of the fault matrix): replies that complete, fail, stall or
//! are stopped, and connections that break.

use super::Phase;
use super::gauges;
use super::script::{any, is_whole, words};
use super::watch::Watch;
use crate::http::Caller;
use crate::process::Program;
use crate::rng::Dice;
use crate::scene::{self, Person};
use crate::upstream::script::Script;
use anyhow::{Context, ensure};
use futures::future::join_all;
use hyper::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The number of concurrent users.
const PEOPLE: usize = 40;
/// The maximum number of replies per user, who is then replaced by a new one.
const MAX_REPLIES: u64 = 8;
/// The maximum number of events before a connection breaks, or before a stop.
const MAX_EVENTS: u64 = 120;
/// Longer than the longest reply takes with its retries.
const PATIENCE: Duration = Duration::from_secs(60);
/// Short, so that journals and silences expire within a run of minutes; the window is longer than any reply.
const SETTINGS: [(&str, &str); 2] = [("RIVULET_WINDOW_SECONDS", "20"), ("RIVULET_SILENCE_SECONDS", "2")];

/// The counts of a run.
#[derive(Default)]
struct Tally {
    people: AtomicUsize,
    replies: AtomicUsize,
    whole: AtomicUsize,
    stops: AtomicUsize,
    returns: AtomicUsize,
}

pub async fn run(minutes: f64, seed: u64) -> anyhow::Result<Phase> {
    let mut dice = Dice::new(seed);
    let upstream = scene::upstream().await?;
    let rivulet = scene::rivulet_with(&scene::new_database()?, upstream.address, &SETTINGS).await?;
    let until = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    let tally = Arc::new(Tally::default());
    let crowd = (0..PEOPLE).map(|_| {
        let dice = Dice::new(dice.below(u64::MAX));
        tokio::spawn(come_and_go(rivulet.address, dice, until, Arc::clone(&tally)))
    });
    let crowd: Vec<_> = crowd.collect();
    let samples = gauges::watch(&rivulet, until).await.context("the server does not tell how it does")?;
    let mut violations = Vec::new();
    for told in join_all(crowd).await {
        violations.extend(told?);
    }
    let (halves, grown) = gauges::judge(&samples);
    violations.extend(grown);
    violations.extend(at_rest(&rivulet).await.err().map(|violation| format!("{violation:#}")));
    let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let Tally { people, replies, whole, stops, returns } = &*tally;
    let line = format!(
        "{minutes} minutes, {} people, {} replies ({} whole, {} stops), {} broken lines{halves}",
        count(people),
        count(replies),
        count(whole),
        count(stops),
        count(returns)
    );
    Ok(Phase { line, violations })
}

/// Plays one user after the other. Returns the violations.
async fn come_and_go(address: SocketAddr, mut dice: Dice, until: Instant, tally: Arc<Tally>) -> Vec<String> {
    let mut violations = Vec::new();
    while Instant::now() < until {
        let visit = tokio::time::timeout(PATIENCE * MAX_REPLIES as u32, visit(address, &mut dice, until, &tally)).await;
        match visit {
            Ok(Ok(())) => {}
            Ok(Err(violation)) => violations.push(format!("{violation:#}")),
            Err(_) => violations.push("somebody waited for ever".into()),
        }
    }
    violations
}

async fn visit(address: SocketAddr, dice: &mut Dice, until: Instant, tally: &Tally) -> anyhow::Result<()> {
    let mut person = Person::new(address).await?;
    tally.people.fetch_add(1, Ordering::Relaxed);
    for _ in 0..=dice.below(MAX_REPLIES) {
        if until < Instant::now() {
            break;
        }
        let script = any(dice);
        let about = words(&script);
        let said = reply(&mut person, &script, dice, tally).await.with_context(|| format!("of {about}"))?;
        // The model would get this message and the next as one, with two scripts in it.
        if !said {
            break;
        }
    }
    if dice.below(2) == 0 {
        let path = person.path().to_owned();
        person.caller.call(Method::DELETE, &path, &[], None).await?;
    }
    Ok(())
}

/// Whether it said anything before it ended.
async fn reply(person: &mut Person, script: &Script, dice: &mut Dice, tally: &Tally) -> anyhow::Result<bool> {
    let sent = person.send(&serde_json::to_value(script)?).await?;
    tally.replies.fetch_add(1, Ordering::Relaxed);
    let mut watch = Watch::new(&sent)?;
    let mut stop_after = (dice.below(6) == 0).then(|| dice.below(MAX_EVENTS));
    let mut stopped = false;
    while watch.end.is_none() {
        let break_after = (dice.below(3) == 0).then(|| dice.below(MAX_EVENTS));
        let mut stream = watch.follow(&person.caller, &person.events()).await?;
        let mut events = 0;
        while watch.end.is_none() && break_after.is_none_or(|most| events < most) {
            if stop_after.is_some_and(|after| after <= events) {
                (stop_after, stopped) = (None, true);
                tally.stops.fetch_add(1, Ordering::Relaxed);
                person.caller.post(&format!("/api/v1/replies/{}/stop", watch.reply), &json!({})).await?;
            }
            let event = stream.next().await?.context("the server ended a stream")?;
            watch.take(event)?;
            events += 1;
        }
        tally.returns.fetch_add(usize::from(watch.end.is_none()), Ordering::Relaxed);
    }
    check(person, script, &watch, stopped, tally).await?;
    Ok(!watch.text.is_empty())
}

/// Checks that the stored text, and the text that a late viewer sees, are the text that was shown.
async fn check(
    person: &mut Person,
    script: &Script,
    watch: &Watch,
    stopped: bool,
    tally: &Tally,
) -> anyhow::Result<()> {
    let path = person.path().to_owned();
    let snapshot = person.caller.get(&path).await?;
    let message = snapshot["messages"].as_array().and_then(|messages| messages.last()).unwrap_or(&Value::Null);
    ensure!(message["id"] == *watch.reply, "the newest message is {message}");
    ensure!(message["text"] == *watch.text, "{:?} was shown, and kept is {message}", watch.text);
    ensure!(message["status"].as_str() == watch.status(), "{:?} was told, and kept is {message}", watch.end);
    let whole = script.full_text();
    ensure!(whole.starts_with(&watch.text), "the model said something else than {:?}", watch.text);
    let done = watch.status() == Some("done");
    ensure!(!done || watch.text == whole, "done, and not whole: {:?}", watch.text);
    ensure!(done || stopped || !is_whole(script), "it ended as {message} by itself");
    tally.whole.fetch_add(usize::from(done), Ordering::Relaxed);

    let mut late = watch.late();
    let mut stream = late.follow(&person.caller, &person.events()).await?;
    ensure!(late.read(&mut stream).await?, "a late viewer's stream ended early");
    ensure!(late.text == watch.text && late.end == watch.end, "a late viewer saw {:?}, {:?}", late.text, late.end);
    Ok(())
}

/// Checks that nothing is open and nothing broke once all users have left.
async fn at_rest(rivulet: &Program) -> anyhow::Result<()> {
    let gone = ["rivulet_open_replies", "rivulet_followers", "rivulet_unsaved_replies"];
    let mut caller = Caller::new(rivulet.address).await?;
    let began = Instant::now();
    loop {
        let metrics = gauges::metrics(&mut caller).await?;
        ensure!(!metrics.contains("rivulet_panics_total{"), "something panicked:\n{metrics}");
        ensure!(gauges::value(&metrics, "rivulet_checkpoint_failures_total")? == 0.0, "checkpoints failed");
        let mut left = 0.0;
        for name in gone {
            left += gauges::value(&metrics, name)?;
        }
        if left == 0.0 {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "something is still open:\n{metrics}");
        sleep(Duration::from_millis(200)).await;
    }
}
