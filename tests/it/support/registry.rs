//! A real registry: Debian's `docker-registry` on a free port, with its access log.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::guard::Guarded;
use super::openssl::Certificates;
use super::token_server::TokenServer;
use super::{http, program};

/// Longest that the registry may take to start. It takes half a second.
const START: Duration = Duration::from_secs(20);
/// Longest that a push may take. A large image takes a second.
const PUSH: Duration = Duration::from_secs(180);

/// The user of [`Auth::Basic`].
pub(crate) const USER: &str = "scout";
/// The password of [`Auth::Basic`].
pub(crate) const PASSWORD: &str = "secret";
/// The line of `htpasswd -Bbn scout secret`.
const HTPASSWD: &str = "scout:$2y$05$uk3155RF19N33RQnkWeXzugdBHV/xWdmiWVCUYKuHl/3vOfbQgCwG\n";

/// Who may read and write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Auth {
    /// Everybody.
    None,
    /// [`USER`] with [`PASSWORD`].
    Basic,
    /// The same user, who asks a token server for tokens.
    Token,
}

/// How a registry runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    pub(crate) auth: Auth,
    /// What it serves HTTPS with.
    pub(crate) tls: Option<&'a Certificates>,
    /// Where it sends its notifications.
    pub(crate) notified: Option<&'a str>,
    /// The value of `Authorization` that it sends with them.
    pub(crate) authorization: Option<&'a str>,
    /// The registry whose images it serves too; else it is empty.
    pub(crate) images_of: Option<&'a Registry>,
}

impl Options<'_> {
    /// Plain HTTP, and nobody is notified.
    pub(crate) fn new(auth: Auth) -> Self {
        Self {
            auth,
            tls: None,
            notified: None,
            authorization: None,
            images_of: None,
        }
    }
}

/// A running registry.
#[derive(Debug)]
pub(crate) struct Registry {
    guard: Guarded,
    port: u16,
    auth: Auth,
    token_server: Option<TokenServer>,
    /// Removed when the guard ends, so that it may be kept in a `static`.
    folder: PathBuf,
}

impl Registry {
    /// Starts an empty registry.
    pub(crate) fn start(auth: Auth) -> Self {
        Self::start_with(Options::new(auth))
    }

    /// Starts an empty registry that runs as told.
    pub(crate) fn start_with(options: Options<'_>) -> Self {
        let folder = TempDir::new().unwrap().keep();
        let port = free_port();
        let token_server = (options.auth == Auth::Token).then(TokenServer::start);
        let config = config(&options, port, &folder, token_server.as_ref());
        let file = folder.join("config.yml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new("docker-registry");
        command
            .arg("serve")
            .arg(file)
            .env("OTEL_TRACES_EXPORTER", "none");
        let guard = Guarded::start_and_clean(&command, &folder.join("log"), &folder);
        program::until("start of the registry", START, || {
            assert!(guard.is_running(), "{}", guard.stderr());
            match options.tls {
                None => http::get(&format!("http://127.0.0.1:{port}/v2/"), &[]).map(|_| ()),
                Some(_) => TcpStream::connect(("127.0.0.1", port)).ok().map(|_| ()),
            }
        });
        Self {
            guard,
            port,
            auth: options.auth,
            token_server,
            folder,
        }
    }

    /// Returns the token server of [`Auth::Token`].
    pub(crate) fn token_server(&self) -> &TokenServer {
        self.token_server.as_ref().unwrap()
    }

    /// Returns where images lie.
    pub(crate) fn repositories(&self) -> PathBuf {
        self.folder.join("data/docker/registry/v2")
    }

    /// Returns `HOST:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the value of `--registry`.
    pub(crate) fn registry(&self) -> String {
        format!("type=oci,registry={}", self.host())
    }

    /// Returns a folder that is removed together with the registry.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Pushes an image of a layout under a name.
    #[track_caller]
    pub(crate) fn push(&self, layout: &Path, image: &str, name: &str, more: &[&str]) {
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "-q", "--dest-tls-verify=false"]);
        if self.auth != Auth::None {
            skopeo.args(["--dest-creds", &format!("{USER}:{PASSWORD}")]);
        }
        skopeo
            .args(more)
            .arg(format!("oci:{}:{image}", layout.display()))
            .arg(format!("docker://{}/{name}", self.host()));
        program::wait(skopeo, PUSH).expect_code(0);
    }

    /// Returns the requests of the access log behind a position, and the position after them.
    pub(crate) fn requests_since(&self, position: usize) -> (Vec<Request>, usize) {
        Request::parse_log(&self.guard.stdout(), position)
    }
}

fn config(
    options: &Options<'_>,
    port: u16,
    folder: &Path,
    token_server: Option<&TokenServer>,
) -> String {
    let path = folder.display();
    let images = options.images_of.map_or(folder, Registry::folder).display();
    let mut config = format!(
        "version: 0.1\n\
         log: {{level: warn, accesslog: {{disabled: false}}}}\n\
         storage:\n  filesystem: {{rootdirectory: {images}/data}}\n  delete: {{enabled: true}}\n\
         http:\n  addr: 127.0.0.1:{port}\n  secret: test\n"
    );
    if let Some(tls) = options.tls {
        config.push_str(&format!(
            "  tls: {{certificate: {}, key: {}}}\n",
            tls.certificate().display(),
            tls.key().display()
        ));
    }
    if options.auth == Auth::Basic {
        fs::write(folder.join("htpasswd"), HTPASSWD).unwrap();
        config.push_str(&format!(
            "auth:\n  htpasswd: {{realm: test, path: {path}/htpasswd}}\n"
        ));
    }
    if let Some(server) = token_server {
        config.push_str(&server.config());
    }
    if let Some(url) = options.notified {
        config.push_str(&format!(
            "notifications:\n  endpoints:\n  - name: test\n    url: {url}\n    \
             timeout: 2s\n    threshold: 5\n    backoff: 1s\n"
        ));
    }
    if let Some(value) = options.authorization {
        config.push_str(&format!("    headers: {{Authorization: [{value}]}}\n"));
    }
    config
}

/// One line of the access log.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
}

impl Request {
    /// Returns the requests of a log behind a position, and the position after them.
    pub(crate) fn parse_log(log: &str, position: usize) -> (Vec<Self>, usize) {
        // The last line may not have been written to its end.
        let end = log.rfind('\n').map_or(0, |end| end + 1);
        let lines = log[position.min(end)..end].lines();
        (lines.filter_map(Self::parse).collect(), end)
    }

    /// Reads a line of the combined format: `... "GET /v2/ HTTP/1.1" 200 ...`.
    fn parse(line: &str) -> Option<Self> {
        let mut quoted = line.split('"');
        let request = quoted.nth(1)?;
        let status = quoted.next()?.split_whitespace().next()?;
        let mut words = request.split(' ');
        Some(Self {
            method: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            status: status.parse().ok()?,
        })
    }

    /// Returns the digest if this is a request for the content of a blob.
    pub(crate) fn blob(&self) -> Option<&str> {
        let (_, digest) = self.path.split_once("/blobs/")?;
        (self.method == "GET").then_some(digest)
    }
}

/// Returns a port on which nobody listens now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Returns a port on which nobody listens now, and which the system gives to no connection: it is
/// still free later.
pub(crate) fn steady_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Below what Linux, and outside what IANA, has for connections; processes begin elsewhere.
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    let mut ports = (0..1_000).map(|_| {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        20_000 + (first + next) % 10_000
    });
    let is_free = |port: &u16| TcpListener::bind(("0.0.0.0", *port)).is_ok();
    ports.find(is_free).expect("a free port")
}

#[test]
fn reads_an_access_log() {
    let line = "127.0.0.1 - - [21/Nov/2026:15:00:00 +0000] \"GET /v2/a/blobs/sha256:00 HTTP/1.1\" \
                200 529 \"\" \"scout/0.1\"";
    let request = Request::parse(line).unwrap();
    assert_eq!((request.blob(), request.status), (Some("sha256:00"), 200));
    assert_eq!(Request::parse("time=\"x\" level=info"), None);
}
