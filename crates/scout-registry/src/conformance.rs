//! What every integration must do, as checks that its tests call.
//!
//! Not covered by any promise of stability: checks are added as rules are found.

use futures_util::TryStreamExt;
use scout_envs::{Digest, RepositoryName, Tag};

use crate::descriptor::Descriptor;
use crate::error::Error;
use crate::integration::{ListedTag, RegistryIntegration, Resolved};
use crate::manifest::{ImageManifest, Manifest};
use crate::verify::check_digest;

/// A rule that an integration broke.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// An operation that should have worked did not.
    #[error("{rule}: it failed")]
    Failed {
        /// The rule.
        rule: &'static str,
        /// How it failed.
        source: Error,
    },
    /// An operation did something else than it should have.
    #[error("{rule}: {found}")]
    Broken {
        /// The rule.
        rule: &'static str,
        /// What was seen.
        found: String,
    },
}

pub(crate) type Checked<T = ()> = Result<T, Violation>;

pub(crate) trait OrFailed<T> {
    fn or_failed(self, rule: &'static str) -> Checked<T>;
}

impl<T> OrFailed<T> for Result<T, Error> {
    fn or_failed(self, rule: &'static str) -> Checked<T> {
        self.map_err(|source| Violation::Failed { rule, source })
    }
}

pub(crate) fn ensure(holds: bool, rule: &'static str, found: impl FnOnce() -> String) -> Checked {
    if holds {
        return Ok(());
    }
    Err(Violation::Broken {
        rule,
        found: found(),
    })
}

/// Runs every check against an integration that holds at least one container image.
///
/// # Errors
///
/// The first rule that is broken.
pub async fn check_all(integration: &dyn RegistryIntegration) -> Checked {
    identity_is_stable(integration)?;
    let (repository, tag, resolved) = lists_and_resolves(integration).await?;
    let image = manifests_are_checked(integration, &repository, &resolved).await?;
    blobs_are_checked(integration, &repository, &image).await?;
    missing_things_are_not_found(integration, &repository, &tag).await
}

/// The key names the kind, and neither it nor the host is empty.
///
/// # Errors
///
/// The rule that is broken.
pub fn identity_is_stable(integration: &dyn RegistryIntegration) -> Checked {
    let (key, kind) = (integration.key(), integration.kind());
    ensure(
        key.starts_with(&format!("{kind}:")),
        "the key starts with the kind",
        || key.to_owned(),
    )?;
    ensure(
        !integration.host().is_empty(),
        "the host has a name",
        || key.to_owned(),
    )?;
    ensure(
        integration.capabilities().receives_events || integration.events().is_none(),
        "only what can receive events does",
        || key.to_owned(),
    )
}

/// The connection is good, listings are sorted and without repeats, and every listed tag can be
/// resolved. Returns the first container image found.
///
/// # Errors
///
/// The rule that is broken.
pub async fn lists_and_resolves(
    integration: &dyn RegistryIntegration,
) -> Checked<(RepositoryName, Tag, Resolved)> {
    integration
        .check()
        .await
        .or_failed("the connection is good")?;
    let repositories = integration
        .repositories()
        .await
        .or_failed("repositories are listed")?;
    ensure(
        repositories.is_sorted_by(|a, b| a < b),
        "repositories are sorted, each once",
        || format!("{repositories:?}"),
    )?;
    ensure(
        repositories.iter().all(|name| integration.selects(name)),
        "what is listed is selected",
        || format!("{repositories:?}"),
    )?;
    let mut found = None;
    for repository in repositories {
        let tags = integration
            .tags(&repository)
            .await
            .or_failed("tags are listed")?;
        ensure(
            tags.is_sorted_by(|a, b| a.tag < b.tag),
            "tags are sorted, each once",
            || format!("{tags:?}"),
        )?;
        for ListedTag {
            tag,
            resolved: listed,
            ..
        } in tags
        {
            let resolved = integration
                .resolve(&repository, &tag)
                .await
                .or_failed("a listed tag can be resolved")?;
            ensure(
                listed.is_none_or(|listed| listed.digest == resolved.digest),
                "a listing and a question about one tag agree",
                || format!("{repository}:{tag}"),
            )?;
            let document = integration
                .manifest(&repository, &resolved.digest)
                .await
                .or_failed("a resolved manifest can be read")?;
            let is_image = matches!(
                document.parse(),
                Ok(Manifest::Image(image)) if image.is_container_image()
            );
            if is_image && found.is_none() {
                found = Some((repository.clone(), tag, resolved));
            }
        }
    }
    found.ok_or_else(|| Violation::Broken {
        rule: "there is a container image to look at",
        found: "none".to_owned(),
    })
}

/// A manifest comes with the digest it was asked for by.
///
/// # Errors
///
/// The rule that is broken.
pub async fn manifests_are_checked(
    integration: &dyn RegistryIntegration,
    repository: &RepositoryName,
    resolved: &Resolved,
) -> Checked<ImageManifest> {
    let document = integration
        .manifest(repository, &resolved.digest)
        .await
        .or_failed("a manifest can be read")?;
    check_digest("manifest", &document.bytes, &resolved.digest)
        .or_failed("a manifest has its digest")?;
    let rule = "the manifest is an image's";
    match document.parse().or_failed(rule)? {
        Manifest::Image(image) => Ok(image),
        Manifest::Index(_) => Err(Violation::Broken {
            rule,
            found: "an index".to_owned(),
        }),
    }
}

/// A blob comes whole; one whose descriptor lies about digest or length ends in an error, and
/// never gives more bytes than the descriptor states.
///
/// # Errors
///
/// The rule that is broken.
pub async fn blobs_are_checked(
    integration: &dyn RegistryIntegration,
    repository: &RepositoryName,
    image: &ImageManifest,
) -> Checked {
    let good = &image.config;
    let bytes = integration
        .blob_bytes(repository, good, good.size)
        .await
        .or_failed("a blob can be read")?;
    check_digest("blob", &bytes, &good.digest).or_failed("a blob has its digest")?;
    let refused = integration
        .blob_bytes(repository, good, good.size.saturating_sub(1))
        .await;
    ensure(
        matches!(refused, Err(Error::TooLarge { .. })),
        "a blob over the limit is refused",
        || format!("{refused:?}"),
    )?;
    for size in [good.size.saturating_sub(1), good.size + 1] {
        let lying = Descriptor {
            size,
            ..good.clone()
        };
        let (received, ended_well) = drain(integration, repository, &lying).await;
        ensure(
            !ended_well && received <= size,
            "a blob of another length than stated is refused",
            || format!("{received} bytes of {size}, ended well: {ended_well}"),
        )?;
    }
    Ok(())
}

async fn drain(
    integration: &dyn RegistryIntegration,
    repository: &RepositoryName,
    descriptor: &Descriptor,
) -> (u64, bool) {
    let Ok(mut stream) = integration.blob(repository, descriptor).await else {
        return (0, false);
    };
    let mut received = 0;
    loop {
        match stream.try_next().await {
            Ok(Some(chunk)) => received += chunk.len() as u64,
            Ok(None) => return (received, true),
            Err(_) => return (received, false),
        }
    }
}

/// What does not exist is [not found](Error::is_not_found), and asking again would not help.
///
/// # Errors
///
/// The rule that is broken.
pub async fn missing_things_are_not_found(
    integration: &dyn RegistryIntegration,
    repository: &RepositoryName,
    tag: &Tag,
) -> Checked {
    let digest = Digest::sha256(&[0; 32]);
    let blob = Descriptor::new("application/octet-stream", digest.clone(), 1);
    let check = |rule, error: Option<Error>| {
        let is_right = error
            .as_ref()
            .is_some_and(|error| error.is_not_found() && !error.is_retryable());
        ensure(is_right, rule, || format!("{error:?}"))
    };
    if let Ok(missing) = "no-such-tag".parse() {
        let rule = "a missing tag is not found";
        check(rule, integration.resolve(repository, &missing).await.err())?;
    }
    let rule = "a missing manifest is not found";
    check(rule, integration.manifest(repository, &digest).await.err())?;
    let rule = "a missing blob is not found";
    check(rule, integration.blob(repository, &blob).await.err())?;
    if let Ok(missing) = "no/such/repository".parse() {
        let rule = "a tag of a missing repository is not found";
        check(rule, integration.resolve(&missing, tag).await.err())?;
        let rule = "tags of a missing repository are not found";
        check(rule, integration.tags(&missing).await.err())?;
    }
    Ok(())
}
