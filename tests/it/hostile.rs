//! Images that are broken or lie: each is recorded with a reason, and the rest is unharmed.

use std::fs;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;

use crate::support::layout::{Layout, debian, digest, gzip, stanza, tar};
use crate::support::scout::Scout;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Sweeps a layout that has one good image beside the bad ones, and checks the good one.
fn sweep(mut registry: Layout, code: i32) -> (Scout, crate::support::program::Outcome, Layout) {
    registry.image("good/image:1", &[debian("openssl", "3.0.9-1")]);
    let scout = Scout::new();
    let outcome = scout.sweep(
        &registry.registry(),
        &["--advisories", "examples/advisories"],
    );
    let outcome = outcome.expect_code(code);
    let cves = scout.cves("good/image:1");
    assert_eq!(cves["findings"].as_array().unwrap().len(), 1, "{cves:#}");
    (scout, outcome, registry)
}

/// Checks that an image failed, with these words in its reason.
#[track_caller]
fn check_failed(scout: &Scout, name: &str, words: &[&str]) {
    let image = scout.image(name);
    let reason = image.text("reason");
    assert_eq!(image.text("state"), "failed", "{image:?}");
    for word in words {
        assert!(reason.contains(word), "{name}: no {word:?} in {reason:?}");
    }
    let failed = scout.scout(&["images", "--failed"]).expect_code(0);
    failed.says(name.split(':').next().unwrap()).says(reason);
    assert!(!failed.stdout.contains("good/image"), "{failed}");
}

/// Checks that an image was indexed, but that one of its gaps has these words.
#[track_caller]
fn check_gap(scout: &Scout, name: &str, kind: &str, words: &[&str]) {
    let sbom = scout.sbom(name);
    let gaps = sbom["gaps"].as_array().unwrap();
    let found = gaps.iter().any(|gap| {
        let text = gap.to_string();
        gap["kind"] == kind && words.iter().all(|word| text.contains(word))
    });
    assert!(found, "{name}: no gap {kind} {words:?} in {sbom:#}");
    let cves = scout.cves(name);
    let unknown = cves["coverage"]["unknown"].as_array().unwrap();
    assert!(!unknown.is_empty(), "{name}: {cves:#}");
}

#[test]
fn a_truncated_layer_fails_its_image_only() {
    let mut registry = Layout::new();
    let whole = gzip(&debian("a", "1-1"));
    let cut = &whole[..whole.len() / 2];
    let layer = registry.put(LAYER, cut);
    registry.image_of("bad/truncated:1", &[layer], &[digest(&debian("a", "1-1"))]);
    let (scout, outcome, _registry) = sweep(registry, 1);
    check_failed(&scout, "bad/truncated:1", &[]);
    outcome.says("failed 1").says("bad/truncated");
}

#[test]
fn a_layer_with_another_digest_fails_its_image_only() {
    let mut registry = Layout::new();
    let tar = debian("a", "1-1");
    let layer = registry.layer(&tar);
    let path = registry.blob(layer["digest"].as_str().unwrap());
    let mut content = fs::read(&path).unwrap();
    // Same length, still a gzip file: only the digest can tell.
    content[4] ^= 1;
    fs::write(&path, content).unwrap();
    registry.image_of("bad/digest:1", &[layer], &[digest(&tar)]);
    let (scout, _, _registry) = sweep(registry, 1);
    check_failed(&scout, "bad/digest:1", &["digest"]);
}

#[test]
fn a_missing_blob_and_a_damaged_manifest_fail_their_images_only() {
    let mut registry = Layout::new();
    let tar = debian("a", "1-1");
    let layer = registry.layer(&tar);
    fs::remove_file(registry.blob(layer["digest"].as_str().unwrap())).unwrap();
    registry.image_of("bad/missing:1", &[layer], &[digest(&tar)]);
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    registry.manifest(
        "bad/manifest:1",
        manifest,
        b"{\"schemaVersion\":2,\"layers\":17}",
    );
    let (scout, outcome, _registry) = sweep(registry, 1);
    check_failed(&scout, "bad/missing:1", &[]);
    check_failed(&scout, "bad/manifest:1", &["manifest"]);
    outcome.says("failed 2").says("Failed (2)");
}

#[test]
fn a_gzip_bomb_ends_at_a_limit() {
    let mut registry = Layout::new();
    // A file of zeros, well formed, in a thousandth of its size.
    const MIB: u64 = 640;
    let mut header = tar::Header::new_ustar();
    header.set_path("zeros").unwrap();
    header.set_mode(0o644);
    header.set_size(MIB << 20);
    header.set_cksum();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..MIB {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.write_all(&[0; 1024]).unwrap();
    let bomb = encoder.finish().unwrap();
    let layer = registry.put(LAYER, &bomb);
    registry.image_of("bad/bomb:1", &[layer], &[digest(b"whatever")]);
    let (scout, _, _registry) = sweep(registry, 1);
    check_failed(&scout, "bad/bomb:1", &[]);
}

#[test]
fn an_endless_number_of_entries_and_giant_names_are_survived() {
    let mut registry = Layout::new();
    // A GNU long name of 1 GiB, declared and not there.
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 30);
    header.set_path("././@LongLink").unwrap();
    header.set_cksum();
    let mut name = header.as_bytes().to_vec();
    name.extend_from_slice(&[b'a'; 4096]);
    let layer = registry.layer(&name);
    registry.image_of("bad/longname:1", &[layer], &[digest(&name)]);
    let (scout, _, _registry) = sweep(registry, 1);
    check_failed(&scout, "bad/longname:1", &[]);
}

#[test]
fn path_tricks_change_nothing_outside_and_the_database_is_still_read() {
    let mut registry = Layout::new();
    let status = stanza("openssl", "3.0.9-1");
    let tricks = tar(&[
        ("../../../../../../../../scout-was-here", b"x".as_slice()),
        ("/etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n"),
        ("./var/lib/../lib/dpkg/status.d/../x", b"x"),
        ("var//lib/./dpkg/status", status.as_bytes()),
        ("var/lib/dpkg/info/.wh..wh..opq", b""),
        (".wh.", b""),
        (".wh...", b""),
        ("a/.wh..", b""),
    ]);
    registry.image("odd/paths:1", &[tricks]);
    let (scout, _, _registry) = sweep(registry, 0);
    assert!(!std::path::Path::new("/scout-was-here").exists());
    let sbom = scout.sbom("odd/paths:1");
    let packages = sbom["packages"].as_array().unwrap();
    assert_eq!(packages.len(), 1, "{sbom:#}");
}

#[test]
fn an_artifact_that_is_no_image_is_recorded_as_such_and_is_no_failure() {
    let mut registry = Layout::new();
    let config = registry.put("application/vnd.cncf.helm.config.v1+json", b"{}");
    let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    let chart = registry.put(chart, b"not an image");
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [chart],
    });
    registry.manifest("charts/app:1", media_type, manifest.to_string().as_bytes());
    let (scout, _, _registry) = sweep(registry, 0);
    let image = scout.image("charts/app:1");
    assert_ne!(image.text("state"), "indexed", "{image:?}");
    assert!(!image.text("reason").is_empty(), "{image:?}");
}

#[test]
fn an_image_without_a_package_database_is_unknown_not_clean() {
    let mut registry = Layout::new();
    registry.image(
        "odd/static:1",
        &[tar(&[("app", b"#!/bin/true\n".as_slice())])],
    );
    let (scout, outcome, _registry) = sweep(registry, 0);
    let cves = scout.cves("odd/static:1");
    let unknown = cves["coverage"]["unknown"].to_string();
    assert!(unknown.contains("no-package-database") || unknown.contains("no package database"));
    outcome.says("no package database");
}

#[test]
fn databases_and_archives_not_read_yet_are_gaps_with_a_reason() {
    let mut registry = Layout::new();
    let release = b"ID=almalinux\nVERSION_ID=\"9.0\"\n".as_slice();
    let jar = b"PK\x03\x04\x0a\x00\x00\x00\x00\x00".as_slice();
    let go = [
        b"\x7fELF\x02\x01\x01\x00".as_slice(),
        &[0; 56],
        b"\xff Go buildinf:",
    ]
    .concat();
    for (name, path, content) in [
        (
            "odd/ndb:1",
            "usr/lib/sysimage/rpm/Packages.db",
            b"RpmP\x00\x00\x00\x00".as_slice(),
        ),
        (
            "odd/bdb:1",
            "var/lib/rpm/Packages",
            b"\x00\x00\x00\x00\x61\x15\x06\x00",
        ),
        (
            "odd/sqlite:1",
            "var/lib/rpm/rpmdb.sqlite",
            b"SQLite format 3\x00 and no more",
        ),
        ("odd/jar:1", "srv/app.jar", jar),
        ("odd/go:1", "usr/bin/tool", &go),
    ] {
        registry.image(
            name,
            &[tar(&[("etc/os-release", release), (path, content)])],
        );
    }
    let (scout, _, _registry) = sweep(registry, 0);
    check_gap(&scout, "odd/ndb:1", "package-database", &["Packages.db"]);
    check_gap(&scout, "odd/bdb:1", "package-database", &["Packages"]);
    check_gap(
        &scout,
        "odd/sqlite:1",
        "package-database",
        &["rpmdb.sqlite"],
    );
    check_gap(&scout, "odd/jar:1", "archive", &["app.jar"]);
}

#[test]
fn a_claimed_diff_id_hides_nothing() {
    let mut registry = Layout::new();
    let harmless = tar(&[("readme", b"nothing here".as_slice())]);
    registry.image("first/harmless:1", std::slice::from_ref(&harmless));
    // Vulnerable content that claims the diff id of the harmless layer.
    let layer: Value = registry.layer(&debian("openssl", "3.0.9-1"));
    registry.image_of("second/liar:1", &[layer], &[digest(&harmless)]);
    let scout = Scout::new();
    let more = ["--advisories", "examples/advisories"];
    scout.sweep(&registry.registry(), &more);
    let image = scout.image("second/liar:1");
    if image.text("state") == "indexed" {
        let cves = scout.cves("second/liar:1");
        assert_eq!(cves["findings"].as_array().unwrap().len(), 1, "{cves:#}");
    } else {
        assert!(image.text("reason").contains("configuration"), "{image:?}");
    }
}

#[test]
fn a_failed_image_is_tried_again_and_recovers() {
    let mut registry = Layout::new();
    // Not the content of the good image: that one's layer is there.
    let tar = debian("openssl", "3.0.9-1+late");
    let layer = registry.layer(&tar);
    let path = registry.blob(layer["digest"].as_str().unwrap());
    let content = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    registry.image_of("late/blob:1", &[layer], &[digest(&tar)]);
    let (scout, _, registry) = sweep(registry, 1);
    check_failed(&scout, "late/blob:1", &[]);
    fs::write(&path, content).unwrap();
    let more = ["--advisories", "examples/advisories"];
    scout.sweep(&registry.registry(), &more).expect_code(0);
    assert_eq!(
        scout.cves("late/blob:1")["findings"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
