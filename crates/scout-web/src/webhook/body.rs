//! Reading a body: bounded in length, in time, and in what all bodies together take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use scout_registry::events::MAX_BODY;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Longest body that needs no place of its own, in bytes. Single events have a few KiB.
pub(super) const SHORT_BODY: usize = 64 << 10;
/// How many longer bodies may be in memory at a time: 32 MiB of them.
pub(super) const MAX_LONG_BODIES: usize = 32;
/// How much of a body that is too long is read and thrown away, in bytes. A connection closed
/// while the sender still writes is reset, and the sender may never see the answer.
const MAX_DRAINED: usize = 8 * MAX_BODY;

/// A body that was read.
pub(super) enum Received {
    /// It arrived whole.
    Whole(WholeBody),
    /// It is longer than [`MAX_BODY`].
    TooLong,
    /// The sender stopped before its end.
    Cut,
    /// It took too long to come.
    Slow,
}

/// The bytes, and the place they take.
pub(super) struct WholeBody {
    pub(super) bytes: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

/// Reads a body within the time. If `waits` is true, the sender waits to be asked for it, and is
/// not asked for one that says it is too long (RFC 9110, 10.1.1).
pub(super) async fn read(
    body: Body,
    waits: bool,
    places: &Arc<Semaphore>,
    limit: Duration,
) -> Received {
    let announced = axum::body::HttpBody::size_hint(&body).lower();
    if waits && announced > MAX_BODY as u64 {
        return Received::TooLong;
    }
    let mut reader = Reader {
        stream: body.into_data_stream(),
        bytes: BytesMut::new(),
        place: None,
        length: 0,
    };
    let ended = timeout(limit, reader.read(places)).await;
    match ended {
        _ if reader.length > MAX_BODY => Received::TooLong,
        Ok(true) => Received::Whole(WholeBody {
            bytes: reader.bytes.freeze(),
            _place: reader.place,
        }),
        Ok(false) => Received::Cut,
        Err(_) => Received::Slow,
    }
}

struct Reader {
    stream: BodyDataStream,
    bytes: BytesMut,
    place: Option<OwnedSemaphorePermit>,
    /// What came so far, kept or not.
    length: usize,
}

impl Reader {
    /// Returns whether the end came.
    async fn read(&mut self, places: &Arc<Semaphore>) -> bool {
        while self.length <= MAX_DRAINED {
            match self.stream.try_next().await {
                Ok(Some(chunk)) => self.keep(&chunk, places).await,
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        true
    }

    async fn keep(&mut self, chunk: &Bytes, places: &Arc<Semaphore>) {
        self.length = self.length.saturating_add(chunk.len());
        if self.length > MAX_BODY {
            self.bytes = BytesMut::new();
            self.place = None;
            return;
        }
        if self.length > SHORT_BODY && self.place.is_none() {
            // Nobody closes the semaphore. Who waits here too long is slow.
            self.place = Arc::clone(places).acquire_owned().await.ok();
        }
        self.bytes.extend_from_slice(chunk);
    }
}
