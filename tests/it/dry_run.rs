//! `--dry-run` says what a run would do, asks for lists only, and leaves nothing behind.

use std::fs;
use std::path::Path;

use crate::support::fake::FakeRegistry;
use crate::support::layout::{Layout, debian};
use crate::support::program::{self, Outcome};
use crate::support::scout::Scout;
use crate::support::workspace;

const EXAMPLES: &str = "type=oci-dir,path=examples/registry";

/// Returns the lines with single spaces, without digests.
fn lines(outcome: &Outcome) -> Vec<String> {
    let lines = outcome.stdout.lines().map(|line| {
        let line = line.split('@').next().unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    lines.collect()
}

#[track_caller]
fn check(scout: &Scout, registry: &str, more: &[&str], expected: &[&str]) {
    let mut command = scout.watch_command(registry, &["--dry-run"]);
    command.args(more).env(
        "DOCKER_SCOUT_REGISTRY_WEBHOOK_SECRET",
        "0123456789abcdef0123456789abcdef",
    );
    let outcome = program::wait(command, program::DEADLINE).expect_code(0);
    assert_eq!(lines(&outcome), expected, "{registry} {more:?}\n{outcome}");
}

#[test]
fn repositories_tags_and_images_are_told_as_the_flags_choose_them() {
    const WATCHED: [&str; 3] = [
        "would watch shop/api",
        "would watch shop/web",
        "would watch shop/worker",
    ];
    let cases: [(&str, &[&str], &[&str]); 5] = [
        (
            EXAMPLES,
            &[],
            &[
                "baseline shop/api:2.1",
                "baseline shop/web:1.0",
                "baseline shop/web:1.1",
                "baseline shop/worker:0.9",
                "0 of 4 tags would be indexed; nothing was done",
                "Use --all-images to index what is in the registry already.",
            ],
        ),
        (
            EXAMPLES,
            &["--all-images", "--tag", "^1\\.1$", "--tag", "^2"],
            &[
                "would index shop/api:2.1",
                "would index shop/web:1.1",
                "would pass by 2 tags: no match for --tag, or signatures only",
                "2 of 2 tags would be indexed; nothing was done",
            ],
        ),
        (
            EXAMPLES,
            &["--all-images", "--sbom=false", "--tag", "^2"],
            &[
                "would record shop/api:2.1",
                "would pass by 3 tags: no match for --tag, or signatures only",
                "0 of 1 tags would be indexed; nothing was done",
            ],
        ),
        (
            "type=oci-dir,path=examples/registry,include=*/w*,exclude=*/worker",
            &["--all-images"],
            &[
                "would watch shop/web",
                "would index shop/web:1.0",
                "would index shop/web:1.1",
                "2 of 2 tags would be indexed; nothing was done",
            ],
        ),
        (
            EXAMPLES,
            &["--all-images", "--repository", "shop/api"],
            &[
                "would watch shop/api",
                "would index shop/api:2.1",
                "1 of 1 tags would be indexed; nothing was done",
            ],
        ),
    ];
    for (registry, more, expected) in cases {
        let scout = Scout::new();
        let names_some = expected[0].starts_with("would watch");
        let watched: &[&str] = if names_some { &[] } else { &WATCHED };
        check(&scout, registry, more, &[watched, expected].concat());
        assert!(!scout.dir().exists(), "{registry} {more:?} left something");
    }
}

/// Returns what is below a folder: each file with what is in it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let read = files.map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, fs::read(entry.path()).unwrap())
    });
    let mut read: Vec<_> = read.collect();
    read.sort();
    read
}

#[test]
fn what_is_recorded_counts_and_stays_as_it_is() {
    let mut layout = Layout::new();
    layout.image("team/app:1.0", &[debian("tool", "1.0-1")]);
    layout.image("team/old:1.0", &[debian("tool", "1.1-1")]);
    let scout = Scout::new();
    let first = scout.watch_command(&layout.registry(), &["--once"]);
    program::wait(first, program::DEADLINE).expect_code(0);
    let off = ["repo", "disable", "team/old"];
    scout.scout(&off).expect_code(0);
    layout.image("team/app:1.1", &[debian("tool", "1.2-1")]);
    let before = files(scout.dir());
    let left = "would leave team/old, which is disabled";
    check(
        &scout,
        &layout.registry(),
        &[],
        &[
            "would watch team/app",
            left,
            "below-baseline team/app:1.0",
            "would index team/app:1.1",
            "1 of 2 tags would be indexed; nothing was done",
        ],
    );
    check(
        &scout,
        &layout.registry(),
        &["--all-images"],
        &[
            "would watch team/app",
            left,
            "would index team/app:1.0",
            "would index team/app:1.1",
            "2 of 2 tags would be indexed; nothing was done",
        ],
    );
    let kept = |name: &str| !name.ends_with("-shm") && !name.ends_with("-wal");
    let database = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
        files.into_iter().filter(|(name, _)| kept(name)).collect()
    };
    assert!(
        database(before) == database(files(scout.dir())),
        "the record changed"
    );
}

#[test]
fn a_registry_is_asked_for_lists_and_digests_only_and_nobody_listens() {
    let layout = workspace::root().join("examples/registry");
    let fake = FakeRegistry::start(&layout, Box::new(|_| None));
    let scout = Scout::new();
    let registry = format!("{},port=65535", fake.registry());
    let more = [
        "--all-images",
        "--webhook-address",
        "127.0.0.1",
        "--tag",
        "^1",
    ];
    check(
        &scout,
        &registry,
        &more,
        &[
            "would watch shop/api",
            "would watch shop/web",
            "would watch shop/worker",
            "would listen http://127.0.0.1:65535/oci",
            "would index shop/web:1.0",
            "would index shop/web:1.1",
            "would pass by 2 tags: no match for --tag, or signatures only",
            "2 of 2 tags would be indexed; nothing was done",
        ],
    );
    for asked in fake.asked() {
        let path = asked.path.split('?').next().unwrap();
        let is_listing = asked.method == "GET"
            && (path == "/v2/" || path == "/v2/_catalog" || path.ends_with("/tags/list"));
        let is_digest = asked.method == "HEAD" && path.contains("/manifests/1.");
        assert!(is_listing || is_digest, "{asked:?}");
    }
}

#[test]
fn what_cannot_be_listed_is_a_failure_and_the_rest_is_told() {
    let layout = workspace::root().join("examples/registry");
    let refuse = |asked: &crate::support::fake::Asked| {
        let is_it = asked.path.starts_with("/v2/shop/web/tags/list");
        is_it.then(|| ("403 Forbidden".to_owned(), b"{}".to_vec()))
    };
    let fake = FakeRegistry::start(&layout, Box::new(refuse));
    let scout = Scout::new();
    let outcome = scout.sweep(&fake.registry(), &["--dry-run"]).expect_code(1);
    outcome
        .says("shop/web: ")
        .says("would index    shop/api:2.1@");
    assert!(!scout.dir().exists());
}
