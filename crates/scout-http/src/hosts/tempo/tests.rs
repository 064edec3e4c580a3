//! The pace as a host that counts requests sees it; time is given, nothing waits.

use super::*;

fn slowing(jitter: f64) -> Slowing {
    Slowing {
        jitter: crate::Jitter::new(move || jitter),
        ..Slowing::default()
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Begins requests as fast as allowed for some seconds, each of which takes 2 ms; calls `each`
/// with the time since the start. Returns how many there were.
fn ask(tempo: &mut Tempo, from: Instant, length: f64, rate: Option<f64>) -> u32 {
    let (mut now, end) = (from.max(tempo.next()), from + seconds(length));
    let mut begun = 0;
    while now < end {
        tempo.begin(now, rate);
        tempo.answered(now);
        begun += 1;
        now = (now + seconds(0.002)).max(tempo.next());
    }
    begun
}

#[tokio::test(start_paused = true)]
async fn without_any_limit_nothing_waits() {
    let start = Instant::now();
    let mut tempo = Tempo::new(start);
    assert_eq!(ask(&mut tempo, start, 1.0, None), 500);
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_was_set_is_never_passed() {
    for (rate, expected) in [(0.5, 5), (1.0, 10), (10.0, 100), (50.0, 500)] {
        let start = Instant::now();
        let mut tempo = Tempo::new(start);
        let begun = ask(&mut tempo, start, 10.0, Some(rate));
        assert!(begun.abs_diff(expected) <= 1, "{rate}: {begun}");
        // A long silence gives no right to a burst.
        let later = start + seconds(100.0);
        let burst = ask(&mut tempo, later, 1.0, Some(rate));
        assert!(f64::from(burst) <= rate + 1.0, "{rate}: {burst}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_as_long_as_was_asked_within_bounds_and_spread() {
    for (asked, jitter, expected) in [
        (Some(0.0), 1.0, 0.0),
        (Some(5.0), 0.0, 5.0),
        (Some(5.0), 1.0, 5.5),
        (Some(3600.0), 0.0, 60.0),
        (Some(3600.0), 1.0, 60.0),
        (None, 0.0, 0.5),
        (None, 1.0, 1.0),
    ] {
        let start = Instant::now();
        let mut tempo = Tempo::new(start);
        tempo.begin(start, None);
        tempo.refused((start, start), asked.map(seconds), &slowing(jitter));
        let pause = tempo.next().duration_since(start);
        assert_eq!(pause, seconds(expected), "{asked:?} {jitter}");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_in_a_row_double_the_pause_until_a_good_answer() {
    let start = Instant::now();
    let mut tempo = Tempo::new(start);
    let mut now = start;
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        tempo.begin(now, None);
        tempo.refused((now, now), None, &slowing(1.0));
        assert_eq!(tempo.next().duration_since(now).as_secs(), expected);
        now = tempo.next();
    }
    tempo.begin(now, None);
    tempo.answered(now);
    now += seconds(1.0);
    tempo.begin(now, None);
    tempo.refused((now, now), None, &slowing(1.0));
    assert_eq!(tempo.next().duration_since(now).as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pause_without_measure_is_the_longest_one() {
    for jitter in [0.0, 1.0] {
        let start = Instant::now();
        let mut tempo = Tempo::new(start);
        tempo.refused((start, start), Some(Duration::MAX), &slowing(jitter));
        assert_eq!(tempo.next() - start, slowing(jitter).longest_pause);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_with_a_refused_request_counts_once() {
    let start = Instant::now();
    let mut tempo = Tempo::new(start);
    for _ in 0..8 {
        tempo.begin(start, None);
    }
    let now = start + seconds(0.1);
    tempo.refused((start, now), None, &slowing(1.0));
    let (rate, next) = (tempo.rate(), tempo.next());
    for _ in 0..7 {
        tempo.refused((start, now), None, &slowing(1.0));
    }
    assert_eq!((tempo.rate(), tempo.next()), (rate, next));
    // But whoever is told of a longer pause is believed.
    tempo.refused((start, now), Some(seconds(9.0)), &slowing(0.0));
    assert_eq!(tempo.next().duration_since(now), seconds(9.0));
}

/// A server with a limit as nginx has it (`limit_req`): a bucket of so many that leaks at a rate.
struct Bucket {
    rate: f64,
    size: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn takes(&mut self, now: Instant) -> bool {
        let leaked = now.duration_since(self.at).as_secs_f64() * self.rate;
        (self.level, self.at) = ((self.level - leaked).max(0.0), now);
        let takes = self.level < self.size;
        self.level += f64::from(u8::from(takes));
        takes
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_counts_is_learned_with_few_refusals() {
    for (rate, size, asked) in [
        (50.0, 20.0, None),
        (50.0, 1.0, None),
        (50.0, 20.0, Some(1.0)),
        (200.0, 50.0, None),
        (10.0, 5.0, Some(2.0)),
        (2.0, 1.0, None),
    ] {
        let start = Instant::now();
        let mut tempo = Tempo::new(start);
        let mut bucket = Bucket {
            rate,
            size,
            level: 0.0,
            at: start,
        };
        let (mut now, mut answered, mut refused) = (start, 0_u32, 0_u32);
        while answered < 1_000 {
            tempo.begin(now, None);
            if bucket.takes(now) {
                answered += 1;
                tempo.answered(now);
            } else {
                refused += 1;
                tempo.refused((now, now), asked.map(seconds), &slowing(0.5));
            }
            now = (now + seconds(0.002)).max(tempo.next());
        }
        let taken = now.duration_since(start).as_secs_f64();
        let least = 1_000.0 / rate;
        println!("{rate} {size} {asked:?}: {refused} refused, {taken:.0} s of {least:.0} s");
        assert!(refused <= 80, "{rate} {size} {asked:?}: {refused}");
        assert!(
            taken < 1.5 * least + 60.0,
            "{rate} {size} {asked:?}: {taken}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_is_as_fast_as_before_some_time_after_one_refusal() {
    let start = Instant::now();
    let mut tempo = Tempo::new(start);
    tempo.begin(start, None);
    tempo.refused((start, start), None, &slowing(1.0));
    let at_once = ask(&mut tempo, start + seconds(1.0), 1.0, None);
    assert!(at_once <= 2, "no herd: {at_once}");
    ask(&mut tempo, start + seconds(2.0), 80.0, None);
    assert_eq!(tempo.rate(), None);
    assert_eq!(ask(&mut tempo, start + seconds(90.0), 1.0, None), 500);
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_stays_while_nobody_asks() {
    let start = Instant::now();
    let mut tempo = Tempo::new(start);
    ask(&mut tempo, start, 2.0, Some(40.0));
    let now = start + seconds(2.0);
    tempo.begin(now, None);
    tempo.refused((now, now), None, &slowing(1.0));
    let before = tempo.rate().unwrap();
    tempo.begin(now + seconds(3600.0), None);
    let after = tempo.rate().unwrap();
    assert!(after < 1.2 * before, "{before} {after}");
}
