//! The families beyond the documented ones: golden text, and what a budget does to many
//! organizations made up from a fixed seed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scout_envs::{
    Extended, ExtendedStream, MemberCounts, NotAnalyzed, PolicyCounts, PolicyId, RepositoryCounts,
    RuntimeSync, Severity, SeverityCounts, StreamSnapshot,
};

use super::*;
use crate::format::Format;
use crate::render::render;
use crate::scout::DOCUMENTED_FAMILIES;

/// What scrapers set themselves, and collide with.
const FORBIDDEN: [&str; 6] = ["id", "container", "pod", "namespace", "job", "instance"];
const REPOSITORY_FAMILIES: [&str; 3] = [
    "scout_repository_images",
    "scout_repository_exposures",
    "scout_repository_known_exploited_exposures",
];

fn budget(series: usize) -> SeriesBudget {
    SeriesBudget::try_from(series).unwrap()
}

fn counts(severities: &[(Severity, usize)]) -> SeverityCounts {
    let each = severities.iter();
    each.flat_map(|(severity, count)| std::iter::repeat_n(*severity, *count))
        .collect()
}

fn stream(name: &str, members: u64, vulnerabilities: Option<SeverityCounts>) -> StreamSnapshot {
    let policy = PolicyId::FixableVulnerabilities;
    StreamSnapshot {
        name: name.parse().unwrap(),
        members,
        judged: if vulnerabilities.is_some() {
            members
        } else {
            0
        },
        partial: 1,
        vulnerabilities,
        in_use: None,
        policies: vec![PolicyCounts {
            id: policy,
            display_name: policy.display_name().to_owned(),
            evaluated: 0,
            compliant: 0,
            no_data: members,
        }],
    }
}

fn snapshot(streams: Vec<StreamSnapshot>, extended: Option<Extended>) -> Snapshot {
    Snapshot {
        org: "acme".parse().unwrap(),
        generation: 4,
        judged_at: Timestamp::UNIX_EPOCH,
        advisories_loaded_at: None,
        valid_until: None,
        streams,
        extended,
    }
}

fn row(repository: &str, images: u64, exposures: Option<SeverityCounts>) -> RepositoryCounts {
    RepositoryCounts {
        repository: repository.to_owned(),
        counts: MemberCounts {
            images,
            exposures,
            known_exploited: None,
        },
    }
}

fn acme() -> (Snapshot, Upkeep) {
    let critical = counts(&[(Severity::Critical, 1)]);
    let two = counts(&[(Severity::Critical, 2)]);
    let at = |second| Timestamp::from_second(second).unwrap();
    let latest = stream("latest-indexed", 3, Some(critical));
    let unjudged = stream("prod", 1, None);
    let extended = Extended {
        streams: vec![
            ExtendedStream {
                name: latest.name.clone(),
                exposures: Some(two),
                fixable: Some(critical),
                known_exploited: None,
                repositories: vec![
                    row("r.example.com/a", 2, Some(two)),
                    row("other", 1, Some(SeverityCounts::default())),
                ],
                others: None,
            },
            ExtendedStream {
                name: unjudged.name.clone(),
                exposures: None,
                fixable: None,
                known_exploited: None,
                repositories: vec![row("r.example.com/a", 1, None)],
                others: None,
            },
        ],
    };
    let waits = |stream: &str, images| NotAnalyzed {
        stream: stream.parse().unwrap(),
        reason: "waiting",
        images,
    };
    let upkeep = Upkeep {
        not_analyzed: vec![waits("latest-indexed", 2), waits("nowhere", 9)],
        advisories: vec![("Debian".to_owned(), at(1_700_000_000))],
        known_exploited: None,
        registries: vec![("r.example.com".to_owned(), at(1_700_000_060))],
        runtimes: vec![RuntimeSync {
            stream: "prod".parse().unwrap(),
            source: "sysdig:eu".to_owned(),
            synced_at: at(1_700_000_120),
        }],
    };
    (snapshot(vec![latest, unjudged], Some(extended)), upkeep)
}

/// The samples of the families beyond the documented ones.
fn samples(exposition: &Exposition) -> Vec<String> {
    let text = render(exposition, Format::PrometheusText);
    let is_documented = |line: &&str| {
        let mut names = DOCUMENTED_FAMILIES.iter().map(|family| family.name);
        names.any(|name| line.starts_with(&format!("{name}{{")))
    };
    text.lines()
        .filter(|line| !line.starts_with('#') && !is_documented(line))
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_is_known_is_told_and_nothing_else() {
    let (snapshot, upkeep) = acme();
    let all = samples(&extended_families(
        &snapshot,
        &upkeep,
        SeriesBudget::DEFAULT,
    ));
    let is_about = |line: &&String| !line.contains("_dropped") && !line.ends_with("} 0");
    let told: Vec<_> = all.iter().filter(is_about).map(String::as_str).collect();
    let policy = r#"policy="fixable-vulnerabilities",displayName="No fixable critical or high vulnerabilities""#;
    let (of_latest, of_prod) = (
        format!(r#"scout_policy_no_data_images{{{policy},streamName="latest-indexed"}} 3"#),
        format!(r#"scout_policy_no_data_images{{{policy},streamName="prod"}} 1"#),
    );
    assert_eq!(
        told,
        [
            "scout_extended_series_budget 10000",
            r#"scout_source_advisories_loaded_timestamp_seconds{ecosystem="Debian"} 1700000000"#,
            r#"scout_source_registry_listed_timestamp_seconds{registry="r.example.com"} 1700000060"#,
            r#"scout_source_runtime_synced_timestamp_seconds{streamName="prod",source="sysdig:eu"} 1700000120"#,
            r#"scout_stream_images{streamName="latest-indexed"} 3"#,
            r#"scout_stream_images{streamName="prod"} 1"#,
            r#"scout_stream_images_judged{streamName="latest-indexed"} 3"#,
            r#"scout_stream_images_partial{streamName="latest-indexed"} 1"#,
            r#"scout_stream_images_partial{streamName="prod"} 1"#,
            r#"scout_stream_exposures{streamName="latest-indexed",severity="CRITICAL"} 2"#,
            r#"scout_stream_fixable_vulnerabilities{streamName="latest-indexed",severity="CRITICAL"} 1"#,
            &of_latest,
            &of_prod,
            r#"scout_stream_images_not_analyzed{streamName="latest-indexed",reason="waiting"} 2"#,
            r#"scout_repository_images{streamName="latest-indexed",repository="r.example.com/a"} 2"#,
            r#"scout_repository_images{streamName="latest-indexed",repository="./other"} 1"#,
            r#"scout_repository_images{streamName="prod",repository="r.example.com/a"} 1"#,
            r#"scout_repository_exposures{streamName="latest-indexed",repository="r.example.com/a",severity="CRITICAL"} 2"#,
        ]
    );
    // Zero is told where it is known, and only there.
    assert!(all.contains(&r#"scout_stream_images_judged{streamName="prod"} 0"#.to_owned()));
    for absent in [
        "known_exploited_vulnerabilities{",
        "_in_use_vulnerabilities{",
        "_known_exploited_exposures{",
        "_known_exploited_loaded_timestamp_seconds ",
        r#"exposures{streamName="prod""#,
        "nowhere",
    ] {
        assert!(!all.iter().any(|line| line.contains(absent)), "{absent}");
    }
    // Of each family it is told that nothing was dropped, of those without series too.
    let dropped: Vec<_> = all
        .iter()
        .filter(|line| line.contains("_dropped{"))
        .collect();
    assert_eq!(dropped.len(), EXTENDED_FAMILIES.len() - 2);
    assert!(
        dropped.iter().all(|line| line.ends_with("} 0")),
        "{dropped:?}"
    );
}

#[test]
fn the_documented_families_come_first_and_unchanged() {
    let (snapshot, upkeep) = acme();
    let plain = render(&scout_families(&snapshot), Format::PrometheusText);
    let extended = extended_families(&snapshot, &upkeep, SeriesBudget::DEFAULT);
    let text = render(&extended, Format::PrometheusText);
    assert!(text.starts_with(&plain));
    let written = extended.families().map(Family::name);
    let described = DOCUMENTED_FAMILIES.iter().chain(EXTENDED_FAMILIES);
    assert!(written.eq(described.clone().map(|family| family.name)));
    for (family, described) in extended.families().zip(described) {
        assert_eq!(family.kind(), described.kind);
        assert_eq!(family.help(), described.help);
        assert!(family.labels().eq(described.labels.iter().copied()));
    }
    for family in EXTENDED_FAMILIES {
        let collides = family.labels.iter().any(|label| FORBIDDEN.contains(label));
        assert!(!collides, "{family:?}");
        assert!(family.name.starts_with("scout_"), "{family:?}");
    }
}

#[test]
fn an_older_snapshot_has_what_it_knows() {
    let (mut snapshot, upkeep) = acme();
    snapshot.extended = None;
    let all = samples(&extended_families(
        &snapshot,
        &upkeep,
        SeriesBudget::DEFAULT,
    ));
    assert!(
        all.iter()
            .any(|line| line.starts_with("scout_stream_images{"))
    );
    for absent in [
        "exposures{",
        "fixable_vulnerabilities{",
        "scout_repository_images{",
    ] {
        assert!(!all.iter().any(|line| line.contains(absent)), "{absent}");
    }
}

#[cfg(feature = "openmetrics-parser")]
#[test]
fn a_strict_parser_reads_the_same_values_back() {
    let (snapshot, upkeep) = acme();
    let written = extended_families(&snapshot, &upkeep, SeriesBudget::DEFAULT);
    for format in Format::ALL {
        let read = crate::parse(&render(&written, format), format).unwrap();
        assert_eq!(read.series_count(), written.series_count(), "{format:?}");
        for family in written.families().filter(|family| !family.is_empty()) {
            let same = read.family(family.name()).unwrap();
            for (ours, theirs) in family.samples().zip(same.samples()) {
                assert_eq!(ours.value(), theirs.value(), "{} {format:?}", family.name());
            }
        }
    }
}

/// Numbers that look random, the same in each run (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn severities(&mut self) -> SeverityCounts {
        // Few values, so that many repositories are equally bad.
        let each = Severity::ALL.map(|severity| (severity, self.below(3) as usize));
        counts(&each)
    }

    fn organization(&mut self) -> Snapshot {
        let has_catalog = self.below(2) == 0;
        let (mut streams, mut extended) = (Vec::new(), Extended::default());
        for place in 0..=self.below(14) {
            let name = format!("env-{place}");
            let mut rows = Vec::new();
            let mut sum = MemberCounts::default();
            for number in 0..self.below(60) {
                let is_judged = self.below(5) > 0;
                let exposures = is_judged.then(|| self.severities());
                let name = match number {
                    0 => "other".to_owned(),
                    _ => format!("r.example.com/{}", self.0),
                };
                let mut row = row(&name, 1 + self.below(4), exposures);
                row.counts.known_exploited = (is_judged && has_catalog).then(|| self.below(3));
                sum.add(&row.counts);
                rows.push(row);
            }
            streams.push(stream(&name, sum.images, sum.exposures));
            extended.streams.push(ExtendedStream {
                name: name.parse().unwrap(),
                exposures: sum.exposures,
                fixable: None,
                known_exploited: None,
                repositories: rows,
                others: None,
            });
        }
        if self.below(3) == 0 {
            let most = self.below(100) as usize;
            extended.keep_worst(most);
        }
        snapshot(streams, Some(extended))
    }
}

/// The values of a family added up, by all labels but `repository`.
fn sums(exposition: &Exposition, family: &str) -> BTreeMap<Vec<String>, u64> {
    let mut sums = BTreeMap::new();
    for sample in exposition.family(family).unwrap().samples() {
        let labels = sample.labels().filter(|(name, _)| *name != "repository");
        let key = labels.map(|(_, value)| value.to_owned()).collect();
        *sums.entry(key).or_default() += sample.value().as_f64() as u64;
    }
    sums
}

/// The series there are of a family that are not a sum of several repositories.
fn own(exposition: &Exposition, family: &str) -> u64 {
    let samples = exposition.family(family).unwrap().samples();
    samples
        .filter(|sample| sample.label("repository") != Some("other"))
        .count() as u64
}

fn dropped(exposition: &Exposition, family: &str) -> u64 {
    let dropped = exposition.family("scout_extended_series_dropped").unwrap();
    dropped.value(&[family]).unwrap().as_f64() as u64
}

#[test]
fn whatever_the_budget_sums_stay_and_it_is_kept() {
    let mut dice = Dice(0x5eed);
    let (mut cut, mut whole, mut none) = (0, 0, 0);
    for case in 0..200 {
        let organization = dice.organization();
        let upkeep = Upkeep::default();
        let all = extended_families(&organization, &upkeep, budget(SeriesBudget::MAX));
        // Every fourth budget is so small that not even sums fit into it.
        let range = if case % 4 == 0 { 30 } else { 1_500 };
        let most = 100 + dice.below(range) as usize;
        let made = extended_families(&organization, &upkeep, budget(most));
        assert_eq!(
            made,
            extended_families(&organization.clone(), &upkeep, budget(most)),
            "{case}: the same facts give the same series"
        );
        let extra = made.series_count() - scout_families(&organization).series_count();
        assert!(extra <= most, "{case}: {extra} series of {most}");
        let is_there = REPOSITORY_FAMILIES.map(|name| !made.family(name).unwrap().is_empty());
        for name in REPOSITORY_FAMILIES {
            let (told, left_out) = (own(&made, name), dropped(&made, name));
            let expected = own(&all, name) + dropped(&all, name);
            assert_eq!(told + left_out, expected, "{case} {name}");
            if is_there.contains(&true) {
                assert_eq!(sums(&made, name), sums(&all, name), "{case} {name}");
            }
        }
        // What each stream tells of itself is what its repositories add up to.
        if is_there.contains(&true) {
            let by_stream = sums(&made, "scout_stream_exposures");
            let by_repository = sums(&made, "scout_repository_exposures");
            if dropped(&made, "scout_stream_exposures") == 0 {
                assert_eq!(by_repository, by_stream, "{case}");
            }
            assert_eq!(
                sums(&made, "scout_repository_images")
                    .into_values()
                    .sum::<u64>(),
                organization.streams.iter().map(|s| s.members).sum::<u64>()
            );
        }
        match (dropped(&made, REPOSITORY_FAMILIES[0]), is_there[0]) {
            (0, _) => whole += 1,
            (_, true) => cut += 1,
            (_, false) => none += 1,
        }
    }
    // Each kind of case was there.
    assert!(cut > 30 && whole > 30 && none > 5, "{cut} {whole} {none}");
}

#[test]
fn a_greater_budget_tells_no_less() {
    let organization = Dice(0xd1ce).organization();
    let upkeep = Upkeep::default();
    let mut before = 0;
    for most in (100..3_000).step_by(37) {
        let made = extended_families(&organization, &upkeep, budget(most));
        let told = own(&made, "scout_repository_exposures");
        assert!(told >= before, "{most}: {told} after {before}");
        before = told;
    }
    assert!(before > 0);
}

#[test]
fn what_is_worst_has_a_series_of_its_own() {
    let (mut snapshot, upkeep) = acme();
    let rows = (0..200).map(|n| {
        let critical = counts(&[
            (Severity::Critical, usize::from(n == 77)),
            (Severity::Low, 5),
        ]);
        row(&format!("r.example.com/{n:03}"), 1, Some(critical))
    });
    let streams = &mut snapshot.extended.as_mut().unwrap().streams;
    streams[0].repositories = rows.collect();
    let made = extended_families(&snapshot, &upkeep, budget(120));
    let images = made.family("scout_repository_images").unwrap();
    let is_told = |name| images.value(&["latest-indexed", name]).is_some();
    assert!(is_told("r.example.com/077") && is_told("other"));
    // Of the equally bad, the first by name.
    assert!(is_told("r.example.com/000") && !is_told("r.example.com/199"));
}

#[test]
fn a_family_that_does_not_fit_is_left_out_whole() {
    let names = (0..60).map(|n| format!("env-{n}"));
    let streams = names.map(|name| stream(&name, 1, Some(SeverityCounts::default())));
    let streams: Vec<_> = streams.collect();
    let extended = Extended {
        streams: streams
            .iter()
            .map(|one| ExtendedStream {
                name: one.name.clone(),
                exposures: Some(SeverityCounts::default()),
                fixable: None,
                known_exploited: None,
                repositories: vec![row("r.example.com/a", 1, Some(SeverityCounts::default()))],
                others: None,
            })
            .collect(),
    };
    let snapshot = snapshot(streams, Some(extended));
    let made = extended_families(&snapshot, &Upkeep::default(), budget(200));
    let len = |name| made.family(name).map_or(0, Family::len);
    // 183 are left: three families of 60 fit, the fourth does not, nor do 300 exposures.
    for (name, series, left_out) in [
        ("scout_stream_images", 60, 0),
        ("scout_stream_images_judged", 60, 0),
        ("scout_stream_images_partial", 60, 0),
        ("scout_stream_exposures", 0, 300),
        ("scout_policy_no_data_images", 0, 60),
        ("scout_repository_images", 0, 60),
        ("scout_repository_exposures", 0, 300),
        ("scout_repository_known_exploited_exposures", 0, 0),
    ] {
        assert_eq!(
            (len(name), dropped(&made, name)),
            (series, left_out),
            "{name}"
        );
    }
    let documented = scout_families(&snapshot).series_count();
    assert_eq!(made.series_count() - documented, 180 + 17);
}
