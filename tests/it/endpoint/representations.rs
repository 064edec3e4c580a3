//! What scrapers really ask for, and what they get: format, coding, tags.

use std::io::{Read, Write};
use std::net::TcpStream;

use flate2::read::GzDecoder;

use super::ask;
use crate::examples::indexed;
use crate::support::http::Answer;
use crate::support::serving::Serving;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `Accept` of Prometheus 2.42, seen on the wire.
const PROMETHEUS_2: &str = "application/openmetrics-text;version=1.0.0,\
    application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// `Accept` of Prometheus 3 (Prometheus documentation, "Scrape protocol content negotiation").
const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
    application/openmetrics-text;version=0.0.1;q=0.4,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
/// The same with native histograms: protobuf first.
const PROMETHEUS_3_PROTOBUF: &str = "application/vnd.google.protobuf;\
    proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
    application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
    application/openmetrics-text;version=0.0.1;q=0.4,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
/// `Accept` of Prometheus before 2.40, which knew OpenMetrics 0.0.1 only.
const PROMETHEUS_2_30: &str =
    "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// `Accept` of Datadog's check with `use_latest_spec` (DataDog/integrations-core).
const DATADOG_LATEST: &str =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1";

/// Returns the body as text, whatever its coding.
fn decoded(answer: &Answer) -> String {
    let mut text = String::new();
    match answer.header("content-encoding") {
        None => text.push_str(&answer.body),
        Some("gzip") => {
            let mut decoder = GzDecoder::new(answer.bytes.as_slice());
            decoder.read_to_string(&mut text).unwrap();
        }
        Some("zstd") => {
            let bytes = zstd::bulk::decompress(&answer.bytes, 1 << 20).unwrap();
            text = String::from_utf8(bytes).unwrap();
        }
        Some(other) => panic!("{other}"),
    }
    text
}

/// Returns the lines with samples.
fn samples(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn each_scraper_gets_the_format_and_the_coding_it_asks_for() {
    let (scout, _) = indexed();
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    let plain = ask(&exporter, "GET", &token, &[]).body;
    for (accept, accept_encoding, format, coding) in [
        (None, None, TEXT, None),
        (Some("*/*"), None, TEXT, None),
        (Some(PROMETHEUS_2), Some("gzip"), OPENMETRICS, Some("gzip")),
        (Some(PROMETHEUS_3), Some("gzip"), OPENMETRICS, Some("gzip")),
        (Some(PROMETHEUS_3), Some("identity"), OPENMETRICS, None),
        (
            Some(PROMETHEUS_3_PROTOBUF),
            Some("gzip"),
            OPENMETRICS,
            Some("gzip"),
        ),
        (Some(PROMETHEUS_2_30), Some("gzip"), TEXT, Some("gzip")),
        (
            Some("text/plain"),
            Some("gzip, deflate"),
            TEXT,
            Some("gzip"),
        ),
        (
            Some(DATADOG_LATEST),
            Some("gzip, deflate, br, zstd"),
            OPENMETRICS,
            Some("zstd"),
        ),
        // The agent with `headers` of its own.
        (None, Some("gzip, deflate"), TEXT, Some("gzip")),
        (Some("text/html,*/*;q=0.8"), Some("br"), TEXT, None),
        (
            Some("text/plain"),
            Some("identity;q=0, *"),
            TEXT,
            Some("gzip"),
        ),
        (
            Some("text/plain"),
            Some("gzip;q=0.2, zstd;q=0.8"),
            TEXT,
            Some("zstd"),
        ),
    ] {
        let wishes = [("Accept", accept), ("Accept-Encoding", accept_encoding)];
        let headers: Vec<_> = wishes
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let answer = ask(&exporter, "GET", &token, &headers);
        assert_eq!(answer.status, 200, "{headers:?}");
        assert_eq!(answer.header("content-type"), Some(format), "{headers:?}");
        assert_eq!(answer.header("content-encoding"), coding, "{headers:?}");
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let length = answer.bytes.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()));
        let text = decoded(&answer);
        assert_eq!(samples(&text), samples(&plain), "{headers:?}");
        assert_eq!(text.ends_with("\n# EOF\n"), format == OPENMETRICS);
    }
    let refused = ask(&exporter, "GET", &token, &[("Accept-Encoding", "*;q=0")]);
    assert_eq!(refused.status, 406, "{refused:?}");
    assert!(
        refused.body.contains("gzip, zstd and identity"),
        "{refused:?}"
    );
}

#[test]
fn what_a_scraper_has_is_not_sent_again_and_never_without_a_good_token() {
    let (scout, _) = indexed();
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    let gzip = ("Accept-Encoding", "gzip");
    let plain = ask(&exporter, "GET", &token, &[]);
    let packed = ask(&exporter, "GET", &token, &[gzip]);
    let (plain, packed) = (
        plain.header("etag").unwrap(),
        packed.header("etag").unwrap(),
    );
    assert_ne!(plain, packed);
    for (tag, more, status) in [
        (plain, &[][..], 304),
        (packed, &[gzip], 304),
        (packed, &[], 200),
        (plain, &[gzip], 200),
        ("*", &[], 304),
        ("W/\"x\"", &[], 200),
    ] {
        let headers = [&[("If-None-Match", tag)], more].concat();
        let answer = ask(&exporter, "GET", &token, &headers);
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.bytes.is_empty(), status == 304, "{headers:?}");
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
        assert!(answer.header("etag").is_some(), "{headers:?}");
    }
    // Another process with the same record gives the same tags.
    let again = Serving::exporter(&scout);
    let answer = ask(&again, "GET", &token, &[("If-None-Match", packed), gzip]);
    assert_eq!(answer.status, 304, "{answer:?}");
    for word in scout.scout(&["token", "list"]).stdout.split_whitespace() {
        // Whichever column holds the id: the others are refused and change nothing.
        scout.scout(&["token", "revoke", word]);
    }
    let answer = ask(&exporter, "GET", &token, &[("If-None-Match", plain)]);
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[test]
fn head_and_304_leave_the_connection_to_the_next_request() {
    let (scout, _) = indexed();
    let exporter = Serving::exporter(&scout);
    let token = scout.token(&[]);
    let whole = ask(&exporter, "GET", &token, &[]);
    let (tag, length) = (whole.header("etag").unwrap(), whole.bytes.len());
    let head = ask(&exporter, "HEAD", &token, &[]);
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    for name in [
        "content-type",
        "content-length",
        "etag",
        "vary",
        "cache-control",
    ] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    // A body where there must be none would be read as the next answer.
    let address = exporter.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let fields = format!("Host: {address}\r\nAuthorization: Bearer {token}\r\n");
    let path = "/v1/exporter/org/acme/metrics";
    write!(
        stream,
        "HEAD {path} HTTP/1.1\r\n{fields}\r\n\
         GET {path} HTTP/1.1\r\n{fields}If-None-Match: {tag}\r\n\r\n\
         GET {path} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n"
    )
    .unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    let heads: Vec<_> = all
        .lines()
        .filter(|line| line.starts_with("HTTP/1.1 "))
        .collect();
    assert_eq!(
        heads,
        [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 304 Not Modified",
            "HTTP/1.1 200 OK"
        ]
    );
    let (_, body) = all.rsplit_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), length);
    assert_eq!(body, whole.body);
}
