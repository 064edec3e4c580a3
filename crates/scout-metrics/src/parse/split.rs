//! A text cut into families, and these into pieces that are cheap to parse.
//!
//! `openmetrics-parser` compares each sample with all before it in its family. Pieces of a bounded
//! number of series keep the time of a text in proportion to its length; what the parser can then
//! no longer see is checked here and where the pieces are put together.

use std::collections::HashSet;
use std::ops::Range;

use super::ParseError;
use crate::format::Format;

/// Samples in a piece, unless one series has more. The parser's time for a sample grows with this
/// number; each piece costs another reading of the family's head.
const PIECE: usize = 64;

/// The last line of OpenMetrics text.
const END: &str = "# EOF";

/// A family: its lines, still unread.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// The name in its head, or that of its samples if there is no head.
    pub(super) name: &'a str,
    kind: &'a str,
    head: Vec<Line<'a>>,
    samples: Vec<Line<'a>>,
}

/// A line with its line feed.
#[derive(Clone, Copy, Debug)]
struct Line<'a> {
    /// From 1.
    number: usize,
    text: &'a str,
}

/// A text that holds some of a family's samples under its whole head.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    /// For each line of the text, which line it was.
    pub(super) lines: Vec<usize>,
}

/// Cuts a text into its families.
pub(super) fn split(text: &str, format: Format) -> Result<Vec<Block<'_>>, ParseError> {
    let body = match format {
        Format::PrometheusText => text,
        Format::OpenMetrics => without_end(text)?,
    };
    let mut splitter = Splitter {
        format,
        seen: HashSet::new(),
        blocks: Vec::new(),
    };
    for (index, text) in body.split_inclusive('\n').enumerate() {
        let line = Line {
            number: index + 1,
            text,
        };
        splitter.take(line)?;
    }
    if format == Format::OpenMetrics {
        splitter.refuse_clashes()?;
    }
    Ok(splitter.blocks)
}

/// Returns what stands before the end mark, which must be the last line.
fn without_end(text: &str) -> Result<&str, ParseError> {
    let whole = text.strip_suffix('\n').unwrap_or(text);
    let last = whole.rfind('\n').map_or(0, |feed| feed + 1);
    match whole.split_at_checked(last) {
        Some((body, END)) => Ok(body),
        _ => {
            let line = whole.split('\n').count();
            Err(ParseError::malformed(line, "the last line is not # EOF"))
        }
    }
}

struct Splitter<'a> {
    format: Format,
    seen: HashSet<&'a str>,
    blocks: Vec<Block<'a>>,
}

impl<'a> Splitter<'a> {
    fn take(&mut self, line: Line<'a>) -> Result<(), ParseError> {
        let wrong = |reason| Err(ParseError::malformed(line.number, reason));
        let text = line.text.strip_suffix('\n').unwrap_or(line.text);
        if text.contains('\r') {
            return wrong("a carriage return");
        }
        if let Some((word, rest)) = descriptor(text, self.format) {
            return self.take_head(line, word, rest);
        }
        match self.format {
            Format::OpenMetrics if text.is_empty() => wrong("an empty line"),
            Format::OpenMetrics if text.starts_with('#') => {
                wrong("neither # HELP, # TYPE, # UNIT nor a sample")
            }
            Format::PrometheusText if matches!(text, "# HELP" | "# TYPE") => {
                wrong("a head without a name")
            }
            Format::PrometheusText if text.trim_start().is_empty() || text.starts_with('#') => {
                Ok(())
            }
            _ => self.take_sample(line),
        }
    }

    fn take_head(
        &mut self,
        line: Line<'a>,
        word: &'a str,
        rest: &'a str,
    ) -> Result<(), ParseError> {
        let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let current = self.blocks.last_mut().filter(|block| block.name == name);
        let block = match current {
            Some(block) if !block.samples.is_empty() => {
                let reason = "the head of a family after its samples";
                return Err(ParseError::malformed(line.number, reason));
            }
            Some(block) => block,
            None => self.open(name, line.number)?,
        };
        if word == "TYPE" {
            block.kind = value;
        }
        block.head.push(line);
        Ok(())
    }

    fn take_sample(&mut self, line: Line<'a>) -> Result<(), ParseError> {
        let (name, _) = series(line.text);
        let current = self.blocks.last_mut().filter(|block| block.holds(name));
        let block = match current {
            Some(block) => block,
            None => self.open(name, line.number)?,
        };
        block.samples.push(line);
        Ok(())
    }

    /// Refuses a family that is called as the samples of another may be.
    fn refuse_clashes(&self) -> Result<(), ParseError> {
        for block in &self.blocks {
            let suffixes = suffixes(block.kind).iter();
            let mut names = suffixes.map(|suffix| format!("{}{suffix}", block.name));
            if names.any(|name| self.seen.contains(name.as_str())) {
                let reason = "a family called as the samples of another";
                return Err(ParseError::malformed(block.first_line(), reason));
            }
        }
        Ok(())
    }

    fn open(&mut self, name: &'a str, line: usize) -> Result<&mut Block<'a>, ParseError> {
        if !self.seen.insert(name) {
            let reason = "a family that ended before";
            return Err(ParseError::malformed(line, reason));
        }
        let index = self.blocks.len();
        self.blocks.push(Block {
            name,
            kind: "",
            head: Vec::new(),
            samples: Vec::new(),
        });
        let opened = self.blocks.get_mut(index);
        opened.ok_or_else(|| ParseError::malformed(line, "a family without a name"))
    }
}

impl<'a> Block<'a> {
    /// Whether a sample of this name belongs to the family.
    fn holds(&self, name: &str) -> bool {
        let Some(suffix) = name.strip_prefix(self.name) else {
            return false;
        };
        suffix.is_empty() || suffixes(self.kind).contains(&suffix)
    }

    /// Whether it is of a kind that is kept as it is; others have series of several lines.
    pub(super) fn is_simple(&self) -> bool {
        matches!(self.kind, "" | "gauge" | "counter" | "unknown" | "untyped")
    }

    /// Returns how many samples there are.
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Returns the number of the first line.
    pub(super) fn first_line(&self) -> usize {
        let mut lines = self.head.iter().chain(&self.samples);
        lines.next().map_or(1, |line| line.number)
    }

    /// Cuts the family into pieces; there is one at least. Lines of one series that follow each
    /// other stay together.
    pub(super) fn pieces(&self, format: Format) -> impl Iterator<Item = Piece> {
        let mut from = 0;
        std::iter::from_fn(move || {
            if from >= self.samples.len() && from > 0 {
                return None;
            }
            let to = self.end_of_piece(from);
            let piece = self.piece(from..to, format);
            // A family without samples is one piece.
            from = to.max(1);
            Some(piece)
        })
    }

    fn end_of_piece(&self, from: usize) -> usize {
        let labels = |index: usize| self.samples.get(index).map(|line| series(line.text).1);
        let mut to = (from + PIECE).min(self.samples.len());
        // A counter's `_total` and `_created` are one series, too.
        while to > from && to < self.samples.len() && labels(to - 1) == labels(to) {
            to += 1;
        }
        to
    }

    fn piece(&self, samples: Range<usize>, format: Format) -> Piece {
        let samples = self.samples.get(samples).unwrap_or_default();
        let mut piece = Piece {
            text: String::new(),
            lines: Vec::new(),
        };
        for line in self.head.iter().chain(samples) {
            piece.text.push_str(line.text);
            piece.lines.push(line.number);
        }
        if format == Format::OpenMetrics {
            piece.text.push_str(END);
            piece.text.push('\n');
        }
        piece
    }
}

/// Returns what the samples of a kind may be called after the family's name (OpenMetrics 1.0,
/// "Metric types").
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total", "_created"],
        "histogram" => &["_bucket", "_count", "_sum", "_created"],
        "gaugehistogram" => &["_bucket", "_gcount", "_gsum"],
        "summary" => &["_count", "_sum", "_created"],
        "info" => &["_info"],
        _ => &[],
    }
}

/// Returns the word of a head's line, and what follows it.
fn descriptor(line: &str, format: Format) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("# ")?;
    let (word, rest) = rest.split_once(' ')?;
    let is_head = match word {
        "HELP" | "TYPE" => true,
        // A remark in Prometheus text.
        "UNIT" => format == Format::OpenMetrics,
        _ => false,
    };
    is_head.then_some((word, rest))
}

/// Returns the name of a sample, and its labels as they are written; all else of the line if they
/// do not end.
fn series(line: &str) -> (&str, &str) {
    let name_end = line.find(['{', ' ', '\t', '\n']).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    if !rest.starts_with('{') {
        return (name, "");
    }
    let mut in_value = false;
    let mut escaped = false;
    for (index, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_value => escaped = true,
            b'"' => in_value = !in_value,
            b'}' if !in_value => return (name, rest.get(..=index).unwrap_or(rest)),
            _ => {}
        }
    }
    (name, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(String, usize)> {
        let blocks = split(text, Format::PrometheusText).unwrap();
        let pieces = blocks.iter().flat_map(|block| {
            let pieces = block.pieces(Format::PrometheusText);
            pieces.map(|piece| (block.name.to_owned(), piece.lines.len()))
        });
        pieces.collect()
    }

    #[test]
    fn a_piece_is_bounded_and_has_the_whole_head() {
        let samples: String = (0..130).map(|n| format!("a{{x=\"{n}\"}} 1\n")).collect();
        let text = format!("# HELP a b\n# TYPE a gauge\n{samples}b 1\n# TYPE c gauge\n");
        let named = |name: &str, lines| (name.to_owned(), lines);
        assert_eq!(
            pieces(&text),
            [
                named("a", 66),
                named("a", 66),
                named("a", 4),
                named("b", 1),
                named("c", 1)
            ]
        );
    }

    #[test]
    fn lines_of_one_series_stay_together() {
        let points: String = (0..200).map(|n| format!("a{{x=\"}}\"}} 1 {n}\n")).collect();
        assert_eq!(pieces(&points), [("a".to_owned(), 200)]);
    }

    #[test]
    fn finds_the_labels_whatever_the_values_are() {
        for (line, expected) in [
            ("a 1\n", ("a", "")),
            ("a\n", ("a", "")),
            ("a{} 1\n", ("a", "{}")),
            ("a{x=\"}\"} 1\n", ("a", "{x=\"}\"}")),
            ("a{x=\"\\\"}\"} 1\n", ("a", "{x=\"\\\"}\"}")),
            ("a{x=\"\\\\\"} 1 # {y=\"2\"} 1\n", ("a", "{x=\"\\\\\"}")),
            ("a{x=\"1\n", ("a", "{x=\"1\n")),
            ("", ("", "")),
        ] {
            assert_eq!(series(line), expected, "{line:?}");
        }
    }
}
