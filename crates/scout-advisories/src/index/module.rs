//! Modules of rpm distributions: several streams of one software side by side, each with fixes of
//! its own. A fix for one stream says nothing of a package of another.
//!
//! A modular build is told by its release (`.module_el9.2.0+…`, `.module+el8…`), an installed one
//! also by its label. AlmaLinux names the stream of a fix in the summary only:
//! `Important: nodejs:18 security update`.

/// Returns whether a version is that of a modular build.
pub(super) fn is_modular_build(version: &str) -> bool {
    version.contains(".module_") || version.contains(".module+")
}

/// Returns the `name:stream` words of a summary.
pub(super) fn streams_in(summary: &str) -> impl Iterator<Item = &str> {
    summary
        .split([' ', ',', ';', '(', ')', '/'])
        .filter(|word| {
            word.split_once(':').is_some_and(|(name, stream)| {
                let is_name = |text: &str| {
                    !text.is_empty()
                        && text
                            .bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte))
                };
                is_name(name) && is_name(stream)
            })
        })
}

/// Returns whether a fix may concern an installed package.
///
/// `stream` is the `name:stream` of the installed package's label, `fix_streams` what the fix
/// names; a fix that names no stream of the module concerns all of them.
pub(super) fn concerns<'a>(
    installed_version: &str,
    stream: Option<&str>,
    fix_is_modular: bool,
    fix_streams: impl Iterator<Item = &'a str>,
) -> bool {
    let is_modular_build = is_modular_build(installed_version);
    if !fix_is_modular {
        return !is_modular_build;
    }
    let Some(stream) = stream else {
        return is_modular_build;
    };
    let module = |stream: &str| stream.split(':').next().map(str::to_owned);
    let mut of_module = fix_streams
        .filter(|named| module(named) == module(stream))
        .peekable();
    of_module.peek().is_none() || of_module.any(|named| named == stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_concerns_its_own_stream() {
        const MODULAR: &str = "1:18.12.1-1.module_el9.1.0+16+91bc168f";
        const PLAIN: &str = "1:16.14.0-4.el9";
        for (version, stream, fix_is_modular, fix_streams, expected) in [
            (PLAIN, None, false, "", true),
            (PLAIN, None, true, "nodejs:18", false),
            (MODULAR, None, false, "", false),
            (MODULAR, None, true, "nodejs:20", true),
            (MODULAR, Some("nodejs:18"), true, "nodejs:18", true),
            (MODULAR, Some("nodejs:18"), true, "nodejs:20", false),
            (MODULAR, Some("nodejs:18"), true, "", true),
            (
                MODULAR,
                Some("virt:rhel"),
                true,
                "virt:rhel and virt-devel:rhel",
                true,
            ),
            (
                MODULAR,
                Some("idm:client"),
                true,
                "idm:DL1 and idm:client",
                true,
            ),
            // A label on a plain build: it is not known to be of a module's builds.
            (PLAIN, Some("nodejs:16"), false, "", true),
            (PLAIN, Some("nodejs:16"), true, "nodejs:18", false),
        ] {
            assert_eq!(
                concerns(version, stream, fix_is_modular, streams_in(fix_streams)),
                expected,
                "{version} {stream:?} {fix_streams}"
            );
        }
    }

    #[test]
    fn streams_are_words_of_the_summary() {
        let summary = "Moderate: virt:rhel and virt-devel:rhel security, bug fix (idm:DL1)";
        let streams: Vec<&str> = streams_in(summary).collect();
        assert_eq!(streams, ["virt:rhel", "virt-devel:rhel", "idm:DL1"]);
    }
}
