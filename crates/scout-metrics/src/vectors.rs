//! The verdicts of others about OpenMetrics texts, beside ours.

#![cfg(feature = "openmetrics-parser")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Format, ParseError, parse};

/// Texts that are good, and refused because families of their kind are not kept. Nothing else is
/// refused that is good, and nothing is accepted that is not.
const NOT_KEPT: [(&str, &str); 14] = [
    ("exemplars_wide_chars", "a histogram"),
    ("exemplars_with_hash_in_label_values", "a histogram"),
    ("gaugehistogram_exemplars", "a gauge histogram"),
    ("histogram_exemplars", "a histogram"),
    ("histogram_noncanonical", "a histogram"),
    ("info_timestamps", "an info"),
    ("negative_bucket_gaugehistogram", "a gauge histogram"),
    ("negative_bucket_histogram", "a histogram"),
    ("roundtrip", "a summary among others"),
    ("simple_gaugehistogram", "a gauge histogram"),
    ("simple_histogram", "a histogram"),
    ("simple_stateset", "a state set"),
    ("simple_summary", "a summary"),
    ("summary_quantiles", "a summary"),
];
/// How many cases there are at least: an empty folder proves nothing.
const CASES: usize = 211;

#[test]
fn verdicts_are_those_of_the_specification_but_for_the_named_ones() {
    let Some(folder) = shared_folder("vectors/openmetrics") else {
        return;
    };
    let folders = fs::read_dir(folder).unwrap();
    let cases: BTreeMap<String, PathBuf> = folders
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .collect();
    assert!(cases.len() >= CASES, "{} cases only", cases.len());
    let mut not_kept = Vec::new();
    for (name, case) in &cases {
        let text = fs::read_to_string(case.join("metrics")).unwrap();
        let verdict = parse(&text, Format::OpenMetrics);
        match (is_good(case), verdict) {
            (true, Ok(_)) | (false, Err(_)) => {}
            (true, Err(ParseError::UnsupportedKind { .. })) => not_kept.push(name.as_str()),
            (_, verdict) => panic!("{name}: {verdict:?}\n{text}"),
        }
    }
    assert_eq!(not_kept, NOT_KEPT.map(|(name, _)| name));
}

/// What the case says of itself.
fn is_good(case: &Path) -> bool {
    let about = fs::read_to_string(case.join("test.json")).unwrap();
    let verdict = |word: &str| about.contains(&format!("\"shouldParse\": {word}"));
    assert!(verdict("true") != verdict("false"), "{}", case.display());
    verdict("true")
}

/// Returns a folder of the data that is shared between projects; nothing, and says so, where this
/// is a plain checkout.
fn shared_folder(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("SCOUT_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var_os("SCOUT_REQUIRE_SHARED").is_some_and(|value| value == "1");
    assert!(!required, "{} not found", folder.display());
    println!("skipped: {} not found", folder.display());
    None
}
