//! Names and numbers as archives have them.

use std::io::Cursor;

use super::*;
use crate::docker_archive::tests::writer::Tar;

fn members(bytes: &[u8]) -> Members {
    Members::read(Cursor::new(bytes), bytes.len() as u64).unwrap()
}

#[test]
fn names_stay_inside_the_archive() {
    for (name, expected) in [
        ("a/b", Some("a/b")),
        ("./a//b/", Some("a/b")),
        ("/a", Some("a")),
        ("a/../b", Some("b")),
        ("a/./b/../../c", Some("c")),
        ("..", None),
        ("a/../../b", None),
        ("", None),
        (".", None),
    ] {
        assert_eq!(normalized(name).as_deref(), expected, "{name}");
    }
}

#[test]
fn links_lead_to_members_only() {
    let tar = Tar::new()
        .file("d/file", b"content")
        .symlink("d/near", "file")
        .symlink("far", "d/near")
        .symlink("rooted", "/d/file")
        .symlink("out", "../../etc/passwd")
        .hard_link("hard", "d/file")
        .symlink("dangling", "nothing")
        .finish();
    let members = members(&tar);
    let file = members.find("d/file").unwrap();
    assert_eq!((file.offset, file.size), (512, 7));
    for (name, is_found) in [
        ("d/near", true),
        ("far", true),
        ("hard", true),
        ("rooted", true),
        ("out", false),
        ("dangling", false),
        ("d", false),
        ("/d/file", true),
    ] {
        assert_eq!(members.find(name), is_found.then_some(file), "{name}");
    }
}

#[test]
fn long_chains_of_links_end() {
    let mut tar = Tar::new().file("l0", b"");
    for number in 1..20 {
        tar = tar.symlink(&format!("l{number}"), &format!("l{}", number - 1));
    }
    let tar = tar.finish();
    let members = members(&tar);
    assert!(members.find("l8").is_some());
    assert!(members.find("l9").is_none());
}

#[test]
fn numbers_are_octal_or_binary() {
    for (field, expected) in [
        (&b"00000000017\0"[..], Some(15)),
        (b"       17 \0\0", Some(15)),
        (b"\0\0\0", Some(0)),
        (b"0000000008\0", None),
        (b"-1\0", None),
        (b"\x80\0\0\0\0\0\0\0\0\0\x01\0", Some(256)),
        (b"\x80\x01\0\0\0\0\0\0\0\0\0\0", None),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        (b"", None),
    ] {
        assert_eq!(number(field), expected, "{field:?}");
    }
}

#[test]
fn the_last_padding_and_the_end_mark_may_be_missing() {
    let whole = Tar::new().file("a", b"x").unfinished();
    for bytes in [&whole[..], &whole[..513]] {
        assert_eq!(members(bytes).find("a").unwrap().size, 1);
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let refused = |bytes: Vec<u8>| {
        let length = bytes.len() as u64;
        Members::read(Cursor::new(bytes), length)
            .unwrap_err()
            .to_string()
    };
    let header = Tar::new().directory("d/").unfinished();
    let many = header.repeat(MAX_HEADERS + 1);
    assert_eq!(refused(many), "it has more than 100000 members");
    let mut long = Tar::new();
    let name = "n".repeat(4_000);
    for _ in 0..9_000 {
        long = long.gnu_long_name(&name).directory("d/");
    }
    assert_eq!(
        refused(long.finish()),
        "its names have more than 33554432 bytes"
    );
}
