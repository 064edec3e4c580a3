use super::*;
use crate::reader::ZipBuilder;
use crate::testing::Archive;

const DEBIAN: &str = "ID=debian\nVERSION_ID=12\n";

fn status(packages: &[&str]) -> String {
    packages
        .iter()
        .map(|name| {
            format!(
                "Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"
            )
        })
        .collect()
}

fn npm(name: &str) -> String {
    format!("{{\"name\":\"{name}\",\"version\":\"1\"}}")
}

fn apk(name: &str) -> String {
    format!("P:{name}\nV:1\n")
}

/// Says what an image holds: `name@layer paths owner`, `! gap`.
fn describe(image: &Composition) -> Vec<String> {
    let mut lines = Vec::new();
    for found in &image.packages {
        let owner = found
            .owner
            .as_ref()
            .map_or_else(String::new, |owner| format!(" of {owner}"));
        let paths = found.paths.join(",");
        lines.push(format!(
            "{}@{} {paths}{owner}",
            found.package.name, found.layer
        ));
    }
    lines.extend(image.gaps.iter().map(|gap| format!("! {gap}")));
    lines
}

#[track_caller]
fn check(layers: Vec<Archive>, expected: &[&str]) -> Composition {
    let layers: Vec<LayerAnalysis> = layers.into_iter().map(Archive::analysis).collect();
    let image = compose(&layers);
    assert_eq!(describe(&image), expected);
    image
}

#[test]
fn nothing_is_nothing() {
    let image = check(vec![], &[]);
    assert!(image.databases.is_empty() && image.distribution.is_none());
    check(vec![Archive::new().file("srv/x", "y")], &[]);
}

#[test]
fn the_topmost_database_counts_and_packages_belong_to_the_layer_that_brought_them() {
    let image = check(
        vec![
            Archive::new()
                .file("etc/os-release", DEBIAN)
                .file("var/lib/dpkg/status", status(&["a", "b", "d"])),
            Archive::new().file("srv/x", ""),
            Archive::new().file("var/lib/dpkg/status", status(&["a", "b", "c"])),
            Archive::new().file("var/lib/dpkg/status", status(&["a", "c", "d"])),
        ],
        &[
            "a@0 /var/lib/dpkg/status",
            "c@2 /var/lib/dpkg/status",
            "d@3 /var/lib/dpkg/status",
        ],
    );
    assert_eq!(image.distribution.unwrap().id, "debian");
    let [database] = image.databases.as_slice() else {
        panic!("one database");
    };
    assert_eq!(database.package_type, PackageType::Deb);
    assert!(database.is_read);
}

#[test]
fn whiteouts_hide_lower_layers_only() {
    let base = || {
        Archive::new()
            .file("srv/node_modules/a/package.json", npm("a"))
            .file("srv/node_modules/b/package.json", npm("b"))
    };
    let a = "a@0 /srv/node_modules/a/package.json";
    let b = "b@0 /srv/node_modules/b/package.json";
    check(vec![base()], &[a, b]);
    check(
        vec![
            base(),
            Archive::new().file("srv/node_modules/a/.wh.package.json", ""),
        ],
        &[b],
    );
    check(
        vec![base(), Archive::new().file("srv/node_modules/.wh.a", "")],
        &[b],
    );
    check(vec![base(), Archive::new().file(".wh.srv", "")], &[]);
    check(
        vec![base(), Archive::new().file("srv/.wh.never", "")],
        &[a, b],
    );
    // The mark and the new file in one layer, in both orders.
    let new = |archive: Archive| archive.file("srv/node_modules/a/package.json", npm("n"));
    let n = "n@1 /srv/node_modules/a/package.json";
    check(
        vec![
            base(),
            new(Archive::new().file("srv/node_modules/.wh.a", "")),
        ],
        &[b, n],
    );
    check(
        vec![
            base(),
            new(Archive::new()).file("srv/node_modules/.wh.a", ""),
        ],
        &[b, n],
    );
    check(
        vec![base(), new(Archive::new()).file("srv/.wh..wh..opq", "")],
        &[n],
    );
    check(
        vec![
            base(),
            Archive::new().file("srv/node_modules/.wh..wh..opq", ""),
        ],
        &[],
    );
    check(vec![base(), Archive::new().file(".wh..wh..opq", "")], &[]);
}

#[test]
fn a_replaced_directory_takes_its_tree_along() {
    let base = || Archive::new().file("srv/node_modules/a/package.json", npm("a"));
    check(
        vec![base(), Archive::new().file("srv/node_modules", "")],
        &[],
    );
    check(
        vec![base(), Archive::new().symlink("srv", "elsewhere")],
        &[],
    );
    check(
        vec![
            base(),
            Archive::new()
                .directory("srv/")
                .directory("srv/node_modules"),
        ],
        &["a@0 /srv/node_modules/a/package.json"],
    );
    check(
        vec![
            base(),
            Archive::new().file("srv", ""),
            Archive::new().file("srv/node_modules/b/package.json", npm("b")),
        ],
        &["b@2 /srv/node_modules/b/package.json"],
    );
}

#[test]
fn directories_reached_through_links_are_the_same_directories() {
    // Merged /usr: the second layer writes through the link.
    check(
        vec![
            Archive::new()
                .symlink("lib", "usr/lib")
                .file("usr/lib/apk/db/installed", apk("old")),
            Archive::new().file("lib/apk/db/installed", apk("new")),
        ],
        &["new@1 /usr/lib/apk/db/installed"],
    );
    // A directory in the archive takes the place of the link, as in the runtimes.
    check(
        vec![
            Archive::new()
                .symlink("lib", "usr/lib")
                .file("usr/lib/apk/db/installed", apk("old")),
            Archive::new()
                .directory("lib")
                .file("lib/apk/db/installed", apk("new")),
        ],
        &[
            "new@1 /lib/apk/db/installed",
            "old@0 /usr/lib/apk/db/installed",
        ],
    );
    // A whiteout below such a directory hides nothing behind the former link.
    check(
        vec![
            Archive::new()
                .symlink("lib", "usr/lib")
                .file("usr/lib/apk/db/installed", apk("old")),
            Archive::new().directory("lib").file("lib/.wh.apk", ""),
        ],
        &["old@0 /usr/lib/apk/db/installed"],
    );
    // A whiteout through a link that stays hides what is behind it.
    check(
        vec![
            Archive::new()
                .symlink("lib", "usr/lib")
                .file("usr/lib/apk/db/installed", apk("old")),
            Archive::new().file("lib/.wh.apk", ""),
        ],
        &[],
    );
    let database = include_bytes!("../../tests/data/rpmdb.sqlite");
    let image = compose(&[Archive::new()
        .symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm")
        .file("usr/lib/sysimage/rpm/rpmdb.sqlite", database)
        .analysis()]);
    assert_eq!((image.packages.len(), image.databases.len()), (23, 1));
    assert!(image.gaps.is_empty());
}

#[test]
fn a_database_behind_a_link_to_an_unread_place_is_a_gap() {
    let database = include_bytes!("../../tests/data/rpmdb.sqlite");
    let image = check(
        vec![
            Archive::new()
                .symlink("var/lib/rpm", "/opt/db")
                .file("opt/db/rpmdb.sqlite", database),
        ],
        &[
            "! package database /var/lib/rpm/rpmdb.sqlite: reached through a symbolic link, not read",
        ],
    );
    assert!(!image.databases[0].is_read);
}

#[test]
fn links_that_loop_or_escape_stay_inside_and_harm_nothing_else() {
    check(
        vec![
            Archive::new()
                .symlink("loop", "loop")
                .symlink("out", "../../../../../srv")
                .symlink("x", "y")
                .symlink("y", "x"),
            Archive::new()
                .file("loop/etc/x", "")
                .file("x/y/z", "")
                .file("out/node_modules/a/package.json", npm("a")),
        ],
        &[
            "a@1 /srv/node_modules/a/package.json",
            "! layer /loop/etc/x: its directory is a symbolic link that leads nowhere",
            "! layer /x/y/z: its directory is a symbolic link that leads nowhere",
        ],
    );
}

#[test]
fn hard_links_carry_evidence_that_was_read() {
    let first = "srv/node_modules/a/package.json";
    check(
        vec![
            Archive::new().file(first, npm("a")),
            Archive::new().hard_link("opt/node_modules/b/package.json", first),
            Archive::new().file(".wh.srv", ""),
        ],
        &["a@1 /opt/node_modules/b/package.json"],
    );
    let gap = "a hard link to content that was not read";
    check(
        vec![
            Archive::new()
                .file("store/00ff", npm("a"))
                .hard_link(first, "store/00ff")
                .hard_link("srv/other", "store/00ff"),
        ],
        &[&format!("! hard link /{first}: {gap}")],
    );
    check(
        vec![Archive::new().hard_link("var/lib/dpkg/status", "nowhere")],
        &[&format!("! package database /var/lib/dpkg/status: {gap}")],
    );
    // Read, but as something else.
    check(
        vec![
            Archive::new()
                .file(first, npm("a"))
                .hard_link("x.dist-info/METADATA", first),
        ],
        &[
            &format!("a@0 /{first}"),
            &format!("! hard link /x.dist-info/METADATA: {gap}"),
        ],
    );
}

#[test]
fn javascript_packages_outside_count_where_node_modules_links_to_them() {
    let workspace = || {
        Archive::new()
            .file("srv/package.json", npm("root"))
            .file("srv/packages/a/package.json", npm("a"))
            .file("srv/packages/b/package.json", npm("b"))
            .file("srv/packages/broken/package.json", "{")
            .file("srv/packages/a/node_modules/ms/package.json", npm("ms"))
            .symlink("srv/node_modules/@s/a", "../../packages/a")
    };
    let a = "a@0 /srv/packages/a/package.json";
    let ms = "ms@0 /srv/packages/a/node_modules/ms/package.json";
    check(vec![workspace()], &[a, ms]);
    // Links of later layers count, removed ones do not, nor do those that lead nowhere.
    check(
        vec![
            workspace(),
            Archive::new()
                .file("srv/node_modules/@s/.wh.a", "")
                .symlink("srv/node_modules/b", "../packages/b")
                .symlink("srv/node_modules/.bin/root", "../..")
                .symlink("srv/node_modules/lost", "../packages/lost")
                .symlink("srv/node_modules/self", "self"),
        ],
        &["b@0 /srv/packages/b/package.json", ms],
    );
    // A link through a link, in pnpm's way; its target counts once.
    check(
        vec![
            Archive::new()
                .file(
                    "srv/node_modules/.pnpm/x@1/node_modules/x/package.json",
                    npm("x"),
                )
                .symlink("srv/node_modules/x", ".pnpm/x@1/node_modules/x")
                .symlink("opt/lib/node_modules/x", "../../../srv/node_modules/x"),
        ],
        &["x@0 /srv/node_modules/.pnpm/x@1/node_modules/x/package.json"],
    );
    let image = check(
        vec![workspace().symlink("srv/node_modules/broken", "../packages/broken")],
        &[
            a,
            ms,
            "! package record /srv/packages/broken/package.json: \
             invalid package.json: EOF while parsing an object at line 1 column 1",
        ],
    );
    assert_eq!(image.gaps.len(), 1);
    // Hard links between both kinds of places carry what was read.
    check(
        vec![
            Archive::new()
                .file("store/package.json", npm("h"))
                .hard_link("srv/node_modules/h/package.json", "store/package.json")
                .hard_link("srv/copy/package.json", "srv/node_modules/h/package.json"),
        ],
        &["h@0 /srv/node_modules/h/package.json"],
    );
    // pnpm's store, packed before what is linked to it.
    let stored = format!("root/store/v3/files/0f/{}", "0".repeat(126));
    let other = format!("root/store/v3/files/0f/{}", "1".repeat(126));
    check(
        vec![
            Archive::new()
                .file(&stored, npm("p"))
                .file(&other, "module.exports = 1")
                .hard_link("srv/node_modules/p/package.json", &stored)
                .hard_link("srv/node_modules/p/index.js", &other),
        ],
        &["p@0 /srv/node_modules/p/package.json"],
    );
}

#[test]
fn the_distribution_is_read_through_links() {
    for archive in [
        Archive::new()
            .file("usr/lib/os-release", DEBIAN)
            .symlink("etc/os-release", "../usr/lib/os-release"),
        Archive::new().file("usr/lib/os-release", DEBIAN),
        Archive::new()
            .file("usr/lib/os.release.d/os-release-x", DEBIAN)
            .symlink("usr/lib/os-release", "./os.release.d/os-release-x")
            .symlink("etc/os-release", "../usr/lib/os-release"),
        Archive::new()
            .file("usr/lib/os-release", DEBIAN)
            .hard_link("etc/os-release", "usr/lib/os-release"),
    ] {
        let image = check(vec![archive], &[]);
        assert_eq!(
            image.distribution.unwrap().version_id.as_deref(),
            Some("12")
        );
    }
}

#[test]
fn files_of_distribution_packages_are_owned_whatever_path_lists_them() {
    let program = [
        b"\x7fELF".as_slice(),
        &[0; 60],
        b"\xff Go buildinf:\x08\x02",
    ]
    .concat();
    check(
        vec![
            Archive::new()
                .symlink("lib", "usr/lib")
                .file("var/lib/dpkg/status", status(&["nodejs", "tool"]))
                .file(
                    "var/lib/dpkg/info/nodejs:amd64.list",
                    "/lib/node_modules/npm/package.json\n",
                )
                .file(
                    "var/lib/dpkg/info/tool.list",
                    "/usr/bin/tool\n/usr/share/x.jar\n",
                )
                .file("var/lib/dpkg/info/gone.list", "/srv/app.jar\n")
                .file("usr/lib/node_modules/npm/package.json", npm("npm"))
                .file("usr/lib/node_modules/other/package.json", npm("other"))
                .file("usr/bin/tool", &program)
                .hard_link("usr/bin/tool-alias", "usr/bin/tool")
                .file("usr/share/x.jar", "PK")
                .file("srv/app.jar", "PK")
                .file("srv/tool", &program),
        ],
        &[
            "nodejs@0 /var/lib/dpkg/status",
            "tool@0 /var/lib/dpkg/status",
            "npm@0 /usr/lib/node_modules/npm/package.json of nodejs",
            "other@0 /usr/lib/node_modules/other/package.json",
            "! archive /srv/app.jar: the archive is damaged: it has no table of contents",
            "! executable /srv/tool: its Go build information is cut off",
        ],
    );
    check(
        vec![
            Archive::new()
                .file("var/lib/dpkg/status.d/a", "Package: a\nVersion: 1\n")
                .file("var/lib/dpkg/status.d/a.md5sums", "00  opt/x.jar\n")
                .file("opt/x.jar", "PK"),
        ],
        &["a@0 /var/lib/dpkg/status.d/a"],
    );
    check(
        vec![
            Archive::new()
                .file("lib/apk/db/installed", "P:a\nV:1\nF:opt\nR:x.jar\n")
                .file("opt/x.jar", "PK"),
        ],
        &["a@0 /lib/apk/db/installed"],
    );
}

#[test]
fn databases_that_cannot_be_read_are_gaps() {
    let image = check(
        vec![
            Archive::new()
                .file("var/lib/rpm/Packages", "x")
                .file("usr/lib/sysimage/rpm/Packages.db", "x"),
        ],
        &[
            "! package database /usr/lib/sysimage/rpm/Packages.db: the database is damaged: it has no header",
            "! package database /var/lib/rpm/Packages: the database has no header",
        ],
    );
    assert!(image.databases.iter().all(|database| !database.is_read));
    check(
        vec![
            Archive::new()
                .file(
                    "var/lib/dpkg/status",
                    status(&["a"]) + "Package: b\nStatus: x ok installed\n",
                )
                .file("var/lib/rpm/rpmdb.sqlite", "broken"),
        ],
        &[
            "a@0 /var/lib/dpkg/status",
            "! package database /var/lib/dpkg/status: read in part: an installed package \"b\" has no name or version",
            "! package database /var/lib/rpm/rpmdb.sqlite: the database has no header",
        ],
    );
}

#[test]
fn a_log_that_was_not_merged_makes_a_readable_database_doubtful() {
    let database = include_bytes!("../../tests/data/rpmdb.sqlite");
    let image = compose(&[
        Archive::new()
            .file("var/lib/rpm/rpmdb.sqlite", database)
            .analysis(),
        Archive::new()
            .file("var/lib/rpm/rpmdb.sqlite-wal", "frames")
            .analysis(),
    ]);
    assert_eq!((image.packages.len(), image.databases.len()), (23, 1));
    assert_eq!(
        image.gaps[0].to_string(),
        "package database /var/lib/rpm/rpmdb.sqlite-wal: write-ahead log of an rpm database that is not in the same layer, not merged"
    );
}

#[test]
fn a_log_in_the_same_layer_is_merged_in_either_order() {
    let database = include_bytes!("../../tests/data/logged.sqlite");
    let log = include_bytes!("../../tests/data/logged.sqlite-wal");
    let (database_path, log_path) = ("var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite-wal");
    let both = [
        Archive::new()
            .file(database_path, database)
            .file("var/lib/rpm/rpmdb.sqlite-shm", "")
            .file(log_path, log),
        Archive::new()
            .file(log_path, log)
            .file(database_path, database),
    ];
    for archive in both {
        let image = compose(&[archive.analysis()]);
        assert_eq!((image.packages.len(), image.gaps.len()), (5, 0));
    }
    // Something of another directory in between: the database stands alone, and that is said.
    let apart = Archive::new()
        .file(database_path, database)
        .file("var/lib/x", "")
        .file(log_path, log);
    let image = compose(&[apart.analysis()]);
    assert_eq!((image.packages.len(), image.gaps.len()), (3, 1));
}

#[test]
fn debian_licences_come_from_copyright_files_through_links() {
    let copyright = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
                     Files: *\nLicense: GPL-2+\n";
    let image = compose(&[Archive::new()
        .file("var/lib/dpkg/status", status(&["a", "b", "c"]))
        .file("usr/share/doc/a/copyright", copyright)
        .symlink("usr/share/doc/b", "a")
        .file("usr/share/doc/c/copyright", "This is prose.\n")
        .analysis()]);
    let licenses: Vec<Option<&str>> = image
        .packages
        .iter()
        .map(|installed| installed.package.license.as_ref().map(License::as_str))
        .collect();
    let gpl = Some("GPL-2.0-or-later");
    assert_eq!(licenses, [gpl, gpl, None]);
    assert!(image.gaps.is_empty());
}

#[test]
fn pacman_packages_own_their_files() {
    let image = check(
        vec![
            Archive::new()
                .file("var/lib/pacman/local/ALPM_DB_VERSION", "9\n")
                .file(
                    "var/lib/pacman/local/my-npm-1:2-3/desc",
                    "%NAME%\nmy-npm\n\n%VERSION%\n1:2-3\n",
                )
                .file(
                    "var/lib/pacman/local/my-npm-1:2-3/files",
                    "%FILES%\nusr/lib/node_modules/x/package.json\n",
                )
                .file("usr/lib/node_modules/x/package.json", npm("x")),
        ],
        &[
            "x@0 /usr/lib/node_modules/x/package.json of my-npm",
            "my-npm@0 /var/lib/pacman/local/my-npm-1:2-3/desc",
        ],
    );
    assert_eq!(image.databases[0].path, "/var/lib/pacman/local");
}

#[test]
fn the_same_package_at_two_places_is_one() {
    check(
        vec![
            Archive::new().file("srv/node_modules/a/package.json", npm("a")),
            Archive::new().file("opt/node_modules/a/package.json", npm("a")),
        ],
        &["a@0 /opt/node_modules/a/package.json,/srv/node_modules/a/package.json"],
    );
}

/// A jar that names what is packed in it.
fn jar(name: &str) -> Vec<u8> {
    let text = format!("groupId=g\nartifactId={name}\nversion=1\n");
    ZipBuilder::default()
        .stored("META-INF/maven/g/a/pom.properties", text.as_bytes())
        .finish()
}

#[test]
fn what_is_in_an_archive_is_named_by_where_it_lies_in_it() {
    let war = ZipBuilder::default()
        .stored("WEB-INF/lib/a.jar", &jar("a"))
        .stored("WEB-INF/lib/b.jar", b"PK")
        .finish();
    let image = check(
        vec![
            Archive::new().file("srv/lib/a.jar", jar("a")),
            Archive::new()
                .file("srv/x.war", &war)
                .hard_link("srv/y.war", "srv/x.war")
                .file(
                    "srv/z-3.jar",
                    ZipBuilder::default().stored("x", b"").finish(),
                ),
        ],
        &[
            "g:a@0 /srv/lib/a.jar,/srv/x.war!/WEB-INF/lib/a.jar,/srv/y.war!/WEB-INF/lib/a.jar",
            "z@1 /srv/z-3.jar",
            "! archive /srv/x.war: read in part: WEB-INF/lib/b.jar: the archive is damaged: it has no table of contents",
        ],
    );
    let certainties: Vec<Certainty> = image.packages.iter().map(|p| p.certainty).collect();
    assert_eq!(certainties, [Certainty::Stated, Certainty::FileName]);
}

#[test]
fn lock_files_count_where_nothing_is_installed() {
    let lock = r#"{"packages":{"node_modules/l":{"version":"1.0.0"}}}"#;
    let image = check(
        vec![
            Archive::new()
                .file("srv/app/package-lock.json", lock)
                .file("srv/app/node_modules/a/package.json", npm("a"))
                .file("srv/web/package-lock.json", lock),
        ],
        &[
            "a@0 /srv/app/node_modules/a/package.json",
            "l@0 /srv/web/package-lock.json",
        ],
    );
    assert_eq!(image.packages[1].certainty, Certainty::Locked);
    // What was installed and removed again is not there.
    check(
        vec![
            Archive::new()
                .file("srv/app/package-lock.json", lock)
                .file("srv/app/node_modules/a/package.json", npm("a")),
            Archive::new().file("srv/app/.wh.node_modules", ""),
        ],
        &["l@0 /srv/app/package-lock.json"],
    );
}

#[test]
fn what_is_in_a_distributions_file_is_the_distributions_under_every_name() {
    check(
        vec![
            Archive::new()
                .file("var/lib/dpkg/status", status(&["liba-java"]))
                .file(
                    "var/lib/dpkg/info/liba-java.list",
                    "/usr/share/java/a.jar\n",
                )
                .file("usr/share/java/a.jar", jar("a"))
                .hard_link("srv/a.jar", "usr/share/java/a.jar"),
            Archive::new().file("opt/a.jar", jar("a")),
        ],
        &[
            "liba-java@0 /var/lib/dpkg/status",
            "g:a@1 /opt/a.jar",
            "g:a@0 /srv/a.jar,/usr/share/java/a.jar of liba-java",
        ],
    );
}

#[test]
fn many_gaps_of_one_kind_and_place_become_one_and_the_list_is_bounded() {
    let mut archive = Archive::new();
    for index in 0..40 {
        let path = format!("usr/lib/ruby/gems/3.1.0/specifications/g{index}.gemspec");
        archive = archive.file(path, "");
    }
    check(
        vec![archive],
        &[
            "! package record /usr/lib/ruby/gems/3.1.0/specifications: 40 files: a gem without name or version",
        ],
    );
    let mut archive = Archive::new().file("var/lib/rpm/Packages", "x");
    for index in 0..300 {
        archive = archive.file(format!("srv/{index}/app.jar"), "PK");
    }
    let image = compose(&[archive.analysis()]);
    assert_eq!(image.gaps.len(), 101);
    assert_eq!(image.gaps[0].path, "/var/lib/rpm/Packages");
    assert_eq!(image.gaps[100].reason, "and 201 more");
}

#[test]
fn an_unreadable_layer_keeps_its_place_as_a_gap() {
    let digest = scout_envs::Digest::sha256(&[1; 32]);
    let image = compose(&[
        LayerAnalysis::unreadable(&digest, "it is damaged"),
        Archive::new()
            .file("srv/node_modules/a/package.json", npm("a"))
            .analysis(),
    ]);
    assert_eq!(
        describe(&image),
        [
            "a@1 /srv/node_modules/a/package.json".to_owned(),
            format!("! layer {digest}: it is damaged"),
        ]
    );
}

#[test]
fn links_through_links_cost_a_bounded_time() {
    let mut archive = Archive::new();
    let deep = "./".repeat(40);
    for index in 0..60 {
        archive = archive.symlink(&format!("l{index}"), &format!("{deep}l{}", index + 1));
    }
    for index in 0..500 {
        archive = archive.file(format!("l0/x{index}"), "");
    }
    let image = compose(&[archive.analysis()]);
    assert!(!image.gaps.is_empty() && image.gaps.len() <= 101);
}
