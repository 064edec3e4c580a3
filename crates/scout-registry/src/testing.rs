//! A server on loopback that does what a test tells it to, right or wrong; for tests only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scout_envs::{Digest, DigestAlgorithm};
use scout_http::{Hosts, RetryPolicy, Slowing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::credentials::RegistryCredentials;
use crate::integration::RegistryIntegration;
use crate::media_type;
use crate::spec::{BuildOptions, RegistrySpec};
use crate::verify::digest_of;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    /// Other headers, names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// How many requests for this target came before.
    pub(crate) before: usize,
}

/// An answer to be written as it is.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    announces_length: bool,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            announces_length: true,
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn without_length(mut self) -> Self {
        self.announces_length = false;
        self
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"in words"}}]}}"#);
        Self::new(status, body).header("content-type", "application/json")
    }

    pub(crate) fn redirect(to: impl Into<String>) -> Self {
        Self::new(307, "").header("location", to)
    }

    async fn write(&self, stream: &mut TcpStream, is_head: bool) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let announced = self
            .headers
            .iter()
            .any(|(name, _)| name == "content-length");
        if self.announces_length && !announced {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        if !is_head {
            stream.write_all(&self.body).await?;
        }
        stream.shutdown().await
    }
}

/// A server and what it was asked. It ends with the test's runtime.
pub(crate) struct Fake {
    /// `127.0.0.1:PORT`.
    pub(crate) host: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Starts a server; `answer` is given each request and the server's own address.
    pub(crate) async fn start(
        answer: impl Fn(&Asked, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, log, own) = (Arc::new(answer), Arc::clone(&asked), host.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log, own) = (Arc::clone(&answer), Arc::clone(&log), own.clone());
                tokio::spawn(async move { serve(stream, &log, |asked| answer(asked, &own)).await });
            }
        });
        Self { host, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns how many requests there were whose target contains `part`.
    pub(crate) fn count(&self, part: &str) -> usize {
        let asked = self.asked();
        asked
            .iter()
            .filter(|asked| asked.target.contains(part))
            .count()
    }
}

async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Asked>>,
    answer: impl Fn(&Asked) -> Reply,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let authorization = headers.get("authorization").cloned();
    let length = headers.get("content-length").map_or("0", String::as_str);
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    let asked = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|asked| asked.target == target).count();
        let asked = Asked {
            method,
            target,
            authorization,
            headers,
            body,
            before,
        };
        log.push(asked.clone());
        asked
    };
    let is_head = asked.method == "HEAD";
    answer(&asked).write(&mut stream, is_head).await.ok()
}

/// One image in one repository, `team/app:1.0`, served by the book.
#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) manifest: Vec<u8>,
    pub(crate) layer: Vec<u8>,
    blobs: BTreeMap<String, Vec<u8>>,
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    digest_of(bytes, DigestAlgorithm::Sha256)
}

impl Content {
    pub(crate) fn new() -> Self {
        let config = br#"{"architecture":"amd64","os":"linux"}"#.to_vec();
        let layer = vec![7; 100_000];
        let describe = |kind: &str, bytes: &[u8]| {
            let (digest, size) = (sha256(bytes), bytes.len());
            format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{size}}}"#)
        };
        let manifest = format!(
            r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#,
            describe(media_type::OCI_CONFIG, &config),
            describe("application/vnd.oci.image.layer.v1.tar", &layer),
        );
        let blobs = [&config, &layer].map(|bytes| (sha256(bytes).to_string(), bytes.clone()));
        Self {
            manifest: manifest.into_bytes(),
            blobs: blobs.into(),
            layer,
        }
    }

    pub(crate) fn answer(&self, asked: &Asked) -> Reply {
        let path = asked.target.split('?').next().unwrap();
        let digest = sha256(&self.manifest).to_string();
        match path {
            "/v2/" => return Reply::new(200, "{}"),
            "/v2/_catalog" => return Reply::new(200, r#"{"repositories":["team/app"]}"#),
            "/v2/team/app/tags/list" => {
                return Reply::new(200, r#"{"name":"team/app","tags":["1.0"]}"#);
            }
            _ => {}
        }
        let Some((kind, reference)) = path
            .strip_prefix("/v2/team/app/")
            .and_then(|rest| rest.split_once('/'))
        else {
            return Reply::error(404, "NAME_UNKNOWN");
        };
        match kind {
            "manifests" if reference == "1.0" || reference == digest => {
                Reply::new(200, self.manifest.clone())
                    .header("content-type", media_type::OCI_MANIFEST)
                    .header("docker-content-digest", digest)
            }
            "blobs" if self.blobs.contains_key(reference) => {
                Reply::new(200, self.blobs[reference].clone())
            }
            "blobs" => Reply::error(404, "BLOB_UNKNOWN"),
            _ => Reply::error(404, "MANIFEST_UNKNOWN"),
        }
    }

    /// As [`answer`](Self::answer), behind a token service at `/token` of the same server.
    pub(crate) fn answer_with_token(&self, asked: &Asked, host: &str, token: &str) -> Reply {
        if asked.target.starts_with("/token") {
            return match asked.authorization.as_deref() {
                // user:s3cret
                Some("Basic dXNlcjpzM2NyZXQ=") => {
                    Reply::new(200, format!(r#"{{"token":"{token}","expires_in":300}}"#))
                }
                _ => Reply::new(401, r#"{"details":"incorrect username or password"}"#),
            };
        }
        if asked.authorization == Some(format!("Bearer {token}")) {
            return self.answer(asked);
        }
        demand_token(host)
    }
}

pub(crate) fn demand_token(host: &str) -> Reply {
    Reply::error(401, "UNAUTHORIZED").header(
        "www-authenticate",
        format!(r#"Bearer realm="http://{host}/token",service="fake, inc""#),
    )
}

/// Returns what a registry string makes, impatient.
pub(crate) fn build(text: &str, credentials: RegistryCredentials) -> Arc<dyn RegistryIntegration> {
    let spec = RegistrySpec::parse(text).unwrap();
    spec.build(options(credentials)).unwrap()
}

/// Returns options with which nothing waits long.
pub(crate) fn options(credentials: RegistryCredentials) -> BuildOptions {
    let mut slowing = Slowing::default();
    slowing.first_pause = Duration::from_millis(1);
    slowing.least_rate = 1e6;
    BuildOptions::new("test")
        .with_credentials(credentials)
        .with_hosts(Hosts::new(slowing))
        .with_retry(RetryPolicy {
            base: Duration::from_millis(1),
            ..RetryPolicy::default()
        })
}

/// Returns credentials with user and password.
pub(crate) fn basic(user: &str, password: &str) -> RegistryCredentials {
    RegistryCredentials::Basic {
        user: user.to_owned(),
        password: password.into(),
    }
}

/// Shows an error with its causes, as a person sees it.
pub(crate) fn shown(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(&format!(": {deeper}"));
        cause = deeper.source();
    }
    text
}

impl Asked {
    /// Returns the path and the values of the query.
    pub(crate) fn path_and_query(&self) -> (&str, BTreeMap<String, String>) {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let query = url::form_urlencoded::parse(query.as_bytes());
        (path, query.into_owned().collect())
    }
}
