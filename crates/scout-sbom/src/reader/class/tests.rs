use super::*;

#[test]
fn codes_are_stable_and_unique() {
    for &class in Class::ALL {
        assert_eq!(Class::from_code(class.code()), Some(class));
    }
    assert_eq!(Class::from_code(0), None);
}

#[test]
fn paths_tell_what_is_evidence() {
    use Class::*;
    for (path, expected) in [
        ("etc/os-release", Some(OsRelease)),
        ("usr/lib/os-release", Some(OsRelease)),
        ("usr/lib/os.release.d/os-release-fedora", Some(OsRelease)),
        ("srv/etc/os-release", None),
        ("var/lib/dpkg/status", Some(DebStatus)),
        ("var/lib/dpkg/status-old", None),
        ("var/lib/dpkg/status.d/base-files", Some(DebStatusPart)),
        ("var/lib/dpkg/status.d/base-files.md5sums", Some(DebSums)),
        ("var/lib/dpkg/info/libc6:amd64.list", Some(DebList)),
        ("var/lib/dpkg/info/libc6:amd64.md5sums", None),
        ("lib/apk/db/installed", Some(ApkInstalled)),
        ("usr/lib/apk/db/installed", Some(ApkInstalled)),
        ("var/lib/rpm/rpmdb.sqlite", Some(RpmSqlite)),
        ("usr/lib/sysimage/rpm/rpmdb.sqlite", Some(RpmSqlite)),
        ("var/lib/rpm/rpmdb.sqlite-wal", Some(RpmSqliteLog)),
        ("var/lib/rpm/Packages", Some(RpmBerkeley)),
        ("usr/lib/sysimage/rpm/Packages.db", Some(RpmNdb)),
        ("srv/Packages", None),
        (
            "opt/venv/lib/python3.11/site-packages/a-1.dist-info/METADATA",
            Some(PypiMetadata),
        ),
        (
            "usr/lib/python3/dist-packages/a-1.egg-info/PKG-INFO",
            Some(PypiMetadata),
        ),
        (
            "usr/lib/python3/dist-packages/a-1.egg-info",
            Some(PypiMetadata),
        ),
        ("var/task/a-1.dist-info/METADATA", Some(PypiMetadata)),
        (
            "x/site-packages/a-1-py3.11.egg/EGG-INFO/PKG-INFO",
            Some(PypiMetadata),
        ),
        ("x/site-packages/a/EGG-INFO/PKG-INFO", None),
        ("x/site-packages/a-1-py3.11.egg", Some(PythonEgg)),
        ("x/site-packages/a/b-1-py3.11.egg", None),
        ("x/site-packages/~-1.dist-info/METADATA", None),
        ("x/site-packages/~-1.egg-info", None),
        (
            "x/site-packages/setuptools/_vendor/b-1.dist-info/METADATA",
            None,
        ),
        ("x/site-packages/b/METADATA", None),
        ("var/task/setuptools/_vendor/b-1.dist-info/METADATA", None),
        ("srv/node_modules/a/package.json", Some(NpmManifest)),
        ("node_modules/a/package.json", Some(NpmManifest)),
        ("srv/node_modules/@s/a/package.json", Some(NpmManifest)),
        (
            "srv/node_modules/a/node_modules/@s/b/package.json",
            Some(NpmManifest),
        ),
        (
            "srv/node_modules/.pnpm/a@1/node_modules/a/package.json",
            Some(NpmManifest),
        ),
        ("srv/node_modules/@s/package.json", None),
        ("srv/node_modules/a/test/package.json", None),
        ("srv/node_modules/a/dist/esm/package.json", None),
        ("srv/node_modules/a/test/node_modules/b/package.json", None),
        ("srv/node_modules/package.json", None),
        ("srv/node_modules/.bin/package.json", None),
        ("srv/package.json", Some(NpmLocal)),
        ("package.json", Some(NpmLocal)),
        ("usr/share/nodejs/semver/package.json", Some(NpmManifest)),
        (
            "usr/share/nodejs/@types/node/package.json",
            Some(NpmManifest),
        ),
        ("usr/share/nodejs/semver/dist/package.json", Some(NpmLocal)),
        (
            "usr/share/nodejs/a/node_modules/b/package.json",
            Some(NpmManifest),
        ),
        ("usr/lib/node_modules/npm/package.json", Some(NpmManifest)),
        ("opt/app.JAR", Some(JavaArchive)),
        ("opt/app.war", Some(JavaArchive)),
        ("opt/jar", None),
        ("var/plugins/git.hpi", Some(JavaArchive)),
        ("opt/bitnami/nginx/.spdx-nginx.spdx", Some(SpdxDocument)),
        ("opt/x/.spdx-x.json", Some(SpdxDocument)),
        ("opt/x/sbom.spdx.json", None),
        ("srv/package-lock.json", Some(NpmLock)),
        ("srv/yarn.lock", Some(YarnLock)),
        ("srv/pnpm-lock.yaml", Some(PnpmLock)),
        ("srv/node_modules/a/yarn.lock", None),
        ("srv/lib/composer/installed.json", Some(ComposerInstalled)),
        ("srv/lib/installed.json", None),
        (
            "usr/lib/ruby/gems/3.1.0/specifications/a-1.gemspec",
            Some(GemSpecification),
        ),
        (
            "usr/lib/ruby/gems/3.1.0/specifications/default/a-1.gemspec",
            Some(GemSpecification),
        ),
        ("usr/lib/ruby/gems/3.1.0/gems/a/a.gemspec", None),
        (
            "srv/vendor/composer/installed.json",
            Some(ComposerInstalled),
        ),
        ("app/web.deps.json", Some(DotnetDeps)),
        ("opt/conda/conda-meta/python-3.json", Some(CondaRecord)),
        ("var/lib/pacman/local/bash-5-1/desc", Some(PacmanRecord)),
        ("", None),
    ] {
        assert_eq!(classify(path.as_bytes()), expected, "{path}");
    }
    let hash = "0123456789abcdef".repeat(8);
    for (path, expected) in [
        (format!("root/store/v3/files/0f/{}", &hash[..126]), true),
        (format!("root/store/v3/files/0f/{hash}"), false),
        (format!("root/store/v3/files/x0/{}", &hash[..126]), false),
        (format!("root/store/v3/file/0f/{}", &hash[..126]), false),
        (format!("files/0f/{}-exec", &hash[..62]), true),
        (format!("files/0f/{}-index.json", &hash[..126]), false),
    ] {
        assert_eq!(
            classify(path.as_bytes()) == Some(NpmStored),
            expected,
            "{path}"
        );
    }
}
