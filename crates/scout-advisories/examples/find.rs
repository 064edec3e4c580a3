//! Looks one package up: `find ADVISORIES ECOSYSTEM NAME VERSION [MODULE]`, for instance
//! `find advisories Debian:12 openssl 3.0.11-1~deb12u2`. The name is the one that the
//! ecosystem's records use: for Debian and Alpine that of the source package.

use std::collections::BTreeSet;
use std::error::Error;
use std::process::ExitCode;

use scout_advisories::{AdvisoryDir, AdvisoryIndex, LoadLimits, feed_url};
use scout_envs::{Ecosystem, MatchKey, PackageType};

#[expect(clippy::print_stderr, reason = "a program that talks to a person")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("find: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program that talks to a person")]
fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (folder, ecosystem, name, version, module) = match arguments {
        [folder, ecosystem, name, version] => (folder, ecosystem, name, version, None),
        [folder, ecosystem, name, version, module] => {
            (folder, ecosystem, name, version, Some(module.clone()))
        }
        _ => return Err("usage: find ADVISORIES ECOSYSTEM NAME VERSION [MODULE]".into()),
    };
    let ecosystem = Ecosystem::new(ecosystem);
    let wanted = BTreeSet::from([ecosystem.base().to_owned()]);
    let folder = AdvisoryDir::open(folder)?;
    let (index, report) = AdvisoryIndex::load(&folder, &wanted, LoadLimits::default())?;
    for problem in &report.problems {
        println!("{} {}", problem.file, problem.reason);
    }
    if !index.has_feed(&ecosystem) {
        let url = feed_url(&ecosystem);
        return Err(format!("no advisories for {ecosystem}; they are at {url}").into());
    }
    let findings = index.find(&MatchKey {
        package_type: match ecosystem.base() {
            "npm" => PackageType::Npm,
            "PyPI" => PackageType::Pypi,
            "AlmaLinux" | "Rocky Linux" | "Red Hat" => PackageType::Rpm,
            "Alpine" | "Wolfi" | "Chainguard" => PackageType::Apk,
            _ => PackageType::Deb,
        },
        ecosystem,
        name: name.clone(),
        version: version.clone(),
        source_name: name.clone(),
        source_version: version.clone(),
        module,
    });
    for finding in &findings {
        println!(
            "{} {} ({}) {} fixed: {}",
            finding.vulnerability,
            finding.severity,
            finding.severity_source,
            finding.records.join(" "),
            finding.fixed_versions.join(" ")
        );
    }
    println!("{} vulnerabilities", findings.len());
    Ok(())
}
