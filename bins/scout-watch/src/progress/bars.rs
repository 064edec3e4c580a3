//! Bars on a terminal: there while something goes on, gone when it has ended.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::estimate::View;
use super::words;

/// A name, the bar, and words that end where the terminal does. No colors: the words say it all.
const TEMPLATE: &str = "{prefix:8} [{bar:24}] {wide_msg}";
/// What is done, how far it is, what is left.
const CHARACTERS: &str = "=> ";

/// The bars of one watcher.
#[derive(Debug)]
pub(super) struct Bars<'a> {
    all: &'a MultiProgress,
    sweep: Option<ProgressBar>,
    work: Option<ProgressBar>,
}

impl<'a> Bars<'a> {
    pub(super) fn new(all: &'a MultiProgress) -> Self {
        Self {
            all,
            sweep: None,
            work: None,
        }
    }

    pub(super) fn show(&mut self, view: &View) {
        let sweep = view.sweep.as_ref().map(|view| {
            let place = (view.repositories_done, view.repositories);
            (place, words::sweep(view))
        });
        let work = view.work.as_ref().map(|view| {
            let place = (view.done, view.done + view.left);
            (place, words::work(view))
        });
        put(self.all, &mut self.sweep, "sweeping", sweep);
        put(self.all, &mut self.work, "indexing", work);
    }
}

impl Drop for Bars<'_> {
    fn drop(&mut self) {
        self.show(&View::default());
    }
}

/// Makes, moves or removes a bar.
fn put(
    all: &MultiProgress,
    bar: &mut Option<ProgressBar>,
    name: &'static str,
    state: Option<((u64, u64), String)>,
) {
    let Some(((position, length), words)) = state else {
        if let Some(bar) = bar.take() {
            bar.finish_and_clear();
            all.remove(&bar);
        }
        return;
    };
    let bar = bar.get_or_insert_with(|| {
        // A template that cannot be read would be one without bars.
        let style = ProgressStyle::with_template(TEMPLATE)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars(CHARACTERS);
        all.add(ProgressBar::new(1).with_style(style).with_prefix(name))
    });
    // A bar of no length would look full.
    bar.set_length(length.max(1));
    bar.set_position(position);
    bar.set_message(words);
}
