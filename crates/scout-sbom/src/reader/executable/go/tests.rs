use super::*;

fn list(modules: &str) -> BuildInfo {
    BuildInfo {
        version: "go1.22.3".to_owned(),
        modules: modules.to_owned(),
    }
}

#[track_caller]
fn check(info: &BuildInfo, expected: &[&str], is_complete: bool) {
    let parts = packages(info, &Limits::default());
    let found: Vec<String> = parts
        .packages
        .iter()
        .map(|part| format!("{} {}", part.package.name, part.package.version))
        .collect();
    assert_eq!(found, expected, "{info:?}");
    assert_eq!(parts.incomplete.is_none(), is_complete, "{info:?}");
}

#[test]
fn modules_count_as_they_were_built() {
    check(
        &list(
            "path\texample.com/app/cmd/a\nmod\texample.com/app\t(devel)\t\n\
             dep\tgithub.com/a/b\tv1.2.3\th1:x=\n\
             dep\tgithub.com/old/fork\tv1.0.0\n=>\tgithub.com/new/fork\tv1.0.1\th1:y=\n\
             dep\texample.com/local\tv0.0.0\n=>\t../local\t(devel)\t\n\
             dep\texample.com/odd\tv0.0.0\n=>\t./odd\n\
             build\t-compiler=gc\nbuild\tvcs.revision=abc\n",
        ),
        &[
            "example.com/app (devel)",
            "github.com/a/b v1.2.3",
            "github.com/new/fork v1.0.1",
            "example.com/local (devel)",
            "example.com/odd (devel)",
            "stdlib 1.22.3",
        ],
        true,
    );
    check(
        &list("path\tcmd/go\nbuild\tx=y\n"),
        &["stdlib 1.22.3"],
        true,
    );
    check(&list(""), &["stdlib 1.22.3"], false);
    check(&list("path\tgithub.com/a/b\n"), &["stdlib 1.22.3"], false);
    check(
        &list("mod\n=>\ta\tv1\ndep\t\tv1\n"),
        &["stdlib 1.22.3"],
        false,
    );
}

#[test]
fn the_version_of_go_is_told_without_what_is_special_about_it() {
    for (text, expected) in [
        ("go1.22.3", Some("1.22.3")),
        ("go1.22.3 X:boringcrypto", Some("1.22.3")),
        ("go1.21.9 (Red Hat 1.21.9-1.el9_4)", Some("1.21.9")),
        ("go1.23rc1", Some("1.23rc1")),
        (
            "devel go1.23-abc Tue Jan 1",
            Some("devel go1.23-abc Tue Jan 1"),
        ),
        ("go", None),
        ("", None),
        ("gc", None),
    ] {
        assert_eq!(go_version(text), expected, "{text}");
    }
}

#[test]
fn numbers_of_any_length_are_no_danger() {
    assert_eq!(varint(&[0x05, 1]), Some((5, &[1][..])));
    assert_eq!(varint(&[0x80, 0x01]), Some((128, &[][..])));
    assert_eq!(varint(&[0x80]), None);
    let (value, _) = varint(&[0xff; 12]).unwrap();
    assert_eq!(value, u64::MAX);
}
