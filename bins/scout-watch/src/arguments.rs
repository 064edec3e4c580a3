//! The command line. Names and defaults are those of `docker scout watch`, where it has them.

use std::net::SocketAddr;
use std::path::PathBuf;

use regex::Regex;
use scout_config::{DEFAULT_DATA_DIR, LogFormat};
use scout_envs::{OrgName, PlatformChoice, RepositoryName};
use scout_platform::WatchOptions;

/// Watches a registry: indexes the images in it, matches them with advisories, judges them.
#[derive(Debug, clap::Parser)]
#[command(name = "scout-watch", version, after_help = AFTER_HELP)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each switch of the command line"
)]
pub(crate) struct Arguments {
    /// Organization that the results belong to; it is enrolled if it is new
    #[arg(long, value_name = "ORG", default_value = OrgName::DEFAULT)]
    pub(crate) org: OrgName,

    /// Registry to watch: `HOST[:PORT]`, or `type=oci,registry=HOST[:PORT],…`, or
    /// `type=oci-dir,path=DIR,…`; see below
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) registry: String,

    /// Repository to watch instead of all that the registry lists; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) repository: Vec<RepositoryName>,

    /// Regular expression that a tag must match; may be repeated, one match is enough
    #[arg(long, value_name = "REGEX")]
    pub(crate) tag: Vec<Regex>,

    /// Index the images that are in the registry already, not only those pushed from now on
    #[arg(long)]
    pub(crate) all_images: bool,

    /// Seconds between two sweeps
    #[arg(long, value_name = "SECONDS", default_value_t = WatchOptions::DEFAULT_INTERVAL_SECONDS,
          value_parser = clap::value_parser!(u64).range(1..=MAX_INTERVAL_SECONDS))]
    pub(crate) interval: u64,

    /// Images indexed at once
    #[arg(long, value_name = "N", default_value_t = WatchOptions::DEFAULT_WORKERS as u64,
          value_parser = clap::value_parser!(u64).range(1..=MAX_WORKERS))]
    pub(crate) workers: u64,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Record what is in the images; with `--sbom=false` only tags are recorded
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) sbom: bool,

    /// Make one sweep, finish the work it gives, then exit
    #[arg(long)]
    pub(crate) once: bool,

    /// Serve the metrics endpoint at this address as well
    #[arg(long, value_name = "ADDR")]
    pub(crate) serve: Option<SocketAddr>,

    /// Directory for everything that is recorded; no image data is written to it
    #[arg(long, value_name = "DIR", env = "SCOUT_DATA_DIR", default_value = DEFAULT_DATA_DIR)]
    pub(crate) data_dir: PathBuf,

    /// Directory of OSV dumps laid out `<Ecosystem>/all.zip`, with an optional `kev.json`
    #[arg(long, value_name = "DIR", value_parser = directory)]
    pub(crate) advisories: Option<PathBuf>,

    /// Platform looked at where an image has several, else its only Linux one; `all` for each
    #[arg(long, value_name = "OS/ARCH", default_value_t)]
    pub(crate) platform: PlatformChoice,

    /// How log lines look: `text` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// A directory that is not there is a mistake to be told at once.
fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() {
        return Ok(path);
    }
    Err("there is no such directory".to_owned())
}

/// A week; a longer pause is a cron job with `--once`.
const MAX_INTERVAL_SECONDS: u64 = 7 * 24 * 60 * 60;
/// More would only wait for the processor and the byte budget.
const MAX_WORKERS: u64 = 64;

const AFTER_HELP: &str = "\
Registry strings are one CSV record of key=value:
  type=oci      registry=HOST[:PORT]  repository=A,B  include=GLOB  exclude=GLOB
                insecure=true (plain HTTP to a host that is not this one)  ca=FILE  allow-host=HOST
  type=oci-dir  path=DIR  include=GLOB  exclude=GLOB
A `*` in a GLOB also matches `/`. Quote a field that holds commas: 'type=oci,\"repository=a,b\",…'.

Credentials for the registry: DOCKER_SCOUT_REGISTRY_USER and DOCKER_SCOUT_REGISTRY_PASSWORD, or
DOCKER_SCOUT_REGISTRY_TOKEN, else the plain `auths` of Docker's config.json.

Exit status: 0 all went well, 1 something failed, 64 wrong usage.";
