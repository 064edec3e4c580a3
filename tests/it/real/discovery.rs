//! A real Prometheus finds its targets at `/v1/sd`, and scrapes them.

use std::fs;

use tempfile::TempDir;

use crate::examples::indexed;
use crate::support::prometheus::Prometheus;
use crate::support::scout::ORG;
use crate::support::serving::Serving;

#[test]
#[ignore = "needs real servers; run tests/run"]
fn prometheus_finds_the_organization_of_its_token_and_scrapes_it() {
    let (scout, _) = indexed();
    let token = scout.token(&[]);
    let exporter = Serving::exporter(&scout);
    let folder = TempDir::new().unwrap();
    let token_file = folder.path().join("token");
    fs::write(&token_file, &token).unwrap();
    let authorization =
        format!("authorization: {{type: Bearer, credentials_file: {token_file:?}}}");
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs:\n\
         - job_name: scout\n  {authorization}\n  \
           http_sd_configs:\n  - url: {url}/v1/sd\n    refresh_interval: 1s\n    {authorization}\n",
        url = exporter.url
    );
    let prometheus = Prometheus::configured(&config);
    let target = prometheus.wait_for_health("up");
    assert_eq!(target["labels"]["org"], ORG, "{target}");
    assert_eq!(target["labels"]["job"], "scout", "{target}");
    let scraped = target["scrapeUrl"].as_str().unwrap();
    let expected = format!("{}/v1/exporter/org/{ORG}/metrics", exporter.url);
    assert_eq!(scraped, expected);
    let found = prometheus.query("sum by (org) (scout_stream_vulnerabilities)");
    let found = found.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["metric"]["org"], ORG, "{found:?}");

    // Without its token Prometheus keeps the target, and its scrapes are refused.
    let list = scout.scout(&["token", "list"]).expect_code(0);
    for word in list.stdout.split_whitespace() {
        scout.scout(&["token", "revoke", word]);
    }
    let target = prometheus.wait_for_health("down");
    assert!(
        target["lastError"].as_str().unwrap().contains("401"),
        "{target}"
    );
}
