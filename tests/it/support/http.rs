//! The smallest HTTP client that can read a metrics endpoint and deliver a webhook.

use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    /// Bytes that are no text are shown as well as they can be.
    pub(crate) body: String,
    /// The body as it came, chunks and all.
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// Returns a header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Reads `http://HOST:PORT/PATH`; no answer if nobody listens.
pub(crate) fn get(url: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    send("GET", url, headers, b"")
}

/// Sends a request; no answer if nobody listens. `Host` is that of the address unless given.
pub(crate) fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let mut stream = TcpStream::connect(host).ok()?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request.push_str(&format!("Host: {host}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    // Who refuses a body may close before all of it was sent.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = bytes.split_at(end);
    let bytes = body[4..].to_vec();
    let (head, body) = (
        String::from_utf8_lossy(head),
        String::from_utf8_lossy(&bytes),
    );
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        body: if head.to_lowercase().contains("transfer-encoding: chunked") {
            unchunk(&body)
        } else {
            body.into_owned()
        },
        head: head.into_owned(),
        bytes,
    })
}

/// Reads with a Bearer token.
pub(crate) fn get_with_token(url: &str, token: &str) -> Option<Answer> {
    get(url, &[("Authorization", &format!("Bearer {token}"))])
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        if length == 0 || rest.len() < length {
            break;
        }
        whole.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
    }
    whole
}
