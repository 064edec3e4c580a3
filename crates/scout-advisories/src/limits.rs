//! How much of a feed is read before it counts as hostile.

/// Bounds on one feed. The defaults fit the whole of OSV several times over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LoadLimits {
    /// Longest record, in bytes of JSON. The longest genuine ones (kernel advisories that list
    /// every binary package) stay below 4 MiB.
    pub record_bytes: u64,
    /// Most records in one feed. The largest genuine feed has about 220,000.
    pub records: usize,
    /// Most bytes of JSON in one feed, inflated. The largest genuine feeds stay below 1 GiB.
    pub feed_bytes: u64,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            record_bytes: 16 << 20,
            records: 4_000_000,
            feed_bytes: 8 << 30,
        }
    }
}
