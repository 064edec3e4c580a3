use super::*;

fn tree(entries: &[(&str, Option<&str>)]) -> Tree {
    let mut tree = Tree::new();
    for (path, target) in entries {
        let kind = match target {
            Some(target) => NodeKind::Symlink(target.as_bytes().into()),
            None => NodeKind::File(None),
        };
        tree.put_leaf(path.as_bytes(), kind).unwrap();
    }
    tree
}

fn check(tree: &mut Tree, path: &str, follow: bool, expected: Result<Option<&str>, Lost>) {
    let found = tree.find(path.as_bytes(), follow);
    let found = found.map(|node| node.map(|node| String::from_utf8(tree.path(node)).unwrap()));
    assert_eq!(
        found,
        expected.map(|path| path.map(str::to_owned)),
        "{path}"
    );
}

#[test]
fn links_are_followed_inside_the_root_only() {
    let mut tree = tree(&[
        ("usr/lib/x", None),
        ("lib", Some("usr/lib")),
        ("abs", Some("/usr/lib")),
        ("up", Some("../../../../usr")),
        ("var/lib/rpm", Some("../../usr/lib/sysimage/rpm")),
        ("usr/lib/sysimage/rpm/rpmdb.sqlite", None),
        ("loop", Some("loop")),
        ("a", Some("b/")),
        ("b", Some("./a")),
        ("file", Some("lib/x")),
        ("gone", Some("nowhere/x")),
        ("dot", Some("usr/lib/.")),
    ]);
    check(&mut tree, "lib/x", false, Ok(Some("usr/lib/x")));
    check(&mut tree, "abs/x", false, Ok(Some("usr/lib/x")));
    check(&mut tree, "up/lib/x", false, Ok(Some("usr/lib/x")));
    check(
        &mut tree,
        "var/lib/rpm/rpmdb.sqlite",
        true,
        Ok(Some("usr/lib/sysimage/rpm/rpmdb.sqlite")),
    );
    check(&mut tree, "file", false, Ok(Some("file")));
    check(&mut tree, "file", true, Ok(Some("usr/lib/x")));
    check(&mut tree, "dot", true, Ok(Some("usr/lib")));
    check(&mut tree, "loop/x", false, Err(Lost::Loop));
    check(&mut tree, "loop", true, Err(Lost::Loop));
    check(&mut tree, "a/x", false, Err(Lost::Loop));
    check(&mut tree, "gone", true, Ok(None));
    check(&mut tree, "usr/lib/x/y", false, Ok(None));
}

#[test]
fn what_is_cut_off_is_dead() {
    let mut tree = Tree::new();
    let deep = tree.put_leaf(b"a/b/c", NodeKind::File(None)).unwrap();
    let near = tree.put_leaf(b"a/d", NodeKind::File(None)).unwrap();
    tree.remove(b"a/b").unwrap();
    assert!(!tree.is_alive(deep) && tree.is_alive(near));
    let deep = tree.put_leaf(b"a/b/c", NodeKind::File(None)).unwrap();
    tree.empty(b"a").unwrap();
    assert!(!tree.is_alive(deep) && !tree.is_alive(near));
    assert_eq!(tree.find(b"a", false).map(|node| node.is_some()), Ok(true));
    let file = tree.put_leaf(b"a/d", NodeKind::File(None)).unwrap();
    tree.put_leaf(b"a", NodeKind::File(None)).unwrap();
    assert!(!tree.is_alive(file));
}
