//! .NET: `*.deps.json`, which lies beside each program and each shared framework and tells what
//! was built into it
//! (<https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md>).

use std::io::BufRead;

use scout_envs::{Package, PackageType};
use serde::Deserialize;

use super::{Unreadable, json};
use crate::analysis::{Part, Parts};
use crate::limits::Limits;

#[derive(Deserialize)]
struct Dependencies {
    #[serde(default)]
    libraries: json::Map<Library>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// What stands before the name of a framework that was copied into a program.
const RUNTIME_PREFIX: &str = "runtimepack.";

pub(super) fn read(input: &mut dyn BufRead, limits: &Limits) -> Result<Parts, Unreadable> {
    let dependencies: Dependencies = json::read(input, "list of .NET's packages")?;
    let mut parts = Parts::default();
    for (library, about) in dependencies.libraries.0 {
        // `project` and `reference` are the program's own parts, from no package.
        let name = match about.kind.as_deref() {
            Some("package") => library.as_str(),
            Some("runtimepack") => library.strip_prefix(RUNTIME_PREFIX).unwrap_or(&library),
            _ => continue,
        };
        match name.rsplit_once('/') {
            Some((name, version)) if !name.is_empty() && !version.is_empty() => {
                let package = Package::new(PackageType::Nuget, name, version);
                parts.push(Part::stated(package), limits);
            }
            _ => parts.note_incomplete("a package without name or version"),
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_frameworks_count_projects_do_not() {
        let text = r#"{"runtimeTarget":{"name":".NETCoreApp,Version=v6.0"},"targets":{"a":{"b":{}}},"libraries":{
            "web/1.0.0":{"type":"project","serviceable":false,"sha512":""},
            "Newtonsoft.Json/12.0.1":{"type":"package","serviceable":true,"sha512":"x","path":"p"},
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.1":{"type":"runtimepack"},
            "Odd":{"type":"package"}}}"#;
        let parts = read(&mut text.as_bytes(), &Limits::default()).unwrap();
        let found: Vec<_> = parts
            .packages
            .iter()
            .map(|part| (part.package.name.as_str(), part.package.version.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("Newtonsoft.Json", "12.0.1"),
                ("Microsoft.NETCore.App.Runtime.linux-x64", "6.0.1"),
            ]
        );
        assert!(parts.incomplete.is_some());
        assert!(read(&mut &b"1"[..], &Limits::default()).is_err());
        let bom = b"\xef\xbb\xbf{}";
        assert!(
            read(&mut &bom[..], &Limits::default())
                .unwrap()
                .packages
                .is_empty()
        );
    }
}
