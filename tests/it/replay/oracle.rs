//! What the metrics must be, told from what is in the registry and what runs, by the documented
//! rules alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use scout_envs::{RepositoryName, Severity};

use super::advisories::Advisories;
use super::images::Image;
use super::registry::{Content, Repositories};

/// A repository and the number of an image in it.
pub(crate) type Member = (RepositoryName, u64);
/// What runs where.
pub(crate) type Environments = BTreeMap<String, BTreeSet<Member>>;
/// Series with their values, as [`super::bodies::series`] writes them.
pub(crate) type Series = BTreeMap<String, f64>;

/// The severities as they are written, worst first.
pub(crate) const SEVERITIES: [(Severity, &str); 5] = [
    (Severity::Critical, "CRITICAL"),
    (Severity::High, "HIGH"),
    (Severity::Medium, "MEDIUM"),
    (Severity::Low, "LOW"),
    (Severity::Unspecified, "UNSPECIFIED"),
];
/// The policies that can be evaluated without a catalog of exploited vulnerabilities.
pub(crate) const POLICIES: [&str; 2] = ["default-non-root-user", "fixable-vulnerabilities"];
/// The stream of the newest images.
pub(crate) const LATEST: &str = "latest-indexed";

/// Returns every series there must be. Damaged images are under tags of their own, which do not
/// count.
pub(crate) fn expected(
    content: &Content,
    running: &Environments,
    advisories: &Advisories,
) -> Series {
    let known = Known {
        images: &content.images,
        advisories: advisories.by_package(),
    };
    let mut series = Series::new();
    known.add(&mut series, LATEST, &newest(&content.repositories));
    for (environment, members) in running {
        known.add(&mut series, environment, members);
    }
    series
}

/// Returns of each repository the image whose tag was pushed last.
fn newest(repositories: &Repositories) -> BTreeSet<Member> {
    let newest = repositories.iter().filter_map(|(repository, tags)| {
        let good = tags.iter().filter(|(tag, _)| !is_damaged(tag.as_str()));
        let last = good.max_by_key(|(_, tagged)| tagged.pushed_at)?;
        Some((repository.clone(), last.1.image))
    });
    newest.collect()
}

/// Whether what this tag points to cannot be read.
pub(crate) fn is_damaged(tag: &str) -> bool {
    tag.starts_with("damaged")
}

struct Known<'a> {
    images: &'a HashMap<u64, Image>,
    advisories: HashMap<&'a str, Vec<(&'a str, u64, Severity)>>,
}

impl<'a> Known<'a> {
    fn findings(&self, image: &'a Image) -> impl Iterator<Item = (&'a str, Severity)> {
        image.packages.iter().flat_map(|(name, version)| {
            let of_it = self.advisories.get(name.as_str()).into_iter().flatten();
            of_it
                .filter(move |(_, fixed, _)| version < fixed)
                .map(|(cve, _, severity)| (*cve, *severity))
        })
    }

    /// Adds the series of a stream with these members.
    fn add(&self, series: &mut Series, stream: &str, members: &BTreeSet<Member>) {
        let images: Vec<&Image> = members
            .iter()
            .map(|(_, number)| &self.images[number])
            .collect();
        let found: BTreeMap<&str, Severity> = images
            .iter()
            .flat_map(|image| self.findings(image))
            .collect();
        for (severity, name) in SEVERITIES {
            let count = found.values().filter(|own| **own == severity).count();
            let labels = format!("severity={name:?},streamName={stream:?}");
            series.insert(
                format!("scout_stream_vulnerabilities{{{labels}}}"),
                count as f64,
            );
        }
        let holds = |policy: &str, image: &&&Image| match policy {
            "default-non-root-user" => image.has_user,
            _ => self
                .findings(image)
                .all(|(_, severity)| !matches!(severity, Severity::Critical | Severity::High)),
        };
        for policy in POLICIES.into_iter().filter(|_| !images.is_empty()) {
            let compliant = images.iter().filter(|image| holds(policy, image)).count();
            for (family, count) in [("compliant", compliant), ("evaluated", images.len())] {
                let name =
                    format!("scout_policy_{family}_images{{id={policy:?},streamName={stream:?}}}");
                series.insert(name, count as f64);
            }
        }
    }
}

/// Returns an error that names the first differences.
pub(crate) fn compare(found: &Series, expected: &Series) -> Result<(), String> {
    let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let differences = names.into_iter().filter_map(|name| {
        let (found, expected) = (found.get(name), expected.get(name));
        (found != expected).then(|| format!("{name}: {found:?}, must be {expected:?}"))
    });
    let differences: Vec<String> = differences.collect();
    match differences.len() {
        0 => Ok(()),
        count => Err(format!(
            "{count} differences\n{}",
            differences[..count.min(12)].join("\n")
        )),
    }
}
