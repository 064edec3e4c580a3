use proptest::prelude::*;

use super::*;

fn stated(text: &str, dialect: Dialect) -> String {
    License::stated(text, dialect).map_or_else(String::new, |license| license.to_string())
}

fn check(dialect: Dialect, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(stated(text, dialect), *expected, "{text:?}");
        // The normal form is a fixed point.
        if let Some(license) = License::stated(text, dialect) {
            let again = License::stated(license.as_str(), Dialect::Spdx).unwrap();
            assert_eq!(again, license, "{text:?}");
        }
    }
}

#[test]
fn spdx_expressions_get_a_normal_form() {
    check(
        Dialect::Spdx,
        &[
            ("MIT", "MIT"),
            ("mit", "MIT"),
            ("(MIT OR Apache-2.0)", "MIT OR Apache-2.0"),
            ("MIT AND (BSD-2-Clause AND MIT)", "MIT AND BSD-2-Clause"),
            ("MIT OR ISC AND Zlib", "MIT OR (ISC AND Zlib)"),
            ("(MIT OR ISC) AND Zlib", "(MIT OR ISC) AND Zlib"),
            ("GPL-2.0", "GPL-2.0-only"),
            ("GPL-2.0+", "GPL-2.0-or-later"),
            ("gpl-3.0-only+", "GPL-3.0-or-later"),
            ("LGPL-2.1-or-later+", "LGPL-2.1-or-later"),
            ("MPL-1.1+", "MPL-1.1+"),
            (
                "GPL-2.0-with-classpath-exception",
                "GPL-2.0-only WITH Classpath-exception-2.0",
            ),
            (
                "GPL-2.0-or-later with classpath-exception-2.0",
                "GPL-2.0-or-later WITH Classpath-exception-2.0",
            ),
            (
                "wxWindows",
                "LGPL-2.0-or-later WITH WxWindows-exception-3.1",
            ),
            ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
            ("LicenseRef-mine AND MIT", "LicenseRef-mine AND MIT"),
            (
                "DocumentRef-x:LicenseRef-y OR MIT",
                "DocumentRef-x:LicenseRef-y OR MIT",
            ),
            ("MIT AND custom", "MIT AND LicenseRef-custom"),
        ],
    );
}

#[test]
fn names_with_one_meaning_are_understood_and_others_kept() {
    check(
        Dialect::Spdx,
        &[
            ("Apache License 2.0", "Apache-2.0"),
            ("Apache License, Version 2.0", "Apache-2.0"),
            ("BSD 3-Clause", "BSD-3-Clause"),
            (
                "BSD 3-Clause \"New\" or \"Revised\" License",
                "BSD-3-Clause",
            ),
            ("The MIT License", "MIT"),
            ("GPLv2", "GPL-2.0-only"),
            ("GPL v3 or later", "GPL-3.0-or-later"),
            ("LGPLv2.1+", "LGPL-2.1-or-later"),
            ("AGPL-3", "AGPL-3.0-only"),
            (
                "GNU General Public License v2 or later (GPLv2+)",
                "GPL-2.0-or-later",
            ),
            (
                "GNU Lesser General Public License v3 (LGPLv3)",
                "LGPL-3.0-only",
            ),
            ("GNU Affero General Public License v3.0", "AGPL-3.0-only"),
            ("BSD", "BSD"),
            ("GPL", "GPL"),
            ("MIT, BSD", "MIT, BSD"),
            ("MIT BSD-2-Clause", "MIT BSD-2-Clause"),
            ("GPL (>= 2)", "GPL (>= 2)"),
            ("Dual License", "Dual License"),
            ("UNLICENSED", "UNLICENSED"),
            ("SEE LICENSE IN LICENSE.md", "SEE LICENSE IN LICENSE.md"),
            ("MIT or whatever you like", "MIT or whatever you like"),
            ("  UNKNOWN ", ""),
            ("NOASSERTION", ""),
            ("", ""),
        ],
    );
}

#[test]
fn debian_names_and_commas() {
    check(
        Dialect::Debian,
        &[
            ("Expat", "MIT"),
            ("GPL-2+", "GPL-2.0-or-later"),
            ("GPL-3", "GPL-3.0-only"),
            ("LGPL-2.1+", "LGPL-2.1-or-later"),
            ("GFDL-1.3+", "GFDL-1.3-or-later"),
            ("Artistic", "Artistic-1.0"),
            ("BSD-3-clause", "BSD-3-Clause"),
            (
                "GPL-2+ or Artistic-2.0, and BSD-3-clause",
                "(GPL-2.0-or-later OR Artistic-2.0) AND BSD-3-Clause",
            ),
            (
                "GPL-1+ and Expat, or ISC",
                "(GPL-1.0-or-later AND MIT) OR ISC",
            ),
            ("Perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
            (
                "GPL-2+ with Font exception",
                "GPL-2.0-or-later WITH Font-exception-2.0",
            ),
            (
                "GPL-2 with Linux-syscall-note exception",
                "GPL-2.0-only WITH Linux-syscall-note",
            ),
            (
                "BSD-3-clause-with-weird-numbering and MIT",
                "LicenseRef-BSD-3-clause-with-weird-numbering AND MIT",
            ),
            (
                "GPL-2+ with OpenSSL exception",
                "LicenseRef-GPL-2.0-or-later-with-OpenSSL-exception",
            ),
            ("public-domain", "public-domain"),
            (
                "public-domain and GPL-2",
                "LicenseRef-public-domain AND GPL-2.0-only",
            ),
            ("BSD-like~x and MIT", "LicenseRef-BSD-like-x AND MIT"),
        ],
    );
}

#[test]
fn fedora_names() {
    check(
        Dialect::Fedora,
        &[
            (
                "GPLv2+ and LGPLv2+ and MIT",
                "GPL-2.0-or-later AND LGPL-2.0-or-later AND MIT",
            ),
            ("ASL 2.0", "Apache-2.0"),
            ("GPL+ or Artistic", "GPL-1.0-or-later OR Artistic-1.0-Perl"),
            (
                "(GPLv3+ or LGPLv3+) and BSD",
                "(GPL-3.0-or-later OR LGPL-3.0-or-later) AND LicenseRef-BSD",
            ),
            ("Public Domain", "Public Domain"),
            ("MPLv2.0", "MPL-2.0"),
            (
                "GPLv2+ with exceptions",
                "LicenseRef-GPL-2.0-or-later-with-exceptions",
            ),
            (
                "LGPL-2.1-or-later AND SUSE-Public-Domain",
                "LGPL-2.1-or-later AND LicenseRef-SUSE-Public-Domain",
            ),
        ],
    );
}

#[test]
fn lists_are_evaluated_not_searched() {
    let listed: Vec<Term> = ["GPL-2.0-only", "GPL-2.0-or-later", "MPL-1.1"]
        .iter()
        .map(|entry| Term::listed(entry).unwrap())
        .collect();
    for (text, expected) in [
        ("MIT", Permission::Permitted),
        ("LGPL-2.0-only", Permission::Permitted),
        ("GPL-2.0-only", Permission::Forbidden),
        ("MIT OR GPL-2.0-only", Permission::Permitted),
        ("MIT AND GPL-2.0-only", Permission::Forbidden),
        ("MIT AND (GPL-2.0-or-later OR ISC)", Permission::Permitted),
        (
            "GPL-2.0-only WITH Classpath-exception-2.0",
            Permission::Forbidden,
        ),
        (
            "LicenseRef-GPL-2.0-only-with-OpenSSL-exception",
            Permission::Forbidden,
        ),
        ("MPL-1.1+", Permission::Forbidden),
        ("LicenseRef-x", Permission::Unknown),
        ("LicenseRef-x OR MIT", Permission::Permitted),
        ("LicenseRef-x OR GPL-2.0-only", Permission::Unknown),
        ("LicenseRef-x AND GPL-2.0-only", Permission::Forbidden),
        ("LicenseRef-x AND MIT", Permission::Unknown),
        ("LicenseRef-GPL-2.0-something", Permission::Unknown),
    ] {
        let license = License::stated(text, Dialect::Spdx).unwrap();
        let got = license.expression().unwrap().permission(&listed);
        assert_eq!(got, expected, "{text}");
    }
    assert!(is_listable("GPL-2.0"));
    assert!(is_listable("GPL-2.0-only WITH Classpath-exception-2.0"));
    assert!(!is_listable("GPL"));
    assert!(!is_listable("MIT OR ISC"));
}

#[test]
fn statements_are_joined() {
    let licenses = |texts: &[&str]| -> Vec<License> {
        texts
            .iter()
            .filter_map(|text| License::stated(text, Dialect::Spdx))
            .collect()
    };
    let all = License::all_of(licenses(&["MIT OR ISC", "Foo License", "MIT OR ISC"])).unwrap();
    assert_eq!(all.as_str(), "(MIT OR ISC) AND LicenseRef-Foo-License");
    assert_eq!(
        License::any_of(licenses(&["MIT", "ISC"])).unwrap().as_str(),
        "MIT OR ISC"
    );
    assert_eq!(
        License::all_of(licenses(&["Foo License"]))
            .unwrap()
            .as_str(),
        "Foo License"
    );
    assert_eq!(License::all_of(licenses(&[])), None);
}

#[test]
fn long_deep_and_odd_texts_do_no_harm() {
    let deep = format!("{}MIT{}", "(".repeat(5000), ")".repeat(5000));
    assert!(
        License::stated(&deep, Dialect::Spdx)
            .unwrap()
            .expression()
            .is_none()
    );
    let long = "x ".repeat(90_000);
    assert_eq!(
        License::stated(&long, Dialect::Debian)
            .unwrap()
            .as_str()
            .chars()
            .count(),
        MAX_STATED_CHARS
    );
    for text in [
        "(",
        ")",
        "()",
        "AND",
        "MIT AND",
        "OR MIT",
        "MIT WITH",
        "WITH",
        ",",
        "MIT,",
        ", MIT",
        "MIT , and",
        "+",
        "LicenseRef-",
        "DocumentRef-:LicenseRef-",
        "é AND ü",
        "MIT WITH MIT",
        "LicenseRef--with-",
        "GPL-2+ with with",
        "(MIT) WITH x",
        "/",
        "//",
    ] {
        for dialect in [Dialect::Spdx, Dialect::Debian, Dialect::Fedora] {
            let license = License::stated(text, dialect).unwrap();
            assert!(!license.as_str().is_empty(), "{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_read_once_reads_the_same_again(
        text in "(GPL-2\\+|GPLv3|gpl|MIT|bsd-3-clause|Expat|LicenseRef-[a-z+]{0,3}|[a-z~+é-]{1,8}| and | or | with | AND | OR | WITH |, |-with-|\\(|\\)| exception|/){0,12}",
    ) {
        for dialect in [Dialect::Spdx, Dialect::Debian, Dialect::Fedora] {
            let Some(license) = License::stated(&text, dialect) else { continue };
            let again = License::stated(license.as_str(), Dialect::Spdx);
            prop_assert_eq!(again.as_ref(), Some(&license), "{:?}", dialect);
            let expression = license.to_expression().to_string();
            let parsed = Expression::parse(&expression).map(|parsed| parsed.to_string());
            prop_assert_eq!(parsed, Some(expression));
        }
    }
}
