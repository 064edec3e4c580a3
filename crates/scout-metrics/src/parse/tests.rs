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
        matches!(error, ParseError::TooManySamples { count: 5001 })
    });
    let long = format!("# {}\n", "x".repeat(MAX_PARSED_BYTES));
    check(&long, Format::PrometheusText, |error| {
        matches!(error, ParseError::TooLong { .. })
    });
}
