//! Who takes notices: a strict imitation of Slack's incoming webhooks, and a program that takes
//! JSON. Both refuse what they do not know, so that a test sees it.
//!
//! Slack's rules are those of its documentation: incoming webhooks
//! (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>), blocks
//! (<https://docs.slack.dev/reference/block-kit/blocks>) and escaping
//! (<https://docs.slack.dev/messaging/formatting-message-text>); and that blocks of about 13,000
//! characters together are refused (<https://github.com/slackapi/bolt-js/issues/2509>). Where Slack
//! is patient, with unknown fields for instance, this is not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::program;

/// The secret part of the webhook's address.
pub(crate) const SLACK_PATH: &str = "/services/T0000/B0000/canary";
/// Where JSON is taken, and the secret it must be signed with.
pub(crate) const HOOK_PATH: &str = "/hook/canary";
pub(crate) const HOOK_SECRET: &str = "hook-secret-canary";

/// An answer: its status, more header lines, and the body.
type Answer = (u16, &'static str, String);

/// A server that takes notices. It stops listening when it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    taken: Mutex<Vec<Value>>,
    refused: Mutex<Vec<String>>,
    trouble: Mutex<Option<Answer>>,
    is_held: AtomicBool,
    is_over: AtomicBool,
}

impl Receiver {
    /// Listens on a port of this machine.
    pub(crate) fn at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if server.is_over.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(stream) = stream {
                    server.serve(stream);
                }
            }
        });
        Self { port, shared }
    }

    /// Returns the address of Slack's webhook.
    pub(crate) fn slack_url(&self) -> String {
        format!("http://127.0.0.1:{}{SLACK_PATH}", self.port)
    }

    /// Returns the address that takes JSON.
    pub(crate) fn hook_url(&self) -> String {
        format!("http://127.0.0.1:{}{HOOK_PATH}", self.port)
    }

    /// Answers everything in this way from now on, or truthfully again.
    pub(crate) fn trouble(&self, answer: Option<(u16, &'static str, &str)>) {
        let answer = answer.map(|(status, head, body)| (status, head, body.to_owned()));
        *self.shared.trouble.lock().unwrap() = answer;
    }

    /// Takes messages but keeps the answers back, or gives them again.
    pub(crate) fn hold(&self, is_held: bool) {
        self.shared.is_held.store(is_held, Ordering::Relaxed);
    }

    /// Returns what was taken since the last time; nothing may have been refused.
    #[track_caller]
    pub(crate) fn taken(&self) -> Vec<Value> {
        let refused = std::mem::take(&mut *self.shared.refused.lock().unwrap());
        assert_eq!(refused, Vec::<String>::new());
        std::mem::take(&mut *self.shared.taken.lock().unwrap())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread, which then gives the port back.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            thread::yield_now();
        }
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let Some(request) = Request::read(&stream) else {
            return;
        };
        let trouble = self.trouble.lock().unwrap().clone();
        let (status, head, body) = trouble.unwrap_or_else(|| self.answer(&request));
        while self.is_held.load(Ordering::Relaxed) {
            thread::sleep(program::POLL);
        }
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} -\r\n{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        // Who was killed does not read it.
        let _ = stream.write_all(answer.as_bytes());
    }

    fn answer(&self, request: &Request) -> Answer {
        let checked = match request.path.as_str() {
            SLACK_PATH => check_slack(request),
            HOOK_PATH => check_hook(request),
            _ => Err((404, "no_service".to_owned())),
        };
        match checked {
            Ok(message) => {
                self.taken.lock().unwrap().push(message);
                (200, "", "ok".to_owned())
            }
            Err((status, why)) => {
                let said = format!("{status} {why}: {}", String::from_utf8_lossy(&request.body));
                self.refused.lock().unwrap().push(said);
                let word = why.split(':').next().unwrap_or_default().to_owned();
                (status, "", word)
            }
        }
    }
}

#[derive(Debug)]
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut request = Self {
            method,
            path,
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            let header = (name.to_lowercase(), value.trim().to_owned());
            request.headers.push(header);
        }
        let length = request.header("content-length")?.parse().ok()?;
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).ok()?;
        Some(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Result<Value, Refusal> {
        let content_type = self.header("content-type").unwrap_or_default();
        if self.method != "POST" {
            return Err((405, "method_not_allowed".to_owned()));
        }
        if content_type.split(';').next() != Some("application/json") {
            return Err(refusal("invalid_payload: content type", content_type));
        }
        serde_json::from_slice(&self.body).map_err(|error| refusal("invalid_payload", error))
    }
}

type Refusal = (u16, String);

fn refusal(word: &str, why: impl std::fmt::Display) -> Refusal {
    (400, format!("{word}: {why}"))
}

/// Takes what a JSON webhook sends, if it is signed.
fn check_hook(request: &Request) -> Result<Value, Refusal> {
    let mut mac = Hmac::<Sha256>::new_from_slice(HOOK_SECRET.as_bytes()).unwrap();
    mac.update(&request.body);
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    if request.header("x-scout-signature") != Some(&expected) {
        return Err((401, "bad_signature".to_owned()));
    }
    let body = request.json()?;
    has_only(&body, &["version", "type", "org", "dropped", "notices"])?;
    match body["version"] == 1 {
        true => Ok(body),
        false => Err(refusal("invalid_payload: version", &body["version"])),
    }
}

/// Takes what Slack would take.
fn check_slack(request: &Request) -> Result<Value, Refusal> {
    let message = request.json()?;
    has_only(&message, &["text", "blocks"])?;
    let text = message["text"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Err((400, "no_text".to_owned()));
    }
    text_is(text, 40_000)?;
    let blocks = message["blocks"].as_array();
    let blocks = blocks.ok_or_else(|| refusal("invalid_blocks", "no array"))?;
    if blocks.is_empty() || blocks.len() > 50 {
        return Err(refusal("invalid_blocks: so many", blocks.len()));
    }
    let mut all = 0;
    for block in blocks {
        all += check_block(block)?;
    }
    match all <= 13_000 {
        true => Ok(message),
        false => Err(refusal("msg_blocks_too_long", all)),
    }
}

/// Returns how long the block's text is.
fn check_block(block: &Value) -> Result<usize, Refusal> {
    match block["type"].as_str() {
        Some("header") => {
            has_only(block, &["type", "text"])?;
            text_object(&block["text"], "plain_text", 150)
        }
        Some("section") => {
            has_only(block, &["type", "text"])?;
            text_object(&block["text"], "mrkdwn", 3_000)
        }
        Some("context") => {
            has_only(block, &["type", "elements"])?;
            let elements = block["elements"].as_array();
            let elements = elements.ok_or_else(|| refusal("invalid_blocks", "no elements"))?;
            if elements.is_empty() || elements.len() > 10 {
                return Err(refusal("invalid_blocks: so many elements", elements.len()));
            }
            let each = elements.iter();
            each.map(|element| text_object(element, "mrkdwn", 3_000))
                .sum()
        }
        other => Err(refusal("invalid_blocks: type", format!("{other:?}"))),
    }
}

fn text_object(object: &Value, kind: &str, limit: usize) -> Result<usize, Refusal> {
    let allowed: &[&str] = match kind {
        "mrkdwn" => &["type", "text", "verbatim"],
        _ => &["type", "text", "emoji"],
    };
    has_only(object, allowed)?;
    if object["type"] != kind {
        return Err(refusal("invalid_blocks: text of type", &object["type"]));
    }
    text_is(object["text"].as_str().unwrap_or_default(), limit)
}

/// Checks that a text is neither empty nor too long, and that all in it that has a meaning is
/// escaped: this sender makes no links and mentions nobody.
fn text_is(text: &str, limit: usize) -> Result<usize, Refusal> {
    let length = text.chars().count();
    if length == 0 || length > limit {
        return Err(refusal("invalid_blocks: text of length", length));
    }
    let plain = ["&amp;", "&lt;", "&gt;"]
        .iter()
        .fold(text.to_owned(), |text, entity| text.replace(entity, ""));
    match plain.contains(['&', '<', '>']) {
        true => Err(refusal("invalid_blocks: not escaped", text)),
        false => Ok(length),
    }
}

fn has_only(object: &Value, allowed: &[&str]) -> Result<(), Refusal> {
    let fields = object.as_object();
    let fields = fields.ok_or_else(|| refusal("invalid_payload", "no object"))?;
    match fields.keys().find(|key| !allowed.contains(&key.as_str())) {
        Some(key) => Err(refusal("invalid_payload: unknown field", key)),
        None => Ok(()),
    }
}

#[test]
fn refuses_what_slack_refuses() {
    let section = |text: String| serde_json::json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
    let check = |content_type: &str, body: &Value| {
        let request = Request {
            method: "POST".to_owned(),
            path: SLACK_PATH.to_owned(),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.to_string().into_bytes(),
        };
        check_slack(&request).map_err(|(_, why)| why)
    };
    let message = |blocks: Vec<Value>| serde_json::json!({"text": "t", "blocks": blocks});
    let good = message(vec![section("&lt;b&gt;".to_owned())]);
    assert!(check("application/json; charset=utf-8", &good).is_ok());
    for (content_type, body, word) in [
        ("text/plain", good, "content type"),
        (
            "application/json",
            serde_json::json!({"blocks": []}),
            "no_text",
        ),
        (
            "application/json",
            serde_json::json!({"text": "t", "channel": "#x"}),
            "unknown field",
        ),
        ("application/json", message(vec![]), "so many"),
        (
            "application/json",
            message(vec![section("a".to_owned()); 51]),
            "so many",
        ),
        (
            "application/json",
            message(vec![section("a".repeat(3_001))]),
            "length",
        ),
        (
            "application/json",
            message(vec![section("<!channel>".to_owned())]),
            "not escaped",
        ),
        (
            "application/json",
            message(vec![section("a".repeat(2_900)); 5]),
            "msg_blocks_too_long",
        ),
        (
            "application/json",
            message(vec![serde_json::json!({"type": "markdown", "text": "a"})]),
            "type",
        ),
    ] {
        let why = check(content_type, &body).unwrap_err();
        assert!(why.contains(word), "{word}: {why}");
    }
}
