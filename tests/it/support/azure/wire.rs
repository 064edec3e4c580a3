//! HTTP as the imitation speaks it: requests in, answers out; plain, and over TLS behind a proxy.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Longest that a server behind the imitation may take. Event Grid waits as long for an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Header lines, names in lower case.
pub(super) type Headers = Vec<(String, String)>;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        value(&self.headers, name)
    }

    /// Returns `HOST` or `HOST:PORT`, as the sender wrote it.
    pub(super) fn host(&self) -> &str {
        self.header("host")
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        let reply = Self::new(status, body.to_string());
        reply.header("content-type", "application/json; charset=utf-8")
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn value(&self, name: &str) -> &str {
        value(&self.headers, name)
    }
}

pub(super) fn value<'a>(headers: &'a Headers, name: &str) -> &'a str {
    let found = headers.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value)
}

/// Answers requests.
pub(super) type Handler = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// The hosts that a proxy leads to, and how it speaks TLS in their name.
#[derive(Clone)]
pub(super) struct Tunnel {
    pub(super) tls: Arc<ServerConfig>,
    pub(super) hosts: Vec<(String, Handler)>,
}

/// Serves on a free port of this machine until the process ends; returns `HOST:PORT`.
pub(super) fn serve(handler: Handler, tunnel: Option<Tunnel>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (handler, tunnel) = (Arc::clone(&handler), tunnel.clone());
            thread::spawn(move || connection(stream, &handler, tunnel.as_ref()));
        }
    });
    address
}

fn connection(stream: TcpStream, handler: &Handler, tunnel: Option<&Tunnel>) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader, "http") {
        if asked.method == "CONNECT" {
            let host = asked.path.strip_suffix(":443").unwrap_or_default();
            let known = tunnel.and_then(|tunnel| {
                let mut hosts = tunnel.hosts.iter();
                let (_, handler) = hosts.find(|(known, _)| known == host)?;
                Some((handler, Arc::clone(&tunnel.tls)))
            });
            let Some((handler, tls)) = known else {
                let _ = write(reader.get_mut(), &asked, &Reply::new(502, "no such host"));
                return;
            };
            let established = b"HTTP/1.1 200 Connection established\r\n\r\n";
            if reader.get_mut().write_all(established).is_ok() {
                encrypted(reader.into_inner(), handler, tls);
            }
            return;
        }
        if write(reader.get_mut(), &asked, &handler(&asked)).is_err() {
            return;
        }
    }
}

fn encrypted(stream: TcpStream, handler: &Handler, tls: Arc<ServerConfig>) {
    let connection = ServerConnection::new(tls).unwrap();
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    while let Some(asked) = read(&mut reader, "https") {
        if write(reader.get_mut(), &asked, &handler(&asked)).is_err() {
            return;
        }
    }
    let stream = reader.get_mut();
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn write(stream: &mut impl Write, asked: &Asked, reply: &Reply) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} -\r\n", reply.status);
    let is_head = asked.method == "HEAD";
    for (name, value) in &reply.headers {
        // A HEAD tells the length of what a GET would send.
        if is_head || name != "content-length" {
            head += &format!("{name}: {value}\r\n");
        }
    }
    if !is_head || reply.value("content-length").is_empty() {
        head += &format!("content-length: {}\r\n", reply.body.len());
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if !is_head {
        stream.write_all(&reply.body)?;
    }
    stream.flush()
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    // What is no text is no request: somebody speaks TLS to a plain port.
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

fn header_lines(reader: &mut impl BufRead) -> Option<Headers> {
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            return Some(headers);
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn sized(reader: &mut impl BufRead, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn chunks(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(reader)?;
        let size = usize::from_str_radix(size.split(';').next()?, 16).ok()?;
        body.extend(sized(reader, size)?);
        line(reader)?;
        if size == 0 {
            return Some(body);
        }
    }
}

fn read(reader: &mut impl BufRead, scheme: &'static str) -> Option<Asked> {
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let headers = header_lines(reader)?;
    let body = match value(&headers, "transfer-encoding") {
        "chunked" => chunks(reader)?,
        _ => sized(
            reader,
            value(&headers, "content-length").parse().unwrap_or(0),
        )?,
    };
    Some(Asked {
        method,
        path,
        query,
        headers,
        body,
        scheme,
    })
}

/// Sends a request to a plain server; nothing if nobody answers.
pub(super) fn call(
    address: &str,
    method: &str,
    target: &str,
    headers: &Headers,
    body: &[u8],
) -> Option<Reply> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    // A server may answer, and close, before it has read a body that is too long for it.
    let _ = stream.write_all(body);
    let mut reader = BufReader::new(stream);
    let status = line(&mut reader)?.split(' ').nth(1)?.parse().ok()?;
    let headers = header_lines(&mut reader)?;
    let mut body = Vec::new();
    if value(&headers, "transfer-encoding") == "chunked" {
        body = chunks(&mut reader)?;
    } else if method != "HEAD" {
        reader.read_to_end(&mut body).ok()?;
    }
    Some(Reply {
        status,
        headers,
        body,
    })
}

/// Reads the pairs of a query or a form.
pub(super) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// Returns the only value of a name; empty if there is none, or several.
pub(super) fn only<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = pairs.iter().filter(|(key, _)| key == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => value,
        _ => "",
    }
}
