//! `copyleft-license`: no package whose licence obliges to pass on the same rights.
//!
//! Licences are evaluated, not searched for words: `MIT OR GPL-2.0-only` can be used without the
//! second. A licence that nobody states, or that is no SPDX expression, could be any: without a
//! violation it makes the policy *no data*.

use crate::coverage::Unknown;
use crate::license::{License, Permission, Term};

use super::{Evaluation, Subject, Verdict};

/// The copyleft licences of the documented default (`AGPL/GPL/LGPL/MPL/…`): the families it
/// names, and those that the SPDX list has beside them with the same effect. Creative Commons
/// and documentation licences are none of software and left out.
const COPYLEFT: [&str; 50] = [
    "AGPL-1.0-only",
    "AGPL-1.0-or-later",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "CDDL-1.0",
    "CDDL-1.1",
    "CECILL-1.0",
    "CECILL-1.1",
    "CECILL-2.0",
    "CECILL-2.1",
    "CECILL-C",
    "CPL-1.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.0",
    "EUPL-1.1",
    "EUPL-1.2",
    "GPL-1.0-only",
    "GPL-1.0-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "IPL-1.0",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MPL-1.0",
    "MPL-1.1",
    "MPL-2.0",
    "MPL-2.0-no-copyleft-exception",
    "MS-RL",
    "NPL-1.0",
    "NPL-1.1",
    "OSL-1.0",
    "OSL-1.1",
    "OSL-2.0",
    "OSL-2.1",
    "OSL-3.0",
    "Parity-6.0.0",
    "Parity-7.0.0",
    "QPL-1.0",
    "RPL-1.1",
    "RPL-1.5",
    "SSPL-1.0",
    "Sleepycat",
    "YPL-1.1",
];

/// The licences of the other documented default, "No AGPL v3 licenses".
const AGPL_3: [&str; 2] = ["AGPL-3.0-only", "AGPL-3.0-or-later"];

/// Most reasons that are named one by one: 100; a distribution has hundreds of such packages, and
/// a person reads a screen.
const MAX_REASONS: usize = 100;

/// Configuration of the policy, with the documented keys and defaults.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CopyleftLicense {
    /// `licenses`: the SPDX identifiers that must not apply, each perhaps `WITH` an exception.
    pub licenses: Vec<String>,
    /// `ignored_packages`: package URLs of packages that never count; without version, qualifiers
    /// or both, all versions or forms of the package are meant.
    pub ignored_packages: Vec<String>,
}

impl Default for CopyleftLicense {
    /// The default of the command line (2026): "No copyleft licenses".
    fn default() -> Self {
        Self {
            licenses: COPYLEFT.map(str::to_owned).to_vec(),
            ignored_packages: Vec::new(),
        }
    }
}

/// The licence of one package of the image that is judged.
#[derive(Clone, Copy, Debug)]
pub struct SubjectLicense<'a> {
    /// The package URL.
    pub purl: &'a str,
    /// What it states; `None` if it states nothing.
    pub license: Option<&'a License>,
}

impl CopyleftLicense {
    /// Returns the default of the hosted product: "No AGPL v3 licenses".
    #[must_use]
    pub fn agpl() -> Self {
        Self {
            licenses: AGPL_3.map(str::to_owned).to_vec(),
            ignored_packages: Vec::new(),
        }
    }

    pub(super) fn evaluate(&self, subject: &Subject<'_>) -> Evaluation {
        let Some(packages) = subject.licenses else {
            let reason = "the licences of its packages are not recorded";
            return Verdict::NoData(reason.to_owned()).into();
        };
        let listed: Vec<Term> = self
            .licenses
            .iter()
            .filter_map(|id| Term::listed(id))
            .collect();
        let (mut violations, mut unknown) = (Vec::new(), Vec::new());
        for package in packages
            .iter()
            .filter(|package| !self.ignores(package.purl))
        {
            let expression = package.license.and_then(License::expression);
            let permission = expression.map_or(Permission::Unknown, |expression| {
                expression.permission(&listed)
            });
            let stated = package.license.map_or("none stated", License::as_str);
            match permission {
                Permission::Permitted => {}
                Permission::Forbidden => violations.push(format!("{} ({stated})", package.purl)),
                Permission::Unknown => unknown.push(format!("{} ({stated})", package.purl)),
            }
        }
        if !violations.is_empty() {
            return Verdict::NonCompliant(shorten(violations)).into();
        }
        if let Some(gap) = subject
            .coverage
            .unknown
            .iter()
            .find(|gap| hides_packages(gap))
        {
            return Verdict::NoData(gap.to_string()).into();
        }
        unknown.sort_unstable();
        match unknown.first() {
            Some(first) => {
                let count = unknown.len();
                let reason = format!("the licences of {count} packages are not known: {first}");
                Verdict::NoData(reason).into()
            }
            None => Verdict::Compliant.into(),
        }
    }

    fn ignores(&self, purl: &str) -> bool {
        self.ignored_packages.iter().any(|ignored| {
            let rest = purl.strip_prefix(ignored.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '?', '#']))
        })
    }
}

/// Whether packages may be there that nobody saw. Missing advisories say nothing of licences.
fn hides_packages(unknown: &Unknown) -> bool {
    matches!(
        unknown,
        Unknown::Unread(_) | Unknown::NoPackageDatabase | Unknown::NoPackages
    )
}

fn shorten(mut violations: Vec<String>) -> Vec<String> {
    violations.sort_unstable();
    violations.dedup();
    let beyond = violations.len().saturating_sub(MAX_REASONS);
    if beyond > 0 {
        violations.truncate(MAX_REASONS);
        violations.push(format!("and {beyond} more"));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::Coverage;
    use crate::gap::{Gap, GapKind};
    use crate::image::ImageConfig;
    use crate::license::{Dialect, is_listable};
    use crate::package::Ecosystem;

    fn judge(
        policy: &CopyleftLicense,
        packages: &[(&str, &str)],
        unknown: Vec<Unknown>,
    ) -> Verdict {
        let licenses: Vec<(&str, Option<License>)> = packages
            .iter()
            .map(|(purl, text)| (*purl, License::stated(text, Dialect::Spdx)))
            .collect();
        let licenses: Vec<SubjectLicense<'_>> = licenses
            .iter()
            .map(|(purl, license)| SubjectLicense {
                purl,
                license: license.as_ref(),
            })
            .collect();
        let coverage = Coverage {
            judged: false,
            unknown,
        };
        let subject = Subject {
            config: &ImageConfig::default(),
            findings: &[],
            licenses: Some(&licenses),
            coverage: &coverage,
            kev_loaded: false,
        };
        policy.evaluate(&subject).verdict
    }

    #[test]
    fn every_identifier_of_the_presets_is_on_the_list() {
        for policy in [CopyleftLicense::default(), CopyleftLicense::agpl()] {
            for license in &policy.licenses {
                assert!(is_listable(license), "{license}");
                let normal = License::stated(license, Dialect::Spdx).unwrap();
                assert_eq!(normal.as_str(), license);
            }
        }
    }

    #[test]
    fn expressions_decide_and_the_preset_matters() {
        let (all, agpl) = (CopyleftLicense::default(), CopyleftLicense::agpl());
        for (license, by_default, by_agpl) in [
            ("MIT", true, true),
            ("GPL-2.0", false, true),
            ("MIT OR GPL-3.0-or-later", true, true),
            ("AGPL-3.0", false, false),
            ("Apache-2.0 AND AGPL-3.0-or-later", false, false),
            ("MPL-2.0", false, true),
            // A name with the letters of another.
            ("BSD-Source-alt-GPL", true, true),
        ] {
            let packages = [("pkg:npm/a@1", license)];
            let verdict = |policy| judge(policy, &packages, Vec::new()) == Verdict::Compliant;
            assert_eq!(
                (verdict(&all), verdict(&agpl)),
                (by_default, by_agpl),
                "{license}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_no_data_unless_there_is_a_violation() {
        let policy = CopyleftLicense::default();
        let gap = Unknown::Unread(Gap {
            kind: GapKind::Archive,
            path: "/x.jar".to_owned(),
            reason: "damaged".to_owned(),
        });
        let no_feed = Unknown::NoFeed(Ecosystem::new("npm"));
        let free = ("pkg:npm/a@1", "MIT");
        for (packages, unknown, expected) in [
            (vec![free], vec![no_feed], Some("")),
            (vec![free], vec![gap.clone()], None),
            (vec![free, ("pkg:npm/b@1", "")], vec![], None),
            (vec![free, ("pkg:npm/b@1", "see LICENSE")], vec![], None),
            (
                vec![("pkg:npm/b@1", ""), ("pkg:npm/c@1", "GPL-2.0")],
                vec![gap],
                Some("pkg:npm/c@1 (GPL-2.0-only)"),
            ),
        ] {
            match (judge(&policy, &packages, unknown), expected) {
                (Verdict::NoData(_), None) | (Verdict::Compliant, Some("")) => {}
                (Verdict::NonCompliant(reasons), Some(reason)) => assert_eq!(reasons, [reason]),
                (other, _) => panic!("{packages:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn ignored_packages_are_named_by_url_with_or_without_a_version() {
        let gpl = |purl| [(purl, "GPL-2.0")];
        for (ignored, purl, is_ignored) in [
            ("pkg:npm/a@1", "pkg:npm/a@1", true),
            ("pkg:npm/a@1", "pkg:npm/a@10", false),
            ("pkg:npm/a", "pkg:npm/a@1", true),
            ("pkg:npm/a", "pkg:npm/ab@1", false),
            ("pkg:deb/debian/a@1", "pkg:deb/debian/a@1?arch=amd64", true),
        ] {
            let policy = CopyleftLicense {
                ignored_packages: vec![ignored.to_owned()],
                ..CopyleftLicense::default()
            };
            let verdict = judge(&policy, &gpl(purl), Vec::new());
            assert_eq!(
                verdict == Verdict::Compliant,
                is_ignored,
                "{ignored} {purl}"
            );
        }
    }

    #[test]
    fn reasons_are_bounded() {
        let urls: Vec<String> = (0..150)
            .map(|index| format!("pkg:npm/p{index}@1"))
            .collect();
        let packages: Vec<(&str, &str)> =
            urls.iter().map(|url| (url.as_str(), "GPL-2.0")).collect();
        let Verdict::NonCompliant(reasons) = judge(&CopyleftLicense::default(), &packages, vec![])
        else {
            panic!("150 violations");
        };
        assert_eq!((reasons.len(), reasons[100].as_str()), (101, "and 50 more"));
    }
}
