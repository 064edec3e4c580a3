//! Compares what was printed with what a document shows.

/// What stands for anything.
const ANYTHING: &str = "…";

/// Returns whether the output is what is shown, to its end.
pub(super) fn is_whole(shown: &[String], output: &str) -> bool {
    lines(shown, &split(output), true)
}

/// Returns whether the output begins as is shown.
pub(super) fn is_beginning(shown: &[String], output: &str) -> bool {
    lines(shown, &split(output), false)
}

/// Empty lines at the end do not count; neither does the one a prompt leaves at the beginning.
fn split(output: &str) -> Vec<&str> {
    output.trim_end().lines().collect()
}

fn lines(shown: &[String], output: &[&str], to_the_end: bool) -> bool {
    match shown.split_first() {
        None => output.is_empty() || !to_the_end,
        Some((first, rest)) if first.trim() == ANYTHING => {
            (0..=output.len()).any(|skipped| lines(rest, &output[skipped..], to_the_end))
        }
        Some((first, rest)) => output
            .split_first()
            .is_some_and(|(line, output)| is_line(first, line) && lines(rest, output, to_the_end)),
    }
}

fn is_line(shown: &str, line: &str) -> bool {
    let (shown, line) = (spaced(shown), spaced(line));
    let mut parts = shown.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_match_with_placeholders() {
        for (shown, line, expected) in [
            ("a b", "a   b ", true),
            ("a b", "a bc", false),
            ("a …", "a bc", true),
            ("sha256:… indexed", "sha256:0011  indexed", true),
            ("sha256:… indexed", "sha256:0011  failed", false),
            ("1 … 3 … 5", "1 2 3 4 5", true),
            ("1 … 3 … 5", "1 2 3 5", false),
            ("…b", "aab", true),
            ("a…a", "a", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(is_line(shown, line), expected, "{shown:?} {line:?}");
        }
    }

    #[test]
    fn outputs_match_with_left_out_lines() {
        for (shown, output, whole, beginning) in [
            (&[][..], "", true, true),
            (&[], "a", false, true),
            (&["a"], "", false, false),
            (&["a", "b"], "a\nb\n\n", true, true),
            (&["a", "b"], "a\nb\nc", false, true),
            (&["…", "b"], "x\na\nb", true, true),
            (&["…", "b", "…"], "b", true, true),
            (&["…", "b"], "x\ny", false, false),
            (&["a", "…", "b"], "a\nb\nx\nb", true, true),
            (&["a", "", "b"], "a\n\nb", true, true),
        ] {
            let shown: Vec<_> = shown.iter().map(|&line| line.to_owned()).collect();
            assert_eq!(is_whole(&shown, output), whole, "{shown:?} {output:?}");
            assert_eq!(
                is_beginning(&shown, output),
                beginning,
                "{shown:?} {output:?}"
            );
        }
    }
}
