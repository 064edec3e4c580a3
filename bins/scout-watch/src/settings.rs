//! What the program does: the flags, else `scout.toml`, else the documented defaults.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;
use scout_config::{
    ConfigFile, ConfiguredIntegration, DEFAULT_DATA_DIR, ExtendedArguments, ServingArguments,
};
use scout_envs::{IntegrationName, OrgName, PlatformChoice};
use scout_platform::WatchOptions;
use scout_web::PublicAddress;

use crate::arguments::Arguments;
use crate::usage::Usage;

/// Five minutes: what Sysdig tells changes with its own scans, and others who ask it do so every
/// half an hour.
const DEFAULT_RUNTIME_INTERVAL_SECONDS: u64 = 300;

/// What the program does.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) org: OrgName,
    pub(crate) data_dir: PathBuf,
    pub(crate) targets: Targets,
    pub(crate) tags: Vec<Regex>,
    pub(crate) all_images: bool,
    pub(crate) refresh_registry: bool,
    pub(crate) watch: WatchOptions,
    /// The time between two looks at what runs.
    pub(crate) runtime_interval: Duration,
    pub(crate) platforms: PlatformChoice,
    pub(crate) advisories: Option<PathBuf>,
    pub(crate) once: bool,
    pub(crate) serve: Option<Serve>,
    pub(crate) health_address: Option<SocketAddr>,
    pub(crate) webhook_address: IpAddr,
}

/// Where and how the metrics are served.
#[derive(Clone, Debug)]
pub(crate) struct Serve {
    pub(crate) address: SocketAddr,
    pub(crate) arguments: ServingArguments,
    pub(crate) extended: ExtendedArguments,
    pub(crate) public_address: Option<PublicAddress>,
}

impl Serve {
    fn new(arguments: &Arguments) -> Result<Option<Self>, Usage> {
        let given = arguments
            .serving
            .given()
            .or_else(|| arguments.extended.given());
        match (arguments.serve, given) {
            (None, Some(flag)) => Err(Usage::needs_serve(flag)),
            (None, None) => Ok(None),
            (Some(address), _) => Ok(Some(Self {
                address,
                arguments: arguments.serving.clone(),
                extended: arguments.extended,
                public_address: arguments.public_address.clone(),
            })),
        }
    }
}

/// What is watched.
#[derive(Clone, Debug)]
pub(crate) enum Targets {
    /// The registry that flags name.
    Flags {
        registry: String,
        repositories: Vec<String>,
    },
    /// The integrations of the file and of the store; of them the named ones, or all.
    Integrations {
        named: Vec<IntegrationName>,
        configured: Vec<ConfiguredIntegration>,
    },
}

impl Settings {
    /// Puts flags and file together.
    ///
    /// # Errors
    ///
    /// If the file cannot be used, or flags need another one.
    pub(crate) fn new(arguments: Arguments) -> anyhow::Result<Self> {
        let serve = Serve::new(&arguments)?;
        let (defaults, configured) = match &arguments.config {
            Some(path) => {
                let file = ConfigFile::load(path)?;
                (file.defaults, file.integrations)
            }
            None => Default::default(),
        };
        let mut watch = WatchOptions::default();
        if let Some(workers) = arguments.workers.or(defaults.workers) {
            watch.workers = usize::try_from(workers)?;
        }
        if let Some(seconds) = arguments.interval.or(defaults.interval_seconds) {
            watch.interval = Duration::from_secs(seconds);
        }
        watch.index = arguments.sbom;
        let runtime_interval = arguments
            .runtime_interval
            .or(defaults.runtime_interval_seconds)
            .unwrap_or(DEFAULT_RUNTIME_INTERVAL_SECONDS);
        let targets = match arguments.registry {
            Some(registry) => Targets::Flags {
                registry,
                repositories: arguments.repository,
            },
            None => Targets::Integrations {
                named: arguments.integration,
                configured,
            },
        };
        Ok(Self {
            org: match arguments.org.or(defaults.org) {
                Some(org) => org,
                None => OrgName::DEFAULT.parse()?,
            },
            data_dir: arguments
                .data_dir
                .or(defaults.data_dir)
                .unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR)),
            tags: arguments.tag,
            all_images: arguments.all_images || defaults.all_images.unwrap_or_default(),
            // Where no flag names the registry, a repository that appears is to be seen.
            refresh_registry: arguments.refresh_registry
                || defaults
                    .refresh_registry
                    .unwrap_or(matches!(targets, Targets::Integrations { .. })),
            targets,
            watch,
            runtime_interval: Duration::from_secs(runtime_interval),
            platforms: arguments.platform.or(defaults.platform).unwrap_or_default(),
            advisories: arguments.advisories.or(defaults.advisories),
            once: arguments.once,
            serve,
            health_address: arguments.health_address,
            webhook_address: arguments.webhook_address,
        })
    }
}
