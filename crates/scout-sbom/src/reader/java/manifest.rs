//! The main section of `META-INF/MANIFEST.MF`
//! (<https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html>).

/// What a manifest says about its archive.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    fields: Vec<(String, String)>,
}

/// Fields that are kept, in small letters.
const KNOWN: [&str; 11] = [
    "artifact-id",
    "bundle-symbolicname",
    "bundle-version",
    "extension-name",
    "group-id",
    "implementation-title",
    "implementation-vendor-id",
    "implementation-version",
    "plugin-version",
    "short-name",
    "specification-version",
];

impl Manifest {
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        // A field that is not kept takes its continuation lines with it.
        let mut is_kept = false;
        for line in text.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            let line = String::from_utf8_lossy(line);
            if let Some(rest) = line.strip_prefix(' ') {
                if let Some((_, value)) = fields.last_mut().filter(|_| is_kept) {
                    value.push_str(rest);
                }
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let name = name.to_ascii_lowercase();
            is_kept = KNOWN.contains(&name.as_str());
            if is_kept {
                fields.push((name, value.trim_start().to_owned()));
            }
        }
        Self { fields }
    }

    /// Returns a field by its name in small letters; none that is empty or was to be filled in.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(known, _)| known == name)?;
        let value = value.trim();
        (!value.is_empty() && !value.contains("${")).then_some(value)
    }

    /// Returns the first version there is, the most exact first.
    pub(super) fn version(&self) -> Option<&str> {
        [
            "plugin-version",
            "implementation-version",
            "bundle-version",
            "specification-version",
        ]
        .into_iter()
        .find_map(|name| self.get(name))
        // Some put the date or the commit behind it.
        .and_then(|version| version.split([' ', ',', ';']).next())
    }

    /// Returns the name of the `OSGi` bundle, without what is said about it.
    pub(super) fn bundle(&self) -> Option<&str> {
        let name = self.get("bundle-symbolicname")?.split(';').next()?.trim();
        (!name.is_empty()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_section_is_read_with_its_continuations() {
        let text = b"Manifest-Version: 1.0\r\nImport-Package: a,\r\n b\r\nImplementation-Title: spr\r\n ing-core\r\n\
            Bundle-SymbolicName: org.a.b;singleton:=true\r\nImplementation-Version: 5.3 (abc)\r\n\
            Bundle-Version: ${v}\r\n\r\nName: x\r\nGroup-Id: y\r\n";
        let manifest = Manifest::parse(text);
        assert_eq!(manifest.get("implementation-title"), Some("spring-core"));
        assert_eq!(manifest.bundle(), Some("org.a.b"));
        assert_eq!(manifest.version(), Some("5.3"));
        assert_eq!(manifest.get("bundle-version"), None);
        assert_eq!(manifest.get("group-id"), None, "of another section");
        let empty = Manifest::parse(b"\xff: \xfe\n x");
        assert!(empty.version().is_none() && empty.bundle().is_none());
    }
}
