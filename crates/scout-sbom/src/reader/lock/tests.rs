use super::*;

type Read = fn(&mut dyn BufRead, &Limits) -> Result<Parts, Unreadable>;

#[track_caller]
fn check(read: Read, text: &str, expected: &[&str]) {
    let parts = read(&mut text.as_bytes(), &Limits::default()).unwrap();
    let found: Vec<String> = parts
        .packages
        .iter()
        .map(|part| format!("{}@{}", part.package.name, part.package.version))
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn locks_of_npm_are_read_in_both_forms() {
    check(
        read_npm,
        r#"{"lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0"},
            "node_modules/a":{"version":"1.0.0","dependencies":{"b":"^2.0.0"}},
            "node_modules/a/node_modules/@s/b":{"version":"2.0.0"},
            "node_modules/alias":{"name":"real","version":"3.0.0"},
            "node_modules/dev":{"version":"1.0.0","dev":true},
            "node_modules/w":{"resolved":"w","link":true},"w":{"version":"1.0.0"},
            "node_modules/git":{"version":"git+ssh://x"}},
            "dependencies":{"ignored":{"version":"9.0.0"}}}"#,
        &["a@1.0.0", "@s/b@2.0.0", "real@3.0.0"],
    );
    check(
        read_npm,
        r#"{"lockfileVersion":1,"dependencies":{
            "a":{"version":"1.0.0","requires":{"b":"^2"},"dependencies":{"b":{"version":"2.0.0"}}},
            "c":{"version":"npm:@s/d@4.0.0"},"dev":{"version":"1.0.0","dev":true}}}"#,
        &["a@1.0.0", "b@2.0.0", "@s/d@4.0.0"],
    );
    check(read_npm, "{}", &[]);
    assert!(read_npm(&mut &b"["[..], &Limits::default()).is_err());
}

#[test]
fn locks_of_yarn_are_read_in_both_forms() {
    check(
        read_yarn,
        "# yarn lockfile v1\n\n\n\"@s/a@^1.0.0\", \"@s/a@^1.1.0\":\n  version \"1.2.0\"\n  resolved \"x\"\n  dependencies:\n    b \"^1\"\n\n\
         b@^1, b@~1.1:\n  version \"1.1.5\"\n\nc@npm:d@^3:\n  version \"3.0.1\"\n",
        &["@s/a@1.2.0", "b@1.1.5", "d@3.0.1"],
    );
    check(
        read_yarn,
        "__metadata:\n  version: 6\n\n\"a@npm:^1.0.0, a@npm:^1.1.0\":\n  version: 1.1.0\n  resolution: \"a@npm:1.1.0\"\n\n\
         \"app@workspace:.\":\n  version: 0.0.0-use.local\n",
        &["a@1.1.0"],
    );
}

#[test]
fn locks_of_pnpm_are_read_in_all_forms() {
    check(
        read_pnpm,
        "lockfileVersion: 5.4\n\ndependencies:\n  a: 1.0.0\n\npackages:\n\n  /a/1.0.0_react@17.0.2:\n    resolution: {x: y}\n    dev: false\n\n\
         \x20 /@s/b/2.0.0:\n    dev: true\n\n  /@s/c/3.0.0:\n    engines: {node: '>=6'}\n",
        &["a@1.0.0", "@s/c@3.0.0"],
    );
    check(
        read_pnpm,
        "lockfileVersion: '6.0'\n\npackages:\n\n  /@s/a@1.0.0(b@2.0.0):\n    dev: false\n  /b@2.0.0:\n    dev: true\n",
        &["@s/a@1.0.0"],
    );
    check(
        read_pnpm,
        "lockfileVersion: '9.0'\n\npackages:\n\n  '@s/a@1.0.0':\n    resolution: {x: y}\n\n  b@https://codeload.github.com/x:\n    version: 1.0.0\n\nsnapshots:\n\n  c@1.0.0:\n    x: y\n",
        &["@s/a@1.0.0"],
    );
}
