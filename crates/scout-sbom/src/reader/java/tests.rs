use super::*;
use crate::reader::zip::tests::{Builder, stored};

fn pom(group: &str, artifact: &str, version: &str) -> (String, String) {
    (
        format!("META-INF/maven/{group}/{artifact}/pom.properties"),
        format!("version={version}\ngroupId={group}\nartifactId={artifact}\n"),
    )
}

fn jar(coordinates: &[(String, String)]) -> Builder {
    let start = Builder::default().stored("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n");
    coordinates.iter().fold(start, |builder, (name, text)| {
        builder.deflated(name, text.as_bytes())
    })
}

fn found(name: &str, bytes: &[u8], limits: &Limits) -> Vec<String> {
    let budget = Budget::new(std::env::temp_dir());
    let finding = read(name.as_bytes(), stored(bytes), limits, &budget).unwrap();
    let parts = match finding {
        Ok(Finding::Packages(parts)) => parts,
        Ok(Finding::Nothing) => return Vec::new(),
        Ok(Finding::Damaged(reason)) | Err(Unreadable(reason)) => {
            return vec![format!("! {reason}")];
        }
        other => panic!("{other:?}"),
    };
    let mut lines: Vec<String> = parts
        .packages
        .iter()
        .map(|part| {
            let Package { name, version, .. } = &part.package;
            let place = part.place.as_deref().unwrap_or(".");
            format!("{name} {version} {place} {:?}", part.certainty)
        })
        .collect();
    lines.extend(parts.incomplete.map(|reason| format!("! {reason}")));
    lines
}

#[track_caller]
fn check(name: &str, bytes: &[u8], expected: &[&str]) {
    assert_eq!(found(name, bytes, &Limits::default()), expected, "{name}");
}

#[test]
fn own_and_shaded_coordinates_are_told_apart() {
    let own = pom("org.a", "app", "1.0");
    let shaded = pom("org.b", "lib", "2.0");
    let bytes = jar(&[own.clone(), shaded]).finish();
    check(
        "app-1.0.jar",
        &bytes,
        &[
            "org.a:app 1.0 . Stated",
            "org.b:lib 2.0 META-INF/maven/org.b/lib/pom.properties Stated",
        ],
    );
    check(
        "renamed.jar",
        &jar(&[own]).finish(),
        &["org.a:app 1.0 . Stated"],
    );
    // Renamed by a distribution, but of the version that the manifest states.
    let manifest = "Implementation-Version: 1.0\n";
    let renamed = Builder::default().stored(MANIFEST, manifest.as_bytes());
    let poms = [pom("org.a", "app", "1.0"), pom("org.b", "lib", "2.0")];
    let renamed = poms.iter().fold(renamed, |builder, (name, text)| {
        builder.stored(name, text.as_bytes())
    });
    check(
        "app3.jar",
        &renamed.finish(),
        &[
            "org.a:app 1.0 . Stated",
            "org.b:lib 2.0 META-INF/maven/org.b/lib/pom.properties Stated",
        ],
    );
    // Without its own, what it is called comes beside what was shaded.
    check(
        "tool-3.jar",
        &jar(&[pom("org.b", "lib", "2.0"), pom("org.c", "x", "1")]).finish(),
        &[
            "org.b:lib 2.0 META-INF/maven/org.b/lib/pom.properties Stated",
            "org.c:x 1 META-INF/maven/org.c/x/pom.properties Stated",
            "tool 3 . FileName",
        ],
    );
}

#[test]
fn archives_in_archives_are_read_packed_or_not() {
    let lib = jar(&[pom("org.b", "lib", "2.0")]).finish();
    let other = jar(&[]).finish();
    let war = jar(&[pom("org.a", "web", "1")])
        .stored("BOOT-INF/lib/lib-2.0.jar", &lib)
        .deflated("WEB-INF/lib/other-1.5.JAR", &other)
        .stored("WEB-INF/lib/broken.jar", b"PK\x03\x04")
        .stored("WEB-INF/lib/no.jar", b"nothing")
        .finish();
    let broken =
        "! web.war!/WEB-INF/lib/broken.jar: the archive is damaged: it has no table of contents";
    let ear = Builder::default().deflated("web.war", &war).finish();
    check(
        "all.ear",
        &ear,
        &[
            "org.a:web 1 web.war Stated",
            "org.b:lib 2.0 web.war!/BOOT-INF/lib/lib-2.0.jar Stated",
            "other 1.5 web.war!/WEB-INF/lib/other-1.5.JAR FileName",
            broken,
        ],
    );
}

#[test]
fn files_that_are_no_archives_are_nothing_and_damaged_ones_are_told() {
    check("a.jar", b"version https://git-lfs", &[]);
    check("a.jar", &Builder::default().finish(), &[]);
    check(
        "a.jar",
        b"PK",
        &["! the archive is damaged: it has no table of contents"],
    );
    let truncated = Builder::default()
        .entry("META-INF/MANIFEST.MF", b"\xff\xff", 10, 8)
        .finish();
    check(
        "a-1.jar",
        &truncated,
        &[
            "a 1 . FileName",
            "! META-INF/MANIFEST.MF: corrupt deflate stream",
        ],
    );
}

#[test]
fn hostile_archives_end_at_a_limit() {
    // Archives in archives in archives.
    let mut bytes = jar(&[pom("org.b", "lib", "2.0")]).finish();
    for depth in 0..10 {
        let builder = Builder::default();
        bytes = if depth % 2 == 0 {
            builder.stored("x.jar", &bytes)
        } else {
            builder.deflated("x.jar", &bytes)
        }
        .finish();
    }
    check("a.jar", &bytes, &["! archives lie in it more than 5 deep"]);
    // A bomb.
    let zeros = vec![0; 1 << 20];
    let mut bomb = Builder::default();
    for index in 0..20 {
        bomb = bomb.deflated(&format!("{index}.jar"), &zeros);
    }
    let limits = Limits::default().with_archive_unpacked_bytes(10 << 20);
    let lines = found("a.jar", &bomb.finish(), &limits);
    assert_eq!(
        lines,
        ["! 10.jar: more than 10485760 bytes are packed in it"]
    );
    // A table that names one archive many times, each holding more entries.
    let mut inner = Builder::default();
    for index in 0..100 {
        inner = inner.stored(&format!("{index}"), b"");
    }
    let inner = inner.finish();
    let mut outer = Builder::default();
    for index in 0..50 {
        outer = outer.stored(&format!("{index}.jar"), &inner);
    }
    let limits = Limits::default().with_archive_entries(1000);
    let lines = found("a.jar", &outer.finish(), &limits);
    assert_eq!(lines, ["! 9.jar: it has more than 1000 entries"]);
    // A manifest that is no text, and one that is too long.
    let limits = Limits::default().with_record_bytes(100);
    let long = Builder::default()
        .deflated("META-INF/MANIFEST.MF", &zeros)
        .finish();
    let lines = found("a-1.jar", &long, &limits);
    assert_eq!(
        lines,
        [
            "a 1 . FileName",
            "! META-INF/MANIFEST.MF: it has more than 100 bytes"
        ]
    );
    // More than it claims, less than it claims.
    let claims = Builder::default()
        .entry("x.jar", b"\x03\x00", 5000, 8)
        .finish();
    check("a.jar", &claims, &["! x.jar: it is damaged"]);
}

#[test]
fn only_names_of_archives_are_archives() {
    for (name, expected) in [
        ("a.jar", true),
        ("a.WAR", true),
        ("git.hpi", true),
        (".jar", false),
        ("jar", false),
        ("a.rar", false),
        ("a.jar.txt", false),
    ] {
        assert_eq!(is_archive(name.as_bytes()), expected, "{name}");
    }
}

mod any_bytes {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_panic(
            at in any::<prop::sample::Index>(),
            value in any::<[u8; 2]>(),
            manifest in "([A-Za-z:\\- .]{0,20}(\n|\r\n ?)){0,6}",
            name in "[a-z0-9.\\-]{0,20}",
        ) {
            let inner = jar(&[pom("org.b", "lib", "2.0")]).finish();
            let mut bytes = Builder::default()
                .deflated(MANIFEST, manifest.as_bytes())
                .stored("x.jar", &inner)
                .deflated("y.jar", &inner)
                .finish();
            let at = at.index(bytes.len() - 2);
            bytes[at..at + 2].copy_from_slice(&value);
            let _ = found(&name, &bytes, &Limits::default());
        }
    }
}
