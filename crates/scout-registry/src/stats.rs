//! What an integration asked for so far, as plain numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the integration was made. Everything only grows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that checked the connection.
    pub ping_requests: u64,
    /// Requests for a token.
    pub token_requests: u64,
    /// Requests for a page of the catalog.
    pub catalog_requests: u64,
    /// Requests for a page of tags.
    pub tag_requests: u64,
    /// Requests that asked for a tag's digest only.
    pub head_requests: u64,
    /// Requests for a manifest.
    pub manifest_requests: u64,
    /// Requests for a blob: a layer or a configuration. Redirects are not counted again.
    pub blob_requests: u64,
    /// Bytes of blobs received.
    pub blob_bytes: u64,
    /// Requests sent again after a failure.
    pub retries: u64,
    /// Pages of listings that were not sent again, because nothing had changed.
    pub unchanged_pages: u64,
    /// Answers that asked us to slow down.
    pub throttled: u64,
    /// Names in listings that are no repository or tag, and were left out.
    pub invalid_names: u64,
    /// Requests for a page of clusters or of what runs in one.
    pub runtime_requests: u64,
    /// Requests for what a runtime knows of one image.
    pub runtime_image_requests: u64,
    /// Rows of a runtime's listings that could not be read, and were left out.
    pub invalid_rows: u64,
}

impl Stats {
    /// Returns both together: what one integration asked for, and another that took its place.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            ping_requests: self.ping_requests + other.ping_requests,
            token_requests: self.token_requests + other.token_requests,
            catalog_requests: self.catalog_requests + other.catalog_requests,
            tag_requests: self.tag_requests + other.tag_requests,
            head_requests: self.head_requests + other.head_requests,
            manifest_requests: self.manifest_requests + other.manifest_requests,
            blob_requests: self.blob_requests + other.blob_requests,
            blob_bytes: self.blob_bytes + other.blob_bytes,
            retries: self.retries + other.retries,
            unchanged_pages: self.unchanged_pages + other.unchanged_pages,
            throttled: self.throttled + other.throttled,
            invalid_names: self.invalid_names + other.invalid_names,
            runtime_requests: self.runtime_requests + other.runtime_requests,
            runtime_image_requests: self.runtime_image_requests + other.runtime_image_requests,
            invalid_rows: self.invalid_rows + other.invalid_rows,
        }
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RequestKind {
    Ping,
    Token,
    Catalog,
    Tags,
    Head,
    Manifest,
    Blob,
    Runtime,
    RuntimeImage,
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    ping_requests: AtomicU64,
    token_requests: AtomicU64,
    catalog_requests: AtomicU64,
    tag_requests: AtomicU64,
    head_requests: AtomicU64,
    manifest_requests: AtomicU64,
    blob_requests: AtomicU64,
    blob_bytes: AtomicU64,
    retries: AtomicU64,
    unchanged_pages: AtomicU64,
    throttled: AtomicU64,
    invalid_names: AtomicU64,
    runtime_requests: AtomicU64,
    runtime_image_requests: AtomicU64,
    invalid_rows: AtomicU64,
}

impl Counters {
    pub(crate) fn count(&self, kind: RequestKind) {
        add(
            match kind {
                RequestKind::Ping => &self.ping_requests,
                RequestKind::Token => &self.token_requests,
                RequestKind::Catalog => &self.catalog_requests,
                RequestKind::Tags => &self.tag_requests,
                RequestKind::Head => &self.head_requests,
                RequestKind::Manifest => &self.manifest_requests,
                RequestKind::Blob => &self.blob_requests,
                RequestKind::Runtime => &self.runtime_requests,
                RequestKind::RuntimeImage => &self.runtime_image_requests,
            },
            1,
        );
    }

    pub(crate) fn count_blob_bytes(&self, bytes: usize) {
        add(&self.blob_bytes, bytes as u64);
    }

    pub(crate) fn count_retry(&self) {
        add(&self.retries, 1);
    }

    pub(crate) fn count_unchanged_page(&self) {
        add(&self.unchanged_pages, 1);
    }

    pub(crate) fn count_throttled(&self) {
        add(&self.throttled, 1);
    }

    pub(crate) fn count_invalid_name(&self) {
        add(&self.invalid_names, 1);
    }

    pub(crate) fn count_invalid_rows(&self, rows: usize) {
        add(&self.invalid_rows, rows as u64);
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            ping_requests: read(&self.ping_requests),
            token_requests: read(&self.token_requests),
            catalog_requests: read(&self.catalog_requests),
            tag_requests: read(&self.tag_requests),
            head_requests: read(&self.head_requests),
            manifest_requests: read(&self.manifest_requests),
            blob_requests: read(&self.blob_requests),
            blob_bytes: read(&self.blob_bytes),
            retries: read(&self.retries),
            unchanged_pages: read(&self.unchanged_pages),
            throttled: read(&self.throttled),
            invalid_names: read(&self.invalid_names),
            runtime_requests: read(&self.runtime_requests),
            runtime_image_requests: read(&self.runtime_image_requests),
            invalid_rows: read(&self.invalid_rows),
        }
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
