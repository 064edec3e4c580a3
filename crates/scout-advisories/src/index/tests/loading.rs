//! What loading reports, and what damage does.

use super::*;

const GOOD: &str = r#"{"id": "CVE-2024-0001", "modified": "2024-05-01T10:00:00Z", "affected": [
    {"package": {"ecosystem": "npm", "name": "p"},
     "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]}"#;

#[test]
fn the_report_counts_what_a_feed_holds() {
    let folder = TempDir::new().unwrap();
    let records = [
        record(
            "CVE-2024-0001",
            "Debian:12",
            "ECOSYSTEM",
            r#"{"introduced": "0"}"#,
        )
        .replacen('{', r#"{"modified": "2024-05-01T10:00:00Z","#, 1),
        record(
            "CVE-2024-0002",
            "Debian:11",
            "ECOSYSTEM",
            r#"{"introduced": "0"}"#,
        )
        .replacen('{', r#"{"modified": "0001-01-01T00:00:00Z","#, 1),
        record(
            "CVE-2024-0003",
            "Debian:12",
            "ECOSYSTEM",
            r#"{"introduced": "0"}"#,
        )
        .replacen('{', r#"{"withdrawn": "2024-05-01T10:00:00Z","#, 1),
        record("ALBA-1", "Debian:12", "ECOSYSTEM", r#"{"introduced": "0"}"#),
        "{".to_owned(),
    ];
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    write_dump(folder.path(), "Debian", &records);
    let (_, report) = load(folder.path());
    let [feed] = &report.feeds[..] else {
        panic!("{report:?}");
    };
    let releases: Vec<&str> = feed.releases.iter().map(Ecosystem::as_str).collect();
    assert_eq!(releases, ["Debian:11", "Debian:12"]);
    let counts = (
        feed.records,
        feed.withdrawn,
        feed.not_vulnerabilities,
        feed.unreadable,
    );
    assert_eq!(counts, (2, 1, 1, 1));
    let modified = feed.newest_modified.map(|time| time.to_string());
    assert_eq!(modified.as_deref(), Some("2024-05-01T10:00:00Z"));
    let [problem] = &report.problems[..] else {
        panic!("{report:?}");
    };
    assert_eq!(
        (problem.ecosystem.as_str(), problem.file.as_str()),
        ("Debian", "4.json")
    );
}

#[test]
fn only_wanted_feeds_are_loaded() {
    let folder = TempDir::new().unwrap();
    write_dump(folder.path(), "npm", &[GOOD]);
    write_dump(folder.path(), "PyPI", &[GOOD]);
    let advisories = AdvisoryDir::open(folder.path()).unwrap();
    let wanted = BTreeSet::from(["npm".to_owned(), "Go".to_owned(), "../npm".to_owned()]);
    let (index, report) = AdvisoryIndex::load(&advisories, &wanted, LoadLimits::default()).unwrap();
    assert!(index.has_feed(&Ecosystem::new("npm")));
    assert!(!index.has_feed(&Ecosystem::new("PyPI")));
    assert!(!index.has_feed(&Ecosystem::new("../npm")));
    assert_eq!(report.problems, []);
}

/// Checks that a dump made of `content` is reported and its feed is not loaded, and that the
/// other feed is.
fn check_damaged(content: &[u8], reason: &str) {
    let folder = TempDir::new().unwrap();
    write_dump(folder.path(), "PyPI", &[&GOOD.replace("npm", "PyPI")]);
    fs::create_dir(folder.path().join("npm")).unwrap();
    fs::write(folder.path().join("npm/all.zip"), content).unwrap();
    let (index, report) = load(folder.path());
    assert!(!index.has_feed(&Ecosystem::new("npm")), "{reason}");
    assert!(index.has_feed(&Ecosystem::new("PyPI")), "{reason}");
    let [problem] = &report.problems[..] else {
        panic!("{reason}: {report:?}");
    };
    assert!(problem.reason.contains(reason), "{problem:?}");
    // A damaged dump is listed with a fingerprint, so that its repair is seen.
    let feeds = AdvisoryDir::open(folder.path()).unwrap().feeds().unwrap();
    assert_eq!(feeds.len(), 2);
}

#[test]
fn a_damaged_dump_is_reported_and_not_loaded() {
    let folder = TempDir::new().unwrap();
    write_dump(folder.path(), "npm", &[GOOD, GOOD]);
    let sound = fs::read(folder.path().join("npm/all.zip")).unwrap();
    check_damaged(b"", "is damaged");
    check_damaged(b"<html>not found</html>", "is damaged");
    check_damaged(&sound[..sound.len() / 2], "is damaged");
    let mut flipped = sound;
    // Inside the first record's compressed bytes.
    flipped[60] ^= 0xff;
    check_damaged(&flipped, "is damaged");
    write_dump(folder.path(), "npm", &[]);
    let empty = fs::read(folder.path().join("npm/all.zip")).unwrap();
    check_damaged(&empty, "holds no record that can be used");
    write_dump(folder.path(), "npm", &[&GOOD.replace("npm", "PyPI")]);
    let misplaced = fs::read(folder.path().join("npm/all.zip")).unwrap();
    check_damaged(&misplaced, "holds no record about a package of npm");
    write_dump(folder.path(), "npm", &["{}", "null"]);
    let unusable = fs::read(folder.path().join("npm/all.zip")).unwrap();
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("npm")).unwrap();
    fs::write(folder.path().join("npm/all.zip"), unusable).unwrap();
    let (index, report) = load(folder.path());
    assert!(!index.has_feed(&Ecosystem::new("npm")));
    assert_eq!(report.problems.len(), 3);
}

#[test]
fn limits_hold() {
    let folder = TempDir::new().unwrap();
    let long = format!("{GOOD}{}", " ".repeat(1000));
    write_dump(folder.path(), "npm", &[GOOD, &long]);
    let advisories = AdvisoryDir::open(folder.path()).unwrap();
    let load = |limits: LoadLimits| {
        let wanted = BTreeSet::from(["npm".to_owned()]);
        let (index, report) = AdvisoryIndex::load(&advisories, &wanted, limits).unwrap();
        let reasons: Vec<String> = report
            .problems
            .into_iter()
            .map(|problem| problem.reason)
            .collect();
        (index.has_feed(&Ecosystem::new("npm")), reasons.join("; "))
    };
    let limits = LoadLimits::default();
    for (limits, loaded, reason) in [
        (limits, true, ""),
        (
            LoadLimits {
                record_bytes: 1000,
                ..limits
            },
            true,
            "is larger than 1000 bytes",
        ),
        (
            LoadLimits {
                records: 1,
                ..limits
            },
            false,
            "holds more than 1 records",
        ),
        (
            LoadLimits {
                feed_bytes: 1000,
                ..limits
            },
            false,
            "inflates to more than 1000 bytes",
        ),
    ] {
        assert_eq!(load(limits), (loaded, reason.to_owned()));
    }
}

#[test]
fn many_problems_are_counted_and_few_are_listed() {
    let folder = TempDir::new().unwrap();
    let records: Vec<&str> = std::iter::repeat_n("{", 100).chain([GOOD]).collect();
    write_dump(folder.path(), "npm", &records);
    let (_, report) = load(folder.path());
    assert_eq!(report.problems.len(), LoadReport::MAX_PROBLEMS);
    assert_eq!(report.more_problems, 100 - LoadReport::MAX_PROBLEMS as u64);
    assert_eq!(report.feeds[0].unreadable, 100);
}

#[test]
fn the_fingerprint_follows_the_content() {
    let folder = TempDir::new().unwrap();
    let fingerprint = |records: &[&str]| {
        write_dump(folder.path(), "npm", records);
        let (_, report) = load(folder.path());
        let feeds = AdvisoryDir::open(folder.path()).unwrap().feeds().unwrap();
        assert_eq!(feeds[0].fingerprint, report.feeds[0].fingerprint);
        feeds[0].fingerprint.clone()
    };
    let first = fingerprint(&[GOOD]);
    assert_eq!(fingerprint(&[GOOD]), first);
    // The same length, another content.
    assert_ne!(fingerprint(&[&GOOD.replace("0001", "0002")]), first);
}
