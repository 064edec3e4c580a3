//! `type=oci`: any registry that speaks the OCI distribution protocol. We only pull.

mod challenge;
mod client;
mod envelope;
mod listing;
mod reach;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use scout_envs::{Digest, DigestAlgorithm, RepositoryName, Tag};
use scout_http::{HttpClient, Method, Response, StatusCode, header};
use url::Url;

use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::integration::{
    BlobStream, Capabilities, ManifestDocument, RegistryIntegration, Resolved,
};
use crate::manifest::Manifest;
use crate::media_type;
use crate::oci::client::{Call, Client, REGISTRY_PING, Redirects};
use crate::spec::{BuildOptions, OciSpec};
use crate::stats::{RequestKind, Stats};
use crate::verify::{VerifiedStream, check_digest, digest_of};

/// The header in which a registry tells a manifest's digest.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A registry that speaks the OCI distribution protocol.
#[derive(Debug)]
pub struct OciRegistry {
    host: String,
    key: String,
    filter: Filter,
    explicit: Vec<RepositoryName>,
    client: Arc<Client>,
}

impl OciRegistry {
    /// Makes the integration; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When the certificate authorities cannot be used.
    pub fn new(spec: &OciSpec, options: BuildOptions) -> Result<Self> {
        let http = HttpClient::builder(options.user_agent)
            .with_ca_pem(options.ca_pem)
            .with_plain_http(spec.allows_plain_http())
            .build()?;
        let explicit = if options.repositories.is_empty() {
            spec.repositories().to_vec()
        } else {
            options.repositories
        };
        let host = spec.host().to_owned();
        Ok(Self {
            key: format!("oci:{host}"),
            filter: spec.filter().clone(),
            explicit: explicit
                .into_iter()
                .map(|name| official(&host, name))
                .collect(),
            client: Arc::new(Client::new(http, spec, options.credentials, options.retry)),
            host,
        })
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.client.base().clone();
        url.set_path(&format!("/v2/{path}"));
        url
    }

    fn manifest_call(
        &self,
        method: Method,
        kind: RequestKind,
        repository: &RepositoryName,
        reference: &str,
        what: String,
    ) -> Call {
        Call {
            method,
            kind,
            url: self.url(&format!("{repository}/manifests/{reference}")),
            scope: pull_scope(repository),
            what,
            accept: Some(media_type::ACCEPT_MANIFESTS),
            redirects: Redirects::Anywhere,
            also_accepted: &[],
            is_streamed: false,
        }
    }

    /// For registries that tell no digest on `HEAD`: reads the manifest and computes it.
    async fn resolve_by_reading(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        what: String,
    ) -> Result<Resolved> {
        let kind = RequestKind::Manifest;
        let call = self.manifest_call(Method::GET, kind, repository, tag.as_str(), what);
        let response = self.client.send(&call).await?;
        let told = told_digest(&response);
        let media_type = media_type_of(&response);
        let bytes = self
            .client
            .body(response, Manifest::MAX_LEN, &call.what)
            .await?;
        if let Some(told) = &told {
            check_digest(&call.what, &bytes, told)?;
        }
        Ok(Resolved {
            digest: told.unwrap_or_else(|| digest_of(&bytes, DigestAlgorithm::Sha256)),
            media_type,
            pushed_at: None,
        })
    }
}

#[async_trait]
impl RegistryIntegration for OciRegistry {
    fn kind(&self) -> &'static str {
        "oci"
    }

    fn key(&self) -> &str {
        &self.key
    }

    fn host(&self) -> &str {
        &self.host
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            lists_images: true,
            ..Capabilities::default()
        }
    }

    fn stats(&self) -> Stats {
        self.client.counters().stats()
    }

    async fn test_connection(&self) -> Result<()> {
        let call = Call {
            method: Method::GET,
            kind: RequestKind::Ping,
            url: self.url(""),
            scope: REGISTRY_PING.to_owned(),
            what: format!("a registry at {}", self.host),
            accept: None,
            redirects: Redirects::SameHost,
            also_accepted: &[],
            is_streamed: false,
        };
        self.client.send(&call).await.map(drop)
    }

    async fn repositories(&self) -> Result<Vec<RepositoryName>> {
        let mut names = if self.explicit.is_empty() {
            listing::catalog(&self.client, self.url("_catalog"), &self.host).await?
        } else {
            self.explicit.clone()
        };
        names.retain(|name| self.filter.selects(&self.host, name));
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn tags(&self, repository: &RepositoryName) -> Result<Vec<Tag>> {
        let url = self.url(&format!("{repository}/tags/list"));
        let what = format!("{}/{repository}", self.host);
        let scope = pull_scope(repository);
        let mut tags: Vec<Tag> = listing::tags(&self.client, url, scope, what).await?;
        tags.sort();
        tags.dedup();
        Ok(tags)
    }

    async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        let what = format!("{}/{repository}:{tag}", self.host);
        let kind = RequestKind::Head;
        let mut call =
            self.manifest_call(Method::HEAD, kind, repository, tag.as_str(), what.clone());
        call.also_accepted = &[StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        let response = self.client.send(&call).await?;
        match told_digest(&response).filter(|_| response.status().is_success()) {
            Some(digest) => Ok(Resolved {
                digest,
                media_type: media_type_of(&response),
                pushed_at: None,
            }),
            None => self.resolve_by_reading(repository, tag, what).await,
        }
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        let what = format!("{}/{repository}@{digest}", self.host);
        let kind = RequestKind::Manifest;
        let call = self.manifest_call(Method::GET, kind, repository, digest.as_str(), what);
        let response = self.client.send(&call).await?;
        let media_type = media_type_of(&response);
        let bytes = self
            .client
            .body(response, Manifest::MAX_LEN, &call.what)
            .await?;
        check_digest(&call.what, &bytes, digest)?;
        Ok(ManifestDocument {
            digest: digest.clone(),
            media_type,
            bytes,
        })
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream> {
        let digest = &descriptor.digest;
        let call = Call {
            method: Method::GET,
            kind: RequestKind::Blob,
            url: self.url(&format!("{repository}/blobs/{digest}")),
            scope: pull_scope(repository),
            what: format!("blob {}/{repository}@{digest}", self.host),
            accept: None,
            redirects: Redirects::Anywhere,
            also_accepted: &[],
            is_streamed: true,
        };
        let response = self.client.send(&call).await?;
        if let Some(length) = response.content_length()
            && length != descriptor.size
        {
            return Err(Error::SizeMismatch {
                what: call.what,
                expected: descriptor.size,
                actual: Some(length),
            });
        }
        // Slack, so that the check that knows the blob's name comes first.
        let body = response.into_stream(descriptor.size.saturating_add(MAX_CHUNK))?;
        let client = Arc::clone(&self.client);
        let body = body.map_err(Error::from).inspect_ok(move |chunk| {
            client.counters().count_blob_bytes(chunk.len());
        });
        let stream = VerifiedStream::new(body, call.what, digest.clone(), descriptor.size);
        Ok(stream.boxed())
    }
}

/// Longest piece in which a body may arrive, in bytes: above what HTTP/1 and HTTP/2 buffers hold.
const MAX_CHUNK: u64 = 16 * 1024 * 1024;

fn pull_scope(repository: &RepositoryName) -> String {
    format!("repository:{repository}:pull")
}

/// Docker Hub keeps its official images below `library`, which people leave out.
fn official(host: &str, name: RepositoryName) -> RepositoryName {
    if host != "docker.io" || name.as_str().contains('/') {
        return name;
    }
    format!("library/{name}").parse().unwrap_or(name)
}

fn told_digest(response: &Response) -> Option<Digest> {
    response.header(CONTENT_DIGEST)?.trim().parse().ok()
}

fn media_type_of(response: &Response) -> Option<String> {
    let value = media_type::essence(response.header(header::CONTENT_TYPE)?);
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests;
