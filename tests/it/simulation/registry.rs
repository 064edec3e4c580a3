//! The registry: its API over HTTP, and what goes wrong with it.
//!
//! It refuses what distribution refuses, and notes what no client may ask. Sources: OCI
//! distribution specification 1.1; distribution, "Docker Registry HTTP API V2" (catalog, paging
//! with `Link`) and "Token authentication specification".

mod message;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use super::model::Model;
use super::script::{Settings, Storm};
use super::time::Time;
use super::world::WORLD;
use message::{Reply, Request};

/// Who may read where tokens are wanted.
pub(crate) const USER: &str = "scout";
pub(crate) const PASSWORD: &str = "secret";
const SERVICE: &str = "simulated";
/// How long tokens are good, in seconds.
const TOKEN_SECONDS: u64 = 60;

/// What the registry holds and does; shared with whoever changes it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) model: Model,
    settings: Settings,
    address: SocketAddr,
    time: Time,
    /// What the next requests meet, and how many of them.
    pub(crate) storms: VecDeque<(Storm, u32)>,
    pub(crate) counts: Counts,
    /// After how many requests somebody wants to know.
    pub(crate) alarm: Option<u32>,
    tokens: BTreeMap<String, (String, u64)>,
    tokens_given: u64,
    /// What no client may do, and was done.
    pub(crate) violations: Vec<String>,
    /// The last requests, with what they met.
    log: VecDeque<String>,
}

/// How many requests are remembered, to be shown when a history fails.
const LOG: usize = 60;

/// What was asked, well or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) heads: u64,
    pub(crate) manifests: u64,
    /// How often a blob was sent to its end.
    pub(crate) blobs: BTreeMap<String, u64>,
}

/// A running registry.
#[derive(Debug)]
pub(crate) struct Registry {
    state: Arc<Mutex<State>>,
    /// Told when the alarm goes off.
    pub(crate) alarmed: Arc<Notify>,
    address: SocketAddr,
    server: Option<JoinHandle<()>>,
}

/// Where it listens. Not a port that systems give to who connects: one of those may be taken while
/// the registry is down.
const PORT: u16 = 4_887;

impl Registry {
    /// Starts an empty registry at an address that no other history has.
    pub(crate) async fn start(seed: u64, settings: &Settings, time: Time) -> Self {
        let [.., a, b, c] = (seed + 1).to_be_bytes();
        let ip = Ipv4Addr::new(127, 64 | (a & 63), b, c);
        let listener = match TcpListener::bind((ip, PORT)).await {
            Ok(listener) => listener,
            // Where only one address is the loopback, or another run tries the same history.
            Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
        };
        let address = listener.local_addr().unwrap();
        let state = State {
            model: Model::default(),
            settings: settings.clone(),
            address,
            time,
            storms: VecDeque::new(),
            counts: Counts::default(),
            alarm: None,
            tokens: BTreeMap::new(),
            tokens_given: 0,
            violations: Vec::new(),
            log: VecDeque::new(),
        };
        let mut registry = Self {
            state: Arc::new(Mutex::new(state)),
            alarmed: Arc::default(),
            address,
            server: None,
        };
        registry.serve(listener);
        registry
    }

    fn serve(&mut self, listener: TcpListener) {
        let (state, alarmed) = (Arc::clone(&self.state), Arc::clone(&self.alarmed));
        self.server = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                while connections.try_join_next().is_some() {}
                connections.spawn(connection(stream, Arc::clone(&state), Arc::clone(&alarmed)));
            }
        }));
    }

    /// Ends; whatever was open is cut off, and who comes is refused.
    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await;
        }
        self.state().tokens.clear();
    }

    /// Listens again where it did before.
    pub(crate) async fn start_again(&mut self) {
        // Meanwhile a connection of another test may have been given the port.
        for _ in 0..100 {
            if let Ok(listener) = TcpListener::bind(self.address).await {
                return self.serve(listener);
            }
            // Real time: the simulated one stands still.
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{} stays taken", self.address);
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn shared(&self) -> Arc<Mutex<State>> {
        Arc::clone(&self.state)
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }
}

/// Answers the requests of a connection, one after the other.
async fn connection(mut stream: TcpStream, state: Arc<Mutex<State>>, alarmed: Arc<Notify>) {
    let _ = stream.set_nodelay(true);
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            match stream.read_buf(&mut read).await {
                Ok(1..) => {}
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        read.drain(..end + 4);
        let request = Request::parse(&head);
        let (mut reply, storm, rings) = {
            let mut state = state.lock().unwrap();
            let rings = state.count(&request);
            let storm = state.storm();
            let reply = match storm {
                Some(Storm::TooMany(after)) => Reply::too_many(after),
                Some(Storm::Unavailable(status)) => Reply::error(status, "UNAVAILABLE"),
                _ => state.answer(&request),
            };
            state.note(&request, reply.status, storm);
            (reply, storm, rings)
        };
        if rings {
            alarmed.notify_one();
        }
        let is_head = request.method == "HEAD";
        match storm {
            Some(Storm::Reset) => return,
            Some(Storm::Corrupt) if reply.is_addressed => reply.body[0] ^= 1,
            _ => {}
        }
        let is_cut = storm == Some(Storm::Truncated) && !is_head;
        let bytes = reply.bytes(is_head, is_cut);
        if stream.write_all(&bytes).await.is_err() || is_cut {
            return;
        }
        if let Some(blob) = reply.blob.filter(|_| storm.is_none()) {
            *state.lock().unwrap().counts.blobs.entry(blob).or_default() += 1;
        }
    }
}

impl State {
    /// Counts a request; returns whether the alarm goes off.
    fn count(&mut self, request: &Request) -> bool {
        self.counts.requests += 1;
        match request.method.as_str() {
            "HEAD" => self.counts.heads += 1,
            _ if request.path.contains("/manifests/") => self.counts.manifests += 1,
            _ => {}
        }
        let left = self.alarm.map(|left| left.saturating_sub(1));
        self.alarm = left.filter(|left| *left > 0);
        left == Some(0)
    }

    fn note(&mut self, request: &Request, status: u16, storm: Option<Storm>) {
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        let (method, path) = (&request.method, &request.path);
        let at = self.time.elapsed();
        let storm = storm.map_or_else(String::new, |storm| format!("{storm:?}"));
        let line = format!("  {at:>12.2?} {method} {path} {status} {storm}");
        self.log.push_back(line);
    }

    /// Returns the last requests, for people.
    pub(crate) fn last_requests(&self) -> String {
        let lines: Vec<_> = self.log.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    fn storm(&mut self) -> Option<Storm> {
        let (storm, left) = self.storms.front_mut()?;
        let storm = *storm;
        *left -= 1;
        if *left == 0 {
            self.storms.pop_front();
        }
        Some(storm)
    }

    fn refuse(&mut self, request: &Request, why: &str) -> Reply {
        let Request { method, path, .. } = request;
        self.violations.push(format!("{method} {path}: {why}"));
        Reply::error(400, "UNSUPPORTED")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return self.refuse(request, "nothing but reading is wanted here");
        }
        if request.header("host") != self.address.to_string() {
            return self.refuse(request, "another host");
        }
        if request.path == "/token" && self.settings.tokens {
            return self.token(request);
        }
        let Some(path) = request.path.strip_prefix("/v2/") else {
            return self.refuse(request, "no such path");
        };
        if path.is_empty() {
            let nothing = || Reply::json(200, &json!({}));
            return self.let_in(request, "").unwrap_or_else(nothing);
        }
        if path == "_catalog" {
            return self
                .let_in(request, "registry:catalog:*")
                .unwrap_or_else(|| self.catalog(request));
        }
        let places = ["/tags/list", "/manifests/", "/blobs/"];
        let place = places.iter().find(|place| path.contains(**place));
        let Some((place, (name, reference))) =
            place.and_then(|place| Some((*place, path.split_once(*place)?)))
        else {
            return self.refuse(request, "no such path");
        };
        let scope = format!("repository:{name}:pull");
        if let Some(refusal) = self.let_in(request, &scope) {
            return refusal;
        }
        if name.starts_with("secret/") {
            return self.refuse(request, "the repository is not selected");
        }
        match place {
            "/tags/list" => self.tags(request, name),
            "/manifests/" => self.manifest(request, name, reference),
            _ => self.blob(name, reference),
        }
    }

    /// Returns what is answered to those who have no token for this; without a scope, any will do.
    fn let_in(&mut self, request: &Request, scope: &str) -> Option<Reply> {
        let shown = request.header("authorization");
        if !self.settings.tokens {
            let is_shown = !shown.is_empty();
            return is_shown.then(|| self.refuse(request, "credentials that nobody asked for"));
        }
        let now = self.time.elapsed().as_secs();
        let is_good =
            |(given, until): &(String, u64)| (given == scope || scope.is_empty()) && now < *until;
        let token = shown.strip_prefix("Bearer ");
        if token.is_some_and(|token| self.tokens.get(token).is_some_and(is_good)) {
            return None;
        }
        let mut reply = Reply::error(401, "UNAUTHORIZED");
        let mut challenge = format!(
            "Bearer realm=\"http://{}/token\",service=\"{SERVICE}\"",
            self.address
        );
        if !scope.is_empty() {
            challenge.push_str(&format!(",scope=\"{scope}\""));
        }
        reply.headers.push(("WWW-Authenticate", challenge));
        Some(reply)
    }

    fn token(&mut self, request: &Request) -> Reply {
        let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        if request.header("authorization") != basic {
            return self.refuse(request, "wrong credentials");
        }
        let value = |name: &str| request.query.get(name).map_or("", String::as_str);
        if value("service") != SERVICE {
            return self.refuse(request, "another service");
        }
        self.tokens_given += 1;
        let token = format!("token-{}", self.tokens_given);
        let until = self.time.elapsed().as_secs() + TOKEN_SECONDS;
        let scope = value("scope").to_owned();
        self.tokens.insert(token.clone(), (scope, until));
        Reply::json(200, &json!({"token": token, "expires_in": TOKEN_SECONDS}))
    }

    fn catalog(&mut self, request: &Request) -> Reply {
        let names = self.model.repositories.keys().copied();
        let kept = self.model.deleted.iter().copied();
        let kept = kept.filter(|_| self.settings.keeps_names);
        let mut names: Vec<&str> = names.chain(kept).collect();
        names.sort_unstable();
        self.page(request, "/v2/_catalog", "repositories", json!({}), &names)
    }

    fn tags(&mut self, request: &Request, name: &str) -> Reply {
        let tags: Vec<&str> = self.model.tags(name).into_keys().collect();
        let is_known = self.model.repositories.contains_key(name);
        if !is_known || (self.settings.keeps_names && tags.is_empty()) {
            return Reply::error(404, "NAME_UNKNOWN");
        }
        if tags.is_empty() {
            return Reply::json(200, &json!({"name": name, "tags": null}));
        }
        let path = format!("/v2/{name}/tags/list");
        self.page(request, &path, "tags", json!({ "name": name }), &tags)
    }

    fn page(
        &mut self,
        request: &Request,
        path: &str,
        member: &str,
        mut body: serde_json::Value,
        names: &[&str],
    ) -> Reply {
        let Some(wanted) = request.query.get("n").and_then(|n| n.parse::<usize>().ok()) else {
            return self.refuse(request, "no page size");
        };
        let last = request.query.get("last").map_or("", String::as_str);
        let mut rest = names.iter().filter(|name| **name > last);
        let page: Vec<&str> = rest
            .by_ref()
            .take(wanted.min(self.settings.page))
            .copied()
            .collect();
        let more = rest.next().is_some();
        body[member] = json!(page);
        let mut reply = Reply::json(200, &body);
        if let Some(last) = page.last().filter(|_| more) {
            let link = format!("<{path}?last={last}&n={wanted}>; rel=\"next\"");
            reply.headers.push(("Link", link));
        }
        reply
    }

    fn manifest(&mut self, request: &Request, name: &str, reference: &str) -> Reply {
        let unknown = || Reply::error(404, "MANIFEST_UNKNOWN");
        let digest = match reference.starts_with("sha256:") {
            true => reference,
            false => match self.model.tags(name).get(reference) {
                Some(artifact) => &WORLD.artifacts[*artifact].digest,
                None => return unknown(),
            },
        };
        let held = self.model.repositories.get(name);
        if !held.is_some_and(|held| held.contains(digest)) {
            return unknown();
        }
        let manifest = &WORLD.manifests[digest];
        let mut accepted = request.header("accept").split(',').map(str::trim);
        if !accepted.any(|accepted| accepted == manifest.media_type) {
            return self.refuse(request, "the manifest's type is not accepted");
        }
        Reply {
            status: 200,
            headers: vec![
                ("Content-Type", manifest.media_type.to_owned()),
                ("Docker-Content-Digest", digest.to_owned()),
            ],
            body: manifest.bytes.clone(),
            blob: None,
            is_addressed: true,
        }
    }

    fn blob(&mut self, name: &str, digest: &str) -> Reply {
        let held = self.model.repositories.get(name);
        let blob = WORLD.blobs.get(digest).filter(|_| held.is_some());
        let Some(blob) = blob else {
            return Reply::error(404, "BLOB_UNKNOWN");
        };
        Reply {
            status: 200,
            headers: vec![
                ("Content-Type", "application/octet-stream".to_owned()),
                ("Docker-Content-Digest", digest.to_owned()),
            ],
            body: blob.clone(),
            blob: Some(digest.to_owned()),
            is_addressed: true,
        }
    }
}
