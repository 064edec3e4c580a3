//! Names, texts and labels of the families beyond the documented ones.

use crate::gauge;
use crate::schema::GaugeSchema;

pub(super) static BUDGET: GaugeSchema<0> = gauge!(
    "scout_extended_series_budget",
    "Most series that the families beyond the three documented ones may have together",
    []
);
pub(super) static DROPPED: GaugeSchema<1> = gauge!(
    "scout_extended_series_dropped",
    "Series of a family that do not fit into the budget; what repositories have is summed up in repository=\"other\"",
    ["family"]
);
pub(super) static ADVISORIES_LOADED: GaugeSchema<1> = gauge!(
    "scout_source_advisories_loaded_timestamp_seconds",
    "When the advisories of an ecosystem were last loaded or found unchanged",
    ["ecosystem"]
);
pub(super) static KNOWN_EXPLOITED_LOADED: GaugeSchema<0> = gauge!(
    "scout_source_known_exploited_loaded_timestamp_seconds",
    "When the catalog of known exploited vulnerabilities was last loaded or found unchanged",
    []
);
pub(super) static REGISTRY_LISTED: GaugeSchema<1> = gauge!(
    "scout_source_registry_listed_timestamp_seconds",
    "When the last listing began that read all of a registry that is watched",
    ["registry"]
);
pub(super) static RUNTIME_SYNCED: GaugeSchema<2> = gauge!(
    "scout_source_runtime_synced_timestamp_seconds",
    "When a source last told what runs in an environment",
    ["streamName", "source"]
);
pub(super) static IMAGES: GaugeSchema<1> = gauge!(
    "scout_stream_images",
    "Images in a stream, an image in two repositories twice",
    ["streamName"]
);
pub(super) static JUDGED: GaugeSchema<1> = gauge!(
    "scout_stream_images_judged",
    "Images in a stream of which some loaded advisories could speak",
    ["streamName"]
);
pub(super) static PARTIAL: GaugeSchema<1> = gauge!(
    "scout_stream_images_partial",
    "Images in a stream of which something is not known",
    ["streamName"]
);
pub(super) static EXPOSURES: GaugeSchema<2> = gauge!(
    "scout_stream_exposures",
    "Pairs of an image in a stream and a vulnerability that it has",
    ["streamName", "severity"]
);
pub(super) static FIXABLE: GaugeSchema<2> = gauge!(
    "scout_stream_fixable_vulnerabilities",
    "Vulnerabilities in a stream that some version of an affected package fixes",
    ["streamName", "severity"]
);
pub(super) static KNOWN_EXPLOITED: GaugeSchema<2> = gauge!(
    "scout_stream_known_exploited_vulnerabilities",
    "Vulnerabilities in a stream that are known to be exploited",
    ["streamName", "severity"]
);
pub(super) static IN_USE: GaugeSchema<2> = gauge!(
    "scout_stream_in_use_vulnerabilities",
    "Vulnerabilities in a stream in packages that were seen loaded at run time",
    ["streamName", "severity"]
);
pub(super) static NO_DATA: GaugeSchema<3> = gauge!(
    "scout_policy_no_data_images",
    "Images in a stream for which a policy had no data",
    ["policy", "displayName", "streamName"]
);
pub(super) static NOT_ANALYZED: GaugeSchema<2> = gauge!(
    "scout_stream_images_not_analyzed",
    "Images that would be in a stream and are not analyzed, by reason",
    ["streamName", "reason"]
);
pub(super) static REPOSITORY_IMAGES: GaugeSchema<2> = gauge!(
    "scout_repository_images",
    "Images of a repository in a stream",
    ["streamName", "repository"]
);
pub(super) static REPOSITORY_EXPOSURES: GaugeSchema<3> = gauge!(
    "scout_repository_exposures",
    "Pairs of an image of a repository in a stream and a vulnerability that it has",
    ["streamName", "repository", "severity"]
);
pub(super) static REPOSITORY_KNOWN_EXPLOITED: GaugeSchema<2> = gauge!(
    "scout_repository_known_exploited_exposures",
    "Exposures of a repository in a stream whose vulnerability is known to be exploited",
    ["streamName", "repository"]
);
