//! What stands of the newest images, and what of it is new.
//!
//! Only what was pushed last counts, as in `latest-indexed`; environments play no part. The state
//! before is compared with the state now, so nothing depends on what happened in between, and
//! judging twice tells nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use roaring::RoaringBitmap;
use scout_envs::{Finding, OrgName, PolicyId, Severity, Verdict, VulnerabilityId};
use scout_notices::{
    AffectedPackage, Event, FailedPolicy, MAX_PACKAGES, MAX_REASONS, NewVulnerability, Notice,
};
use scout_store::{
    ImageId, NewNotice, PackageId, RepositoryId, Standing, StandingLevel, Standings,
    StandingsChange,
};
use sha2::{Digest as _, Sha256};

use super::stream::{Judged, JudgedImage, Newest};

/// Most fixed versions that a notice names of one package.
const MAX_FIXED_VERSIONS: usize = 3;
/// Longest reason of a failed policy in a notice, in characters.
const MAX_REASON: usize = 500;

/// What changed, before it is put into words.
#[derive(Debug)]
pub(super) struct Change<'a> {
    knows_findings: bool,
    standings: Vec<(RepositoryId, Standing)>,
    news: Vec<News<'a>>,
}

/// Something new of the newest image of a repository.
#[derive(Debug)]
struct News<'a> {
    repository: RepositoryId,
    newest: &'a Newest,
    found: Found<'a>,
}

impl Change<'_> {
    /// Returns whether there is something to tell.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Returns what is to be recorded, with notices of what is new in the repositories that have a
    /// name here.
    pub(super) fn named(
        self,
        judged: &Judged,
        references: &BTreeMap<RepositoryId, String>,
        (org, now): (&OrgName, Timestamp),
    ) -> StandingsChange {
        // The news of one image stand together, or nearly so: its findings are sorted once.
        let mut sorted: BTreeMap<ImageId, Affected<'_>> = BTreeMap::new();
        let mut of = None;
        let notices = self.news.iter().filter_map(|news| {
            let place = Place {
                org,
                now,
                repository: references.get(&news.repository)?,
                newest: news.newest,
            };
            if of.replace(news.repository) != Some(news.repository) {
                sorted.clear();
            }
            let image = news.found.image;
            let affected = sorted
                .entry(image.record.id)
                .or_insert_with(|| Affected::by(judged, image));
            Some(place.notice(affected, news.repository, &news.found))
        });
        StandingsChange {
            knows_findings: self.knows_findings,
            notices: notices.collect(),
            standings: self.standings,
        }
    }
}

/// Returns what changed since `before`; nothing if nothing did.
///
/// What is found in an organization that was never judged for notices is its baseline, and so is
/// what the first advisories that are loaded say: old news to the image, only new to us.
pub(super) fn change<'a>(judged: &'a Judged, before: Option<&Standings>) -> Option<Change<'a>> {
    let knows_findings = judged.advisories_loaded_at.is_some();
    let is_baseline = before.is_none_or(|before| knows_findings && !before.knows_findings);
    let mut change = Change {
        knows_findings,
        standings: Vec::new(),
        news: Vec::new(),
    };
    for (repository, newest) in &judged.newest {
        let images = newest.images(judged);
        if images.is_empty() || images.iter().any(|image| image.awaits_matching) {
            // Judgement of it is asked for already.
            continue;
        }
        let mut found = found(judged, &images);
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
        let new = new.iter().filter_map(|subject| found.remove(subject));
        change.news.extend(new.map(|found| News {
            repository: *repository,
            newest,
            found,
        }));
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
#[derive(Debug)]
struct Found<'a> {
    subject: String,
    level: u8,
    what: What<'a>,
    image: &'a JudgedImage,
}

#[derive(Debug)]
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
    fn notice(
        &self,
        affected: &Affected<'_>,
        repository: RepositoryId,
        found: &Found<'_>,
    ) -> NewNotice {
        let event = match found.what {
            What::Vulnerability(id, severity) => {
                Event::Vulnerability(affected.vulnerability(id, severity))
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

/// What an image's vulnerabilities affect.
#[derive(Debug)]
struct Affected<'a> {
    judged: &'a Judged,
    /// The packages that were seen loaded, if somebody looked.
    in_use: Option<RoaringBitmap>,
    packages: BTreeMap<&'a VulnerabilityId, Vec<(PackageId, &'a Finding)>>,
}

impl<'a> Affected<'a> {
    fn by(judged: &'a Judged, image: &JudgedImage) -> Self {
        let mut packages: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for id in image.record.packages.iter().map(PackageId) {
            for finding in judged.findings.get(&id).into_iter().flatten() {
                let affected = packages.entry(&finding.vulnerability).or_default();
                affected.push((id, finding));
            }
        }
        Self {
            judged,
            in_use: judged.in_use_anywhere(image.record.id),
            packages,
        }
    }

    fn vulnerability(&self, id: &VulnerabilityId, severity: Severity) -> NewVulnerability {
        let affected = self.packages.get(id).map(Vec::as_slice).unwrap_or_default();
        let named = affected.iter().filter_map(|(package, finding)| {
            let key = self.judged.keys.get(package)?;
            let fixed = finding.fixed_versions.iter().take(MAX_FIXED_VERSIONS);
            Some(AffectedPackage {
                name: key.name.clone(),
                version: key.version.clone(),
                fixed_versions: fixed.cloned().collect(),
            })
        });
        let packages: BTreeSet<_> = named.collect();
        let is_used = |seen: &RoaringBitmap| affected.iter().any(|(id, _)| seen.contains(id.0));
        NewVulnerability {
            vulnerability: id.clone(),
            severity,
            known_exploited: self.judged.is_known_exploited(id),
            in_use: self.in_use.as_ref().map(is_used),
            more_packages: packages.len().saturating_sub(MAX_PACKAGES) as u64,
            packages: packages.into_iter().take(MAX_PACKAGES).collect(),
        }
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
