//! `scout.toml`: defaults of the programs, and the integrations.

mod hosted;
mod invalid;
mod section;

use std::path::{Path, PathBuf};

use scout_envs::{IntegrationName, OrgName, PlatformChoice};
use scout_registry::Parameters;
use toml::de::{DeTable, DeValue};

use crate::config_file::hosted::HOSTED;
pub use crate::config_file::hosted::{HostedOrganization, check_api};
pub use crate::config_file::invalid::InvalidConfigFile;
use crate::config_file::invalid::Located;
use crate::config_file::section::Section;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::file::read_text;
use crate::integration::{IntegrationSpec, OpenedIntegration, open_integration};

/// A configuration file, read and checked.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConfigFile {
    /// What is used where no flag says otherwise.
    pub defaults: Defaults,
    /// The integrations, in the order of the file. No two have the same name.
    pub integrations: Vec<ConfiguredIntegration>,
    /// Organizations that are read from another server. No two have the same name.
    pub hosted: Vec<HostedOrganization>,
}

/// What is used where no flag says otherwise.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Defaults {
    /// `org`: the organization that results belong to.
    pub org: Option<OrgName>,
    /// `data-dir`: the directory for everything that is recorded.
    pub data_dir: Option<PathBuf>,
    /// `workers`: images indexed at once, 1 to [`MAX_WORKERS`](Self::MAX_WORKERS).
    pub workers: Option<u64>,
    /// `interval`: seconds from one sweep's start to the next's, 1 to
    /// [`MAX_INTERVAL_SECONDS`](Self::MAX_INTERVAL_SECONDS).
    pub interval_seconds: Option<u64>,
    /// `runtime-interval`: seconds between two looks at what runs, 1 to
    /// [`MAX_INTERVAL_SECONDS`](Self::MAX_INTERVAL_SECONDS).
    pub runtime_interval_seconds: Option<u64>,
    /// `all-images`: whether images that were there before are indexed, too.
    pub all_images: Option<bool>,
    /// `refresh-registry`: whether a registry's list of repositories is read anew.
    pub refresh_registry: Option<bool>,
    /// `advisories`: the directory of advisories.
    pub advisories: Option<PathBuf>,
    /// `platform`: the platform looked at where an image has several.
    pub platform: Option<PlatformChoice>,
}

impl Defaults {
    /// Most images indexed at once. More would only wait for the processor and the byte budget.
    pub const MAX_WORKERS: u64 = 64;
    /// Longest pause between two sweeps or syncs, in seconds: a week. A longer one is a cron job.
    pub const MAX_INTERVAL_SECONDS: u64 = 7 * 24 * 60 * 60;
}

/// An integration as the file describes it, checked. It holds no secret, only where they are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConfiguredIntegration {
    /// Its name.
    pub name: IntegrationName,
    /// Its parameters, the type among them.
    pub parameters: Parameters,
    /// The same, understood.
    pub spec: IntegrationSpec,
}

impl ConfiguredIntegration {
    /// Returns whether it is a channel that notices are sent to.
    #[must_use]
    pub fn is_channel(&self) -> bool {
        matches!(self.spec, IntegrationSpec::Channel(_))
    }

    /// Opens it, as [`open_integration`] does.
    ///
    /// # Errors
    ///
    /// As for [`open_integration`].
    pub fn open(&self, environment: &impl Environment) -> Result<OpenedIntegration> {
        open_integration(environment, &self.name, &self.parameters)
    }
}

/// Longest file, in bytes: thousands of integrations fit.
const MAX_LEN: u64 = 1024 * 1024;
/// The keys outside of integrations.
const KEYS: &[&str] = &[
    "org",
    "data-dir",
    "workers",
    "interval",
    "runtime-interval",
    "all-images",
    "refresh-registry",
    "advisories",
    "platform",
    INTEGRATION,
    HOSTED,
];
/// The key of the list of integrations.
const INTEGRATION: &str = "integration";
/// The keys of an integration that are none of its type's.
const NAME: &str = "name";
const TYPE: &str = "type";

impl ConfigFile {
    /// What the file is called where no other name is given.
    pub const FILE_NAME: &str = "scout.toml";

    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read, [`Error::ConfigFile`] with the line, what is wrong
    /// there and what is allowed. No value that could be a secret is told.
    pub fn load(path: &Path) -> Result<Self> {
        let text = read_text(path, MAX_LEN).map_err(|source| Error::File {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|Located { line, reason }| Error::ConfigFile {
            path: path.to_owned(),
            line,
            source: Box::new(reason),
        })
    }

    fn parse(text: &str) -> Result<Self, Located> {
        let table = DeTable::parse(text).map_err(|error| Located::syntax(text, &error))?;
        let top = Section::new(text, table.get_ref(), 1);
        top.check_keys("", KEYS)?;
        Ok(Self {
            defaults: Defaults::read(&top)?,
            integrations: integrations(&top)?,
            hosted: hosted::read(&top)?,
        })
    }
}

impl Defaults {
    fn read(top: &Section<'_>) -> Result<Self, Located> {
        Ok(Self {
            org: top.parsed("org")?,
            data_dir: top.parsed("data-dir")?,
            workers: top.number("workers", Self::MAX_WORKERS)?,
            interval_seconds: top.number("interval", Self::MAX_INTERVAL_SECONDS)?,
            runtime_interval_seconds: top.number("runtime-interval", Self::MAX_INTERVAL_SECONDS)?,
            all_images: top.flag("all-images")?,
            refresh_registry: top.flag("refresh-registry")?,
            advisories: top.parsed("advisories")?,
            platform: top.parsed("platform")?,
        })
    }
}

fn integrations(top: &Section<'_>) -> Result<Vec<ConfiguredIntegration>, Located> {
    let Some(entry) = top.entry(INTEGRATION) else {
        return Ok(Vec::new());
    };
    let DeValue::Array(items) = entry.value else {
        return Err(entry.wrong_type("one table for each, under [[integration]]"));
    };
    let mut all: Vec<ConfiguredIntegration> = Vec::new();
    let mut lines = Vec::new();
    for item in items.iter() {
        let line = top.line(item.span().start);
        let DeValue::Table(table) = item.get_ref() else {
            return Err(entry.wrong_type("one table for each, under [[integration]]"));
        };
        let section = Section::new(top.text, table, line);
        let read = integration(&section)?;
        let earlier = all.iter().position(|other| other.name == read.name);
        if let Some(first_line) = earlier.and_then(|index| lines.get(index)) {
            return Err(section.located(
                NAME,
                InvalidConfigFile::NameTwice {
                    name: read.name,
                    first_line: *first_line,
                },
            ));
        }
        all.push(read);
        lines.push(line);
    }
    Ok(all)
}

fn integration(section: &Section<'_>) -> Result<ConfiguredIntegration, Located> {
    let missing = |key| section.located(key, InvalidConfigFile::MissingKey { key });
    let name: IntegrationName = section.parsed(NAME)?.ok_or_else(|| missing(NAME))?;
    let kind = section.string(TYPE)?.ok_or_else(|| missing(TYPE))?;
    if let Some(keys) = IntegrationSpec::keys_of(kind) {
        let allowed: Vec<_> = [NAME].into_iter().chain(keys).collect();
        section.check_keys(&format!(" of type {kind:?}"), &allowed)?;
    }
    let own = section
        .entries()
        .filter(|entry| ![NAME, TYPE].contains(&entry.key));
    let pairs = own.map(|entry| Ok((entry.key.to_owned(), entry.parameter()?)));
    let parameters = Parameters::new(kind, pairs.collect::<Result<Vec<_>, Located>>()?);
    match IntegrationSpec::new(&parameters) {
        Ok(spec) => Ok(ConfiguredIntegration {
            name,
            parameters,
            spec,
        }),
        Err(source) => Err(Located {
            line: section.line,
            reason: InvalidConfigFile::Integration { name, source },
        }),
    }
}

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod tests;
