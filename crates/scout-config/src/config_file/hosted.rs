//! `[[hosted]]`: organizations that are read from Docker's endpoint, or another Scout server.

use std::path::PathBuf;

use scout_envs::OrgName;
use scout_registry::SecretRef;
use toml::de::DeValue;
use url::Url;

use crate::config_file::invalid::{InvalidConfigFile, Located};
use crate::config_file::section::Section;

/// The key of the list.
pub(super) const HOSTED: &str = "hosted";
/// The keys of one organization.
pub(super) const HOSTED_KEYS: &[&str] = &["org", "token", "api", "ca", "insecure", "timeout"];
/// What the list is.
const SHAPE: &str = "one table for each, under [[hosted]]";

/// An organization that is read from another server. It holds no secret, only where it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostedOrganization {
    /// `org`: its name, here and there.
    pub org: OrgName,
    /// `token`: where its access token is.
    pub token: SecretRef,
    /// `api`: the server, if it is not Docker's.
    pub api: Option<Url>,
    /// `ca`: a file of further certificate authorities.
    pub ca: Option<PathBuf>,
    /// `insecure`: whether plain HTTP to another machine is allowed.
    pub insecure: bool,
    /// `timeout`: seconds that a read may take, 1 to
    /// [`MAX_TIMEOUT_SECONDS`](Self::MAX_TIMEOUT_SECONDS).
    pub timeout_seconds: Option<u64>,
}

impl HostedOrganization {
    /// Longest time that a read may take, in seconds: what is slower will not end.
    pub const MAX_TIMEOUT_SECONDS: u64 = 600;

    /// Returns an organization of Docker's service.
    #[must_use]
    pub fn new(org: OrgName, token: SecretRef) -> Self {
        Self {
            org,
            token,
            api: None,
            ca: None,
            insecure: false,
            timeout_seconds: None,
        }
    }
}

/// Checks the address of a server.
///
/// # Errors
///
/// What is wrong with it, without the address: it may hold a password.
pub fn check_api(text: &str) -> Result<Url, &'static str> {
    let url: Url = text
        .parse()
        .ok()
        .ok_or("it is not an address such as https://api.scout.docker.com")?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err("it is not an https address such as https://api.scout.docker.com");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("there is a user in it: only the token is sent");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("there is a query or a fragment in it, which is not sent");
    }
    Ok(url)
}

pub(super) fn read(top: &Section<'_>) -> Result<Vec<HostedOrganization>, Located> {
    let Some(entry) = top.entry(HOSTED) else {
        return Ok(Vec::new());
    };
    let DeValue::Array(items) = entry.value else {
        return Err(entry.wrong_type(SHAPE));
    };
    let mut all: Vec<HostedOrganization> = Vec::new();
    let mut lines = Vec::new();
    for item in items.iter() {
        let line = top.line(item.span().start);
        let DeValue::Table(table) = item.get_ref() else {
            return Err(entry.wrong_type(SHAPE));
        };
        let section = Section::new(top.text, table, line);
        let read = organization(&section)?;
        let earlier = all.iter().position(|other| other.org == read.org);
        if let Some(first_line) = earlier.and_then(|index| lines.get(index)) {
            let (org, first_line) = (read.org, *first_line);
            return Err(section.located("org", InvalidConfigFile::HostedTwice { org, first_line }));
        }
        all.push(read);
        lines.push(line);
    }
    Ok(all)
}

fn organization(section: &Section<'_>) -> Result<HostedOrganization, Located> {
    section.check_keys(" of [[hosted]]", HOSTED_KEYS)?;
    let missing = |key| section.located(key, InvalidConfigFile::HostedKey { key });
    let api = match section.string("api")?.map(check_api) {
        None => None,
        Some(Ok(url)) => Some(url),
        Some(Err(problem)) => {
            let (key, problem) = ("api", problem.to_owned());
            return Err(section.located(key, InvalidConfigFile::Value { key, problem }));
        }
    };
    Ok(HostedOrganization {
        org: section.parsed("org")?.ok_or_else(|| missing("org"))?,
        token: section.parsed("token")?.ok_or_else(|| missing("token"))?,
        api,
        ca: section.parsed("ca")?,
        insecure: section.flag("insecure")?.unwrap_or_default(),
        timeout_seconds: section.number("timeout", HostedOrganization::MAX_TIMEOUT_SECONDS)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config_file::ConfigFile;

    fn read(text: &str) -> Result<Vec<HostedOrganization>, String> {
        let file = ConfigFile::parse(text);
        let file = file.map_err(|Located { line, reason }| format!("{line}: {reason}"));
        file.map(|file| file.hosted)
    }

    #[test]
    fn everything_that_is_documented_is_read() {
        let all = read(
            "[[hosted]]\norg = \"acme\"\ntoken = \"file:/run/pat\"\n\
             [[hosted]]\norg = \"other\"\ntoken = \"env:PAT\"\napi = \"https://proxy/scout\"\n\
             ca = \"ca.pem\"\ninsecure = true\ntimeout = 600\n",
        )
        .unwrap();
        let [acme, other] = all.as_slice() else {
            panic!("{all:?}");
        };
        assert_eq!(acme.org.as_str(), "acme");
        assert_eq!(acme.token, SecretRef::File("/run/pat".into()));
        assert!(acme.api.is_none() && acme.ca.is_none() && !acme.insecure);
        assert_eq!(other.token, SecretRef::Env("PAT".to_owned()));
        assert_eq!(other.api.as_ref().unwrap().as_str(), "https://proxy/scout");
        assert_eq!(other.ca, Some("ca.pem".into()));
        assert!(other.insecure);
        assert_eq!(other.timeout_seconds, Some(600));
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn the_page_about_configuration_has_a_row_for_each_key_and_a_true_example() {
        let page = include_str!("../../../../docs/configuration.md");
        let (_, section) = page.split_once("\n## Hosted organizations\n").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let (keys, _) = section.split_once("| flag |").unwrap();
        let first_cells = keys
            .lines()
            .filter_map(|line| line.strip_prefix('|')?.split('|').next());
        let documented: Vec<_> = first_cells
            .filter_map(|cell| cell.split('`').nth(1))
            .collect();
        assert_eq!(documented, HOSTED_KEYS);
        let example = section.split("```toml\n").nth(1).unwrap();
        let example = example.split("```").next().unwrap();
        assert_eq!(read(example).unwrap().len(), 2);
    }

    #[test]
    fn slips_are_told_with_their_line_and_secrets_are_not() {
        let with =
            |more: &str| format!("[[hosted]]\norg = \"acme\"\ntoken = \"env:PAT\"\n{more}\n");
        for (text, expected) in [
            (
                "hosted = 1".to_owned(),
                "1: hosted is a whole number, but takes one table",
            ),
            ("hosted = [1]".to_owned(), "takes one table for each"),
            (
                "[[hosted]]\ntoken = \"env:PAT\"".to_owned(),
                "1: [[hosted]] has no org: add org = \"...\"",
            ),
            (
                "[[hosted]]\norg = \"acme\"".to_owned(),
                "1: [[hosted]] has no token: add token = \"file:PATH\" or \"env:NAME\"",
            ),
            (
                "[[hosted]]\norg = \"acme\"\ntoken = \"dckr_pat_canary\"".to_owned(),
                "3: token: a secret is never written here",
            ),
            (
                with("password = \"x\""),
                "4: \"password\" is not a key of [[hosted]]; the keys",
            ),
            (with("timeout = 601"), "4: timeout is not between 1 and 600"),
            (
                with("api = \"ftp://h\""),
                "4: api: it is not an https address",
            ),
            (
                with("api = \"https://u:canary@h\""),
                "4: api: there is a user in it",
            ),
            (
                with("api = \"https://h/?t=canary\""),
                "4: api: there is a query",
            ),
            (
                [with(""), with("")].concat(),
                "6: the organization acme is under [[hosted]] at line 1 already",
            ),
        ] {
            let said = read(&text).unwrap_err();
            assert!(said.contains(expected), "{text}\n{said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }
}
