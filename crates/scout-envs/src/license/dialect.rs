//! Who wrote a licence down: the same short name means different things to different people.

/// The conventions by which a licence is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// SPDX, or a text without rules, as in `package.json` and in Python's metadata.
    Spdx,
    /// Debian's machine-readable copyright files, format 1.0: `GPL-2+ or Artistic, and Expat`.
    Debian,
    /// The `License` tag of rpm: SPDX, or the short names that Fedora used before 2022.
    Fedora,
}

impl Dialect {
    /// Whether `and` and `or` in small letters are defined as operators, so that unknown names
    /// between them are names for certain.
    pub(super) fn has_small_operators(self) -> bool {
        matches!(self, Self::Debian | Self::Fedora)
    }
}
