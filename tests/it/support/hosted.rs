//! A strict imitation of Docker Scout's hosted metrics endpoint, on loopback.
//!
//! Sources: Docker Docs, "Docker Scout metrics exporter" (the host's path
//! `/v1/exporter/org/<ORG>`, a personal access token of an owner as `Authorization: Bearer`, a
//! revoked token is refused at once), and the sample project `dockersamples/scout-metrics-exporter`
//! (since commit e52a1a1 the path ends in `/metrics`). Nothing is documented about the bodies of
//! refusals, `Retry-After` or the `Content-Type`; they are plain here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What the endpoint does with a request that it would answer.
#[derive(Clone, Debug)]
pub(crate) enum Behavior {
    /// Answers with metrics in which the critical count is this number.
    Metrics(u64),
    /// The same in OpenMetrics.
    OpenMetrics(u64),
    /// A status with further header lines.
    Status(u16, &'static str),
    /// Says nothing until the client goes.
    Hang,
    /// This type and body, whole.
    Body(&'static str, &'static str),
    /// Sends back the header it got, as a text.
    Echo,
    /// This many bytes of good lines, with or without a length.
    Huge(usize, Framing),
    /// The first half of what it said it would send.
    Half(Framing),
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framing {
    Length,
    Chunked,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) path: String,
}

/// The endpoint.
#[derive(Clone, Debug)]
pub(crate) struct HostedEndpoint {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    inner: Mutex<Inner>,
    /// Told when the behavior changes, for those that hang.
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    /// Organizations with the token that may read them.
    owners: Vec<(String, String)>,
    behavior: Behavior,
    seen: Vec<Seen>,
}

/// Longest that a request hangs, so that no thread outlives its test for long.
const HANG: Duration = Duration::from_secs(60);

impl HostedEndpoint {
    /// Starts an endpoint that lets this token read this organization.
    pub(crate) fn start(org: &str, token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(State {
                inner: Mutex::new(Inner {
                    owners: vec![(org.to_owned(), token.to_owned())],
                    behavior: Behavior::Metrics(1),
                    seen: Vec::new(),
                }),
                changed: Condvar::new(),
            }),
        };
        let served = endpoint.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let served = served.clone();
                thread::spawn(move || served.serve(stream));
            }
        });
        endpoint
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn behave(&self, behavior: Behavior) {
        self.state.inner.lock().unwrap().behavior = behavior;
        self.state.changed.notify_all();
    }

    /// Replaces who may read what.
    pub(crate) fn own(&self, owners: &[(&str, &str)]) {
        let owners = owners.iter();
        self.state.inner.lock().unwrap().owners = owners
            .map(|(org, token)| ((*org).to_owned(), (*token).to_owned()))
            .collect();
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.inner.lock().unwrap().seen.clone()
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some((line, headers)) = read_head(&mut reader) {
            let behavior = match self.check(&line, &headers) {
                Ok(()) => self.state.inner.lock().unwrap().behavior.clone(),
                Err((status, head)) => Behavior::Status(status, head),
            };
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let at = Instant::now();
            let seen = Seen { at, path };
            self.state.inner.lock().unwrap().seen.push(seen);
            let authorization = value_of(&headers, "authorization").join(",");
            if !self.answer(&mut stream, &behavior, &authorization) {
                return;
            }
        }
    }

    /// Refuses what the real endpoint refuses.
    fn check(&self, line: &str, headers: &[(String, String)]) -> Result<(), (u16, &'static str)> {
        let [method, path, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err((400, ""));
        };
        if value_of(headers, "host") != [self.address.to_string()] {
            return Err((421, ""));
        }
        let org = path
            .strip_prefix("/v1/exporter/org/")
            .map(|rest| rest.strip_suffix("/metrics").unwrap_or(rest))
            .filter(|org| !org.is_empty() && !org.contains(['/', '?', '#', '%']));
        let Some(org) = org else {
            return Err((404, ""));
        };
        if method != "GET" {
            return Err((405, "Allow: GET\r\n"));
        }
        if !value_of(headers, "content-length").is_empty()
            || !value_of(headers, "transfer-encoding").is_empty()
        {
            return Err((400, ""));
        }
        let authorization = value_of(headers, "authorization");
        let [authorization] = authorization.as_slice() else {
            return Err((401, "WWW-Authenticate: Bearer\r\n"));
        };
        let owners = &self.state.inner.lock().unwrap().owners;
        let bearer = authorization.strip_prefix("Bearer ").unwrap_or_default();
        let mut known = owners
            .iter()
            .filter(|(_, token)| token == bearer)
            .peekable();
        if known.peek().is_none() {
            return Err((401, "WWW-Authenticate: Bearer\r\n"));
        }
        if !known.any(|(own, _)| own == org) {
            return Err((403, ""));
        }
        Ok(())
    }

    /// Answers; returns whether the connection can be used on.
    fn answer(&self, stream: &mut TcpStream, behavior: &Behavior, authorization: &str) -> bool {
        let ok = |kind: &str, body: &[u8]| {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            [head.as_bytes(), body].concat()
        };
        match behavior {
            Behavior::Metrics(critical) => {
                let text = metrics(*critical);
                send(
                    stream,
                    &ok("text/plain; version=0.0.4; charset=utf-8", text.as_bytes()),
                )
            }
            Behavior::OpenMetrics(critical) => {
                let text = format!("{}# EOF\n", metrics(*critical));
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                send(stream, &ok(kind, text.as_bytes()))
            }
            Behavior::Body(kind, body) => send(stream, &ok(kind, body.as_bytes())),
            Behavior::Echo => {
                let body = format!("# HELP a {authorization}\n{authorization}\n");
                send(stream, &ok("text/plain", body.as_bytes()))
            }
            Behavior::Status(status, head) => {
                let body = format!("{{\"message\":\"refused {authorization}\"}}");
                let head = format!(
                    "HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\n{head}\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                send(stream, head.as_bytes())
            }
            Behavior::Hang => {
                let inner = self.state.inner.lock().unwrap();
                let hangs = |inner: &mut Inner| matches!(inner.behavior, Behavior::Hang);
                drop(self.state.changed.wait_timeout_while(inner, HANG, hangs));
                false
            }
            Behavior::Huge(bytes, framing) => huge(stream, *bytes, *framing),
            Behavior::Half(framing) => {
                let text = metrics(7);
                let half = &text[..text.len() / 2];
                // Cut at the end of a line, where only the length can tell.
                let half = &half[..=half.rfind('\n').unwrap()];
                let (head, body) = match framing {
                    Framing::Length => (format!("Content-Length: {}", text.len()), half.to_owned()),
                    Framing::Chunked => (
                        "Transfer-Encoding: chunked".to_owned(),
                        format!("{:x}\r\n{half}\r\n", half.len()),
                    ),
                };
                let all = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n{head}\r\n\r\n{body}"
                );
                send(stream, all.as_bytes());
                false
            }
        }
    }
}

/// What the endpoint knows of every organization: two streams and two policies.
pub(crate) fn metrics(critical: u64) -> String {
    let mut text = String::from(
        "# HELP scout_stream_vulnerabilities Vulnerabilities in a stream\n\
         # TYPE scout_stream_vulnerabilities gauge\n",
    );
    for stream in ["latest-indexed", "production"] {
        for (severity, count) in [
            ("CRITICAL", critical),
            ("HIGH", 20),
            ("MEDIUM", 30),
            ("LOW", 40),
            ("UNSPECIFIED", 0),
        ] {
            text += &format!(
                "scout_stream_vulnerabilities{{streamName=\"{stream}\",severity=\"{severity}\"}} \
                 {count}\n"
            );
        }
    }
    for (family, help, count) in [
        (
            "scout_policy_compliant_images",
            "Compliant images for a policy in a stream",
            3,
        ),
        (
            "scout_policy_evaluated_images",
            "Total images evaluated against a policy in a stream",
            9,
        ),
    ] {
        text += &format!("# HELP {family} {help}\n# TYPE {family} gauge\n");
        for id in ["fixable-vulnerabilities", "default-non-root-user"] {
            text += &format!(
                "{family}{{id=\"{id}\",displayName=\"Say \\\"{id}\\\"\",\
                 streamName=\"latest-indexed\"}} {count}\n"
            );
        }
    }
    text
}

fn huge(stream: &mut TcpStream, bytes: usize, framing: Framing) -> bool {
    let head = match framing {
        Framing::Length => format!("Content-Length: {bytes}"),
        Framing::Chunked => "Transfer-Encoding: chunked".to_owned(),
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{head}\r\n\r\n");
    if !send(stream, head.as_bytes()) {
        return false;
    }
    let block = "# a comment line of 32 bytes....\n".repeat(2000);
    let mut sent = 0;
    while sent < bytes {
        let part = &block.as_bytes()[..block.len().min(bytes - sent)];
        let fine = match framing {
            Framing::Length => send(stream, part),
            Framing::Chunked => {
                let framed = [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
                send(stream, &framed)
            }
        };
        // The client has enough.
        if !fine {
            return false;
        }
        sent += part.len();
    }
    framing == Framing::Length || send(stream, b"0\r\n\r\n")
}

fn send(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// Reads a request's first line and headers; nothing at the end of the connection.
fn read_head(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<(String, String)>)> {
    let mut line = || {
        let mut line = String::new();
        reader.by_ref().take(65_536).read_line(&mut line).ok()?;
        let line = line.strip_suffix("\r\n")?.to_owned();
        Some(line)
    };
    let first = line()?;
    let mut headers = Vec::new();
    loop {
        let header = line()?;
        if header.is_empty() {
            return Some((first, headers));
        }
        let (name, value) = header.split_once(": ")?;
        headers.push((name.to_lowercase(), value.to_owned()));
    }
}

fn value_of(headers: &[(String, String)], name: &str) -> Vec<String> {
    let of_name = headers.iter().filter(|(own, _)| own == name);
    of_name.map(|(_, value)| value.clone()).collect()
}

#[test]
fn the_imitation_refuses_what_the_real_one_refuses() {
    let endpoint = HostedEndpoint::start("acme", "dckr_pat_x");
    let good = "/v1/exporter/org/acme/metrics";
    for (method, path, authorization, expected) in [
        ("GET", good, "Bearer dckr_pat_x", 200),
        ("GET", "/v1/exporter/org/acme", "Bearer dckr_pat_x", 200),
        ("GET", good, "", 401),
        ("GET", good, "Bearer dckr_pat_y", 401),
        ("GET", good, "Bearer  dckr_pat_x", 401),
        ("GET", good, "bearer dckr_pat_x", 401),
        ("GET", good, "Basic dckr_pat_x", 401),
        ("POST", good, "Bearer dckr_pat_x", 405),
        ("HEAD", good, "Bearer dckr_pat_x", 405),
        (
            "GET",
            "/v1/exporter/org/other/metrics",
            "Bearer dckr_pat_x",
            403,
        ),
        (
            "GET",
            "/v1/exporter/org/acme/metrics/",
            "Bearer dckr_pat_x",
            404,
        ),
        ("GET", "/v1/exporter/org//metrics", "Bearer dckr_pat_x", 404),
        ("GET", "/v1/exporter/acme", "Bearer dckr_pat_x", 404),
        (
            "GET",
            "/v1/exporter/org/acme/metrics?a=b",
            "Bearer dckr_pat_x",
            404,
        ),
    ] {
        let headers = [("Authorization", authorization)];
        let headers = if authorization.is_empty() {
            &[][..]
        } else {
            &headers
        };
        let url = format!("{}{path}", endpoint.url());
        let status = raw(method, &url, headers);
        assert_eq!(status, Some(expected), "{method} {path} {authorization}");
    }

    fn raw(method: &str, url: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let mut stream = TcpStream::connect(host).unwrap();
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.split(' ').nth(1)?.parse().ok()
    }
}
