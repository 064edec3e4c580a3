//! The names of the SPDX list: looked up without regard to case, deprecated ones replaced.

use spdx::identifiers::{EXCEPTIONS, LICENSES};

use super::expression::{Exception, Term};

/// Deprecated names with their replacement, which the list gives in words only.
const REPLACED: [(&str, &str, Option<&str>); 13] = [
    (
        "GPL-2.0-with-GCC-exception",
        "GPL-2.0-only",
        Some("GCC-exception-2.0"),
    ),
    (
        "GPL-2.0-with-autoconf-exception",
        "GPL-2.0-only",
        Some("Autoconf-exception-2.0"),
    ),
    (
        "GPL-2.0-with-bison-exception",
        "GPL-2.0-only",
        Some("Bison-exception-2.2"),
    ),
    (
        "GPL-2.0-with-classpath-exception",
        "GPL-2.0-only",
        Some("Classpath-exception-2.0"),
    ),
    (
        "GPL-2.0-with-font-exception",
        "GPL-2.0-only",
        Some("Font-exception-2.0"),
    ),
    (
        "GPL-3.0-with-GCC-exception",
        "GPL-3.0-only",
        Some("GCC-exception-3.1"),
    ),
    (
        "GPL-3.0-with-autoconf-exception",
        "GPL-3.0-only",
        Some("Autoconf-exception-3.0"),
    ),
    ("BSD-2-Clause-FreeBSD", "BSD-2-Clause-Views", None),
    ("BSD-2-Clause-NetBSD", "BSD-2-Clause", None),
    ("StandardML-NJ", "SMLNJ", None),
    ("bzip2-1.0.5", "bzip2-1.0.6", None),
    ("eCos-2.0", "GPL-2.0-or-later", Some("eCos-exception-2.0")),
    (
        "wxWindows",
        "LGPL-2.0-or-later",
        Some("WxWindows-exception-3.1"),
    ),
];

/// Returns the term for an identifier of the list, perhaps with a plus.
pub(super) fn license(name: &str) -> Option<Term> {
    let (name, is_plus) = match name.strip_suffix('+') {
        Some(name) => (name, true),
        None => (name, false),
    };
    if let Some(&(_, id, exception)) = find(&REPLACED, |entry| entry.0, name) {
        return Some(Term {
            id: id.to_owned(),
            is_plus,
            exception: exception.map(|exception| Exception::Listed(exception.to_owned())),
        });
    }
    let id = find(LICENSES, |license| license.name, name)?.name;
    // The GNU licences say it in the name: `GPL-2.0+` is `GPL-2.0-or-later`.
    let suffix = if is_plus { "or-later" } else { "only" };
    let base = id.strip_suffix("-only").filter(|_| is_plus).unwrap_or(id);
    if let Some(gnu) = find(
        LICENSES,
        |license| license.name,
        &format!("{base}-{suffix}"),
    ) {
        return Some(Term::new(gnu.name));
    }
    let is_redundant = id.ends_with("-or-later");
    Some(Term {
        id: id.to_owned(),
        is_plus: is_plus && !is_redundant,
        exception: None,
    })
}

/// Returns the listed spelling of an exception.
pub(super) fn exception(name: &str) -> Option<&'static str> {
    find(EXCEPTIONS, |exception| exception.name, name).map(|exception| exception.name)
}

/// Returns the identifier that has this full name on the list.
pub(super) fn by_full_name(name: &str) -> Option<&'static str> {
    // `GNU General Public License v2.0 only` is the name of two: the deprecated comes first.
    LICENSES
        .iter()
        .rfind(|license| license.full_name.eq_ignore_ascii_case(name))
        .map(|license| license.name)
}

fn find<'a, T>(list: &'a [T], name_of: impl Fn(&T) -> &str, name: &str) -> Option<&'a T> {
    list.iter()
        .find(|entry| name_of(entry).eq_ignore_ascii_case(name))
}
