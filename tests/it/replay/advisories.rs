//! Advisories that change: some come, some go, some are rated anew.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write as _;
use std::path::Path;

use scout_envs::Severity;
use serde_json::json;

use super::images::{NAMES, VERSIONS};
use crate::support::random::Random;

/// Ratings, with the vectors that say so; none says nothing.
const RATINGS: [(Severity, Option<&str>); 5] = [
    (
        Severity::Critical,
        Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    ),
    (
        Severity::High,
        Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"),
    ),
    (
        Severity::Medium,
        Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"),
    ),
    (
        Severity::Low,
        Some("CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:L/I:N/A:N"),
    ),
    (Severity::Unspecified, None),
];
/// How many there are at first; as many stay.
const COUNT: usize = 250;
/// How many change at once.
const CHANGES: usize = 5;

/// What is vulnerable: of each vulnerability the package, the version that mends it, the rating.
#[derive(Debug)]
pub(crate) struct Advisories {
    all: BTreeMap<String, Advisory>,
    next: u32,
}

#[derive(Debug)]
struct Advisory {
    package: String,
    fixed: u64,
    rating: usize,
}

impl Advisories {
    /// Makes the first ones.
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut new = Self {
            all: BTreeMap::new(),
            next: 0,
        };
        (0..COUNT).for_each(|_| new.add(random));
        new
    }

    fn add(&mut self, random: &mut Random) {
        self.next += 1;
        let advisory = Advisory {
            package: format!("p{}", random.below(NAMES)),
            fixed: 2 + random.below(VERSIONS),
            rating: random.below(RATINGS.len() as u64) as usize,
        };
        self.all
            .insert(format!("CVE-2024-{:06}", self.next), advisory);
    }

    /// Lets some go, as many come, and some be rated anew.
    pub(crate) fn change(&mut self, random: &mut Random) {
        for _ in 0..CHANGES {
            let name = self.any(random);
            self.all.remove(&name);
            self.add(random);
            let name = self.any(random);
            let rating = random.below(RATINGS.len() as u64) as usize;
            self.all.get_mut(&name).unwrap().rating = rating;
        }
    }

    fn any(&self, random: &mut Random) -> String {
        let number = random.below(self.all.len() as u64) as usize;
        self.all.keys().nth(number).unwrap().clone()
    }

    /// Returns of each package its vulnerabilities, the versions that mend them, the severities.
    pub(crate) fn by_package(&self) -> HashMap<&str, Vec<(&str, u64, Severity)>> {
        let mut found: HashMap<&str, Vec<_>> = HashMap::new();
        for (cve, one) in &self.all {
            let of_it = found.entry(one.package.as_str()).or_default();
            of_it.push((cve.as_str(), one.fixed, RATINGS[one.rating].0));
        }
        found
    }

    /// Writes the dump below a directory, beside the old one first: it is read at any time.
    pub(crate) fn write(&self, directory: &Path) {
        let folder = directory.join("Debian");
        fs::create_dir_all(&folder).unwrap();
        let beside = folder.join("new");
        let mut dump = zip::ZipWriter::new(fs::File::create(&beside).unwrap());
        for (cve, one) in &self.all {
            let severity = RATINGS[one.rating].1;
            let severity: Vec<_> = severity
                .iter()
                .map(|vector| json!({"type": "CVSS_V3", "score": vector}))
                .collect();
            let fixed = one.fixed.to_string();
            let record = json!({
                "id": format!("DEBIAN-{cve}"), "upstream": [cve],
                "modified": "2024-01-01T00:00:00Z", "severity": severity,
                "affected": [{
                    "package": {"ecosystem": "Debian:12", "name": one.package},
                    "ranges": [{
                        "type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}],
                    }],
                }],
            });
            let options = zip::write::SimpleFileOptions::default();
            dump.start_file(format!("DEBIAN-{cve}.json"), options)
                .unwrap();
            dump.write_all(record.to_string().as_bytes()).unwrap();
        }
        dump.finish().unwrap();
        fs::rename(beside, folder.join("all.zip")).unwrap();
    }
}
