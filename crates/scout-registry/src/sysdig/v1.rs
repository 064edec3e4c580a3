//! The public vulnerability API, version 1: what runs, and what is known of each image.
//!
//! Source: Sysdig's API description, through the client that was generated from it in
//! sysdiglabs/sysdig-mcp-server (2026-04), and samples in the documents of integrations.

mod cache;
mod details;
mod row;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, stream};

use crate::error::{Error, Result};
use crate::runtime::{Limit, Merge, RunningImages};
use crate::sysdig::Kind;
use crate::sysdig::api::{Api, Listing};
pub(super) use crate::sysdig::v1::cache::Cache;
use crate::sysdig::v1::cache::Cached;
use crate::sysdig::v1::details::Details;
use crate::sysdig::v1::row::{CLUSTER, Found, Row, Wanted};
use crate::sysdig::wire::is_text;

const RESULTS: &str = "secure/vulnerability/v1/runtime-results";
const RESULT: &str = "secure/vulnerability/v1/results/";

/// How many rows are asked for at once; the API takes 1 to 1000.
const PAGE_SIZE: usize = 500;
/// How many images are asked about at once: few, the limits of the API are not documented.
const CONCURRENCY: usize = 4;
/// Longest filter that the API takes, in characters.
const MAX_FILTER: usize = 1024;

impl Api {
    /// Asks for one row of the cluster, or without one of all that runs.
    pub(super) async fn probe_v1(&self, cluster: Option<&str>) -> Result<()> {
        let filter = cluster.map(|cluster| self.filter(cluster)).transpose()?;
        self.probe(&running(filter.as_deref())).await
    }

    /// Lists the clusters in which something runs: there is no list of their own.
    pub(super) async fn v1_clusters(&self) -> Result<BTreeSet<String>> {
        let limit = self.limits.clusters;
        let mut names = BTreeSet::new();
        self.pages(&running(None), |rows| {
            let mut read = 0;
            for row in rows {
                let Ok(row) = serde_json::from_str::<Row<'_>>(row.get()) else {
                    continue;
                };
                read += 1;
                let name = row.scope(CLUSTER).filter(|name| is_text(name));
                names.extend(name.map(str::to_owned));
            }
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

    /// Lists all that runs in a cluster, with what is known of each image.
    pub(super) async fn v1_images(&self, cluster: &str, cache: &Cache) -> Result<RunningImages> {
        let filter = self.filter(cluster)?;
        let listing = running(Some(&filter));
        let mut merge = Merge::default();
        let found = self.v1_containers(&listing, cluster, &mut merge).await?;
        let mut wanted = BTreeMap::new();
        for found in found.iter().filter_map(|found| found.result.clone()) {
            let known: &mut Wanted = wanted
                .entry(found.id.clone())
                .or_insert_with(|| found.clone());
            known.version = found.version.or_else(|| known.version.take());
        }
        let known = self.v1_details(&listing, wanted, cache).await?;
        let mut lacking = BTreeSet::new();
        let mut used: HashMap<String, Cached> = HashMap::new();
        for Found {
            mut container,
            result,
        } in found
        {
            let id = result.map(|wanted| wanted.id);
            match id.and_then(|id| known.get_key_value(&id)) {
                Some((id, cached)) => {
                    let is_first = used.insert(id.clone(), cached.clone()).is_none();
                    cached.details.complete(&mut container, is_first);
                }
                None => {
                    lacking.insert((container.image_id.clone(), container.reference.clone()));
                }
            }
            merge.add(container);
        }
        let limits = self.limits;
        let checked = merge.check(limits.images, limits.packages);
        checked.map_err(|limit| self.endless(&listing, limit))?;
        merge.counts.without_details = lacking.len();
        merge.counts.skipped_packages += used
            .values()
            .map(|cached| cached.details.skipped_packages)
            .sum::<usize>();
        cache.replace(used);
        Ok(merge.finish())
    }

    /// Lists the containers of a cluster.
    async fn v1_containers(
        &self,
        listing: &Listing<'_>,
        cluster: &str,
        merge: &mut Merge,
    ) -> Result<Vec<Found>> {
        let limit = self.limits.containers;
        let mut all = Vec::new();
        self.pages(listing, |rows| {
            let mut read = 0;
            for row in rows {
                let Ok(row) = serde_json::from_str::<Row<'_>>(row.get()) else {
                    continue;
                };
                // How a filter escapes is not documented, so it is not trusted to hold.
                let is_other = row.scope(CLUSTER).is_some_and(|name| name != cluster);
                if row.is_host() || is_other {
                    read += 1;
                    continue;
                }
                let found = row.scope(CLUSTER).and_then(|_| Found::new(&row));
                let Some(found) = found else {
                    continue;
                };
                read += 1;
                merge.counts.invalid_image_ids += usize::from(found.container.image_id.is_none());
                all.push(found);
            }
            merge.counts.skipped_rows += rows.len() - read;
            match all.len() > limit {
                true => Err(Limit {
                    limit,
                    unit: "containers",
                }),
                false => Ok(read),
            }
        })
        .await?;
        Ok(all)
    }

    /// Asks what is known of the images. What one image lacks harms no other.
    async fn v1_details(
        &self,
        listing: &Listing<'_>,
        wanted: BTreeMap<String, Wanted>,
        cache: &Cache,
    ) -> Result<HashMap<String, Cached>> {
        let mut known = HashMap::new();
        let mut missing = Vec::new();
        for wanted in wanted.into_values() {
            match cache.get(&wanted) {
                Some(cached) => {
                    known.insert(wanted.id, cached);
                }
                None => missing.push(wanted),
            }
        }
        let mut packages: usize = known.values().map(|it| it.details.count()).sum();
        let requests = missing
            .into_iter()
            .map(|wanted| self.v1_result(wanted).boxed());
        let mut answers = stream::iter(requests).buffer_unordered(CONCURRENCY);
        while let Some(answer) = answers.next().await {
            let (wanted, details) = match answer {
                Ok(answer) => answer,
                // The right to see one is the right to see all.
                Err(Error::Denied { .. }) => break,
                Err(error) => return Err(error),
            };
            let Some(details) = details else { continue };
            packages += details.count();
            if packages > self.limits.packages {
                let (limit, unit) = (self.limits.packages, "packages in use");
                return Err(self.endless(listing, Limit { limit, unit }));
            }
            let cached = Cached {
                version: wanted.version,
                reuses: 0,
                details: Arc::new(details),
            };
            known.insert(wanted.id, cached);
        }
        Ok(known)
    }

    /// Asks what is known of one image; nothing if that is gone or cannot be read.
    async fn v1_result(&self, wanted: Wanted) -> Result<(Wanted, Option<Details>)> {
        let what = format!("the scan result {}", wanted.id);
        let body = match self.result(&format!("{RESULT}{}", wanted.id), what).await {
            Ok(body) => body,
            Err(Error::NotFound { .. } | Error::TooLarge { .. } | Error::WrongApi { .. }) => {
                return Ok((wanted, None));
            }
            Err(error) => return Err(error),
        };
        let details = Details::parse(&body, wanted.version.is_some());
        Ok((wanted, details))
    }

    fn filter(&self, cluster: &str) -> Result<String> {
        let escaped = cluster.replace('\\', r"\\").replace('"', r#"\""#);
        let filter = format!("{CLUSTER}=\"{escaped}\"");
        if filter.chars().count() > MAX_FILTER {
            return Err(Error::UnknownCluster {
                host: self.base().host_str().unwrap_or_default().to_owned(),
                cluster: cluster.to_owned(),
                known: Vec::new(),
            });
        }
        Ok(filter)
    }
}

fn running(filter: Option<&str>) -> Listing<'_> {
    Listing {
        kind: Kind::V1,
        path: RESULTS,
        query: filter
            .map(|filter| ("filter", filter))
            .into_iter()
            .collect(),
        page_size: Some(PAGE_SIZE),
        what: "the runtime results".to_owned(),
    }
}
