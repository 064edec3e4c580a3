//! The families beyond the documented ones, over the wire, with numbers counted anew from what
//! `scout cves` tells of each image and from the catalog's file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::exporter_with;
use crate::examples::{ADVISORIES, indexed};
use crate::support::metrics::Samples;
use crate::support::scout::Scout;
use crate::support::workspace;

/// The newest image of each repository: what `latest-indexed` holds.
const NEWEST: [&str; 3] = ["shop/web:1.1", "shop/api:2.1", "shop/worker:0.9"];
const SEVERITIES: [&str; 5] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNSPECIFIED"];

/// What some images have, counted from their findings.
#[derive(Default)]
struct Counted {
    images: f64,
    exposures: BTreeMap<String, f64>,
    known_exploited_exposures: f64,
    /// Distinct vulnerabilities that are fixable, and that are known to be exploited.
    fixable: BTreeSet<String>,
    known_exploited: BTreeSet<String>,
}

impl Counted {
    fn add(&mut self, cves: &Value, catalog: &BTreeSet<String>) {
        self.images += 1.0;
        for finding in cves["findings"].as_array().unwrap() {
            let id = finding["vulnerability"].as_str().unwrap().to_owned();
            let severity = finding["severity"].as_str().unwrap().to_owned();
            *self.exposures.entry(severity).or_default() += 1.0;
            if !finding["fixed_versions"].as_array().unwrap().is_empty() {
                self.fixable.insert(id.clone());
            }
            if catalog.contains(&id) {
                self.known_exploited_exposures += 1.0;
                self.known_exploited.insert(id);
            }
        }
    }
}

/// The catalog as its file has it.
fn catalog() -> BTreeSet<String> {
    let path = workspace::root().join("examples/advisories/kev.json");
    let catalog: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let entries = catalog["vulnerabilities"].as_array().unwrap().iter();
    entries
        .map(|entry| entry["cveID"].as_str().unwrap().to_owned())
        .collect()
}

/// The repository of an image as people write it.
fn repository(scout: &Scout, image: &str) -> String {
    let image = scout.image(image).0;
    let text = |key: &str| image[key].as_str().map(str::to_owned);
    let plain = || {
        format!(
            "{}/{}",
            text("registry").unwrap(),
            text("repository").unwrap()
        )
    };
    text("reference").unwrap_or_else(plain)
}

/// All values of a family with these labels, added up.
fn sum(samples: &Samples, family: &str, labels: &[(&str, &str)]) -> f64 {
    samples.of(family, labels).map(|(_, value)| value).sum()
}

#[test]
fn they_tell_what_the_findings_of_the_images_add_up_to() {
    let (scout, _) = indexed();
    let token = scout.token(&[]);
    let exporter = exporter_with(&scout, &["--extended-metrics"]);
    let body = exporter.ask(&token).body;
    let plain = exporter_with(&scout, &[]).ask(&token).body;
    assert!(
        body.starts_with(&plain) && body.len() > plain.len(),
        "{body}"
    );
    for forbidden in ["id", "container", "pod", "namespace", "job", "instance"] {
        let more = body.strip_prefix(&plain).unwrap();
        for before in ["{", ","] {
            let label = format!("{before}{forbidden}=\"");
            assert!(!more.contains(&label), "{label} in {more}");
        }
    }

    let samples = Samples::parse(&body);
    let stream = ("streamName", "latest-indexed");
    let catalog = catalog();
    let mut all = Counted::default();
    for image in NEWEST {
        let cves = scout.cves(image);
        all.add(&cves, &catalog);
        let mut own = Counted::default();
        own.add(&cves, &catalog);
        let repository = repository(&scout, image);
        let labels = [stream, ("repository", repository.as_str())];
        assert_eq!(
            samples.value("scout_repository_images", &labels),
            own.images
        );
        assert_eq!(
            samples.value("scout_repository_known_exploited_exposures", &labels),
            own.known_exploited_exposures
        );
        for severity in SEVERITIES {
            let labels = [labels[0], labels[1], ("severity", severity)];
            let found = samples.value("scout_repository_exposures", &labels);
            let expected = own.exposures.get(severity).copied().unwrap_or_default();
            assert_eq!(found, expected, "{image} {severity}");
        }
    }
    for severity in SEVERITIES {
        let found = samples.value("scout_stream_exposures", &[stream, ("severity", severity)]);
        let expected = all.exposures.get(severity).copied().unwrap_or_default();
        assert_eq!(found, expected, "{severity}");
    }
    let distinct = |family| sum(&samples, family, &[stream]);
    let (fixable, exploited) = (all.fixable.len() as f64, all.known_exploited.len() as f64);
    assert!(fixable > 0.0 && exploited > 0.0, "the example shows both");
    assert_eq!(distinct("scout_stream_fixable_vulnerabilities"), fixable);
    assert_eq!(
        distinct("scout_stream_known_exploited_vulnerabilities"),
        exploited
    );
    assert_eq!(samples.value("scout_stream_images", &[stream]), all.images);
    assert_eq!(samples.value("scout_stream_images_judged", &[stream]), 3.0);
    // The worker's jar is not read.
    assert_eq!(samples.value("scout_stream_images_partial", &[stream]), 1.0);
    let policy = [stream, ("policy", "fixable-vulnerabilities")];
    assert_eq!(samples.value("scout_policy_no_data_images", &policy), 1.0);
    assert_eq!(distinct("scout_stream_images_not_analyzed"), 0.0);
    for family in [
        "scout_source_advisories_loaded_timestamp_seconds",
        "scout_source_known_exploited_loaded_timestamp_seconds",
        "scout_source_registry_listed_timestamp_seconds",
    ] {
        let times: Vec<f64> = samples.of(family, &[]).map(|(_, value)| value).collect();
        let is_now = |time: &f64| *time > 1_700_000_000.0;
        assert!(
            !times.is_empty() && times.iter().all(is_now),
            "{family}: {times:?}"
        );
    }
    // Nobody looked at run time: no series, and not zero.
    assert_eq!(
        samples
            .of("scout_stream_in_use_vulnerabilities", &[])
            .count(),
        0
    );
}

#[test]
fn a_small_budget_sums_up_and_loses_nothing() {
    let (scout, _) = indexed();
    let token = scout.token(&[]);
    for image in NEWEST {
        for number in 0..4 {
            let environment = format!("env-{number}");
            scout
                .scout(&["environment", &environment, image])
                .expect_code(0);
        }
    }
    scout
        .sweep(crate::examples::REGISTRY, &ADVISORIES)
        .expect_code(0);
    let page = |budget: &str| {
        let more = ["--extended-metrics", "--series-budget", budget];
        Samples::parse(&exporter_with(&scout, &more).ask(&token).body)
    };
    let (all, cut) = (page("10000"), page("100"));
    assert_eq!(all.value("scout_extended_series_budget", &[]), 10_000.0);
    assert_eq!(cut.value("scout_extended_series_budget", &[]), 100.0);
    let series = |samples: &Samples| -> usize {
        let families = scout_metrics::EXTENDED_FAMILIES.iter();
        families
            .map(|family| samples.of(family.name, &[]).count())
            .sum()
    };
    assert!(series(&cut) <= 100, "{cut:?}");
    assert!(series(&cut) < series(&all));
    assert_eq!(sum(&all, "scout_extended_series_dropped", &[]), 0.0);
    let dropped = sum(&cut, "scout_extended_series_dropped", &[]);
    assert!(dropped > 0.0, "{cut:?}");
    // What is there of repositories adds up to the same, or they are not there at all.
    for family in ["scout_repository_images", "scout_repository_exposures"] {
        if cut.of(family, &[]).count() > 0 {
            assert_eq!(sum(&cut, family, &[]), sum(&all, family, &[]), "{family}");
        }
    }
}

#[test]
fn a_budget_alone_or_out_of_bounds_is_refused() {
    for more in [
        &["--series-budget", "500"][..],
        &["--extended-metrics", "--series-budget", "99"],
        &["--extended-metrics", "--series-budget", "many"],
    ] {
        let outcome = super::refused(more).expect_code(64);
        assert!(
            outcome.stderr.contains("--extended-metrics")
                || outcome.stderr.contains("from 100 to 100000"),
            "{outcome}"
        );
    }
}
