//! A registry in which nothing has changed: one request a tag, also where it asks to slow down.
//! What that takes is printed by `benches/unchanged-registry`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::fixture::one_at_a_time;
use crate::support::layout::digest;
use crate::support::nginx::Nginx;
use crate::support::program::{self, Outcome};
use crate::support::registry::{Auth, Registry, Request, free_port};
use crate::support::scout::Scout;

const REPOSITORIES: usize = 2;
const TAGS: usize = 1_000;
/// Longest that a sweep may take that is asked to slow down.
const SLOW: Duration = Duration::from_secs(180);
/// What nginx lets through in a second: a tenth of what an undisturbed sweep asks.
const RATE: usize = 200;

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Writes images as distribution stores them (its `registry/storage/paths.go`), each tag with a
/// manifest of its own.
fn lay_down(registry: &Registry) {
    let root = registry.repositories();
    let blob = |content: &[u8]| {
        let digest = digest(content);
        let hex = digest.strip_prefix("sha256:").unwrap();
        let path = root.join("blobs/sha256").join(&hex[..2]).join(hex);
        write(&path.join("data"), content);
        digest
    };
    for number in 0..REPOSITORIES {
        let repository = root.join(format!("repositories/team/app{number}"));
        let link = |path: &str, digest: &str| {
            write(&repository.join(path).join("link"), digest.as_bytes());
        };
        for tag in 0..TAGS / REPOSITORIES {
            let config = json!({"architecture": "amd64", "os": "linux", "number": [number, tag]});
            let config = config.to_string();
            let media_type = "application/vnd.oci.image.manifest.v1+json";
            let manifest = json!({
                "schemaVersion": 2, "mediaType": media_type, "layers": [],
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": blob(config.as_bytes()), "size": config.len(),
                },
            });
            let digest = blob(manifest.to_string().as_bytes());
            let hex = digest.strip_prefix("sha256:").unwrap();
            let tag = format!("_manifests/tags/1.{tag}");
            link(&format!("_layers/sha256/{hex}"), &digest);
            link(&format!("_manifests/revisions/sha256/{hex}"), &digest);
            link(&format!("{tag}/current"), &digest);
            link(&format!("{tag}/index/sha256/{hex}"), &digest);
        }
    }
}

/// Sweeps without indexing: what is there is the baseline.
fn sweep(scout: &Scout, host: &str) -> Outcome {
    let registry = format!("type=oci,registry={host}");
    let command = scout.watch_command(&registry, &["--once"]);
    program::wait(command, SLOW).expect_code(0)
}

/// Returns how often each kind of request came, and of which tags the digest was told.
fn sorted(requests: &[Request]) -> (BTreeMap<&str, usize>, BTreeSet<&str>) {
    let mut kinds = BTreeMap::new();
    let mut told = BTreeSet::new();
    for request in requests {
        let path = request.path.as_str();
        let kind = match request.method.as_str() {
            _ if request.status == 429 => "busy",
            "HEAD" if path.contains("/manifests/") => "head",
            "GET" if path == "/v2/" => "ping",
            "GET" if path.contains("/_catalog") => "catalog",
            "GET" if path.contains("/tags/list") => "list",
            _ => "other",
        };
        *kinds.entry(kind).or_default() += 1;
        if kind == "head" && request.status == 200 {
            told.insert(path);
        }
    }
    (kinds, told)
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_thousand_unchanged_tags_cost_one_head_each() {
    let _turn = one_at_a_time();
    let registry = Registry::start(Auth::None);
    lay_down(&registry);
    let scout = Scout::new();
    let mut position = 0;
    for round in ["first", "unchanged"] {
        (_, position) = registry.requests_since(position);
        sweep(&scout, &registry.host());
        let (requests, _) = registry.requests_since(position);
        let (kinds, told) = sorted(&requests);
        assert_eq!(told.len(), TAGS, "{round}: {kinds:?}");
        let lists = [("head", TAGS), ("catalog", 1), ("list", REPOSITORIES)];
        for (kind, expected) in lists {
            assert_eq!(kinds.get(kind), Some(&expected), "{round}: {kinds:?}");
        }
        assert!(requests.len() <= TAGS + REPOSITORIES + 2, "{kinds:?}");
    }
}

#[test]
#[ignore = "needs real servers; run tests/run"]
fn a_registry_that_asks_to_slow_down_is_swept_wholly_with_few_refusals() {
    let _turn = one_at_a_time();
    let registry = Registry::start(Auth::None);
    lay_down(&registry);
    for retry_after in ["", "add_header Retry-After 1 always;"] {
        let port = free_port();
        let nginx = Nginx::start(
            &format!(
                "limit_req_zone $binary_remote_addr zone=all:1m rate={RATE}r/s;\n\
                 limit_req_status 429;\n\
                 server {{\n  listen 127.0.0.1:{port};\n  error_page 429 = @busy;\n  \
                 location / {{\n    limit_req zone=all burst=50 nodelay;\n    \
                 proxy_set_header Host $http_host;\n    \
                 proxy_pass http://{};\n  }}\n  \
                 location @busy {{ internal; {retry_after} return 429; }}\n}}",
                registry.host()
            ),
            port,
        );
        let outcome = sweep(&Scout::new(), &format!("127.0.0.1:{port}"));
        let (requests, _) = nginx.requests_since(0);
        let (kinds, told) = sorted(&requests);
        println!("{retry_after:?}: {kinds:?}");
        assert_eq!(told.len(), TAGS, "{kinds:?}\n{outcome}");
        // Refused at least once, else this shows nothing; those in flight are refused together.
        let busy = kinds.get("busy").copied().unwrap_or_default();
        assert!((1..=100).contains(&busy), "{kinds:?}\n{outcome}");
        assert_eq!(kinds.get("head"), Some(&TAGS), "{kinds:?}\n{outcome}");
        assert!(!outcome.stderr.contains("slow down"), "{outcome}");
    }
}
