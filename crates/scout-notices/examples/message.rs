//! Prints the message that tells Slack of a new vulnerability.
//!
//! Run with `cargo run -p scout-notices --example message`.

use std::error::Error;
use std::io::{Write, stdout};

use scout_envs::{Digest, Severity, VulnerabilityId};
use scout_notices::{AffectedPackage, Batch, Event, NewVulnerability, Notice, slack};

fn main() -> Result<(), Box<dyn Error>> {
    let notice = Notice {
        id: "1".to_owned(),
        at: "2026-11-21T10:00:00Z".parse()?,
        repository: "registry.example.com/shop/web".to_owned(),
        tags: vec!["1.4".parse()?],
        digest: Digest::sha256(&[7; 32]),
        event: Event::Vulnerability(NewVulnerability {
            vulnerability: VulnerabilityId::new("CVE-2026-12345"),
            severity: Severity::Critical,
            known_exploited: true,
            in_use: None,
            packages: vec![AffectedPackage {
                name: "openssl".to_owned(),
                version: "3.0.1".to_owned(),
                fixed_versions: vec!["3.0.2".to_owned()],
            }],
            more_packages: 0,
        }),
    };
    let batch = Batch {
        org: "acme".parse()?,
        notices: vec![notice],
        dropped: 0,
    };
    stdout().write_all(&slack(&batch))?;
    Ok(())
}
