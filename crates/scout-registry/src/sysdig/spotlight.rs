//! The API of the Risk Spotlight integrations ("eveintegration").
//!
//! Source: the client in snyk/kubernetes-monitor (`src/data-scraper`, 2026-06); the API is not in
//! Sysdig's public description.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Result;
use crate::runtime::{Limit, Merge, PackageInUse, RunningContainer, RunningImages, Workload};
use crate::sysdig::Kind;
use crate::sysdig::api::{Api, Listing};
use crate::sysdig::wire::{are_texts, digest, filled, is_text, text};

const IMAGES: &str = "api/scanning/eveintegration/v2/runtimeimages";
// Seen once in a public script; the shape of its answer is not documented.
const CLUSTERS: &str = "api/scanning/eveintegration/v2/runtimeclusters";

/// How many rows are asked for at once, which is the API's own default; it takes 1 to 500.
const PAGE_SIZE: usize = 250;

/// What one container runs. An image is there whatever the rest of its row looks like.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(default, rename = "imageID")]
    image_id: Option<String>,
    #[serde(borrow, default)]
    namespace: Option<&'a RawValue>,
    #[serde(borrow, default)]
    workload_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    workload_kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    container: Option<&'a RawValue>,
    #[serde(borrow, default)]
    packages: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    os_family: Option<String>,
    #[serde(default)]
    os_version: Option<String>,
    #[serde(default)]
    arch: Option<String>,
}

impl Package {
    fn parse(text: &RawValue) -> Option<PackageInUse> {
        let wire: Self = serde_json::from_str(text.get()).ok()?;
        let (name, purl) = (filled(wire.name), filled(wire.purl));
        if name.is_none() && purl.is_none() {
            return None;
        }
        let mut package =
            PackageInUse::new(name.unwrap_or_default(), wire.version.unwrap_or_default());
        package.purl = purl;
        package.kind = filled(wire.kind);
        package.os_family = filled(wire.os_family);
        package.os_version = filled(wire.os_version);
        package.architecture = filled(wire.arch);
        let texts = [
            Some(package.name.as_str()),
            Some(package.version.as_str()),
            package.purl.as_deref(),
            package.kind.as_deref(),
            package.os_family.as_deref(),
            package.os_version.as_deref(),
            package.architecture.as_deref(),
        ];
        are_texts(texts.into_iter().flatten()).then_some(package)
    }
}

impl<'a> Row<'a> {
    /// Returns the packages; nothing if there is no list of them.
    fn packages(&self) -> Option<Vec<&'a RawValue>> {
        let packages = self.packages.filter(|rows| rows.get() != "null")?;
        serde_json::from_str(packages.get()).ok()
    }

    /// Adds what this row says. Packages that cannot be read are counted.
    fn add_to(self, merge: &mut Merge) {
        let workload = Workload::new(
            text(self.workload_kind),
            text(self.namespace),
            text(self.workload_name),
            text(self.container),
        );
        let mut container = RunningContainer::new(workload);
        container.packages_in_use = self.packages().map(|rows| {
            let packages: Vec<_> = rows.iter().filter_map(|row| Package::parse(row)).collect();
            merge.counts.skipped_packages += rows.len() - packages.len();
            packages
        });
        container.image_id = digest(&self.image_id.unwrap_or_default());
        merge.counts.invalid_image_ids += usize::from(container.image_id.is_none());
        merge.add(container);
    }
}

impl Api {
    /// Asks for one image of the cluster, or without one for the clusters.
    pub(super) async fn probe_spotlight(&self, cluster: Option<&str>) -> Result<()> {
        self.probe(&cluster.map_or_else(clusters, images)).await
    }

    /// Lists all that runs in a cluster.
    pub(super) async fn spotlight_images(&self, cluster: &str) -> Result<RunningImages> {
        let listing = images(cluster);
        let limits = self.limits;
        let mut merge = Merge::default();
        self.pages(&listing, |rows| {
            let mut read = 0;
            let mut packages = 0;
            for row in rows {
                let Ok(row) = serde_json::from_str::<Row<'_>>(row.get()) else {
                    continue;
                };
                packages += row.packages().map_or(0, |packages| packages.len());
                if packages > limits.page_packages {
                    return Err(Limit {
                        limit: limits.page_packages,
                        unit: "packages on one page",
                    });
                }
                row.add_to(&mut merge);
                read += 1;
            }
            merge.counts.skipped_rows += rows.len() - read;
            if merge.counts.containers > limits.containers {
                return Err(Limit {
                    limit: limits.containers,
                    unit: "containers",
                });
            }
            merge.check(limits.images, limits.packages)?;
            Ok(read)
        })
        .await?;
        Ok(merge.finish())
    }

    /// Lists the clusters. Each may be a name, or an object with one.
    pub(super) async fn spotlight_clusters(&self) -> Result<BTreeSet<String>> {
        let limit = self.limits.clusters;
        let mut names = BTreeSet::new();
        self.pages(&clusters(), |rows| {
            let before = rows.len();
            let found: Vec<_> = rows.iter().filter_map(|row| cluster_name(row)).collect();
            let read = found.len().min(before);
            names.extend(found);
            match names.len() > limit {
                true => Err(Limit {
                    limit,
                    unit: "clusters",
                }),
                false => Ok(read),
            }
        })
        .await?;
        Ok(names)
    }
}

fn images(cluster: &str) -> Listing<'_> {
    Listing {
        kind: Kind::RiskSpotlight,
        path: IMAGES,
        query: vec![("clusterName", cluster)],
        page_size: Some(PAGE_SIZE),
        what: format!("the list of running images of the cluster {cluster:?}"),
    }
}

fn clusters<'a>() -> Listing<'a> {
    Listing {
        kind: Kind::RiskSpotlight,
        path: CLUSTERS,
        query: Vec::new(),
        page_size: None,
        what: "the list of clusters".to_owned(),
    }
}

fn cluster_name(row: &RawValue) -> Option<String> {
    let name = match serde_json::from_str(row.get()).ok()? {
        Value::String(name) => name,
        Value::Object(object) => ["name", "clusterName"]
            .iter()
            .find_map(|key| Some(object.get(*key)?.as_str()?.to_owned()))?,
        _ => return None,
    };
    (!name.is_empty() && is_text(&name)).then_some(name)
}
