//! Requests and answers as they go over the wire.

use std::collections::BTreeMap;

use serde_json::json;

/// A request without a body.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// The blob it holds.
    pub(super) blob: Option<String>,
    /// Whether its content is told by its digest.
    pub(super) is_addressed: bool,
}

impl Request {
    pub(super) fn parse(head: &str) -> Self {
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Self {
            method,
            path: path.to_owned(),
            query: query.collect(),
            headers: lines.filter_map(header).collect(),
        }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl Reply {
    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: body.to_string().into_bytes(),
            blob: None,
            is_addressed: false,
        }
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        let error = json!({"code": code, "message": code.to_lowercase(), "detail": null});
        Self::json(status, &json!({ "errors": [error] }))
    }

    pub(super) fn too_many(after: Option<u32>) -> Self {
        let mut reply = Self::error(429, "TOOMANYREQUESTS");
        let seconds = after.map(|seconds| ("Retry-After", seconds.to_string()));
        reply.headers.extend(seconds);
        reply
    }

    pub(super) fn bytes(&self, is_head: bool, is_cut: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Status\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let mut bytes = head.into_bytes();
        match (is_head, is_cut) {
            (true, _) => {}
            (_, true) => bytes.extend_from_slice(&self.body[..self.body.len() / 2]),
            _ => bytes.extend_from_slice(&self.body),
        }
        bytes
    }
}
