//! Serves a made-up organization until interrupted: `exporter [LISTEN_ADDRESS]`.

use std::sync::Arc;

use jiff::Timestamp;
use scout_api::{Token, metrics_path};
use scout_envs::{
    OrgName, PolicyCounts, PolicyId, Role, Severity, Snapshot, StreamName, StreamSnapshot,
};
use scout_web::{BoxError, Clock, Exporter, ExporterOptions, MetricsSource, TokenGrant};

struct Demo {
    snapshot: Snapshot,
    token: Token,
}

#[async_trait::async_trait]
impl MetricsSource for Demo {
    async fn organizations_generations(&self) -> Result<Vec<(OrgName, u64)>, BoxError> {
        Ok(vec![(self.snapshot.org.clone(), self.snapshot.generation)])
    }

    async fn snapshot(&self, org: &OrgName) -> Result<Option<Snapshot>, BoxError> {
        Ok((*org == self.snapshot.org).then(|| self.snapshot.clone()))
    }

    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenGrant>, BoxError> {
        let grant = || TokenGrant::new(self.snapshot.org.clone(), Role::Owner);
        Ok((*hash == self.token.hash()).then(grant))
    }

    async fn org_exists(&self, org: &OrgName) -> Result<bool, BoxError> {
        Ok(*org == self.snapshot.org)
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "what the example is for")]
async fn main() -> Result<(), BoxError> {
    let policy = PolicyId::FixableVulnerabilities;
    let demo = Demo {
        snapshot: Snapshot {
            org: "acme".parse()?,
            generation: 1,
            judged_at: Timestamp::now(),
            advisories_loaded_at: None,
            valid_until: None,
            extended: None,
            streams: vec![StreamSnapshot {
                name: StreamName::latest_indexed(),
                members: 2,
                judged: 2,
                partial: 0,
                vulnerabilities: Some([Severity::Critical, Severity::Low].into_iter().collect()),
                in_use: None,
                policies: vec![PolicyCounts {
                    id: policy,
                    display_name: policy.display_name().to_owned(),
                    evaluated: 2,
                    compliant: 1,
                    no_data: 0,
                }],
            }],
        },
        // Known to everybody who reads this: for a demonstration only.
        token: Token::from_random(&[7; Token::RANDOM_BYTES]),
    };
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!(
        "curl -H 'Authorization: Bearer {}' http://{}{}",
        demo.token.expose(),
        listener.local_addr()?,
        metrics_path(&demo.snapshot.org)
    );
    let exporter = Exporter::new(
        Arc::new(demo),
        ExporterOptions::new(Clock::new(Timestamp::now)),
    );
    exporter.run(listener, std::future::pending()).await;
    Ok(())
}
