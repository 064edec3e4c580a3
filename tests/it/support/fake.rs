//! A registry of a few lines that serves a layout and misbehaves where it is told to. What a real
//! registry does is tested against a real one; this is for what one cannot be made to do.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The header lines, in lower case up to the colon.
    pub(crate) headers: Vec<String>,
}

impl Asked {
    /// Returns a header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A status line with headers, and a body.
pub(crate) type Answer = (String, Vec<u8>);
/// What is answered instead of the truth; nothing where the truth is to be told.
pub(crate) type Twist = Box<dyn Fn(&Asked) -> Option<Answer> + Send + Sync>;

/// The server. Its threads end with the process.
#[derive(Debug)]
pub(crate) struct FakeRegistry {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeRegistry {
    /// Serves a layout.
    pub(crate) fn start(layout: &Path, twist: Twist) -> Self {
        Self::start_at("127.0.0.1", layout, twist)
    }

    /// Serves a layout at another loopback address, which is another host to a client.
    pub(crate) fn start_at(host: &str, layout: &Path, twist: Twist) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = Arc::new(Server {
            layout: layout.to_owned(),
            twist,
            asked: Arc::clone(&asked),
        });
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = Arc::clone(&server);
                thread::spawn(move || server.serve(stream.unwrap()));
            }
        });
        Self { address, asked }
    }

    /// Returns `HOST:PORT`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the value of `--registry`.
    pub(crate) fn registry(&self) -> String {
        format!("type=oci,registry={}", self.host())
    }

    /// Returns all requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

struct Server {
    layout: PathBuf,
    twist: Twist,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(asked) = read(&mut reader) {
            self.asked.lock().unwrap().push(asked.clone());
            let answer = (self.twist)(&asked).unwrap_or_else(|| self.truth(&asked.path));
            let (head, mut body) = answer;
            let length = body.len();
            if asked.method == "HEAD" {
                body.clear();
            }
            let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n");
            let sent = stream.write_all(head.as_bytes());
            if sent.and_then(|()| stream.write_all(&body)).is_err() {
                return;
            }
        }
    }

    fn truth(&self, path: &str) -> Answer {
        let path = path.split('?').next().unwrap();
        let answer = match path.strip_prefix("/v2/") {
            Some("") => Some(ok("application/json", b"{}".to_vec())),
            Some("_catalog") => Some(json_of(&json!({"repositories": self.repositories()}))),
            Some(rest) => self.below(rest),
            None => None,
        };
        answer.unwrap_or_else(|| ("404 Not Found".to_owned(), b"{}".to_vec()))
    }

    fn below(&self, rest: &str) -> Option<Answer> {
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            let tags: Vec<_> = self
                .names()
                .into_iter()
                .filter_map(|(name, _)| {
                    let (own, tag) = name.split_once(':')?;
                    (own == repository).then(|| tag.to_owned())
                })
                .collect();
            let known = !tags.is_empty();
            return known.then(|| json_of(&json!({"name": repository, "tags": tags})));
        }
        if let Some((repository, reference)) = rest.split_once("/manifests/") {
            let wanted = format!("{repository}:{reference}");
            let tagged = self.names().into_iter().find(|(name, _)| *name == wanted);
            let digest = tagged.map_or_else(|| reference.to_owned(), |(_, digest)| digest);
            let bytes = self.blob(&digest)?;
            let manifest: Value = serde_json::from_slice(&bytes).ok()?;
            let media_type = manifest["mediaType"].as_str()?;
            let head = format!("200 OK\r\nContent-Type: {media_type}");
            return Some((format!("{head}\r\nDocker-Content-Digest: {digest}"), bytes));
        }
        let (_, digest) = rest.split_once("/blobs/")?;
        Some(ok("application/octet-stream", self.blob(digest)?))
    }

    fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        let hex = digest.strip_prefix("sha256:")?;
        fs::read(self.layout.join("blobs/sha256").join(hex)).ok()
    }

    /// Returns `REPOSITORY:TAG` and digest of everything in the layout.
    fn names(&self) -> Vec<(String, String)> {
        let index = fs::read(self.layout.join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let entries = index["manifests"].as_array().unwrap().iter();
        entries
            .filter_map(|entry| {
                let name = entry["annotations"]["org.opencontainers.image.ref.name"].as_str()?;
                Some((name.to_owned(), entry["digest"].as_str()?.to_owned()))
            })
            .collect()
    }

    fn repositories(&self) -> Vec<String> {
        let names = self.names().into_iter();
        let mut repositories: Vec<_> = names
            .filter_map(|(name, _)| Some(name.split_once(':')?.0.to_owned()))
            .collect();
        repositories.sort();
        repositories.dedup();
        repositories
    }
}

fn ok(content_type: &str, body: Vec<u8>) -> Answer {
    (format!("200 OK\r\nContent-Type: {content_type}"), body)
}

fn json_of(value: &Value) -> Answer {
    ok("application/json", value.to_string().into_bytes())
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push(format!("{}: {}", name.to_lowercase(), value.trim()));
    }
    let asked = Asked {
        method,
        path,
        headers,
    };
    let length = asked
        .header("content-length")
        .map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(asked)
}
