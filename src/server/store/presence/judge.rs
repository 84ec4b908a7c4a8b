//! When a process is taken for dead: by its beats as one judge sees them, and by that judge's clock alone.
//!
//! A beat is a number that goes up. No time of another machine is compared: their clocks differ and are set, and a whole
//! host may have been paused, the database with it.

use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// In how many rounds of its own, one after the other, a judge has to see the same beat.
const ROUNDS: u32 = 5;
/// And for how long: rounds may follow each other faster.
pub(super) const SILENCE: Duration = Duration::from_secs(5);
/// A judge that was away for this long has not watched: what it saw before does not count.
const GAP: Duration = Duration::from_secs(2);

/// What a judge has seen of the other processes. It knows nothing of where the beats come from.
#[derive(Debug, Default)]
pub(super) struct Judge {
    seen: HashMap<String, Seen>,
    last: Option<Instant>,
}

#[derive(Debug)]
struct Seen {
    beat: Option<i64>,
    since: Instant,
    rounds: u32,
}

impl Judge {
    /// A look at the beats of all others that are not known to be dead; none: it is spoken of, and has no row. Returns
    /// those that are to be declared dead if their beat is still this one.
    pub(super) fn round(&mut self, now: Instant, beats: HashMap<String, Option<i64>>) -> Vec<(String, Option<i64>)> {
        if self.last.is_some_and(|last| GAP <= now.saturating_duration_since(last)) {
            self.missed();
        }
        self.last = Some(now);
        let mut before = std::mem::take(&mut self.seen);
        let mut silent = Vec::new();
        for (process, beat) in beats {
            let known = before.remove(&process).filter(|seen| seen.beat == beat);
            let mut seen = known.unwrap_or(Seen { beat, since: now, rounds: 0 });
            seen.rounds += 1;
            if ROUNDS <= seen.rounds && SILENCE <= now.saturating_duration_since(seen.since) {
                silent.push((process.clone(), beat));
            }
            self.seen.insert(process, seen);
        }
        silent
    }

    /// A round that failed: nothing was seen, so those that were silent may have spoken.
    pub(super) fn missed(&mut self) {
        self.seen.clear();
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The beats of `a`, each seen so long after the one before. Whether it was ever to be declared dead.
    fn dies(rounds: &[(Duration, i64)]) -> bool {
        let (mut judge, mut now) = (Judge::default(), Instant::now());
        rounds.iter().any(|(after, beat)| {
            now += *after;
            !judge.round(now, HashMap::from([("a".to_owned(), Some(*beat))])).is_empty()
        })
    }

    #[test]
    fn the_same_beat_in_five_rounds_over_five_seconds_is_death() {
        assert!(dies(&[(SECOND, 7); 6]));
        assert!(!dies(&[(SECOND, 7); 5]), "five rounds take four seconds");
        assert!(dies(&[(SECOND + SECOND / 4, 7); 5]), "and here five");
        assert!(!dies(&[(SECOND / 10, 7); 20]), "rounds that follow each other fast do not count more");
        assert!(dies(&[(SECOND / 10, 7); 51]));
    }

    #[test]
    fn a_beat_in_between_begins_the_count_anew_whichever_way_it_goes() {
        let mut rounds = [(SECOND, 7); 10];
        rounds[5].1 = 8;
        assert!(!dies(&rounds));
        // A database that was restored has older beats.
        rounds[5].1 = 3;
        assert!(!dies(&rounds));
    }

    #[test]
    fn a_judge_that_stalls_has_not_watched() {
        let slow = [(2 * SECOND, 7); 40];
        assert!(!dies(&slow), "each of its rounds is after a gap");
        let mut rounds = [(SECOND, 7); 10];
        rounds[5].0 = 30 * SECOND;
        assert!(!dies(&rounds), "before and after the stall are five rounds each, and less than five seconds");
        let edge = [(2 * SECOND - Duration::from_millis(1), 7); 5];
        assert!(dies(&edge));
    }

    #[test]
    fn a_round_that_failed_begins_the_count_anew() {
        let (mut judge, mut now) = (Judge::default(), Instant::now());
        let beats = || HashMap::from([("a".to_owned(), Some(1))]);
        for _ in 0..5 {
            now += SECOND;
            assert!(judge.round(now, beats()).is_empty());
        }
        judge.missed();
        for _ in 0..5 {
            now += SECOND;
            assert!(judge.round(now, beats()).is_empty());
        }
        assert_eq!(judge.round(now + SECOND, beats()), [("a".to_owned(), Some(1))]);
    }

    /// A host is paused whole, with the database and all nodes: whichever of them wakes first has seen nothing yet.
    #[test]
    fn h05_all_that_were_paused_together_live() {
        let (mut first, mut second) = (Judge::default(), Judge::default());
        let start = Instant::now();
        let (mut beats, mut now) = ([0, 0], start);
        for pause in [Duration::ZERO, 20 * SECOND, 3_600 * SECOND] {
            now += pause;
            for round in 0..8 {
                now += SECOND;
                // After the pause the first has two rounds before the second wakes.
                beats[0] += 1;
                assert!(first.round(now, HashMap::from([("second".to_owned(), Some(beats[1]))])).is_empty());
                if 2 <= round {
                    beats[1] += 1;
                    assert!(second.round(now, HashMap::from([("first".to_owned(), Some(beats[0]))])).is_empty());
                }
            }
        }
    }

    #[test]
    fn one_that_is_silent_does_not_pull_others_along() {
        let (mut judge, mut now) = (Judge::default(), Instant::now());
        let mut found = Vec::new();
        for beat in 0..6 {
            now += SECOND;
            let beats = [("a", Some(1)), ("b", Some(beat)), ("gone", None)];
            found = judge.round(now, beats.map(|(process, beat)| (process.to_owned(), beat)).into());
        }
        found.sort();
        assert_eq!(found, [("a".to_owned(), Some(1)), ("gone".to_owned(), None)]);
    }
}
