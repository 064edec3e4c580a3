//! The command line. Names and defaults are those of `docker scout watch`, where it has them.
//! What may stand in `scout.toml` as well is optional here, and gets its default last.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use regex::Regex;
use scout_config::{Defaults, ExtendedArguments, LogFormat, ServingArguments, Shell};
use scout_envs::{IntegrationName, OrgName, PlatformChoice};
use scout_web::PublicAddress;

/// Watches registries and clusters: indexes images, matches them with advisories, judges them.
#[derive(Debug, clap::Parser)]
#[command(name = "scout-watch", version, after_help = AFTER_HELP)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each switch of the command line"
)]
pub(crate) struct Arguments {
    /// Organization that the results belong to; it is enrolled if it is new [default: default]
    #[arg(long, value_name = "ORG")]
    pub(crate) org: Option<OrgName>,

    /// Registry to watch: `HOST[:PORT]`, or `key=value,…`; see below. Without it, the integrations
    /// are watched that `scout integration` and `scout.toml` hold
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) registry: Option<String>,

    /// Repository to watch instead of all that the registry lists; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        requires = "registry"
    )]
    pub(crate) repository: Vec<String>,

    /// Integration to watch instead of all; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "registry"
    )]
    pub(crate) integration: Vec<IntegrationName>,

    /// File with defaults and integrations; docs/configuration.md describes it
    #[arg(long, value_name = "FILE", env = "SCOUT_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Regular expression that a tag must match; may be repeated, one match is enough
    #[arg(long, value_name = "REGEX")]
    pub(crate) tag: Vec<Regex>,

    /// Index the images that are in the registry already, not only those pushed from now on
    #[arg(long)]
    pub(crate) all_images: bool,

    /// List the repositories anew in every sweep, not in the first one only; without --registry
    /// that is so anyway
    #[arg(long)]
    pub(crate) refresh_registry: bool,

    /// Seconds from the start of a sweep to the start of the next [default: 60]
    #[arg(long, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=Defaults::MAX_INTERVAL_SECONDS))]
    pub(crate) interval: Option<u64>,

    /// Seconds between two looks at what runs in a cluster [default: 300]
    #[arg(long, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=Defaults::MAX_INTERVAL_SECONDS))]
    pub(crate) runtime_interval: Option<u64>,

    /// Images indexed at once [default: 3]
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=Defaults::MAX_WORKERS))]
    pub(crate) workers: Option<u64>,

    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Record what is in the images; with `--sbom=false` only tags are recorded
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) sbom: bool,

    /// Look at each registry and cluster once, finish the work that gives, then exit
    #[arg(long)]
    pub(crate) once: bool,

    /// Serve the metrics endpoint at this address as well
    #[arg(long, value_name = "ADDR")]
    pub(crate) serve: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) serving: ServingArguments,

    #[command(flatten)]
    pub(crate) extended: ExtendedArguments,

    /// Address at which scrapers reach --serve, as HOST:PORT or `https://HOST`, for /v1/sd; without
    /// it, the one that they write
    #[arg(long, value_name = "ADDR", requires = "serve")]
    pub(crate) public_address: Option<PublicAddress>,

    /// Tell at this address how the program is: /metrics and /healthz, over HTTP and without a
    /// token; --serve has both as well
    #[arg(long, value_name = "ADDR")]
    pub(crate) health_address: Option<SocketAddr>,

    /// Address at which webhooks are received, on the ports of the registries
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    pub(crate) webhook_address: IpAddr,

    /// Directory for everything that is recorded; no image data is written to it
    /// [default: ./scout-data]
    #[arg(long, value_name = "DIR", env = "SCOUT_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Directory of OSV dumps laid out `<Ecosystem>/all.zip`, with an optional `kev.json`
    #[arg(long, value_name = "DIR", value_parser = directory)]
    pub(crate) advisories: Option<PathBuf>,

    /// Platform looked at where an image has several, else its only Linux one; `all` for each
    /// [default: linux/amd64]
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<PlatformChoice>,

    /// How log lines look: `text` or `json`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// Print the script by which a shell completes this command line, and exit
    #[arg(long, value_name = "SHELL", exclusive = true)]
    pub(crate) completions: Option<Shell>,
}

/// A directory that is not there is a mistake to be told at once.
fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() {
        return Ok(path);
    }
    Err("there is no such directory".to_owned())
}

const AFTER_HELP: &str = "\
Registry strings are one CSV record of key=value:
  type=oci             registry=HOST[:PORT]  repository=A,B
  type=artifactory     registry=HOST  api=URL  repository=KEY,KEY  subdomain-mode=true|false
  type=acr             registry=NAME.azurecr.io
  type=harbor          registry=HOST  api=URL
  type=nexus           registry=HOST[:PORT]  api=URL  repository=NAME,NAME
  type=oci-dir         path=DIR
  type=docker-archive  path=FILE
All of them take include=GLOB and exclude=GLOB, where a `*` also matches `/`. Those asked over the
network take insecure=true (plain HTTP to a host that is not this one), ca=FILE, allow-host=HOST,
max-requests=N (in flight) and rate=N (a second) to one host, user=, password=, token= (secrets as
env:NAME or file:PATH), and to receive webhooks port=, webhook-secret=, webhook-cert=, webhook-key=.
Quote a field that holds commas:
'type=oci,\"repository=a,b\",…'. docs/configuration.md has them all.

Credentials: those the string points to, else the variables of the type, such as
DOCKER_SCOUT_ARTIFACTORY_API_USER and DOCKER_SCOUT_ARTIFACTORY_API_PASSWORD, else
DOCKER_SCOUT_REGISTRY_USER and DOCKER_SCOUT_REGISTRY_PASSWORD or DOCKER_SCOUT_REGISTRY_TOKEN, else
Docker's config.json and its credential helpers.

Webhooks are received at http://ADDRESS:PORT/NAME, with the name of the integration (for --registry
its type), and at http://ADDRESS:PORT/ where one integration has the port.

Exit status: 0 all went well, 1 something failed, 64 wrong usage.";
