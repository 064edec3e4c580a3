//! A source in memory that can be told to fail, and a way to ask the routes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use scout_api::Token;
use scout_envs::{
    OrgName, PolicyCounts, PolicyId, Role, Severity, Snapshot, StreamSnapshot, Upkeep,
};
use tower::ServiceExt;

use crate::{BoxError, Clock, Exporter, ExporterOptions, MetricsSource, TokenGrant, TokenUse};

/// What the source knows.
#[derive(Default)]
pub(super) struct Knowledge {
    pub(super) orgs: HashMap<OrgName, Option<Snapshot>>,
    pub(super) tokens: HashMap<[u8; 32], TokenGrant>,
    /// Everything fails.
    pub(super) down: bool,
    /// Snapshots fail.
    pub(super) snapshots_broken: bool,
    /// Nothing is ever answered.
    pub(super) hangs: bool,
    pub(super) snapshots_read: usize,
    pub(super) upkeep: Upkeep,
    /// What tells that nothing changed.
    pub(super) mark: Option<u64>,
    /// How often a token was looked up, and how often all were listed.
    pub(super) tokens_read: usize,
    pub(super) tokens_listed: usize,
    /// The uses that were recorded, and whether recording fails.
    pub(super) uses: Vec<TokenUse>,
    pub(super) uses_fail: bool,
}

#[derive(Default)]
pub(super) struct Fake(Mutex<Knowledge>);

impl Fake {
    pub(super) fn know(&self) -> MutexGuard<'_, Knowledge> {
        self.0.lock().unwrap()
    }

    async fn answer(&self) -> Result<(), BoxError> {
        if self.know().hangs {
            std::future::pending::<()>().await;
        }
        if self.know().down {
            return Err("database is locked".into());
        }
        Ok(())
    }

    pub(super) fn enroll(&self, org: &str, snapshot: Option<Snapshot>) {
        self.know().orgs.insert(org.parse().unwrap(), snapshot);
    }

    /// Makes a token out of 32 times this byte.
    pub(super) fn token(&self, byte: u8, org: &str, role: Role) -> Token {
        let token = Token::from_random(&[byte; 32]);
        let org = org.parse().unwrap();
        self.know()
            .tokens
            .insert(token.hash(), TokenGrant::new(org, role));
        token
    }
}

#[async_trait]
impl MetricsSource for Fake {
    async fn organizations_generations(&self) -> Result<Vec<(OrgName, u64)>, BoxError> {
        self.answer().await?;
        let know = self.know();
        let generation =
            |snapshot: &Option<Snapshot>| snapshot.as_ref().map_or(0, |s| s.generation);
        let orgs = know.orgs.iter();
        Ok(orgs.map(|(org, s)| (org.clone(), generation(s))).collect())
    }

    async fn snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>, BoxError> {
        self.answer().await?;
        let mut know = self.know();
        if know.snapshots_broken {
            return Err("snapshot cannot be read".into());
        }
        know.snapshots_read += 1;
        Ok(know.orgs.get(org).cloned().flatten())
    }

    async fn upkeep(&self, _: &OrgName) -> Result<Upkeep, BoxError> {
        self.answer().await?;
        Ok(self.know().upkeep.clone())
    }

    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenGrant>, BoxError> {
        self.answer().await?;
        self.know().tokens_read += 1;
        Ok(self.know().tokens.get(hash).cloned())
    }

    fn change_mark(&self) -> Option<u64> {
        self.know().mark
    }

    async fn token_hashes(&self, limit: usize) -> Result<Option<Vec<[u8; 32]>>, BoxError> {
        self.answer().await?;
        self.know().tokens_listed += 1;
        Ok(Some(
            self.know().tokens.keys().copied().take(limit).collect(),
        ))
    }

    async fn record_token_uses(&self, uses: Vec<TokenUse>) -> Result<(), BoxError> {
        self.answer().await?;
        if self.know().uses_fail {
            return Err("the directory is read-only".into());
        }
        self.know().uses.extend(uses);
        Ok(())
    }

    async fn org_exists(&self, org: &OrgName) -> Result<bool, BoxError> {
        self.answer().await?;
        Ok(self.know().orgs.contains_key(org))
    }
}

/// When the snapshots of these tests were made.
pub(super) const JUDGED_AT: Timestamp = Timestamp::constant(1_795_000_000, 0);

/// A snapshot with one stream and one policy.
pub(super) fn snapshot(generation: u64, stream: &str, severities: &[Severity]) -> Snapshot {
    let policy = PolicyId::DefaultNonRootUser;
    Snapshot {
        org: "acme".parse().unwrap(),
        generation,
        judged_at: JUDGED_AT,
        advisories_loaded_at: Some(JUDGED_AT - SignedDuration::from_secs(60)),
        valid_until: None,
        extended: None,
        streams: vec![StreamSnapshot {
            name: stream.parse().unwrap(),
            members: 2,
            judged: 2,
            partial: 0,
            vulnerabilities: Some(severities.iter().copied().collect()),
            in_use: None,
            policies: vec![PolicyCounts {
                id: policy,
                display_name: policy.display_name().to_owned(),
                evaluated: 2,
                compliant: 1,
                no_data: 0,
            }],
        }],
    }
}

/// A source with the organization `acme`, one snapshot and an owner's token, and its exporter.
pub(super) fn acme() -> (Arc<Fake>, Exporter, Token) {
    acme_with(|options| options)
}

/// The same with other options.
pub(super) fn acme_with(
    change: impl FnOnce(ExporterOptions) -> ExporterOptions,
) -> (Arc<Fake>, Exporter, Token) {
    let fake = Arc::new(Fake::default());
    fake.enroll(
        "acme",
        Some(snapshot(3, "latest-indexed", &[Severity::High])),
    );
    let owner = fake.token(1, "acme", Role::Owner);
    let clock = Clock::new(|| JUDGED_AT + SignedDuration::from_secs(30));
    let options = ExporterOptions::new(clock).with_version("1.2.3");
    let options = change(options);
    let source: Arc<dyn MetricsSource> = Arc::<Fake>::clone(&fake);
    (fake, Exporter::new(source, options), owner)
}

/// An answer with its whole body.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// What is not text is shown as well as it can be.
    pub(super) body: String,
    pub(super) bytes: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Asks the routes.
pub(super) async fn ask(
    exporter: &Exporter,
    method: Method,
    path: &str,
    headers: &[(HeaderName, &str)],
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = exporter.router().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        bytes: body.to_vec(),
    }
}
