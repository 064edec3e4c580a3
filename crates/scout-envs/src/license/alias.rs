//! Names of licences that are not SPDX identifiers but mean one for certain.
//!
//! Sources: the full names of the SPDX list; Debian's copyright format 1.0, section 7; Fedora's
//! licence data (`legacy-abbreviation`); the trove classifiers of PyPI that name one licence.
//! A name that several licences have (`BSD`, and `GPL` outside of Debian) is in no table.

use super::dialect::Dialect;
use super::expression::{Expression, Term};
use super::identifier;

/// Names with one meaning, whoever writes them. In small letters, spaces single.
const COMMON: [(&str, &str); 58] = [
    ("apache 2", "Apache-2.0"),
    ("apache 2.0", "Apache-2.0"),
    ("apache-2", "Apache-2.0"),
    ("apache license v2", "Apache-2.0"),
    ("apache license v2.0", "Apache-2.0"),
    ("apache license 2", "Apache-2.0"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache license version 2.0", "Apache-2.0"),
    ("apache software license 2.0", "Apache-2.0"),
    ("apache software license, version 2.0", "Apache-2.0"),
    ("the apache license, version 2.0", "Apache-2.0"),
    ("the apache software license, version 2.0", "Apache-2.0"),
    ("apache2", "Apache-2.0"),
    ("apache2.0", "Apache-2.0"),
    ("apachev2", "Apache-2.0"),
    ("asl 2.0", "Apache-2.0"),
    ("asl 1.1", "Apache-1.1"),
    ("asl 1.0", "Apache-1.0"),
    ("mit license", "MIT"),
    ("the mit license", "MIT"),
    ("mit-license", "MIT"),
    ("the mit license (mit)", "MIT"),
    ("mit license (mit)", "MIT"),
    ("expat license", "MIT"),
    ("isc license", "ISC"),
    ("isc license (iscl)", "ISC"),
    ("iscl", "ISC"),
    ("0bsd license", "0BSD"),
    ("2-clause bsd", "BSD-2-Clause"),
    ("bsd 2-clause", "BSD-2-Clause"),
    ("bsd 2-clause license", "BSD-2-Clause"),
    ("bsd-2", "BSD-2-Clause"),
    ("simplified bsd", "BSD-2-Clause"),
    ("simplified bsd license", "BSD-2-Clause"),
    ("3-clause bsd", "BSD-3-Clause"),
    ("3-clause bsd license", "BSD-3-Clause"),
    ("bsd 3-clause", "BSD-3-Clause"),
    ("bsd 3-clause license", "BSD-3-Clause"),
    ("bsd-3", "BSD-3-Clause"),
    ("bsd3", "BSD-3-Clause"),
    ("new bsd", "BSD-3-Clause"),
    ("new bsd license", "BSD-3-Clause"),
    ("modified bsd license", "BSD-3-Clause"),
    ("revised bsd license", "BSD-3-Clause"),
    ("mplv1.0", "MPL-1.0"),
    ("mplv1.1", "MPL-1.1"),
    ("mplv2.0", "MPL-2.0"),
    ("mpl 2.0", "MPL-2.0"),
    ("mozilla public license 2.0 (mpl 2.0)", "MPL-2.0"),
    ("boost software license", "BSL-1.0"),
    ("boost", "BSL-1.0"),
    ("cc0", "CC0-1.0"),
    ("artistic 2.0", "Artistic-2.0"),
    ("python software foundation license", "PSF-2.0"),
    ("zlib/libpng license", "Zlib"),
    ("the unlicense", "Unlicense"),
    ("the unlicense (unlicense)", "Unlicense"),
    ("universal permissive license (upl)", "UPL-1.0"),
];

/// Debian's short names.
const DEBIAN: [(&str, &str); 13] = [
    ("expat", "MIT"),
    ("apache", "Apache-1.0"),
    ("artistic", "Artistic-1.0"),
    ("artistic-1", "Artistic-1.0"),
    ("artistic-2", "Artistic-2.0"),
    ("bsd-2-clause", "BSD-2-Clause"),
    ("bsd-3-clause", "BSD-3-Clause"),
    ("bsd-4-clause", "BSD-4-Clause"),
    ("bsl-1", "BSL-1.0"),
    ("cc0-1", "CC0-1.0"),
    ("mpl-1", "MPL-1.0"),
    ("mpl-2", "MPL-2.0"),
    ("perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
];

/// Fedora's short names of before 2022 that stand for one licence.
const FEDORA: [(&str, &str); 12] = [
    ("gpl+", "GPL-1.0-or-later"),
    ("artistic", "Artistic-1.0-Perl"),
    ("artistic clarified", "ClArtistic"),
    ("gpl+ or artistic", "GPL-1.0-or-later OR Artistic-1.0-Perl"),
    ("ofl", "OFL-1.1"),
    ("openldap", "OLDAP-2.8"),
    ("cpl", "CPL-1.0"),
    ("epl", "EPL-1.0"),
    ("sissl", "SISSL"),
    ("ruby", "Ruby"),
    ("qpl", "QPL-1.0"),
    ("zplv2.1", "ZPL-2.1"),
];

/// Exceptions as Debian and Fedora name them, without the word "exception".
const EXCEPTIONS: [(&str, &str); 5] = [
    ("font", "Font-exception-2.0"),
    ("classpath", "Classpath-exception-2.0"),
    ("gcc-runtime-library", "GCC-exception-3.1"),
    ("linux-syscall-note", "Linux-syscall-note"),
    ("llvm", "LLVM-exception"),
];

/// Returns what a name means, if that is certain.
pub(super) fn known_name(name: &str, dialect: Dialect) -> Option<Expression> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let name = words.join(" ");
    let small = name.to_ascii_lowercase();
    let dialects_own: &[(&str, &str)] = match dialect {
        Dialect::Spdx => &[],
        Dialect::Debian => &DEBIAN,
        Dialect::Fedora => &FEDORA,
    };
    let in_table = dialects_own
        .iter()
        .chain(&COMMON)
        .find(|(known, _)| *known == small)
        .map(|(_, id)| *id);
    if let Some(expression) = in_table {
        return Expression::parse(expression);
    }
    if let Some(term) = Term::parse(&name) {
        return Some(Expression::term(term));
    }
    if let Some(term) = gnu(&small, dialect) {
        return Some(Expression::term(term));
    }
    identifier::by_full_name(&name)
        .or_else(|| identifier::by_full_name(small.strip_prefix("the ")?))
        .and_then(Term::parse)
        .or_else(|| in_parentheses(&name))
        .map(Expression::term)
}

/// Reads `Mozilla Public License 2.0 (MPL-2.0)`: a name with its identifier.
fn in_parentheses(name: &str) -> Option<Term> {
    let (long, short) = name.strip_suffix(')')?.rsplit_once(" (")?;
    let is_plain = !long.contains(['(', ')', ',', '/']);
    let term = Term::parse(short).filter(|_| is_plain)?;
    (!term.is_reference()).then_some(term)
}

/// Returns SPDX' name of an exception, or the name without the word that all of them have.
pub(super) fn exception(name: &str) -> &str {
    let small = name.to_ascii_lowercase();
    let core = small
        .strip_suffix(" exception")
        .or_else(|| small.strip_suffix("-exception"))
        .unwrap_or(&small);
    let known = EXCEPTIONS.iter().find(|(known, _)| *known == core);
    known.map_or(name, |(_, id)| id)
}

/// Reads the many spellings of the GNU licences: `GPLv2+`, `lgpl-2.1`, `GNU AGPL v3 or later`.
fn gnu(small: &str, dialect: Dialect) -> Option<Term> {
    /// Families with the versions that exist.
    const FAMILIES: [(&str, &str, &[&str]); 12] = [
        ("gnu affero general public license", "AGPL", &["1.0", "3.0"]),
        ("gnu lesser general public license", "LGPL", &["2.1", "3.0"]),
        ("gnu library general public license", "LGPL", &["2.0"]),
        ("gnu general public license", "GPL", &["1.0", "2.0", "3.0"]),
        ("gnu agpl", "AGPL", &["1.0", "3.0"]),
        ("gnu lgpl", "LGPL", &["2.0", "2.1", "3.0"]),
        ("gnu gpl", "GPL", &["1.0", "2.0", "3.0"]),
        ("agpl", "AGPL", &["1.0", "3.0"]),
        ("lgpl", "LGPL", &["2.0", "2.1", "3.0"]),
        ("gpl", "GPL", &["1.0", "2.0", "3.0"]),
        ("gfdl", "GFDL", &["1.1", "1.2", "1.3"]),
        ("fdl", "GFDL", &["1.1", "1.2", "1.3"]),
    ];
    // PyPI writes the short name once more in parentheses.
    let (name, short) = match small.split_once(" (") {
        Some((name, short)) => (name, Some(short.strip_suffix(')')?)),
        None => (small, None),
    };
    let (name, is_later) = strip_later(name);
    let (family, versions, rest) = FAMILIES.iter().find_map(|(prefix, family, versions)| {
        Some((*family, *versions, name.strip_prefix(prefix)?))
    })?;
    let rest = rest.trim_start_matches([',', ' ', '-']);
    let rest = rest.strip_prefix("version").unwrap_or(rest).trim_start();
    let number = rest.strip_prefix('v').unwrap_or(rest).trim_start();
    let version = match number {
        // Debian: a missing version is the lowest.
        "" if dialect == Dialect::Debian => versions.first()?,
        _ => versions
            .iter()
            .find(|version| **version == number || version.strip_suffix(".0") == Some(number))?,
    };
    if let Some(short) = short {
        let again = gnu(short, dialect)?;
        let is_same = again.id.starts_with(&format!("{family}-{version}"));
        return is_same
            .then_some(again)
            .filter(|again| !is_later || again.id.ends_with("-or-later"));
    }
    let suffix = if is_later { "or-later" } else { "only" };
    Term::parse(&format!("{family}-{version}-{suffix}"))
}

/// Takes the words off that allow later versions.
fn strip_later(name: &str) -> (&str, bool) {
    for suffix in [" or later", "-or-later", " or newer", " and later", "+"] {
        if let Some(rest) = name.strip_suffix(suffix) {
            return (rest.trim_end_matches([',', ' ']), true);
        }
    }
    (name.strip_suffix("-only").unwrap_or(name), false)
}
