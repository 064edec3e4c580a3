//! A cross-check with what an independent matcher found in the images of the shared test bed.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::shared::shared_folder;

/// Records that the independent matcher reports for `nodejs@1:16.14.0-4.el9` of the stream
/// `nodejs:16`, and we do not. They are fixes of the streams 18, 20, 22 and 24 (so say their
/// summaries, and `.module_el9` in the fixed versions); that matcher knows no modules. No update
/// of these streams can be installed over stream 16.
const OF_OTHER_STREAMS: [&str; 28] = [
    "ALSA-2022:8832",
    "ALSA-2023:2654",
    "ALSA-2023:3577",
    "ALSA-2023:4330",
    "ALSA-2023:5363",
    "ALSA-2023:5849",
    "ALSA-2024:1503",
    "ALSA-2024:1688",
    "ALSA-2024:2779",
    "ALSA-2024:2853",
    "ALSA-2024:5815",
    "ALSA-2024:6147",
    "ALSA-2025:1443",
    "ALSA-2025:1446",
    "ALSA-2025:1613",
    "ALSA-2025:7426",
    "ALSA-2025:7433",
    "ALSA-2025:8467",
    "ALSA-2025:8468",
    "ALSA-2026:2781",
    "ALSA-2026:2782",
    "ALSA-2026:2783",
    "ALSA-2026:35891",
    "ALSA-2026:35892",
    "ALSA-2026:47057",
    "ALSA-2026:47058",
    "ALSA-2026:7350",
    "ALSA-2026:7896",
];

#[test]
fn finds_what_an_independent_matcher_finds() {
    let Some(folder) = shared_folder("advisories") else {
        return;
    };
    let (index, report) = load(&folder);
    assert_eq!(report.problems, []);
    let json = fs::read_to_string(folder.join("expected-findings.json")).unwrap();
    let images: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> =
        serde_json::from_str(&json).unwrap();
    assert!(images.len() > 10, "{} images", images.len());
    for (image, packages) in &images {
        let ecosystem = match image.rsplit(' ').next().unwrap() {
            "apk" => "Alpine:v3.11",
            "cargo" => "crates.io",
            "deb" => "Debian:12",
            "go" => "Go",
            "maven" => "Maven",
            "npm" => "npm",
            "pypi" => "PyPI",
            "rpm" => "AlmaLinux:9",
            other => panic!("{image}: what is {other}?"),
        };
        for (package, expected) in packages {
            let (name, version) = package.rsplit_once('@').unwrap();
            let mut key = key(ecosystem, name, version);
            let mut expected = expected.clone();
            if package == "nodejs@1:16.14.0-4.el9" {
                key.module = Some("nodejs:16".to_owned());
                for id in OF_OTHER_STREAMS {
                    assert!(expected.remove(id), "{id}");
                }
            }
            let found = index.find(&key);
            let records: BTreeSet<String> = found
                .iter()
                .flat_map(|finding| finding.records.clone())
                .collect();
            assert_eq!(records, expected, "{image} {package}");
        }
    }
}
