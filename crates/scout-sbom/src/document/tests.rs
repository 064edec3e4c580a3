use proptest::prelude::*;
use scout_envs::license::License;
use scout_envs::{PackageType, SourcePackage};

use super::*;
use crate::purl;

const FORMATS: [DocumentFormat; 3] = [
    DocumentFormat::Json,
    DocumentFormat::CycloneDx,
    DocumentFormat::Spdx,
];

fn package(kind: PackageType, name: &str, version: &str, license: Option<&str>) -> Package {
    let mut package = Package::new(kind, name, version);
    package.license = license.map(|license| License::recorded(license.to_owned()));
    package
}

/// A document with everything that one can hold.
fn sample() -> Document {
    let distribution = Distribution {
        id: "debian".to_owned(),
        id_like: vec!["gnu".to_owned()],
        version_id: Some("12".to_owned()),
        codename: Some("bookworm".to_owned()),
        pretty_name: Some("Debian GNU/Linux 12".to_owned()),
        cpe_name: Some("cpe:/o:debian:debian_linux:12".to_owned()),
    };
    let mut document = Document::new(
        "registry.example/a/b:1",
        format!("sha256:{}", "a".repeat(64)),
    )
    .with_created("2024-05-06T07:08:09.123Z".parse().ok());
    document.platform = "linux/arm64/v8".parse().ok();
    let mut deb = package(
        PackageType::Deb,
        "libstdc++6",
        "1:12.2.0-14",
        Some("GPL-3.0-or-later WITH GCC-exception-3.1"),
    );
    deb.architecture = Some("amd64".to_owned());
    deb.source = Some(SourcePackage {
        name: "gcc-12".to_owned(),
        version: "12.2.0-14".to_owned(),
    });
    let mut rpm = package(
        PackageType::Rpm,
        "libcurl",
        "1:7.76.1-14.el9",
        Some("MIT AND LicenseRef-BSD"),
    );
    rpm.architecture = Some("x86_64".to_owned());
    rpm.module = Some("curl:1:2:3".to_owned());
    rpm.source = Some(SourcePackage {
        name: "curl".to_owned(),
        version: "1:7.76.1-14.el9".to_owned(),
    });
    let mut conda = package(PackageType::Conda, "numpy", "1.2", None);
    conda.architecture = Some("noarch".to_owned());
    let packages = [
        deb,
        rpm,
        conda,
        package(
            PackageType::Npm,
            "@babel/Core",
            "7.0.0",
            Some("MIT OR Apache-2.0"),
        ),
        package(
            PackageType::Pypi,
            "Foo_Bar.baz",
            "1.0",
            Some("see the file COPYING"),
        ),
        package(
            PackageType::Pypi,
            "other",
            "1.0",
            Some("see the file (COPYING)"),
        ),
        package(
            PackageType::Golang,
            "github.com/Masterminds/semver/v3",
            "v3.2.0",
            None,
        ),
        package(
            PackageType::Maven,
            "org.apache:log4j",
            "2.0",
            Some("Apache-2.0"),
        ),
        package(PackageType::Maven, "plain", "1", None),
        package(PackageType::Composer, "symfony/yaml", "v5", None),
        package(PackageType::Generic, "x y@z", "1 %20", None),
    ];
    for (index, package) in packages.into_iter().enumerate() {
        let url = purl(&package, Some(&distribution));
        let mut found = DocumentPackage::new(package, url);
        found.layer = Some(index);
        found.paths = vec!["/a b/c".to_owned(), format!("/d=e/{index}")];
        document.packages.push(found);
    }
    document.packages[3].owner = Some("nodejs".to_owned());
    document.packages[4].certainty = Certainty::FileName;
    let mut twin = document.packages[3].clone();
    twin.owner = None;
    document.packages.push(twin);
    document.distribution = Some(distribution);
    document.gaps.push(Gap {
        kind: GapKind::Archive,
        path: "/x.jar".to_owned(),
        reason: "it is = damaged".to_owned(),
    });
    let packages = std::mem::take(&mut document.packages);
    document.with_packages(packages)
}

#[test]
fn what_is_written_reads_the_same() {
    for document in [sample(), Document::new("empty", "")] {
        for format in FORMATS {
            let text = document.write(format).unwrap();
            assert_eq!(text, document.write(format).unwrap());
            let again = Document::read(text.as_bytes()).unwrap();
            assert_eq!(again, document, "{format}");
        }
    }
}

#[test]
fn other_content_has_another_name() {
    let document = sample();
    let mut other = document.clone();
    other.packages.pop();
    assert_ne!(identity::uuid(&document), identity::uuid(&other));
    assert_eq!(identity::uuid(&document).len(), 36);
}

#[test]
fn documents_of_other_tools_are_read() {
    let cyclonedx = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"component":{"type":"container","name":"x","version":"sha256:1"}},
        "components":[
        {"type":"library","name":"bind-libs","version":"32:9.16-1.el9","purl":"pkg:rpm/rhel/bind-libs@9.16-1.el9?arch=x86_64&epoch=32&upstream=bind-9.16-1.el9.src.rpm",
         "licenses":[{"license":{"id":"MPL-2.0"}},{"license":{"name":"GPL v2"}}]},
        {"type":"library","group":"@a","name":"b","version":"1","purl":"pkg:npm/%40a/b@1","licenses":null,"components":[
            {"type":"library","name":"inner","version":"2","purl":"pkg:pypi/inner@2"}]},
        {"type":"library","name":"libc6","version":"2.36-9","purl":"pkg:deb/debian/libc6@2.36-9?arch=amd64&upstream=glibc&distro=debian-12"},
        {"type":"operating-system","name":"rhel","version":"9"},
        {"type":"file","name":"/etc/passwd"},
        {"type":"library","name":"nothing"},
        {"type":"library","name":"odd","purl":"pkg:swift/odd@1"}]}"#;
    let document = Document::read(cyclonedx.as_bytes()).unwrap();
    let lines: Vec<String> = document
        .packages
        .iter()
        .map(|found| {
            let package = &found.package;
            let source = package.source.as_ref().map_or_else(String::new, |source| {
                format!(" from {} {}", source.name, source.version)
            });
            let license = package.license.as_ref().map_or("-", License::as_str);
            format!(
                "{} {} {}{source} {license}",
                package.package_type, package.name, package.version
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "deb libc6 2.36-9 from glibc 2.36-9 -",
            "rpm bind-libs 32:9.16-1.el9 from bind 32:9.16-1.el9 MPL-2.0 AND GPL-2.0-only",
            "npm @a/b 1 -",
            "pypi inner 2 -",
        ]
    );
    assert_eq!(
        (document.image.as_str(), document.digest.as_str()),
        ("x", "sha256:1")
    );
    assert_eq!(document.distribution.unwrap().id, "rhel");
    assert!(document.gaps[0].reason.starts_with("2 parts"));

    let spdx = r#"{"spdxVersion":"SPDX-2.2","name":"img","SPDXID":"SPDXRef-DOCUMENT","documentDescribes":["SPDXRef-root"],"packages":[
        {"SPDXID":"SPDXRef-root","name":"img:1","versionInfo":"sha256:2"},
        {"SPDXID":"SPDXRef-1","name":"a","versionInfo":"1","licenseDeclared":"NOASSERTION","licenseConcluded":"LicenseRef-1",
         "externalRefs":[{"referenceCategory":"PACKAGE_MANAGER","referenceType":"purl","referenceLocator":"pkg:apk/alpine/a@1?arch=x86_64"}]}],
        "hasExtractedLicensingInfos":[{"licenseId":"LicenseRef-1","extractedText":"Do what you like"}]}"#;
    let document = Document::read(spdx.as_bytes()).unwrap();
    assert_eq!(document.image, "img:1");
    let package = &document.packages[0].package;
    assert_eq!(
        package.license.as_ref().unwrap().as_str(),
        "Do what you like"
    );
    assert_eq!(package.architecture.as_deref(), Some("x86_64"));
}

#[test]
fn other_things_are_refused_with_what_is_read() {
    for (text, reason) in [
        ("", "EOF"),
        ("[]", "none of"),
        ("7", "invalid"),
        ("{}", "none of"),
        (
            r#"{"bomFormat":"CycloneDX","specVersion":"1.3"}"#,
            "1.4 to 1.7",
        ),
        (r#"{"bomFormat":"CycloneDX"}"#, "1.4 to 1.7"),
        (r#"{"spdxVersion":"SPDX-2.1"}"#, "2.2 and 2.3"),
        (
            r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}"#,
            "SPDX 3",
        ),
        (r#"{"packages":[]}"#, "missing field"),
    ] {
        let error = Document::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
    ) {
        let document = sample();
        for format in FORMATS {
            let mut bytes = document.write(format).unwrap().into_bytes();
            for (at, value) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            let _ = Document::read(&bytes);
        }
    }
}
