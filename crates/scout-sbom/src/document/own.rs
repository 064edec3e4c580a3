//! Our own JSON: the document as it is.

use super::{Document, unreadable};
use crate::error::Result;

pub(super) fn read(bytes: &[u8]) -> Result<Document> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
}
