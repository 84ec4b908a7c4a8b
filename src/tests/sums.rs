//! The calculations of `make bench`. The files belong to the benchmark; they refer to each other by relative paths, so that
//! they can be included here.

use super::rng;

#[path = "../../benches/src/arrivals.rs"]
mod arrivals;
#[path = "../../benches/src/desk.rs"]
mod desk;
#[path = "../../benches/src/fit.rs"]
mod fit;
#[path = "../../benches/src/stat.rs"]
mod stat;
#[path = "../../benches/src/times.rs"]
mod times;

use arrivals::{Arrival, Load, Schedule};
use desk::Desk;
use fit::Point;
use rng::Dice;
use std::time::Duration;
use times::Times;

const MS: Duration = Duration::from_millis(1);

/// A thousand open replies of eight seconds.
fn load() -> Load {
    Load { rate: 125.0, pieces: 160, gap: 50 * MS, fill: 5_000 * MS, window: 60_000 * MS }
}

/// The number of open replies at a time.
fn open(schedule: &Schedule, at: Duration) -> usize {
    let length = |arrival: &Arrival| schedule.gap * arrival.pieces as u32;
    let is_open = |arrival: &&Arrival| arrival.at <= at && at < arrival.at + length(arrival);
    schedule.arrivals.iter().filter(is_open).count()
}

#[test]
fn a_poisson_load_has_its_rate_and_exponential_intervals() {
    let schedule = load().poisson(&mut Dice::new(1));
    // 60 s at 125/s are 7,500; the standard deviation is 87.
    let measured = schedule.measured();
    assert!((7_150..7_850).contains(&measured), "{measured}");
    // After `fill`, only the Poisson messages remain.
    let moments: Vec<_> =
        schedule.arrivals.iter().map(|arrival| arrival.at.as_secs_f64()).filter(|at| 5.0 < *at).collect();
    let gaps: Vec<_> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    // In an exponential distribution the standard deviation equals the mean, and e^-1 = 36.8 % exceed it.
    let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
    assert!((0.9..1.1).contains(&(deviation / mean)), "{deviation} beside {mean}");
    let longer = gaps.iter().filter(|gap| mean < **gap).count() as f64 / gaps.len() as f64;
    assert!((0.34..0.40).contains(&longer), "{longer}");
}

#[test]
fn a_seed_repeats_its_messages_and_another_has_others() {
    let planned = |seed| load().poisson(&mut Dice::new(seed)).arrivals;
    assert_eq!(planned(1), planned(1));
    assert_ne!(planned(1), planned(2));
}

#[test]
fn a_load_is_full_when_its_window_begins_and_stays_so() {
    let load = load();
    let even = load.even();
    for second in [5, 6, 8, 11, 13, 20, 60] {
        let open = open(&even, Duration::from_secs(second));
        assert!((990..=1_010).contains(&open), "{open} after {second} s");
    }
    assert!((1_000..1_500).contains(&even.clients), "{}", even.clients);
    // A Poisson load has a standard deviation of 32.
    let poisson = load.poisson(&mut Dice::new(3));
    let open = open(&poisson, Duration::from_secs(5));
    assert!((870..1_130).contains(&open), "{open}");
}

#[test]
fn short_replies_need_no_earlier_ones() {
    let load = Load { rate: 50.0, pieces: 40, gap: 10 * MS, fill: 1_000 * MS, window: 1_000 * MS };
    let even = load.even();
    assert!(even.arrivals.iter().all(|arrival| arrival.pieces == 40));
    assert_eq!(even.measured(), 51, "both ends of the window count");
    assert_eq!(open(&even, Duration::from_millis(1_001)), 20);
}

#[test]
fn a_burst_is_at_one_time() {
    let burst = Schedule::burst(1_000);
    assert_eq!(burst.measured(), 1_000);
    assert!(burst.arrivals.iter().filter(|arrival| arrival.pieces == 2).all(|arrival| arrival.at == burst.from));
    assert_eq!(burst.from, burst.until);
    assert!(1_000 <= burst.clients);
}

/// One client, three messages 10 ms apart, a server that takes 50 ms for each: a closed loop would measure 50 ms three times.
#[test]
fn waiting_for_a_client_counts_from_the_planned_time() {
    let mut desk = Desk::new(["the only one"]);
    let planned: Vec<_> = (0..3).map(|index| Arrival { at: 10 * index * MS, pieces: 1 }).collect();
    let mut sent = vec![(desk.arrive(planned[0]), Duration::ZERO)];
    assert_eq!(desk.arrive(planned[1]), None);
    assert_eq!(desk.arrive(planned[2]), None);
    let mut now = 50 * MS;
    let mut waited = vec![now - planned[0].at];
    while let Some((client, arrival)) = desk.back("the only one") {
        sent.push((Some(client), now));
        now += 50 * MS;
        waited.push(now - arrival.at);
    }
    assert_eq!(sent.len(), 3);
    assert_eq!(desk.found_none(), 2);
    assert_eq!(waited, [50 * MS, 90 * MS, 130 * MS]);
    assert_eq!(desk.arrive(planned[0]), Some("the only one"), "it is idle again");
}

#[test]
fn three_lengths_separate_a_token_from_a_message() {
    // 34 us a token and 2,400 us a message, at 5,000 tokens a second for 2.5 s.
    let point = |pieces: f64| {
        let tokens = 12_500.0;
        let messages = tokens / pieces;
        Point { tokens, messages, cost: 34.0 * tokens + 2_400.0 * messages }
    };
    let costs = fit::split(&[point(40.0), point(160.0), point(640.0)]).unwrap();
    assert!((costs.per_token - 34.0).abs() < 1e-6, "{costs:?}");
    assert!((costs.per_message - 2_400.0).abs() < 1e-6, "{costs:?}");
}

#[test]
fn an_error_of_one_tick_changes_the_costs_little() {
    let point = |pieces: f64, error: f64| {
        let messages = 12_500.0 / pieces;
        Point { tokens: 12_500.0, messages, cost: 34.0 * 12_500.0 + 2_400.0 * messages + error }
    };
    // Processor time is counted in hundredths of a second. In the worst case the errors have opposite signs.
    let costs = fit::split(&[point(40.0, 10_000.0), point(160.0, -10_000.0), point(640.0, -10_000.0)]).unwrap();
    assert!((costs.per_token - 34.0).abs() < 2.0, "{costs:?}");
    assert!((costs.per_message - 2_400.0).abs() < 100.0, "{costs:?}");
}

#[test]
fn one_length_does_not_separate_the_costs() {
    let point = Point { tokens: 4_000.0, messages: 100.0, cost: 1.0 };
    assert_eq!(fit::split(&[point, point]), None);
    assert_eq!(fit::split(&[]), None);
}

const STAT: &str = "cpu  1389110 234844 205707 746243 2864 10 3350 739 50 60\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 1\n";

#[test]
fn steal_and_busy_time_come_from_the_kernels_counters() {
    let before = stat::ticks(STAT).unwrap();
    assert_eq!(before.busy, 1_389_110 + 234_844 + 205_707 + 10 + 3_350);
    assert_eq!(before.steal, 739);
    // A guest's time is in `user` already.
    assert_eq!(before.total, before.busy + 746_243 + 2_864 + 739);
    // 200 ticks: 120 of work, 76 idle or waiting for the disk, 4 stolen.
    let after = stat::ticks("cpu  1389210 234844 205717 746313 2870 10 3360 743 50 60\n").unwrap();
    let share = after.since(before);
    assert_eq!(share, stat::Share { busy: 60.0, steal: 2.0 });
}

#[test]
fn another_format_of_proc_stat_is_refused() {
    assert_eq!(stat::ticks("cpu  1 2 3 4 5 6 7\n"), None, "no steal");
    assert_eq!(stat::ticks("cpu  1 2 3 4 5 6 7 x\n"), None);
    assert_eq!(stat::ticks("cpu0 1 2 3 4 5 6 7 8\n"), None, "one processor of several");
}

fn times(millis: impl IntoIterator<Item = u32>) -> Times {
    Times::new(millis.into_iter().map(|millis| MS * millis)).unwrap()
}

#[test]
fn percentiles_are_exact() {
    let all = times((1..=1_000).rev());
    assert_eq!([all.millis(50), all.millis(99), all.millis(100)], [500.0, 990.0, 1_000.0]);
    assert_eq!(all.thousandth(999), 999.0);
    assert_eq!(times([7]).millis(50), 7.0);
}

#[test]
fn a_percentile_is_the_rounds_median_if_each_has_enough_times() {
    let rounds = [times(1..=100), times(101..=200), times(301..=400)];
    assert_eq!(times::of_rounds(&rounds, 990), Some(199.0));
    // Neither a hundred nor three hundred times are enough for one in a thousand.
    assert_eq!(times::of_rounds(&rounds, 999), None);
    // Forty times are too few for one in a hundred, a hundred and twenty are enough.
    let short = [times(1..=40), times(41..=80), times(81..=120)];
    assert_eq!(times::of_rounds(&short, 990), Some(119.0));
    assert_eq!(times::of_rounds(&[], 500), None);
}

#[test]
fn a_median_of_an_even_number_is_in_the_middle() {
    assert_eq!(times::median([4.0, 1.0, 3.0]), Some(3.0));
    assert_eq!(times::median([4.0, 1.0, 3.0, 2.0]), Some(2.5));
    assert_eq!(times::median([]), None);
}
