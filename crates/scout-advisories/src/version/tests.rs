//! Known orders, made with each ecosystem's own tool, and texts that break the rules.

use std::cmp::Ordering;

use super::*;
use crate::shared::shared_folder;

/// Checks every line of a vector file but those listed, which must be wrong as long as they are
/// listed.
fn check_vectors(file: &str, ecosystem: &str, known_wrong: &[&str]) {
    let Some(folder) = shared_folder("vectors/version-order") else {
        return;
    };
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let ecosystem = Ecosystem::new(ecosystem);
    let mut wrong = Vec::new();
    let mut lines = 0;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') || line.starts_with("//") {
            continue;
        }
        let parts: Vec<&str> = line.split(' ').collect();
        let [a, operator, b] = parts[..] else {
            panic!("{file}: {line:?} is no comparison");
        };
        let expected = match operator {
            "<" => Ordering::Less,
            "=" => Ordering::Equal,
            ">" => Ordering::Greater,
            _ => panic!("{file}: {line:?} has no operator"),
        };
        lines += 1;
        let forth = compare(&ecosystem, a, b);
        let back = compare(&ecosystem, b, a);
        assert_eq!(forth, back.reverse(), "{file}: {line} is not symmetric");
        if forth != expected {
            wrong.push(line);
        }
    }
    assert!(lines >= 30, "{file} has only {lines} lines");
    assert_eq!(wrong, known_wrong, "{file}: {} of {lines}", wrong.len());
}

#[test]
fn debian_versions_are_ordered_as_dpkg_does() {
    check_vectors("debian-versions.txt", "Debian:12", &[]);
    check_vectors("debian-versions-generated.txt", "Ubuntu:22.04:LTS", &[]);
}

#[test]
fn alpine_versions_are_ordered_as_apk_does() {
    check_vectors("alpine-versions.txt", "Alpine:v3.20", &[]);
    check_vectors("alpine-versions-generated.txt", "Wolfi", &[]);
}

#[test]
fn rpm_versions_are_ordered_as_rpm_does() {
    check_vectors("redhat-versions.txt", "AlmaLinux:9", &[]);
}

#[test]
fn python_versions_are_ordered_as_packaging_does() {
    check_vectors("pypi-versions.txt", "PyPI", &[]);
    check_vectors("pypi-versions-generated.txt", "PyPI", &[]);
}

#[test]
fn semantic_versions_are_ordered_by_precedence() {
    check_vectors("semver-versions.txt", "npm", &[]);
}

fn check(ecosystem: &str, cases: &[(&str, Ordering, &str)]) {
    let ecosystem = Ecosystem::new(ecosystem);
    for (a, expected, b) in cases {
        let case = format!("{ecosystem}: {a:?} {b:?}");
        assert_eq!(compare(&ecosystem, a, b), *expected, "{case}");
        assert_eq!(compare(&ecosystem, b, a), expected.reverse(), "{case}");
    }
}

#[test]
fn a_missing_rpm_epoch_is_zero() {
    check(
        "AlmaLinux:9",
        &[
            ("3.0.1-1.el9", Ordering::Equal, "0:3.0.1-1.el9"),
            ("3.0.1-1.el9", Ordering::Less, "1:1.0-1.el9"),
            ("2:1.0-1", Ordering::Greater, "1:9.0-1"),
            ("1.0~rc1-1", Ordering::Less, "1.0-1"),
            ("1.0^git1-1", Ordering::Greater, "1.0-1"),
        ],
    );
}

#[test]
fn semantic_versions_may_be_incomplete() {
    check(
        "npm",
        &[
            ("1", Ordering::Equal, "v1.0.0"),
            ("1.2", Ordering::Less, "1.2.1-rc.1"),
            ("0", Ordering::Greater, "0.0.0-0"),
            ("1.2.3.4", Ordering::Less, "1.2.3.5"),
            ("1.0.0rc1", Ordering::Less, "1.0.0"),
            ("", Ordering::Equal, "0.0.0"),
        ],
    );
}

#[test]
fn unknown_ecosystems_use_the_generic_order() {
    check(
        "Maven",
        &[
            ("1.9", Ordering::Less, "1.10"),
            ("1.0", Ordering::Equal, "1.0.0"),
            ("1.0-rc1", Ordering::Less, "1.0"),
            ("1.0-alpha", Ordering::Less, "1.0-jre"),
            ("1.0", Ordering::Less, "1.0.1"),
        ],
    );
}

#[test]
fn equal_python_versions_have_one_spelling() {
    for (version, expected) in [
        ("1.0.0", "1"),
        ("v1.0RC1", "1rc1"),
        ("0.0", "0"),
        ("1!2.0.post1", "1!2.post1"),
        ("2004d-odd", "2004d-odd"),
    ] {
        assert_eq!(Order::Pep440.canonical(version), expected);
    }
}

#[test]
fn every_text_has_a_place_in_every_order() {
    const ODD: [&str; 12] = [
        "",
        " ",
        "-",
        ":",
        "~",
        "a:b-c",
        "1_0",
        "..",
        "é1.ü",
        "99999999999999999999999",
        "~~-r",
        "1.\u{0}",
    ];
    for ecosystem in ["Debian", "AlmaLinux", "Alpine", "PyPI", "npm", "other"] {
        let ecosystem = Ecosystem::new(ecosystem);
        for a in ODD {
            assert_eq!(compare(&ecosystem, a, a), Ordering::Equal, "{a:?}");
            for b in ODD {
                let forth = compare(&ecosystem, a, b);
                assert_eq!(forth, compare(&ecosystem, b, a).reverse(), "{a:?} {b:?}");
            }
        }
    }
}
