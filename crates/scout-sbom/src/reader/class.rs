//! Which files are evidence, told by their clean path.

use scout_envs::{GapKind, PackageType};

use super::{java, json};
use crate::limits::Limits;
use crate::path::split;

macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident = $code:literal,)*) => {
        /// What a file is evidence of. The codes are stored.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub(crate) enum Class {
            $($(#[$doc])* $class = $code,)*
        }

        impl Class {
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$class,)*];

            pub(crate) fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$class),)*
                    _ => None,
                }
            }
        }
    };
}

classes! {
    /// os-release, wherever distributions put it.
    OsRelease = 1,
    /// dpkg's database.
    DebStatus = 2,
    /// One package of a distroless image.
    DebStatusPart = 3,
    /// The files of one dpkg package.
    DebList = 4,
    /// The checksums, so the files, of one package of a distroless image.
    DebSums = 5,
    /// apk's database.
    ApkInstalled = 6,
    /// rpm's database since 4.16.
    RpmSqlite = 7,
    /// What was not merged into it.
    RpmSqliteLog = 8,
    /// rpm's database before that.
    RpmBerkeley = 9,
    /// SUSE's rpm database.
    RpmNdb = 10,
    /// `METADATA` or `PKG-INFO` of an installed Python distribution.
    PypiMetadata = 11,
    /// `package.json` of an installed JavaScript package.
    NpmManifest = 12,
    /// A Java archive.
    JavaArchive = 13,
    /// An installed Ruby gem.
    GemSpecification = 14,
    /// What Composer installed.
    ComposerInstalled = 15,
    /// What a .NET program was built from.
    DotnetDeps = 16,
    /// An installed Conda package.
    CondaRecord = 17,
    /// An installed Arch Linux package.
    PacmanRecord = 18,
    /// A program with Go build information.
    GoProgram = 19,
    /// A Rust program built with cargo-auditable.
    AuditableProgram = 20,
    /// `package.json` that counts if a link in `node_modules` leads to its directory: a
    /// workspace, or a `file:` dependency.
    NpmLocal = 21,
    /// A Python distribution as one archive.
    PythonEgg = 22,
    /// A nameless file in pnpm's store: perhaps the `package.json` that another name of it is.
    NpmStored = 23,
    /// A program that UPX packed: what is linked into it cannot be seen.
    PackedProgram = 24,
    /// An SPDX document that lies beside what it describes.
    SpdxDocument = 25,
    /// What npm was to install.
    NpmLock = 26,
    /// What yarn was to install.
    YarnLock = 27,
    /// What pnpm was to install.
    PnpmLock = 28,
    /// The copyright file of a Debian package.
    DebCopyright = 30,
    /// The files of an installed Arch Linux package.
    PacmanFiles = 31,
}

impl Class {
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// Returns the package type if this is a database of a distribution.
    pub(crate) fn database(self) -> Option<PackageType> {
        match self {
            Self::DebStatus | Self::DebStatusPart => Some(PackageType::Deb),
            Self::ApkInstalled => Some(PackageType::Apk),
            Self::RpmSqlite | Self::RpmSqliteLog | Self::RpmBerkeley | Self::RpmNdb => {
                Some(PackageType::Rpm)
            }
            Self::PacmanRecord => Some(PackageType::Alpm),
            _ => None,
        }
    }

    /// Returns whether such a database is one file a package.
    pub(crate) fn is_one_of_many(self) -> bool {
        matches!(self, Self::DebStatusPart | Self::PacmanRecord)
    }

    /// Returns whether this tells about packages that a database names.
    pub(crate) fn is_companion(self) -> bool {
        matches!(
            self,
            Self::DebList | Self::DebSums | Self::PacmanFiles | Self::DebCopyright
        )
    }

    /// Returns whether this may be the `package.json` of a package; with hard links, the same
    /// content can lie at places of several such classes.
    pub(crate) fn is_npm(self) -> bool {
        matches!(self, Self::NpmManifest | Self::NpmLocal | Self::NpmStored)
    }

    /// Returns whether this names what was to be installed, and counts only if nothing was.
    pub(crate) fn is_lock(self) -> bool {
        matches!(self, Self::NpmLock | Self::YarnLock | Self::PnpmLock)
    }

    /// Returns the kind of gap that such a file leaves if it is not read.
    pub(crate) fn gap_kind(self) -> GapKind {
        match self {
            _ if self.database().is_some() => GapKind::PackageDatabase,
            Self::OsRelease => GapKind::PackageDatabase,
            Self::JavaArchive | Self::PythonEgg => GapKind::Archive,
            Self::GoProgram | Self::AuditableProgram | Self::PackedProgram => GapKind::Executable,
            _ => GapKind::PackageRecord,
        }
    }

    /// Returns why a file of this class is not read yet.
    pub(crate) fn unread_reason(self) -> &'static str {
        match self {
            Self::RpmSqliteLog => {
                "write-ahead log of an rpm database that is not in the same layer, not merged"
            }
            Self::PackedProgram => "packed by UPX, which hides what is linked into it",
            _ => "not read",
        }
    }

    /// Returns whether the content of such a file is read at all.
    pub(crate) fn is_read(self) -> bool {
        self <= Self::RpmSqlite
            || matches!(
                self,
                Self::RpmSqliteLog
                    | Self::RpmBerkeley
                    | Self::RpmNdb
                    | Self::DebCopyright
                    | Self::PacmanRecord
                    | Self::PacmanFiles
                    | Self::PypiMetadata
                    | Self::NpmManifest
                    | Self::NpmLocal
                    | Self::NpmStored
                    | Self::JavaArchive
                    | Self::PythonEgg
                    | Self::GemSpecification
                    | Self::ComposerInstalled
                    | Self::DotnetDeps
                    | Self::CondaRecord
                    | Self::SpdxDocument
                    | Self::NpmLock
                    | Self::YarnLock
                    | Self::PnpmLock
            )
    }

    /// Returns whether such a file must be seen at random: it is kept in the budget while it is
    /// read.
    pub(crate) fn is_stored(self) -> bool {
        matches!(
            self,
            Self::RpmSqlite
                | Self::RpmSqliteLog
                | Self::RpmBerkeley
                | Self::RpmNdb
                | Self::JavaArchive
                | Self::PythonEgg
        )
    }

    /// Returns the most bytes that such a file may have.
    pub(crate) fn max_bytes(self, limits: &Limits) -> u64 {
        match self {
            Self::RpmSqlite | Self::RpmSqliteLog | Self::RpmBerkeley | Self::RpmNdb => {
                limits.rpm_database_bytes
            }
            Self::OsRelease | Self::PypiMetadata | Self::DebCopyright => limits.record_bytes,
            Self::GemSpecification => limits.record_bytes,
            Self::JavaArchive | Self::PythonEgg => limits.archive_bytes,
            Self::ComposerInstalled
            | Self::DotnetDeps
            | Self::CondaRecord
            | Self::SpdxDocument
            | Self::NpmLock
            | Self::YarnLock
            | Self::PnpmLock => json::MAX_BYTES,
            _ if self.is_npm() => limits.record_bytes,
            _ => limits.text_database_bytes,
        }
    }
}

/// Returns what the regular file (or hard link) at this clean path is evidence of.
pub(crate) fn classify(path: &[u8]) -> Option<Class> {
    let (dir, name) = split(path);
    match name {
        b"package.json" if is_installed_module(dir) => Some(Class::NpmManifest),
        b"package.json" => is_outside_modules(dir).then_some(Class::NpmLocal),
        b"package-lock.json" => is_outside_modules(dir).then_some(Class::NpmLock),
        b"yarn.lock" => is_outside_modules(dir).then_some(Class::YarnLock),
        b"pnpm-lock.yaml" => is_outside_modules(dir).then_some(Class::PnpmLock),
        b"METADATA" => is_python_record(dir, b".dist-info").then_some(Class::PypiMetadata),
        b"PKG-INFO" => {
            let is_record = match split(dir) {
                (egg, b"EGG-INFO") => is_python_record(egg, b".egg"),
                _ => is_python_record(dir, b".egg-info"),
            };
            is_record.then_some(Class::PypiMetadata)
        }
        b"os-release" => match dir {
            b"etc" | b"usr/lib" | b"lib" => Some(Class::OsRelease),
            _ => None,
        },
        b"status" => (dir == b"var/lib/dpkg").then_some(Class::DebStatus),
        b"installed" => {
            matches!(dir, b"lib/apk/db" | b"usr/lib/apk/db").then_some(Class::ApkInstalled)
        }
        b"rpmdb.sqlite" => is_rpm_dir(dir).then_some(Class::RpmSqlite),
        b"rpmdb.sqlite-wal" => is_rpm_dir(dir).then_some(Class::RpmSqliteLog),
        b"Packages" => is_rpm_dir(dir).then_some(Class::RpmBerkeley),
        b"Packages.db" => is_rpm_dir(dir).then_some(Class::RpmNdb),
        b"installed.json" => (split(dir).1 == b"composer").then_some(Class::ComposerInstalled),
        b"desc" => (split(dir).0 == b"var/lib/pacman/local").then_some(Class::PacmanRecord),
        b"files" => (split(dir).0 == b"var/lib/pacman/local").then_some(Class::PacmanFiles),
        b"copyright" => (split(dir).0 == b"usr/share/doc").then_some(Class::DebCopyright),
        _ => classify_by_suffix(path, dir, name),
    }
}

fn classify_by_suffix(path: &[u8], dir: &[u8], name: &[u8]) -> Option<Class> {
    if dir == b"var/lib/dpkg/info" {
        return name.ends_with(b".list").then_some(Class::DebList);
    }
    if dir == b"var/lib/dpkg/status.d" {
        return Some(if name.ends_with(b".md5sums") {
            Class::DebSums
        } else {
            Class::DebStatusPart
        });
    }
    if matches!(dir, b"usr/lib/os.release.d" | b"lib/os.release.d") {
        return Some(Class::OsRelease);
    }
    if is_in_store(dir, name) {
        return Some(Class::NpmStored);
    }
    let dot = memchr::memrchr(b'.', name)?;
    match name.get(dot..)? {
        b".egg-info" => is_python_record(path, b".egg-info").then_some(Class::PypiMetadata),
        b".egg" => is_python_record(path, b".egg").then_some(Class::PythonEgg),
        b".gemspec" => {
            let parent = match split(dir) {
                (parent, b"default") => parent,
                _ => dir,
            };
            (split(parent).1 == b"specifications").then_some(Class::GemSpecification)
        }
        b".json" if name.ends_with(b".deps.json") => Some(Class::DotnetDeps),
        b".json" if split(dir).1 == b"conda-meta" => Some(Class::CondaRecord),
        // Bitnami ends them in `.spdx`, others in `.spdx.json`.
        b".json" | b".spdx" => name.starts_with(b".spdx").then_some(Class::SpdxDocument),
        _ => java::is_archive(name).then_some(Class::JavaArchive),
    }
}

/// Whether a directory is no part of what npm and the like installed.
fn is_outside_modules(dir: &[u8]) -> bool {
    memchr::memmem::find(dir, b"node_modules").is_none()
}

fn is_rpm_dir(dir: &[u8]) -> bool {
    matches!(
        dir,
        b"var/lib/rpm" | b"usr/lib/sysimage/rpm" | b"lib/sysimage/rpm" | b"usr/share/rpm"
    )
}

/// Returns whether `record` (a directory or file with this suffix) lies where pip lists it: right
/// in a directory of installed packages, not among what another package carries with it.
fn is_python_record(record: &[u8], suffix: &[u8]) -> bool {
    let (parent, name) = split(record);
    // pip renames what it is about to remove to `~`, and ignores such leftovers.
    if !name.ends_with(suffix) || name.starts_with(b"~") {
        return false;
    }
    let is_site = |part: &[u8]| matches!(part, b"site-packages" | b"dist-packages");
    if is_site(split(parent).1) {
        return true;
    }
    // A folder given to `pip install --target` can have any name.
    !parent
        .split(|&byte| byte == b'/')
        .any(|part| is_site(part) || part == b"_vendor")
}

/// Returns whether `package.json` in this directory is of an installed package: what
/// `npm ls --all` lists, and the modules that Debian installs under `usr/share/nodejs`.
///
/// Below the first `node_modules`, packages and `node_modules` must take turns; anything else is
/// a test file or a part that a package carries with it.
pub(crate) fn is_installed_module(dir: &[u8]) -> bool {
    for root in [&b"usr/share/nodejs/"[..], b"usr/lib/nodejs/"] {
        if let Some(rest) = dir.strip_prefix(root)
            && memchr::memmem::find(rest, b"node_modules").is_none()
        {
            let mut parts = rest.split(|&byte| byte == b'/');
            return takes_package(&mut parts) && parts.next().is_none();
        }
    }
    let mut parts = dir.split(|&byte| byte == b'/');
    if !parts.any(|part| part == b"node_modules") {
        return false;
    }
    loop {
        let mut ahead = parts.clone();
        // pnpm (`.pnpm/NAME@VERSION/node_modules`), yarn and bun have stores of that form.
        let is_store = ahead.next().is_some_and(|part| part.starts_with(b"."))
            && ahead.next().is_some()
            && ahead.next() == Some(b"node_modules");
        if is_store {
            parts = ahead;
            continue;
        }
        if !takes_package(&mut parts) {
            return false;
        }
        match parts.next() {
            None => return true,
            Some(b"node_modules") => {}
            Some(_) => return false,
        }
    }
}

/// Returns whether this is a file that pnpm's store names by its hash: `files/`, two digits, a
/// slash, the other digits of a SHA-256 or SHA-512, and `-exec` if it is executable.
fn is_in_store(dir: &[u8], name: &[u8]) -> bool {
    let is_hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    let (parent, shard) = split(dir);
    let rest = name.strip_suffix(b"-exec").unwrap_or(name);
    shard.len() == 2
        && matches!(rest.len(), 62 | 126)
        && split(parent).1 == b"files"
        && is_hex(rest)
        && is_hex(shard)
}

/// Takes `NAME` or `@SCOPE/NAME` off the front.
fn takes_package<'a>(parts: &mut impl Iterator<Item = &'a [u8]>) -> bool {
    match parts.next() {
        Some(scope) if scope.starts_with(b"@") => parts.next().is_some(),
        Some(name) => !name.is_empty() && !name.starts_with(b"."),
        None => false,
    }
}

#[cfg(test)]
mod tests;
