//! The token server of a registry, in this process.
//!
//! Source: distribution, "Token authentication specification" and "Token authentication
//! implementation" (RS256 with the certificate in `x5c`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::openssl::Signer;
use super::registry::{PASSWORD, USER};
use super::web::{self, Reply, Request};

/// What the registry is called.
const SERVICE: &str = "test registry";
const ISSUER: &str = "test issuer";
/// How long tokens are good, in seconds.
const LIFETIME: i64 = 60;

/// A token server that knows one user.
#[derive(Debug)]
pub(crate) struct TokenServer {
    signer: Arc<Signer>,
    address: SocketAddr,
    /// The scopes of each token that was given.
    given: Arc<Mutex<Vec<Vec<String>>>>,
}

impl TokenServer {
    pub(crate) fn start() -> Self {
        let signer = Arc::new(Signer::new());
        let given = Arc::default();
        let (key, log) = (Arc::clone(&signer), Arc::clone(&given));
        let address = web::serve(move |request| answer(&key, &log, request));
        Self {
            signer,
            address,
            given,
        }
    }

    /// Returns what the registry's configuration says of it.
    pub(crate) fn config(&self) -> String {
        let bundle: PathBuf = self.signer.certificate();
        format!(
            "auth:\n  token:\n    realm: http://{}/token\n    service: {SERVICE}\n    \
             issuer: {ISSUER}\n    rootcertbundle: {}\n",
            self.address,
            bundle.display()
        )
    }

    /// Returns the scopes of each token that was given.
    pub(crate) fn given(&self) -> Vec<Vec<String>> {
        self.given.lock().unwrap().clone()
    }
}

fn answer(signer: &Signer, given: &Mutex<Vec<Vec<String>>>, request: &Request) -> Reply {
    let refuse = |status, message: &str| Reply::json(status, &json!({ "details": message }));
    if request.path != "/token" {
        return refuse(404, "not found");
    }
    if request.method != "GET" {
        return refuse(405, "tokens are asked for by GET here");
    }
    if request.parameters().get("service") != Some(&SERVICE) {
        return refuse(400, "another service");
    }
    let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    if request.header("authorization") != basic {
        return refuse(401, "incorrect username or password")
            .header("www-authenticate", "Basic realm=\"token\"");
    }
    let scopes = request.query.iter().filter(|(name, _)| name == "scope");
    let scopes: Vec<_> = scopes
        .flat_map(|(_, value)| value.split(' ').map(str::to_owned))
        .collect();
    let token = token(signer, &scopes);
    given.lock().unwrap().push(scopes);
    Reply::json(200, &json!({ "token": token, "expires_in": LIFETIME }))
}

fn token(signer: &Signer, scopes: &[String]) -> String {
    let access = |scope: &String| {
        let (kind, rest) = scope.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let actions: Vec<_> = actions.split(',').collect();
        Some(json!({ "type": kind, "name": name, "actions": actions }))
    };
    let access: Vec<Value> = scopes.iter().filter_map(access).collect();
    let now = Timestamp::now().as_second();
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [signer.certificate_line()] });
    let claims = json!({
        "iss": ISSUER, "sub": USER, "aud": SERVICE, "iat": now, "nbf": now - 10,
        "exp": now + LIFETIME, "jti": now.to_string(), "access": access,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}
