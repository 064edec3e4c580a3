//! Progress: bars on a terminal, else a line a minute; and writing beside the bars.

mod bars;
mod estimate;
mod words;

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{MultiProgress, ProgressDrawTarget};
use scout_config::{Environment, LogFormat};
use scout_platform::Watcher;
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

use bars::Bars;
use estimate::{Estimate, View};

/// How often bars are moved. What takes less than two looks has none.
const LOOK: Duration = Duration::from_millis(500);
/// How often is looked where there are no bars, so that the average is one.
const LOOK_FOR_LINES: Duration = Duration::from_secs(10);
/// The time between two lines, and how long something must go on for the first.
const BETWEEN_LINES: Duration = Duration::from_secs(60);
/// How often a terminal is drawn at most, in a second.
const FRAMES: u8 = 10;

/// Standard error, and standard output, which may be the same terminal.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    bars: Option<MultiProgress>,
}

impl Screen {
    /// Looks what standard error is. Bars are for people at a terminal that can move its cursor.
    pub(crate) fn new(format: LogFormat, environment: &impl Environment) -> Self {
        let is_dumb = environment.get("TERM").is_none_or(|term| term == "dumb");
        let is_for_people = format == LogFormat::Text && io::stderr().is_terminal() && !is_dumb;
        let target = || ProgressDrawTarget::stderr_with_hz(FRAMES);
        Self {
            bars: is_for_people.then(|| MultiProgress::with_draw_target(target())),
        }
    }

    /// Writes to standard output, above the bars.
    pub(crate) fn print(&self, text: &str) -> anyhow::Result<()> {
        self.above(|| scout_config::write_text(&mut io::stdout().lock(), text))
            .context("cannot write to standard output")
    }

    fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    /// Does some work of a watcher, and shows meanwhile how far it is.
    pub(crate) async fn during<T>(&self, watcher: &Watcher, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.follow(watcher) => match never {},
        }
    }

    async fn follow(&self, watcher: &Watcher) -> Infallible {
        let start = Instant::now();
        let mut estimate = Estimate::default();
        let mut shown = match &self.bars {
            Some(bars) => Shown::Bars(Bars::new(bars)),
            None => Shown::Lines(Lines::default()),
        };
        loop {
            // That the store fails is told by what works with it.
            if let Ok(progress) = watcher.progress().await {
                let at = start.elapsed();
                let view = estimate.look(at, &progress);
                shown.show(at, &view);
            }
            tokio::time::sleep(shown.pause()).await;
        }
    }
}

/// Writes the log above the bars, a line at a time.
impl<'a> MakeWriter<'a> for Screen {
    type Writer = Above;

    fn make_writer(&'a self) -> Self::Writer {
        Above(self.clone())
    }
}

/// Standard error above the bars.
#[derive(Debug)]
pub(crate) struct Above(Screen);

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.above(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// How it is shown.
enum Shown<'a> {
    Bars(Bars<'a>),
    Lines(Lines),
}

impl Shown<'_> {
    fn show(&mut self, at: Duration, view: &View) {
        match self {
            Self::Bars(bars) => bars.show(view),
            Self::Lines(lines) => {
                if let Some(line) = lines.due(at, view) {
                    tracing::info!("{line}");
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        match self {
            Self::Bars(_) => LOOK,
            Self::Lines(_) => LOOK_FOR_LINES,
        }
    }
}

/// When a line is due.
#[derive(Debug, Default)]
struct Lines {
    /// When the last one was, or what goes on began.
    since: Option<Duration>,
}

impl Lines {
    /// Returns the line if it is time for one. A watcher that only does its rounds is silent, and
    /// so is one whose work ends at once.
    fn due(&mut self, at: Duration, view: &View) -> Option<String> {
        let is_first_sweep = view.sweep.is_some_and(|sweep| sweep.is_first);
        if view.work.is_none() && !is_first_sweep {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(at);
        if at.saturating_sub(since) < BETWEEN_LINES {
            return None;
        }
        self.since = Some(at);
        words::line(view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estimate::{SweepView, WorkView};

    const WORK: WorkView = WorkView {
        done: 1,
        left: 9,
        failed: 0,
        in_hand: 1,
        held_back: 0,
        per_second: 1.0,
        bytes_per_second: 0.0,
        time_left: None,
    };

    /// Returns after how many looks, one every ten seconds, there was a line.
    fn lines(views: impl IntoIterator<Item = View>) -> Vec<u64> {
        let mut lines = Lines::default();
        let looks = (1_u64..).zip(views);
        let due = looks.filter_map(|(number, view)| {
            let at = LOOK_FOR_LINES * u32::try_from(number).unwrap();
            lines.due(at, &view).map(|_| number)
        });
        due.collect()
    }

    fn busy(looks: usize) -> Vec<View> {
        let view = View {
            sweep: None,
            work: Some(WORK),
        };
        vec![view; looks]
    }

    #[test]
    fn there_is_a_line_a_minute_while_there_is_work_and_none_without() {
        assert_eq!(lines(busy(20)), [7, 13, 19]);
        assert!(lines(vec![View::default(); 20]).is_empty());
        let idle = vec![View::default(); 2];
        let bursts = [busy(6), idle.clone(), busy(6), idle, busy(7)].concat();
        assert_eq!(lines(bursts), [23], "only what lasts");
    }

    #[test]
    fn of_sweeps_only_the_first_is_told_by_itself() {
        let sweep = |is_first| View {
            work: None,
            sweep: Some(SweepView {
                is_first,
                repositories_done: 0,
                repositories: 0,
                tags: 0,
                tags_per_second: 0.0,
            }),
        };
        assert_eq!(lines(vec![sweep(true); 8]), [7]);
        assert!(lines(vec![sweep(false); 8]).is_empty());
    }
}
