//! What is read, and what is refused.

use super::*;
use crate::render::render;

#[test]
fn reads_the_kinds_that_are_kept_in_the_order_of_the_text() {
    let text = "# HELP b Said \\\\ so\n# TYPE b gauge\nb{y=\"2\",x=\"\\\"1\\\"\"} 1e3\n\
                # TYPE a_total counter\na_total 5\n# TYPE plain untyped\nplain 0.5\n";
    let exposition = parse(text, Format::PrometheusText).unwrap();
    assert_eq!(
        render(&exposition, Format::OpenMetrics),
        "# TYPE b gauge\n# HELP b Said \\\\ so\nb{x=\"\\\"1\\\"\",y=\"2\"} 1000\n\
         # TYPE a counter\na_total 5\n# TYPE plain unknown\nplain 0.5\n# EOF\n"
    );
    let openmetrics = render(&exposition, Format::OpenMetrics);
    assert_eq!(
        parse(&openmetrics, Format::OpenMetrics).unwrap(),
        exposition
    );
}

#[test]
fn remarks_and_empty_lines_change_nothing() {
    let text = "# A remark\n\n# TYPE a gauge\n#\n# UNIT b seconds\na{x=\"1\"} 1\n  \n# TYPES\n\
                a{x=\"2\"} 2\n\n# The end";
    let exposition = parse(text, Format::PrometheusText).unwrap();
    assert_eq!(
        render(&exposition, Format::PrometheusText),
        "# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 2\n"
    );
}

#[test]
fn an_empty_answer_is_an_answer() {
    assert_eq!(
        parse("", Format::PrometheusText).unwrap(),
        Exposition::new()
    );
    assert_eq!(
        parse("# EOF\n", Format::OpenMetrics).unwrap(),
        Exposition::new()
    );
}

fn check(text: &str, format: Format, expected: fn(&ParseError) -> bool) {
    let error = parse(text, format).expect_err(text);
    assert!(expected(&error), "{text:?}: {error:?}");
}

#[test]
fn refuses_what_breaks_a_rule() {
    let malformed = |error: &ParseError| matches!(error, ParseError::Malformed { .. });
    for text in [
        "a 1\na 2\n",
        "a{x=\"1\"} 1\na{x=\"1\"} 1\n",
        "a{x=\"1\",x=\"2\"} 1\n",
        "a{x=\"1\" 1\n",
        "a 1",
        "a one\n",
        "# TYPE a gauge\n# TYPE a gauge\na 1\n",
        "# TYPE\na 1\n",
        "# TYPE a\na 1\n",
        "# HELP  a\na 1\n",
        "a 1\r\n",
        "<html>502 Bad Gateway</html>\n",
        "\u{feff}a 1\n",
        "a{x=\"\0\n\"} 1\n",
    ] {
        check(text, Format::PrometheusText, malformed);
    }
    for text in [
        "",
        "# TYPE a gauge\na 1\n",
        "# TYPE a gauge\na 1\n# EOF\nmore\n",
    ] {
        check(text, Format::OpenMetrics, malformed);
    }
}

#[test]
fn refuses_what_is_not_kept() {
    check(
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
        Format::PrometheusText,
        |error| matches!(error, ParseError::UnsupportedKind { family } if family == "a"),
    );
    // A counter without `_total` could not be written as OpenMetrics under its own name.
    for text in ["{\"a.b\"} 1\n", "# TYPE a counter\na 1\n"] {
        check(text, Format::PrometheusText, |error| {
            matches!(error, ParseError::UnsupportedName { .. })
        });
    }
}

#[test]
fn refuses_what_would_take_long() {
    let many = "a 1\n".repeat(MAX_PARSED_SAMPLES + 1);
    check(&many, Format::PrometheusText, |error| {
        matches!(error, ParseError::TooManySamples { count: 300_001 })
    });
    let long = format!("# {}\n", "x".repeat(MAX_PARSED_BYTES));
    check(&long, Format::PrometheusText, |error| {
        matches!(error, ParseError::TooLong { .. })
    });
}

/// `count` series of one gauge, over many pieces.
fn many(count: usize) -> String {
    let series = (0..count).map(|n| format!("a{{x=\"{n}\",y=\"\\\"{{}}\\\"\"}} {n}\n"));
    format!(
        "# HELP a Some\n# TYPE a gauge\n{}",
        series.collect::<String>()
    )
}

#[test]
fn a_family_of_many_pieces_comes_back_whole() {
    let text = many(1_000);
    let read = parse(&text, Format::PrometheusText).unwrap();
    assert_eq!(render(&read, Format::PrometheusText), text);
    assert_eq!(read.family("a").unwrap().help(), "Some");
}

#[test]
fn what_pieces_break_together_is_refused() {
    for (more, reason) in [
        (
            "a{x=\"7\",y=\"\\\"{}\\\"\"} 1\n",
            "a series that was there before",
        ),
        (
            "a{y=\"\\\"{}\\\"\",x=\"7\"} 1\n",
            "a series that was there before",
        ),
        ("a{x=\"7\"} 1\n", "different labels in one family"),
        ("b 1\na{x=\"0\",y=\"0\"} 1\n", "a family that ended before"),
        ("# HELP a More\n", "the head of a family after its samples"),
        ("b 1\n# TYPE a gauge\n", "a family that ended before"),
    ] {
        let text = format!("{}{more}", many(192));
        let error = parse(&text, Format::PrometheusText).expect_err(more);
        let ParseError::Malformed { source, .. } = error else {
            panic!("{more}: {error:?}");
        };
        assert_eq!(source.to_string(), reason, "{more}");
    }
}

#[test]
fn the_line_that_is_wrong_is_told_on_one_line() {
    let text = format!("{}a{{x=\"secret\" 1\n", many(200));
    let error = parse(&text, Format::PrometheusText).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the text is not in the format it claims, at or after line 203"
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        !source.contains('\n') && !source.contains("secret"),
        "{source}"
    );
}

#[test]
fn a_sample_whose_name_begins_alike_is_another_family() {
    let text = "a 1\na_total 2\n# TYPE b counter\nb 3\n";
    let error = parse(text, Format::PrometheusText).unwrap_err();
    // Untyped, but called as only counters may be.
    assert!(
        matches!(error, ParseError::UnsupportedName { .. }),
        "{error:?}"
    );
    let text = "a 1\na_count 2\n";
    let read = parse(text, Format::PrometheusText).unwrap();
    assert_eq!(read.families().len(), 2);
}
