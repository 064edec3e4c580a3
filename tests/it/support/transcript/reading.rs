//! Finds commands and comments in a document.

use std::time::Duration;

use super::{How, Run, Step};

/// What stands before every line of a fenced block, and what is in it.
struct Block<'a> {
    language: &'a str,
    /// With their numbers in the document.
    lines: Vec<(usize, &'a str)>,
}

/// What comments say of the next block.
#[derive(Default)]
struct Pending {
    line: usize,
    skipped: bool,
    status: Option<i32>,
    within: Option<Duration>,
    background: Option<String>,
    file: Option<String>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.line == 0
    }
}

/// Returns the steps of a document.
///
/// # Errors
///
/// What is wrong with it, behind the number of the line.
pub(super) fn steps(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut pending = Pending::default();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let trimmed = line.trim_start();
        if let Some(comment) = trimmed.strip_prefix("<!--") {
            let comment = comment.trim_end().strip_suffix("-->");
            let comment = comment.ok_or_else(|| format!("{number}: a comment of several lines"))?;
            read_comment(comment.trim(), number, &mut pending, &mut steps)?;
        } else if trimmed.starts_with("```") {
            let block = read_block(line, number, &mut lines)?;
            take_block(&block, std::mem::take(&mut pending), &mut steps)?;
        } else if !trimmed.is_empty() && !pending.is_empty() {
            return Err(format!("{}: a comment that no block follows", pending.line));
        }
    }
    match pending.is_empty() {
        true => Ok(steps),
        false => Err(format!("{}: a comment that no block follows", pending.line)),
    }
}

fn read_comment(
    comment: &str,
    line: usize,
    pending: &mut Pending,
    steps: &mut Vec<Step>,
) -> Result<(), String> {
    let unknown = || format!("{line}: an unknown comment: {comment}");
    let (what, value) = comment.split_once(':').ok_or_else(unknown)?;
    let value = value.trim();
    if value.is_empty() {
        return Err(unknown());
    }
    match what {
        "mark" => steps.push(Step::Mark(value.to_owned())),
        "stop" => steps.push(Step::Stop(value.to_owned())),
        "not replayed" => pending.skipped = true,
        "fails" => pending.status = Some(value.parse().ok().ok_or_else(unknown)?),
        "within" => {
            let seconds = value.parse().ok().ok_or_else(unknown)?;
            pending.within = Some(Duration::from_secs(seconds));
        }
        "background" => pending.background = Some(value.to_owned()),
        "file" => pending.file = Some(value.to_owned()),
        _ => return Err(unknown()),
    }
    if !matches!(what, "mark" | "stop") {
        pending.line = line;
    }
    Ok(())
}

fn read_block<'a>(
    fence: &'a str,
    number: usize,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<Block<'a>, String> {
    let indent = fence.len() - fence.trim_start().len();
    let ticks = fence.trim_start().chars().take_while(|c| *c == '`').count();
    let end = "`".repeat(ticks);
    let mut block = Block {
        language: fence.trim().trim_start_matches('`').trim(),
        lines: Vec::new(),
    };
    for (number, line) in lines {
        if line.trim() == end {
            return Ok(block);
        }
        let spaces = line.len() - line.trim_start().len();
        block.lines.push((number, &line[indent.min(spaces)..]));
    }
    Err(format!("{number}: a block without an end"))
}

fn take_block(block: &Block<'_>, pending: Pending, steps: &mut Vec<Step>) -> Result<(), String> {
    if let Some(name) = pending.file {
        let content = block.lines.iter().map(|(_, line)| format!("{line}\n"));
        let content = content.collect();
        steps.push(Step::Write { name, content });
        return Ok(());
    }
    if block.language != "console" {
        return match pending.line {
            0 => Ok(()),
            line => Err(format!("{line}: not before a block of commands")),
        };
    }
    let mut runs = commands(block)?;
    if pending.skipped {
        return Ok(());
    }
    let is_alone = runs.len() == 1;
    let last = runs
        .last_mut()
        .ok_or_else(|| format!("{}: no command in a block of commands", pending.line))?;
    last.how = match (pending.status, pending.within, pending.background) {
        (None, None, None) => How::Once { status: 0 },
        (Some(status), None, None) => How::Once { status },
        (None, Some(limit), None) if is_alone => How::Within(limit),
        (None, None, Some(name)) if is_alone => How::Background(name),
        _ => return Err(format!("{}: not for this block", pending.line)),
    };
    steps.extend(runs.into_iter().map(Step::Run));
    Ok(())
}

fn commands(block: &Block<'_>) -> Result<Vec<Run>, String> {
    let mut runs: Vec<Run> = Vec::new();
    let mut goes_on = false;
    for &(number, line) in &block.lines {
        if let Some(command) = line.strip_prefix("$ ") {
            runs.push(Run {
                line: number,
                command: command.to_owned(),
                expected: Vec::new(),
                how: How::Once { status: 0 },
            });
            goes_on = true;
            continue;
        }
        let Some(run) = runs.last_mut() else {
            return Err(format!("{number}: output before any command"));
        };
        let is_continued = run.command.ends_with('\\');
        if let (true, Some(more)) = (goes_on, line.strip_prefix("> ")) {
            run.command += &format!("\n{more}");
        } else if goes_on && is_continued {
            run.command += &format!("\n{line}");
        } else {
            goes_on = false;
            run.expected.push(line.trim_end().to_owned());
        }
    }
    for run in &mut runs {
        while run.expected.last().is_some_and(String::is_empty) {
            run.expected.pop();
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: usize, command: &str, expected: &[&str], how: How) -> Step {
        Step::Run(Run {
            line,
            command: command.to_owned(),
            expected: expected.iter().map(|&line| line.to_owned()).collect(),
            how,
        })
    }

    #[test]
    fn commands_and_comments_are_read() {
        let text = "# Title\n\n```console\n$ a \\\n  b\nout\n\nmore\n\n$ c\n```\n\
                    <!-- mark: here -->\n\n<!-- background: w -->\n\n   ```console\n   $ w\n    x\n   ```\n\
                    <!-- not replayed: no such host -->\n```console\n$ never\n```\n\
                    <!-- fails: 64 -->\n```console\n$ d\n$ e <<EOF\n> f\n> EOF\n```\n\
                    <!-- file: a.json -->\n```json\n{}\n```\n```text\n$ not a command\n```\n\
                    <!-- within: 5 -->\n```console\n$ s\n```\n<!-- stop: w -->\n";
        let once = How::Once { status: 0 };
        assert_eq!(
            steps(text).unwrap(),
            [
                run(4, "a \\\n  b", &["out", "", "more"], once.clone()),
                run(10, "c", &[], once.clone()),
                Step::Mark("here".to_owned()),
                run(17, "w", &[" x"], How::Background("w".to_owned())),
                run(26, "d", &[], once),
                run(27, "e <<EOF\nf\nEOF", &[], How::Once { status: 64 }),
                Step::Write {
                    name: "a.json".to_owned(),
                    content: "{}\n".to_owned()
                },
                run(40, "s", &[], How::Within(Duration::from_secs(5))),
                Step::Stop("w".to_owned()),
            ]
        );
    }

    #[test]
    fn slips_are_found() {
        for (text, fault) in [
            ("```console\n$ a\n", "1: a block without an end"),
            ("```console\nout\n```", "2: output before any command"),
            ("<!-- backgroud: x -->", "1: an unknown comment"),
            ("<!-- fails: x -->", "1: an unknown comment"),
            (
                "<!-- fails: 1 -->\ntext",
                "1: a comment that no block follows",
            ),
            ("<!-- fails: 1 -->", "1: a comment that no block follows"),
            (
                "<!-- fails: 1 -->\n```json\n```",
                "1: not before a block of commands",
            ),
            (
                "<!-- within: 1 -->\n```console\n$ a\n$ b\n```",
                "1: not for this block",
            ),
        ] {
            let found = steps(text).unwrap_err();
            assert!(found.starts_with(fault), "{text:?}: {found}");
        }
    }
}
