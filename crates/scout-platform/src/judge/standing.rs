//! What stands of the newest images, and what of it is new.
//!
//! Only what was pushed last counts, as in `latest-indexed`; environments play no part. The state
//! before is compared with the state now, so nothing depends on what happened in between, and
//! judging twice tells nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use scout_envs::{OrgName, PolicyId, Severity, Verdict, VulnerabilityId};
use scout_notices::{
    AffectedPackage, Event, FailedPolicy, MAX_PACKAGES, MAX_REASONS, NewVulnerability, Notice,
};
use scout_store::{NewNotice, RepositoryId, Standing, StandingLevel, Standings, StandingsChange};
use sha2::{Digest as _, Sha256};

use super::stream::{Judged, JudgedImage, Newest};

/// Most fixed versions that a notice names of one package.
const MAX_FIXED_VERSIONS: usize = 3;
/// Longest reason of a failed policy in a notice, in characters.
const MAX_REASON: usize = 500;

/// Returns what changed since `before`; nothing if nothing did.
///
/// What is found in an organization that was never judged for notices is its baseline, and so is
/// what the first advisories that are loaded say: old news to the image, only new to us.
pub(super) fn change(
    judged: &Judged,
    before: Option<&Standings>,
    references: &BTreeMap<RepositoryId, String>,
    (org, now): (&OrgName, Timestamp),
) -> Option<StandingsChange> {
    let knows_findings = judged.advisories_loaded_at.is_some();
    let is_baseline = before.is_none_or(|before| knows_findings && !before.knows_findings);
    let mut change = StandingsChange {
        knows_findings,
        ..StandingsChange::default()
    };
    for (repository, newest) in &judged.newest {
        let images = newest.images(judged);
        if images.is_empty() || images.iter().any(|image| image.awaits_matching) {
            // Judgement of it is asked for already.
            continue;
        }
        let found = found(judged, &images);
        let was = before.and_then(|before| before.repositories.get(repository));
        let levels = found
            .iter()
            .map(|(subject, found)| (subject.clone(), found.level));
        let (standing, new) = advance(was, version(&images), levels.collect());
        if was != Some(&standing) {
            change.standings.push((*repository, standing));
        }
        if is_baseline {
            continue;
        }
        let place = Place {
            org,
            now,
            repository: references.get(repository).map_or("", String::as_str),
            newest,
        };
        let new = new.iter().filter_map(|subject| found.get(subject));
        change
            .notices
            .extend(new.map(|found| place.notice(judged, *repository, found)));
    }
    for (repository, was) in before.into_iter().flat_map(|before| &before.repositories) {
        if was.is_present && !judged.newest.contains_key(repository) {
            let gone = Standing {
                is_present: false,
                ..was.clone()
            };
            change.standings.push((*repository, gone));
        }
    }
    let is_known = before.is_some_and(|before| before.knows_findings == knows_findings);
    (!is_known || !change.standings.is_empty()).then_some(change)
}

/// What tells the newest image of a repository from others.
fn version(images: &[&JudgedImage]) -> String {
    let digests: BTreeSet<_> = images
        .iter()
        .map(|image| image.record.facts.manifest_digest.as_str())
        .collect();
    digests.into_iter().collect::<Vec<_>>().join(" ")
}

/// Returns what stands now, and which of it is new: not there with the image before, and, as
/// long as the image stays, never there with it. So advisories that come and go tell nothing.
fn advance(
    before: Option<&Standing>,
    version: String,
    found: BTreeMap<String, u8>,
) -> (Standing, Vec<String>) {
    let is_same = before.is_some_and(|before| before.version == version);
    let known = |subject: &str| match before.and_then(|before| before.subjects.get(subject)) {
        Some(level) if is_same => level.told,
        Some(level) => level.now,
        None => 0,
    };
    let new = found
        .iter()
        .filter(|(subject, level)| **level > known(subject))
        .map(|(subject, _)| subject.clone())
        .collect();
    let mut subjects: BTreeMap<String, StandingLevel> = found
        .into_iter()
        .map(|(subject, now)| {
            let told = if is_same {
                known(&subject).max(now)
            } else {
                now
            };
            (subject, StandingLevel { now, told })
        })
        .collect();
    if let (true, Some(before)) = (is_same, before) {
        for (subject, level) in &before.subjects {
            subjects.entry(subject.clone()).or_insert(StandingLevel {
                now: 0,
                told: level.told,
            });
        }
    }
    let standing = Standing {
        version,
        is_present: true,
        subjects,
    };
    (standing, new)
}

/// Something that stands of an image.
struct Found<'a> {
    subject: String,
    level: u8,
    what: What<'a>,
    image: &'a JudgedImage,
}

enum What<'a> {
    Vulnerability(&'a VulnerabilityId, Severity),
    Policy(PolicyId, &'a [String]),
}

/// Everything that stands of these images, by subject.
fn found<'a>(judged: &'a Judged, images: &[&'a JudgedImage]) -> BTreeMap<String, Found<'a>> {
    let mut all: BTreeMap<String, Found<'a>> = BTreeMap::new();
    let mut add = |found: Found<'a>| match all.get(&found.subject) {
        Some(known) if known.level >= found.level => {}
        _ => drop(all.insert(found.subject.clone(), found)),
    };
    for image in images {
        for (_, finding) in judged.findings_of(&image.record) {
            let Some(level) = level(finding.severity) else {
                continue;
            };
            add(Found {
                subject: format!("v:{}", finding.vulnerability),
                level,
                what: What::Vulnerability(&finding.vulnerability, finding.severity),
                image,
            });
        }
        for (policy, evaluation) in &image.evaluations {
            if let Verdict::NonCompliant(reasons) = &evaluation.verdict {
                add(Found {
                    subject: format!("p:{}", policy.id()),
                    level: 1,
                    what: What::Policy(policy.id(), reasons),
                    image,
                });
            }
        }
    }
    all
}

/// How bad a severity is, if people are told of it.
fn level(severity: Severity) -> Option<u8> {
    match severity {
        Severity::Critical => Some(2),
        Severity::High => Some(1),
        Severity::Medium | Severity::Low | Severity::Unspecified => None,
    }
}

/// Where and when something was found.
struct Place<'a> {
    org: &'a OrgName,
    now: Timestamp,
    repository: &'a str,
    newest: &'a Newest,
}

impl Place<'_> {
    fn notice(&self, judged: &Judged, repository: RepositoryId, found: &Found<'_>) -> NewNotice {
        let event = match found.what {
            What::Vulnerability(id, severity) => {
                Event::Vulnerability(vulnerability(judged, found.image, id, severity))
            }
            What::Policy(id, reasons) => Event::Policy(policy(id, reasons)),
        };
        let digest = found.image.record.facts.manifest_digest.clone();
        let notice = Notice {
            id: self.id(digest.as_str(), found),
            at: self.now,
            repository: self.repository.to_owned(),
            tags: self.newest.tags.clone(),
            digest,
            event,
        };
        NewNotice {
            repository,
            subject: found.subject.clone(),
            level: found.level,
            found_at: self.now,
            // Nothing in it can fail: strings, numbers, and keys that are strings.
            body: serde_json::to_string(&notice).unwrap_or_default(),
        }
    }

    /// What tells a notice from every other: also from one of the same after it was mended.
    fn id(&self, digest: &str, found: &Found<'_>) -> String {
        let mut hash = Sha256::new();
        let when = self.now.as_nanosecond().to_string();
        let parts = [
            self.org.as_str(),
            self.repository,
            digest,
            &found.subject,
            &when,
        ];
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        hash.iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn vulnerability(
    judged: &Judged,
    image: &JudgedImage,
    id: &VulnerabilityId,
    severity: Severity,
) -> NewVulnerability {
    let in_use = judged.in_use_anywhere(image.record.id);
    let mut packages = BTreeSet::new();
    let mut is_used = false;
    for package in &image.record.packages {
        let one = roaring::RoaringBitmap::from_iter([package]);
        for (key, finding) in judged.findings_in(&one) {
            if finding.vulnerability != *id {
                continue;
            }
            is_used |= in_use.as_ref().is_some_and(|seen| seen.contains(package));
            let fixed = finding.fixed_versions.iter().take(MAX_FIXED_VERSIONS);
            packages.insert(AffectedPackage {
                name: key.name.clone(),
                version: key.version.clone(),
                fixed_versions: fixed.cloned().collect(),
            });
        }
    }
    NewVulnerability {
        vulnerability: id.clone(),
        severity,
        known_exploited: judged.is_known_exploited(id),
        in_use: in_use.map(|_| is_used),
        more_packages: packages.len().saturating_sub(MAX_PACKAGES) as u64,
        packages: packages.into_iter().take(MAX_PACKAGES).collect(),
    }
}

fn policy(id: PolicyId, reasons: &[String]) -> FailedPolicy {
    let short = |reason: &String| reason.chars().take(MAX_REASON).collect();
    FailedPolicy {
        policy: id,
        display_name: id.display_name().to_owned(),
        reasons: reasons.iter().take(MAX_REASONS).map(short).collect(),
        more_reasons: reasons.len().saturating_sub(MAX_REASONS) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(before: &mut Option<Standing>, version: &str, found: &[(&str, u8)]) -> Vec<String> {
        let found = found
            .iter()
            .map(|(s, level)| ((*s).to_owned(), *level))
            .collect();
        let (standing, new) = advance(before.as_ref(), version.to_owned(), found);
        *before = Some(standing);
        new
    }

    #[test]
    fn what_is_told_and_what_not() {
        let mut state = None;
        let mut check = |version, found: &[(&str, u8)], expected: &[&str], why: &str| {
            assert_eq!(step(&mut state, version, found), expected, "{why}");
        };
        check("1", &[("a", 1), ("b", 2)], &["a", "b"], "a first image");
        check("1", &[("a", 1), ("b", 2)], &[], "the same again");
        check("1", &[("b", 2)], &[], "one is withdrawn");
        check("1", &[("a", 1), ("b", 2)], &[], "advisories flap");
        check("2", &[("a", 1), ("b", 2)], &[], "a push without change");
        check("3", &[("b", 2)], &[], "a push that mends one");
        check(
            "4",
            &[("a", 1), ("b", 2)],
            &["a"],
            "a push that breaks it again",
        );
        check(
            "4",
            &[("a", 2), ("b", 2)],
            &["a"],
            "it is worse than thought",
        );
        check("4", &[("a", 1), ("b", 2)], &[], "it is not so bad");
        check("4", &[("a", 2), ("b", 2)], &[], "it is");
        check("4", &[], &[], "all are withdrawn");
        check("5", &[("a", 1)], &["a"], "they come with another image");
    }
}
