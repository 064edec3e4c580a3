use super::*;

/// A watcher whose counters a test turns.
struct Turned {
    estimate: Estimate,
    at: Duration,
    progress: Progress,
}

impl Turned {
    fn new(left: u64) -> Self {
        let mut progress = Progress::default();
        progress.left = left;
        let mut estimate = Estimate::default();
        assert_eq!(estimate.look(Duration::ZERO, &progress), View::default());
        Self {
            estimate,
            at: Duration::ZERO,
            progress,
        }
    }

    /// Lets time go by in which so many images are done.
    fn after(&mut self, millis: u64, done: u64) -> Option<WorkView> {
        self.at += Duration::from_millis(millis);
        self.progress.done += done;
        self.progress.left -= done;
        self.progress.bytes += 1_000 * done;
        self.look().work
    }

    fn look(&mut self) -> View {
        let view = self.estimate.look(self.at, &self.progress);
        if let Some(work) = view.work {
            let rates = [work.per_second, work.bytes_per_second];
            assert!(rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0));
            assert!(work.time_left.is_none_or(|left| left <= LONGEST));
        }
        view
    }
}

fn seconds_left(view: Option<WorkView>) -> Option<u64> {
    Some(view?.time_left?.as_secs())
}

#[test]
fn steady_work_is_told_as_it_is() {
    let mut watcher = Turned::new(1_000);
    let first = watcher.after(500, 5);
    assert_eq!(seconds_left(first), Some(99), "at once, not from zero up");
    for _ in 0..60 {
        let view = watcher.after(500, 5).unwrap();
        assert!((view.per_second - 10.0).abs() < 1e-9, "{view:?}");
        assert!((view.bytes_per_second - 10_000.0).abs() < 1e-6, "{view:?}");
    }
    let view = watcher.look().work.unwrap();
    assert_eq!((view.done, view.left), (305, 695));
    assert_eq!(view.time_left.unwrap().as_secs(), 69);
}

#[test]
fn a_burst_or_a_pause_moves_the_estimate_a_little() {
    let mut watcher = Turned::new(10_000);
    for _ in 0..120 {
        watcher.after(500, 5);
    }
    let burst = watcher.after(500, 100).unwrap();
    assert!((10.0..15.0).contains(&burst.per_second), "{burst:?}");
    let mut watcher = Turned::new(10_000);
    for _ in 0..120 {
        watcher.after(500, 5);
    }
    for _ in 0..4 {
        watcher.after(500, 0);
    }
    let pause = watcher.after(500, 0).unwrap();
    assert!((8.5..10.0).contains(&pause.per_second), "{pause:?}");
    // One that lasts is believed.
    for _ in 0..1_200 {
        watcher.after(500, 0);
    }
    assert_eq!(watcher.look().work.unwrap().time_left, None);
}

#[test]
fn nothing_done_no_time_and_enormous_numbers_make_no_nonsense() {
    let mut watcher = Turned::new(u64::MAX);
    assert_eq!(watcher.after(500, 0).unwrap().time_left, None);
    assert_eq!(watcher.after(0, 0).unwrap().per_second, 0.0);
    assert_eq!(watcher.after(500, 1).unwrap().time_left, None, "for ages");
    // A clock that stands still, with work done meanwhile.
    let mut watcher = Turned::new(10);
    assert_eq!(watcher.after(0, 5).unwrap().time_left, None);
}

#[test]
fn work_counts_from_where_it_began_and_what_is_short_is_not_shown() {
    let mut watcher = Turned::new(0);
    watcher.progress.left = 1;
    assert_eq!(watcher.after(500, 0), None, "one look");
    assert_eq!(watcher.after(500, 1), None, "done");
    watcher.progress.left = 10;
    assert_eq!(watcher.after(500, 0), None);
    let view = watcher.after(500, 4).unwrap();
    assert_eq!((view.done, view.left, view.failed), (4, 6, 0));
    watcher.progress.failed += 1;
    let view = watcher.after(500, 1).unwrap();
    assert_eq!((view.done, view.left, view.failed), (5, 5, 1));
}

#[test]
fn a_watcher_that_counts_from_zero_again_is_no_surprise() {
    let mut watcher = Turned::new(100);
    watcher.after(500, 50);
    watcher.progress = Progress::default();
    watcher.progress.left = 50;
    let view = watcher.after(500, 0).unwrap();
    assert_eq!((view.done, view.left), (0, 50));
    let view = watcher.after(500, 10).unwrap();
    assert_eq!((view.done, view.left), (10, 40));
}

#[test]
fn a_sweep_is_shown_once_it_takes_a_while() {
    let mut watcher = Turned::new(0);
    watcher.progress.sweeping = 1;
    assert_eq!(watcher.look().sweep, None, "one look");
    (watcher.progress.repositories, watcher.progress.tags) = (4, 100);
    watcher.at += Duration::from_secs(1);
    let view = watcher.look().sweep.unwrap();
    assert_eq!((view.repositories, view.tags), (4, 100));
    assert!(view.is_first && (view.tags_per_second - 100.0).abs() < 1e-9);
    watcher.progress.swept = true;
    assert!(!watcher.look().sweep.unwrap().is_first);
    watcher.progress.sweeping = 0;
    assert_eq!(watcher.look().sweep, None);
}
