//! An Artifactory as far as its counterparts see it: real registries behind a real nginx, with the
//! vendor's three layouts, and a strict imitation of its REST API.
//!
//! Sources: JFrog, "Docker Repository URL Formats", "Reverse proxy configuration" (all layouts
//! lead to `/artifactory/api/docker/<key>/v2/`), the troubleshooting page on `docker login`
//! (challenges and the token service).

mod aql;
mod content;
mod rest;
mod webhooks;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::nginx::Nginx;
use super::registry::{Auth, Options, Registry, free_port};
use super::{http, program, web};
pub(crate) use rest::State;
pub(crate) use webhooks::{Delivered, signature};

/// Longest that a push may take.
const PUSH: Duration = Duration::from_secs(60);

/// Who may read, and nothing more.
pub(crate) const READER: &str = "scout-reader";
/// The reader's access token, for `Authorization: Bearer`.
pub(crate) const ACCESS_TOKEN: &str = "reader-access-token";
/// Who may push.
const WRITER: (&str, &str) = ("ci", "ci-password");
/// Whose token may manage webhooks.
pub(crate) const ADMIN_TOKEN: &str = "admin-access-token";
/// What the token service gives to the reader, and to the writer.
const DOCKER_TOKENS: [&str; 2] = ["reader-docker-token", "writer-docker-token"];

/// The registries behind it: a local repository, another one, the cache of a remote one.
const HELD: [&str; 3] = ["docker-local", "docker-prod", "docker-remote-cache"];
/// Which registry each key shows. The remote repository shows what is on the other side; the
/// virtual one shows what its member holds.
const SHOWN: [(&str, &str); 5] = [
    ("docker-local", "docker-local"),
    ("docker-prod", "docker-prod"),
    ("docker-remote-cache", "docker-remote-cache"),
    ("docker-remote", "docker-prod"),
    ("docker-all", "docker-local"),
];

/// How the Docker API lets clients in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Login {
    /// It asks for user and password.
    Basic,
    /// It asks for a token of its own service.
    Token,
}

/// A running Artifactory.
#[derive(Debug)]
pub(crate) struct Artifactory {
    nginx: Nginx,
    /// They end with it.
    _registries: BTreeMap<&'static str, Registry>,
    state: Arc<Mutex<State>>,
    port: u16,
    /// That of `docker-local` alone.
    own_port: u16,
}

impl Artifactory {
    /// Starts it without any images.
    pub(crate) fn start(login: Login, password: &str) -> Self {
        let state = Arc::new(Mutex::new(State::new(password)));
        let answering = Arc::clone(&state);
        let rest = web::serve(move |request| rest::answer(&answering, request));
        let registries: BTreeMap<_, _> = HELD
            .iter()
            .map(|key| {
                let url = format!("http://{rest}/notifications/{key}");
                let options = Options {
                    notified: Some(&url),
                    ..Options::new(Auth::None)
                };
                (*key, Registry::start_with(options))
            })
            .collect();
        for (key, registry) in &registries {
            let folder = registry.repositories();
            state.lock().unwrap().hold(key, &folder);
        }
        let (port, own_port) = (free_port(), free_port());
        let upstreams: String = SHOWN
            .iter()
            .map(|(key, held)| format!("    {key} {};\n", registries[held].host()))
            .collect();
        let http = config(
            login,
            password,
            (port, own_port),
            &upstreams,
            &rest.to_string(),
        );
        Self {
            nginx: Nginx::start(&http, port),
            _registries: registries,
            state,
            port,
            own_port,
        }
    }

    /// Returns `localhost:PORT`.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Returns `localhost:PORT` of the port that leads to `docker-local` alone.
    pub(crate) fn own_host(&self) -> String {
        format!("localhost:{}", self.own_port)
    }

    /// Returns the base of the REST API.
    pub(crate) fn api(&self) -> String {
        format!("http://{}/artifactory", self.host())
    }

    /// Returns the value of `--registry`, with more keys.
    pub(crate) fn registry(&self, more: &str) -> String {
        format!(
            "type=artifactory,registry={},api={}{more}",
            self.host(),
            self.api()
        )
    }

    /// Changes how the REST API behaves.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// Returns the webhooks that were delivered, or were tried to be.
    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        self.state.lock().unwrap().delivered().to_vec()
    }

    /// Has it tell of pushes to local repositories, with a secret that is sent or signs. What was
    /// subscribed before is replaced.
    #[track_caller]
    pub(crate) fn subscribe(&self, url: &str, secret: &str, is_signed: bool) {
        let body = json!({
            "key": "main", "enabled": true,
            "event_filter": { "domain": "docker", "event_types": ["pushed", "deleted", "promoted"],
                              "criteria": { "anyLocal": true } },
            "handlers": [{ "handler_type": "webhook", "url": url, "secret": secret,
                           "use_secret_for_signing": is_signed }],
        });
        let own = format!("http://127.0.0.1:{}/event/api/v1/subscriptions", self.port);
        let token = format!("Bearer {ADMIN_TOKEN}");
        let json = ("Content-Type", "application/json");
        let headers = [("Authorization", &*token), json];
        http::send("DELETE", &format!("{own}/main"), &headers, b"").unwrap();
        let answer = http::send("POST", &own, &headers, body.to_string().as_bytes()).unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Returns the arguments with which skopeo may push.
    pub(crate) fn writer() -> String {
        format!("{}:{}", WRITER.0, WRITER.1)
    }

    /// Pushes an image of a layout through nginx, as a person would in the repository-path layout.
    #[track_caller]
    pub(crate) fn push(&self, layout: &Path, image: &str, key: &str, name: &str) {
        let mut skopeo = Command::new("skopeo");
        skopeo
            .args(["--insecure-policy", "copy", "-q", "--dest-tls-verify=false"])
            .args(["--dest-creds", &Self::writer()])
            .arg(format!("oci:{}:{image}", layout.display()))
            .arg(format!("docker://{}/{key}/{name}", self.host()));
        program::wait(skopeo, PUSH).expect_code(0);
    }

    /// Returns the requests that came to nginx behind a position, and the position after them.
    pub(crate) fn requests_since(&self, position: usize) -> (Vec<super::registry::Request>, usize) {
        self.nginx.requests_since(position)
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Returns nginx's configuration. Readers may read, everybody else but the writer is refused.
fn config(
    login: Login,
    password: &str,
    (port, own_port): (u16, u16),
    upstreams: &str,
    rest: &str,
) -> String {
    let (reader, writer) = (basic(READER, password), basic(WRITER.0, WRITER.1));
    let challenge = match login {
        Login::Basic => r#"Basic realm=\"Artifactory Realm\""#.to_owned(),
        Login::Token => {
            let realm = "http://$http_host/artifactory/api/docker/$key/v2/token";
            format!(
                r#"Bearer realm=\"{realm}\",service=\"$http_host\",scope=\"repository:*:pull\""#
            )
        }
    };
    // Where tokens are asked for, a password is for the token service.
    let [is_reader, is_writer] = match login {
        Login::Basic => ["reader", "writer"],
        Login::Token => ["nobody", "nobody"],
    };
    let [reader_token, writer_token] = DOCKER_TOKENS;
    let locations = format!(
        r#"
    error_page 418 = @denied;
    error_page 419 = @forbidden;
    location @denied {{
      internal; default_type application/json;
      add_header Docker-Distribution-Api-Version registry/2.0 always;
      add_header WWW-Authenticate "{challenge}" always;
      return 401 '{{"errors":[{{"code":"UNAUTHORIZED","message":"authentication required","detail":null}}]}}';
    }}
    location @forbidden {{
      internal; default_type application/json;
      return 403 '{{"errors":[{{"code":"DENIED","message":"forbidden","detail":null}}]}}';
    }}
    location ~ ^/artifactory/api/docker/(?<key>[^/]+)/v2/token$ {{
      proxy_pass http://{rest}; proxy_set_header Host $http_host;
    }}
    location ~ ^/artifactory/api/docker/(?<key>[^/]+)/v2/(?<rest>.*)$ {{
      if ($upstream = "") {{ return 404 '{{"errors":[{{"status":404,"message":"not a Docker repository"}}]}}'; }}
      if ($verdict = denied) {{ return 418; }}
      if ($verdict = forbidden) {{ return 419; }}
      proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
      proxy_set_header Authorization ""; proxy_set_header Host $http_host;
      proxy_pass http://$upstream/v2/$rest$is_args$args;
      proxy_redirect ~^(https?://[^/]+)?/v2/(.*)$ http://$http_host/artifactory/api/docker/$key/v2/$2;
    }}
    location /artifactory/api/ {{ proxy_pass http://{rest}; proxy_set_header Host $http_host; }}
    location /event/ {{ proxy_pass http://{rest}; proxy_set_header Host $http_host; }}
"#
    );
    format!(
        r#"
  map_hash_bucket_size 512;
  map $http_authorization $who {{
    default nobody;
    "{reader}" {is_reader};
    "{writer}" {is_writer};
    "Bearer {ACCESS_TOKEN}" reader;
    "Bearer {reader_token}" reader;
    "Bearer {writer_token}" writer;
  }}
  map "$who:$request_method" $verdict {{
    default denied;
    reader:GET allowed; reader:HEAD allowed; ~^reader: forbidden;
    ~^writer: allowed;
  }}
  map $key $upstream {{
    default "";
{upstreams}  }}
  # Repository path, and everything else at the server's own name.
  server {{
    listen 127.0.0.1:{port} default_server; server_name localhost;
    rewrite ^/v2/([^/]+)/(.+)$ /artifactory/api/docker/$1/v2/$2 last;
    location = /v2/ {{
      if ($verdict = denied) {{ return 418; }}
      default_type application/json; return 200 '{{}}';
    }}
    {locations}
    location / {{ default_type text/html; return 404 '<html>Not Found</html>'; }}
  }}
  # Subdomain.
  server {{
    listen 127.0.0.1:{port}; server_name ~^(?<sub>.+)\.localhost$;
    rewrite ^/v2/(.*)$ /artifactory/api/docker/$sub/v2/$1 last;
    {locations}
    location / {{ default_type text/html; return 404 '<html>Not Found</html>'; }}
  }}
  # A port of one repository.
  server {{
    listen 127.0.0.1:{own_port};
    rewrite ^/v2/(.*)$ /artifactory/api/docker/docker-local/v2/$1 last;
    {locations}
    location / {{ default_type text/html; return 404 '<html>Not Found</html>'; }}
  }}
"#
    )
}
