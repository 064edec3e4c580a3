use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::reader::ZipBuilder;
use crate::testing::{Archive, analyze};

/// A layer with something of everything that can be stored.
fn full() -> LayerAnalysis {
    let dpkg = "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nArchitecture: amd64\n\
                Source: glibc (2.36-9+x)\n\nPackage: broken\nStatus: install ok installed\n";
    Archive::new()
        .directory("etc/")
        .file(
            "etc/os-release",
            "ID=debian\nID_LIKE=\"a b\"\nVERSION_ID=12\nCPE_NAME=c\n",
        )
        .file("var/lib/dpkg/status", dpkg)
        .file("var/lib/dpkg/info/libc6:amd64.list", "/lib\n/lib/x\n")
        .file("lib/apk/db/installed", "P:a\nV:1\nA:x\nF:bin\nR:sh\n")
        .file(
            "srv/node_modules/a/package.json",
            r#"{"name":"a","version":"1"}"#,
        )
        .file("srv/node_modules/b/package.json", "{}")
        .file("srv/node_modules/c/package.json", "{")
        .file("srv/x.jar", "PK")
        .file("srv/libs-2.jar", libraries())
        .symlink("lib64", "usr/lib64")
        .hard_link("etc/x", "etc/os-release")
        .file(b"odd-\xff\xfe", "")
        .file(".wh.gone", "")
        .file("srv/.wh..wh..opq", "")
        .file("../outside", "")
        .analysis()
}

/// An archive with a library in it, and something that cannot be read.
fn libraries() -> Vec<u8> {
    let library = ZipBuilder::default()
        .stored(
            "META-INF/maven/g/a/pom.properties",
            b"groupId=g\nartifactId=a\nversion=1\n",
        )
        .finish();
    ZipBuilder::default()
        .stored("lib/a-1.jar", &library)
        .stored("lib/b.jar", b"PK")
        .finish()
}

#[test]
fn what_is_stored_comes_back() {
    for analysis in [
        full(),
        LayerAnalysis::default(),
        LayerAnalysis::unreadable(&Digest::sha256(&[7; 32]), "cut off"),
    ] {
        let stored = analysis.encode();
        let again = LayerAnalysis::decode(&stored).unwrap();
        assert_eq!(again.encode(), stored);
        assert_eq!(again, analysis);
        assert_eq!(
            crate::compose(std::slice::from_ref(&again)).gaps,
            crate::compose(&[analysis]).gaps
        );
    }
}

#[test]
fn entries_keep_their_raw_bytes() {
    let mut odd = Vec::new();
    full().for_each_entry(|path, kind| {
        if path.starts_with(b"odd") || matches!(kind, EntryKind::Whiteout | EntryKind::Opaque) {
            odd.push((path.to_vec(), format!("{kind:?}")));
        }
    });
    assert_eq!(
        odd,
        [
            (b"odd-\xff\xfe".to_vec(), "File".to_owned()),
            (b"gone".to_vec(), "Whiteout".to_owned()),
            (b"srv".to_vec(), "Opaque".to_owned()),
        ]
    );
    assert_eq!(full().entry_count(), 15);
}

#[test]
fn other_versions_and_damage_are_told_apart() {
    let stored = full().encode();
    let mut newer = stored.clone();
    newer[4] += 1;
    assert!(matches!(
        LayerAnalysis::decode(&newer),
        Err(Error::OtherVersion { found, expected: ANALYSIS_VERSION })
            if found == ANALYSIS_VERSION + 1
    ));
    for bad in [&b""[..], b"SCTL", &stored[..stored.len() - 1], &stored[1..]] {
        assert!(matches!(
            LayerAnalysis::decode(bad),
            Err(Error::DamagedAnalysis { .. })
        ));
    }
    // A huge claim costs nothing.
    let mut huge = stored;
    huge[8..16].fill(0xff);
    assert!(LayerAnalysis::decode(&huge).is_err());
}

#[test]
fn an_entry_costs_few_bytes() {
    let mut archive = Archive::new();
    for index in 0..5_000 {
        archive = archive.file(
            format!("usr/share/doc/package-{}/file-{index}", index / 20),
            "",
        );
    }
    let analysis = analyze(&archive.bytes()).unwrap().analysis;
    let stored = analysis.encode().len();
    assert!(stored < 5_000 * 7, "{stored} bytes");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_an_error_and_never_a_panic(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut stored = full().encode();
        let at = at.index(stored.len());
        prop_assume!(stored[at] != value);
        stored[at] = value;
        prop_assert!(LayerAnalysis::decode(&stored).is_err());
    }

    #[test]
    fn paths_come_back_whatever_bytes_they_are(
        paths in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
    ) {
        let mut list = PathList::default();
        for path in &paths {
            list.push(path);
        }
        let mut got = Vec::new();
        list.finish().for_each(|path| got.push(path.to_vec()));
        prop_assert_eq!(got, paths);
    }

    #[test]
    fn forged_content_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = codec::read_raw(&bytes);
    }
}
