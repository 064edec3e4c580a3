//! The OCI distribution API below one root, as a client that only pulls.
//!
//! Source: OCI distribution specification 1.1; the catalog is that of Docker's registry API.

mod listing;

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use scout_envs::{Digest, DigestAlgorithm, RepositoryName, Tag};
use scout_http::{Method, RedactedUrl, Response, StatusCode, header};
use url::Url;

use crate::client::{Call, Client, Redirects, Setup};
use crate::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::integration::{BlobStream, ListedTag, ManifestDocument, Resolved};
use crate::manifest::Manifest;
use crate::media_type;
use crate::stats::RequestKind;
use crate::verify::{VerifiedStream, check_digest, digest_of};

/// The header in which a registry tells a manifest's digest.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// The OCI distribution API below one root.
#[derive(Clone, Debug)]
pub(crate) struct Distribution {
    /// `…/v2/`.
    root: Url,
    /// What stands before a repository's name in messages.
    host: String,
    client: Arc<Client>,
}

impl Distribution {
    /// Makes the client of the API at `root`, which ends with `/v2/`; `host` is for messages.
    pub(crate) fn new(setup: &Setup, root: Url, host: impl Into<String>) -> Self {
        Self {
            client: Arc::new(Client::negotiating(setup, root.clone())),
            root,
            host: host.into(),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.root.clone();
        url.set_path(&format!("{}{path}", self.root.path()));
        url
    }

    /// Checks the address and the credentials.
    pub(crate) async fn ping(&self) -> Result<()> {
        let call = Call::get(RequestKind::Ping, self.url(""), "the registry");
        let Err(error) = self.client.send(&call).await else {
            return Ok(());
        };
        // Every registry answers here itself; a login page or another program does this.
        let detail = match error {
            Error::NotFound { .. } | Error::UnknownRepository { .. } => "status 404".to_owned(),
            Error::RefusedRedirect { to, .. } => format!("it redirects to {to}"),
            other => return Err(other),
        };
        Err(Error::WrongApi {
            url: RedactedUrl::from(&call.url),
            expected: "the API of a registry",
            detail: Some(detail),
        })
    }

    /// Lists all repositories.
    pub(crate) async fn catalog(&self) -> Result<Vec<RepositoryName>> {
        listing::catalog(&self.client, self.url("_catalog"), &self.host).await
    }

    /// Lists all tags of a repository, sorted.
    pub(crate) async fn tags(&self, repository: &RepositoryName) -> Result<Vec<ListedTag>> {
        let url = self.url(&format!("{repository}/tags/list"));
        let what = format!("{}/{repository}", self.host);
        let scope = pull_scope(repository);
        let mut tags: Vec<Tag> = listing::tags(&self.client, url, scope, what).await?;
        tags.sort();
        tags.dedup();
        Ok(tags.into_iter().map(ListedTag::new).collect())
    }

    /// Returns what a tag points to: one `HEAD`, where the registry tells a digest.
    pub(crate) async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Resolved> {
        let what = format!("{}/{repository}:{tag}", self.host);
        let kind = RequestKind::Head;
        let mut call = self.manifest_call(kind, repository, tag.as_str(), what.clone());
        call.method = Method::HEAD;
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

    /// For registries that tell no digest on `HEAD`: reads the manifest and computes it.
    async fn resolve_by_reading(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        what: String,
    ) -> Result<Resolved> {
        let call = self.manifest_call(RequestKind::Manifest, repository, tag.as_str(), what);
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

    /// Returns the manifest with this digest, checked.
    pub(crate) async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument> {
        let what = format!("{}/{repository}@{digest}", self.host);
        let call = self.manifest_call(RequestKind::Manifest, repository, digest.as_str(), what);
        let response = self.client.send(&call).await?;
        let media_type = media_type_of(&response);
        let bytes = self
            .client
            .body(response, Manifest::MAX_LEN, &call.what)
            .await?;
        check_digest(&call.what, &bytes, digest)?;
        Ok(ManifestDocument::new(digest.clone(), media_type, bytes))
    }

    /// Streams a blob, checked at its end.
    pub(crate) async fn blob(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<BlobStream> {
        let digest = &descriptor.digest;
        let url = self.url(&format!("{repository}/blobs/{digest}"));
        let what = format!("blob {}/{repository}@{digest}", self.host);
        let mut call = Call::get(RequestKind::Blob, url, what).with_scope(pull_scope(repository));
        call.redirects = Redirects::Anywhere;
        call.is_streamed = true;
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

    fn manifest_call(
        &self,
        kind: RequestKind,
        repository: &RepositoryName,
        reference: &str,
        what: String,
    ) -> Call {
        let url = self.url(&format!("{repository}/manifests/{reference}"));
        let mut call = Call::get(kind, url, what).with_scope(pull_scope(repository));
        call.accept = Some(media_type::ACCEPT_MANIFESTS);
        call.redirects = Redirects::Anywhere;
        call
    }
}

/// Longest piece in which a body may arrive, in bytes: above what HTTP/1 and HTTP/2 buffers hold.
const MAX_CHUNK: u64 = 16 * 1024 * 1024;

fn pull_scope(repository: &RepositoryName) -> String {
    format!("repository:{repository}:pull")
}

fn told_digest(response: &Response) -> Option<Digest> {
    response.header(CONTENT_DIGEST)?.trim().parse().ok()
}

fn media_type_of(response: &Response) -> Option<String> {
    let value = media_type::essence(response.header(header::CONTENT_TYPE)?);
    (!value.is_empty()).then(|| value.to_owned())
}
