//! The bytes of a text in one format and one coding, made once.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use scout_metrics::{CounterSchema, Encoding, Exposition, Format, Rendered, counter};
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::spawn_blocking;

use crate::scrape::headers;
use crate::source::BoxError;

/// Most bodies made at a time. Each takes a core for up to a second and the memory of its text
/// twice; scrapers that want the same one wait for one maker.
const MAX_MAKERS: usize = 2;
/// How hard to compress. A body is made once and sent many times, but a snapshot may last seconds
/// only: these are the usual levels, beyond which the text hardly gets smaller.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

pub(crate) const MADE: CounterSchema<2> = counter!(
    "scout_exporter_bodies_made_total",
    "Bodies rendered and compressed, each once per snapshot",
    ["format", "encoding"]
);

/// A format and a coding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Representation {
    pub(crate) format: Format,
    pub(crate) encoding: Encoding,
}

/// How many representations there are.
const REPRESENTATIONS: usize = Format::ALL.len() * Encoding::ALL.len();

impl Representation {
    fn all() -> impl Iterator<Item = Self> {
        let of = |format| {
            let encodings = Encoding::ALL.into_iter();
            encodings.map(move |encoding| Self { format, encoding })
        };
        Format::ALL.into_iter().flat_map(of)
    }

    fn index(self) -> usize {
        let index = Self::all().position(|other| other == self);
        index.unwrap_or_default()
    }
}

/// Bytes to be sent, with their entity tag and all headers of an answer that holds them.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// Made of the bytes, so that each representation has its own, and every server and every
    /// restart gives the same.
    pub(crate) etag: HeaderValue,
    pub(crate) headers: HeaderMap,
}

/// A text and all bodies made of it so far.
#[derive(Debug)]
pub(crate) struct Bodies {
    text: Arc<Rendered>,
    slots: [Slot; REPRESENTATIONS],
}

#[derive(Debug, Default)]
struct Slot {
    body: OnceCell<Body>,
    asked: AtomicBool,
}

/// Makes bodies, a few at a time, and counts them.
#[derive(Debug)]
pub(crate) struct Maker {
    places: Semaphore,
    made: [AtomicU64; REPRESENTATIONS],
}

impl Bodies {
    pub(crate) fn new(text: Rendered) -> Self {
        Self {
            text: Arc::new(text),
            slots: Default::default(),
        }
    }

    /// Returns a body that is ready. Cheap: the bytes are shared.
    pub(crate) fn ready(&self, wanted: Representation) -> Option<Body> {
        let slot = self.slots.get(wanted.index())?;
        slot.asked.store(true, Ordering::Relaxed);
        slot.body.get().cloned()
    }

    /// Returns a body, and makes it if nobody did yet. Callers at the same time wait for one maker.
    pub(crate) async fn get(
        &self,
        wanted: Representation,
        maker: &Maker,
    ) -> Result<Body, BoxError> {
        let slot = self.slots.get(wanted.index());
        let slot = slot.ok_or("no such representation")?;
        let make = || maker.make(Arc::clone(&self.text), wanted);
        slot.body.get_or_try_init(make).await.cloned()
    }

    /// Makes the bodies that somebody asked for while `before` was served, so that the next scrape
    /// finds them ready. What nobody asks for is made for nobody.
    pub(crate) async fn make_as_asked(&self, before: &Self, maker: &Maker) {
        for (wanted, slot) in Representation::all().zip(&before.slots) {
            if slot.asked.load(Ordering::Relaxed)
                && let Err(error) = self.get(wanted, maker).await
            {
                tracing::warn!(%error, "cannot make a body of the metrics");
            }
        }
    }

    /// Returns how many bytes are held, in memory, by the text and its bodies.
    pub(crate) fn held(&self) -> usize {
        let bodies = self.slots.iter().zip(Representation::all());
        let own = bodies.filter(|(_, of)| *of != Representation::SHARED);
        let own = own.filter_map(|(slot, _)| Some(slot.body.get()?.bytes.len()));
        self.text.prometheus_text().len() + own.sum::<usize>()
    }
}

impl Representation {
    /// The one whose bytes are the text itself.
    const SHARED: Self = Self {
        format: Format::PrometheusText,
        encoding: Encoding::Identity,
    };
}

impl Maker {
    pub(crate) fn new() -> Self {
        Self {
            places: Semaphore::new(MAX_MAKERS),
            made: Default::default(),
        }
    }

    async fn make(&self, text: Arc<Rendered>, wanted: Representation) -> Result<Body, BoxError> {
        let _place = self.places.acquire().await?;
        let body = spawn_blocking(move || Body::make(text, wanted)).await??;
        if let Some(made) = self.made.get(wanted.index()) {
            made.fetch_add(1, Ordering::Relaxed);
        }
        Ok(body)
    }

    /// Adds what was made so far.
    pub(crate) fn insert_into(&self, exposition: &mut Exposition) {
        let mut family = MADE.family();
        for (of, made) in Representation::all().zip(&self.made) {
            let format = match of.format {
                Format::PrometheusText => "text",
                Format::OpenMetrics => "openmetrics",
            };
            let made = made.load(Ordering::Relaxed);
            family.set([format, of.encoding.as_str()], made);
        }
        exposition.insert(family);
    }
}

/// The text as the owner of bytes.
struct Shared(Arc<Rendered>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.prometheus_text().as_bytes()
    }
}

impl Body {
    /// Takes a second and more for a million series.
    fn make(text: Arc<Rendered>, of: Representation) -> io::Result<Self> {
        let bytes = match of.format {
            Format::PrometheusText => Bytes::from_owner(Shared(text)),
            Format::OpenMetrics => Bytes::from(text.openmetrics()),
        };
        let bytes = match of.encoding {
            Encoding::Identity => bytes,
            Encoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
                encoder.write_all(&bytes)?;
                kept(encoder.finish()?)
            }
            Encoding::Zstd => kept(zstd::bulk::compress(&bytes, ZSTD_LEVEL)?),
        };
        let hash = Sha256::digest(&bytes);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        // Hexadecimal digits in quotes are always a header value.
        let etag = HeaderValue::try_from(format!("\"{hex}\"")).map_err(io::Error::other)?;
        let headers = headers(of, &etag);
        Ok(Self {
            bytes,
            etag,
            headers,
        })
    }
}

/// It may be kept for days: without the room that the encoder left.
fn kept(mut bytes: Vec<u8>) -> Bytes {
    bytes.shrink_to_fit();
    Bytes::from(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use scout_metrics::gauge;

    use super::*;

    fn bodies() -> Bodies {
        let mut family = gauge!("a", "Some", ["x"]).family();
        for series in 0..500_u64 {
            family.set([&series.to_string()], series);
        }
        let mut exposition = Exposition::new();
        exposition.insert(family);
        Bodies::new(Rendered::new(&exposition))
    }

    fn decoded(body: &Body, encoding: Encoding) -> String {
        let mut text = String::new();
        match encoding {
            Encoding::Identity => text.push_str(std::str::from_utf8(&body.bytes).unwrap()),
            Encoding::Gzip => {
                let mut decoder = GzDecoder::new(body.bytes.as_ref());
                decoder.read_to_string(&mut text).unwrap();
            }
            Encoding::Zstd => {
                let bytes = zstd::bulk::decompress(&body.bytes, 1 << 20).unwrap();
                text.push_str(std::str::from_utf8(&bytes).unwrap());
            }
        }
        text
    }

    #[tokio::test]
    async fn each_representation_decodes_to_its_text_and_has_its_own_tag() {
        let (bodies, maker) = (bodies(), Maker::new());
        let mut tags = Vec::new();
        for wanted in Representation::all() {
            let body = bodies.get(wanted, &maker).await.unwrap();
            let text = decoded(&body, wanted.encoding);
            let expected = match wanted.format {
                Format::PrometheusText => bodies.text.prometheus_text().to_owned(),
                Format::OpenMetrics => bodies.text.openmetrics(),
            };
            assert!(text == expected, "{wanted:?}");
            let small = wanted.encoding != Encoding::Identity;
            assert_eq!(body.bytes.len() < text.len() / 2, small, "{wanted:?}");
            assert!(!tags.contains(&body.etag), "{wanted:?}");
            tags.push(body.etag);
        }
        // The same content in another process has the same tags.
        let again = self::bodies();
        for (wanted, tag) in Representation::all().zip(tags) {
            let body = again.get(wanted, &maker).await.unwrap();
            assert_eq!(body.etag, tag, "{wanted:?}");
        }
    }

    #[tokio::test]
    async fn many_callers_have_one_body_made() {
        let (bodies, maker) = (Arc::new(bodies()), Arc::new(Maker::new()));
        let wanted = Representation {
            format: Format::OpenMetrics,
            encoding: Encoding::Gzip,
        };
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let (bodies, maker) = (Arc::clone(&bodies), Arc::clone(&maker));
                tokio::spawn(async move { bodies.get(wanted, &maker).await.unwrap() })
            })
            .collect();
        for caller in callers {
            assert!(!caller.await.unwrap().bytes.is_empty());
        }
        let made: Vec<_> = maker
            .made
            .iter()
            .map(|n| n.load(Ordering::Relaxed))
            .collect();
        assert_eq!(made.iter().sum::<u64>(), 1);
        assert_eq!(made[wanted.index()], 1);
    }

    #[tokio::test]
    async fn what_was_asked_for_is_made_again_and_nothing_else() {
        let (before, after, maker) = (bodies(), bodies(), Maker::new());
        let wanted = Representation {
            format: Format::PrometheusText,
            encoding: Encoding::Zstd,
        };
        assert!(before.ready(wanted).is_none());
        after.make_as_asked(&before, &maker).await;
        assert!(after.ready(wanted).is_some());
        let text = after.text.prometheus_text().len();
        let zstd = after.ready(wanted).unwrap().bytes.len();
        assert_eq!(after.held(), text + zstd);
        let unasked = bodies();
        unasked.make_as_asked(&bodies(), &maker).await;
        assert_eq!(unasked.held(), text);
    }

    #[tokio::test]
    async fn the_plain_text_is_not_held_twice() {
        let (bodies, maker) = (bodies(), Maker::new());
        let before = bodies.held();
        let body = bodies.get(Representation::SHARED, &maker).await.unwrap();
        assert_eq!(body.bytes.as_ptr(), bodies.text.prometheus_text().as_ptr());
        assert_eq!(bodies.held(), before);
    }
}
