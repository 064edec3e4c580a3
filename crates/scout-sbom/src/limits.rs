//! Bounds on what one layer may cost. Each default says why it is what it is.

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Bounds on what one layer may cost.
///
/// ```
/// let limits = scout_sbom::Limits::default().with_entries(10_000);
/// assert_eq!(limits.entries, 10_000);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Most tar headers in a layer: 2 million, ten times the largest images seen.
    pub entries: u64,
    /// Longest raw name or link target in bytes: 64 KiB, sixteen times what Linux can open.
    pub name_bytes: u64,
    /// Largest PAX header in bytes: 1 MiB, as Go's reader allows.
    pub pax_bytes: u64,
    /// Most uncompressed bytes of a layer: 32 GiB, above the largest model images.
    pub uncompressed_bytes: u64,
    /// Highest ratio of uncompressed to compressed bytes: 200. Source code and logs reach 20,
    /// an image of database files full of zeros 50; a bomb has 1,000 and more.
    pub ratio: u64,
    /// From how many uncompressed bytes on the ratio counts: 512 MiB, because half a gigabyte of
    /// zeros costs a second and is sometimes what people ship.
    pub ratio_after_bytes: u64,
    /// Most bytes of all stored paths (entry table and file lists, front-coded): 256 MiB.
    pub path_table_bytes: u64,
    /// Most packages recorded from one layer: 250,000, five times the largest monorepo seen.
    pub packages: u64,
    /// Largest text database (dpkg, apk, one file list) in bytes: 64 MiB; real ones have 10.
    pub text_database_bytes: u64,
    /// Largest rpm database in bytes: 512 MiB, the size of the whole spool.
    pub rpm_database_bytes: u64,
    /// Largest record of one package (`package.json`, `METADATA`, os-release) in bytes: 4 MiB,
    /// so that it fits in what every layer is charged anyway.
    pub record_bytes: u64,
    /// Largest header of one package in an rpm database in bytes: 32 MiB; the largest known
    /// (kernel sources, TeX) have 5.
    pub rpm_header_bytes: u64,
    /// Largest archive with packages in it (jar, war, egg) in bytes: 512 MiB, the size of the
    /// whole spool.
    pub archive_bytes: u64,
    /// Most entries of an archive with all that are packed inside of it: 2 million, as of a layer.
    pub archive_entries: u64,
    /// How deep archives may lie in archives: 5 levels. An application server's package holds
    /// applications that hold libraries, which is 3.
    pub archive_depth: u32,
    /// Most bytes unpacked of an archive and of those in it: 2 GiB, seven seconds of work and four
    /// times the largest archive.
    pub archive_unpacked_bytes: u64,
    /// Largest zstd window, as a power of two: 27 (128 MiB), what `zstd --long` writes. The
    /// memory budget bounds it further.
    pub zstd_window_log: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 2_000_000,
            name_bytes: 64 * KIB,
            pax_bytes: MIB,
            uncompressed_bytes: 32 * GIB,
            ratio: 200,
            ratio_after_bytes: 512 * MIB,
            path_table_bytes: 256 * MIB,
            packages: 250_000,
            text_database_bytes: 64 * MIB,
            rpm_database_bytes: 512 * MIB,
            record_bytes: 4 * MIB,
            rpm_header_bytes: 32 * MIB,
            archive_bytes: 512 * MIB,
            archive_entries: 2_000_000,
            archive_depth: 5,
            archive_unpacked_bytes: 2 * GIB,
            zstd_window_log: 27,
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $setter:ident, $field:ident: $type:ty;)*) => {
        impl Limits {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $setter(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

setters! {
    /// Sets the most tar headers in a layer.
    with_entries, entries: u64;
    /// Sets the longest raw name or link target, in bytes.
    with_name_bytes, name_bytes: u64;
    /// Sets the largest PAX header, in bytes.
    with_pax_bytes, pax_bytes: u64;
    /// Sets the most uncompressed bytes of a layer.
    with_uncompressed_bytes, uncompressed_bytes: u64;
    /// Sets the highest ratio of uncompressed to compressed bytes.
    with_ratio, ratio: u64;
    /// Sets from how many uncompressed bytes on the ratio counts.
    with_ratio_after_bytes, ratio_after_bytes: u64;
    /// Sets the most bytes of all stored paths of a layer.
    with_path_table_bytes, path_table_bytes: u64;
    /// Sets the most packages recorded from one layer.
    with_packages, packages: u64;
    /// Sets the largest text database, in bytes.
    with_text_database_bytes, text_database_bytes: u64;
    /// Sets the largest rpm database, in bytes.
    with_rpm_database_bytes, rpm_database_bytes: u64;
    /// Sets the largest record of one package, in bytes.
    with_record_bytes, record_bytes: u64;
    /// Sets the largest header in an rpm database, in bytes.
    with_rpm_header_bytes, rpm_header_bytes: u64;
    /// Sets the largest archive with packages in it, in bytes.
    with_archive_bytes, archive_bytes: u64;
    /// Sets the most entries of an archive with all that are packed inside of it.
    with_archive_entries, archive_entries: u64;
    /// Sets how deep archives may lie in archives.
    with_archive_depth, archive_depth: u32;
    /// Sets the most bytes unpacked of an archive and of those in it.
    with_archive_unpacked_bytes, archive_unpacked_bytes: u64;
    /// Sets the largest zstd window, as a power of two from 10 to 31.
    with_zstd_window_log, zstd_window_log: u32;
}
