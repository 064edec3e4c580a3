use super::*;
use crate::testing::{Archive, analyze, analyze_with, gzip, raw_header};

fn findings(layer: &[u8], limits: &Limits) -> Vec<(Class, Finding)> {
    let analysis = analyze_with(layer, limits).unwrap().analysis;
    let pairs = analysis.evidence.into_iter();
    pairs
        .map(|evidence| (evidence.class, evidence.finding))
        .collect()
}

#[test]
fn the_digest_covers_everything_behind_the_archive_too() {
    let mut layer = Archive::new().file("a", "b").bytes();
    layer.extend_from_slice(&[0; 10_240]);
    layer.extend_from_slice(b"trailing");
    let plain = analyze(&layer).unwrap();
    let packed = analyze(&gzip(&layer)).unwrap();
    assert_eq!(plain.diff_id, packed.diff_id);
    assert_eq!(plain.uncompressed_bytes, layer.len() as u64);
    assert_eq!(packed.uncompressed_bytes, layer.len() as u64);
    assert!(packed.compressed_bytes < 1000);
    assert_eq!(plain.analysis, packed.analysis);
}

#[test]
fn evidence_over_a_limit_or_damaged_is_kept_as_a_reason() {
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(5000));
    let layer = Archive::new()
        .file("node_modules/a/package.json", &long)
        .file("node_modules/b/package.json", "{\"name\":")
        .file("x.dist-info/METADATA", "Name: a\n\n")
        .file("var/lib/rpm/rpmdb.sqlite", "not a database")
        .file("lib/apk/db/installed", "P:a\n\nP:b\n")
        .bytes();
    let limits = Limits::default().with_record_bytes(1000);
    for (class, finding) in findings(&layer, &limits) {
        assert!(
            matches!(finding, Finding::Damaged(_)),
            "{class:?} {finding:?}"
        );
    }
}

#[test]
fn programs_are_found_by_their_content() {
    let program = |mark: &[u8]| [b"\x7fELF".as_slice(), &[0; 60], mark, &[0; 70_000]].concat();
    let layer = Archive::new()
        .file("bin/go", program(b"\xff Go buildinf:\x08\x02"))
        .file("bin/rust", program(b"\0.dep-v0\0"))
        .file("bin/plain", program(b"x"))
        .file(
            "bin/script",
            [b"#!/bin/sh   ".as_slice(), &[0; 52], b"\xff Go buildinf:"].concat(),
        )
        .bytes();
    let classes: Vec<Class> = findings(&layer, &Limits::default())
        .into_iter()
        .map(|(class, _)| class)
        .collect();
    assert_eq!(classes, [Class::GoProgram, Class::AuditableProgram]);
}

#[test]
fn names_that_lead_outside_are_named_and_ignored() {
    let analysis = Archive::new()
        .file("../etc/passwd", "")
        .file("a/../../b", "")
        .file("/etc/../etc/./x", "")
        .file("d/.wh...", "")
        .file("d/.wh.", "")
        .file(".wh..wh.plnk", "")
        .analysis();
    let mut entries = Vec::new();
    analysis.for_each_entry(|path, _| entries.push(path.to_vec()));
    assert_eq!(entries, [b"etc/x"]);
    let gaps: Vec<&str> = analysis.gaps.iter().map(|gap| gap.path.as_str()).collect();
    assert_eq!(
        gaps,
        ["/../etc/passwd", "/a/../../b", "/d/.wh...", "/d/.wh."]
    );
}

#[test]
fn a_sparse_database_is_not_read_as_if_it_were_whole() {
    let mut layer = raw_header(b"var/lib/dpkg/status", b'S', 0).to_vec();
    layer.extend_from_slice(&[0; 1024]);
    let findings = findings(&layer, &Limits::default());
    assert!(matches!(
        findings.as_slice(),
        [(Class::DebStatus, Finding::Damaged(_))]
    ));
}

#[test]
fn an_empty_log_of_a_database_says_nothing() {
    let layer = Archive::new()
        .file("var/lib/rpm/rpmdb.sqlite-wal", "")
        .file("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "content")
        .bytes();
    let findings = findings(&layer, &Limits::default());
    assert_eq!(findings[0].1, Finding::Nothing);
    assert_eq!(findings[1].1, Finding::Unread);
}

#[test]
fn totals_over_a_limit_stop_the_layer() {
    let mut archive = Archive::new();
    for index in 0..20 {
        let manifest = format!("{{\"name\":\"p{index}\",\"version\":\"1\"}}");
        archive = archive.file(format!("node_modules/p{index}/package.json"), manifest);
    }
    let layer = archive.bytes();
    for limits in [
        Limits::default().with_packages(10),
        Limits::default().with_path_table_bytes(100),
        Limits::default().with_entries(19),
        Limits::default().with_name_bytes(10),
        Limits::default().with_uncompressed_bytes(1000),
    ] {
        let result = analyze_with(&layer, &limits);
        assert!(matches!(result, Err(Error::Limit { .. })), "{limits:?}");
    }
}

#[test]
fn a_database_without_free_memory_is_read_from_the_spool() {
    let database = include_bytes!("../../tests/data/rpmdb.sqlite");
    let layer = Archive::new()
        .file("var/lib/rpm/rpmdb.sqlite", database)
        .bytes();
    let dir = tempfile::tempdir().unwrap();
    let memory = Budget::LAYER_BYTES + 1000;
    let budget = Budget::with_sizes(dir.path(), memory, 1 << 20);
    let analyzed = analyze_layer(layer.as_slice(), &Limits::default(), &budget).unwrap();
    assert_eq!(analyzed.analysis, analyze(&layer).unwrap().analysis);
    assert_eq!(budget.stats().spilled_bytes, database.len() as u64);
    assert_eq!(
        (budget.stats().memory_bytes, budget.stats().spool_bytes),
        (0, 0)
    );

    let budget = Budget::with_sizes(dir.path(), memory, 1000);
    let analyzed = analyze_layer(layer.as_slice(), &Limits::default(), &budget).unwrap();
    assert!(matches!(
        analyzed.analysis.evidence[0].finding,
        Finding::Damaged(_)
    ));

    let budget = Budget::with_sizes(dir.path().join("missing"), memory, 1 << 20);
    let error = analyze_layer(layer.as_slice(), &Limits::default(), &budget).unwrap_err();
    assert!(matches!(error, Error::Spool { .. }) && error.is_retryable());
}

#[test]
fn a_layer_cut_off_inside_evidence_is_corrupt_not_a_gap() {
    let layer = Archive::new()
        .file("var/lib/dpkg/status", "Package: a\n".repeat(100))
        .bytes();
    let result = analyze(&layer[..900]);
    assert!(matches!(result, Err(Error::Corrupt { .. })), "{result:?}");
}
