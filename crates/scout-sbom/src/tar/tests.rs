use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::budget::Budget;
use crate::testing::{raw_header, set_checksum};

#[derive(Clone, Debug, Eq, PartialEq)]
struct Seen {
    name: Vec<u8>,
    link: Vec<u8>,
    kind: TarKind,
    content: Vec<u8>,
}

fn walk_with(bytes: &[u8], limits: &Limits) -> Result<Vec<Seen>> {
    let budget = Budget::new("unused");
    let mut input = bytes;
    let stream = LayerStream::open(&mut input, limits, &budget).map_err(|(_, error)| error)?;
    let mut walker = TarWalker::new(stream, limits);
    let mut seen = Vec::new();
    while walker.advance()? {
        let mut content = walker.content();
        let mut bytes = Vec::new();
        let _ = content.read_to_end(&mut bytes);
        if let Some(failure) = content.into_failure() {
            return Err(failure);
        }
        let entry = walker.entry();
        seen.push(Seen {
            name: entry.name.clone(),
            link: entry.link.clone(),
            kind: entry.kind,
            content: bytes,
        });
    }
    walker.into_stream().finish().map_err(|(_, error)| error)?;
    Ok(seen)
}

fn walk(bytes: &[u8]) -> Result<Vec<Seen>> {
    walk_with(bytes, &Limits::default())
}

fn padded(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(part);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out
}

fn names(seen: &[Seen]) -> Vec<&[u8]> {
    seen.iter().map(|seen| seen.name.as_slice()).collect()
}

/// One PAX record with its length in front.
fn pax_record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while format!("{length}{rest}").len() != length {
        length += 1;
    }
    format!("{length}{rest}").into_bytes()
}

#[test]
fn the_size_in_a_pax_header_decides_where_the_next_header_is() {
    // CVE-2025-62518: whoever believes the plain header's 0 takes the content for headers.
    let hidden = padded(&[&raw_header(b"smuggled", b'0', 0)]);
    let pax = pax_record("size", &hidden.len().to_string());
    let archive = padded(&[
        &raw_header(b"pax", b'x', pax.len() as u64),
        &pax,
        &raw_header(b"carrier", b'0', 0),
        &hidden,
        &raw_header(b"next", b'0', 0),
        &[0; 1024],
    ]);
    let seen = walk(&archive).unwrap();
    assert_eq!(names(&seen), [&b"carrier"[..], b"next"]);
    assert_eq!(seen[0].content, hidden);
}

#[test]
fn a_pax_header_is_for_the_next_file_and_not_for_a_long_name_between() {
    // GHSA-3pv8-6f4r-ffg2: the size must not be applied to the `L` header.
    let pax = [pax_record("size", "3"), pax_record("path", "from-pax")].concat();
    let long = "n".repeat(300);
    let archive = padded(&[
        &raw_header(b"pax", b'x', pax.len() as u64),
        &pax,
        &raw_header(b"././@LongLink", b'L', 301),
        format!("{long}\0").as_bytes(),
        &raw_header(b"short", b'0', 0),
        b"abc",
        &raw_header(b"next", b'0', 2),
        b"de",
        &[0; 1024],
    ]);
    let seen = walk(&archive).unwrap();
    assert_eq!(names(&seen), [long.as_bytes(), b"next"]);
    assert_eq!(seen[0].content, b"abc");
    assert_eq!(seen[1].content, b"de");
}

#[test]
fn global_headers_change_no_entry() {
    let pax = pax_record("path", "everywhere");
    let archive = padded(&[
        &raw_header(b"pax_global_header", b'g', pax.len() as u64),
        &pax,
        &raw_header(b"a", b'0', 0),
        &[0; 1024],
    ]);
    assert_eq!(names(&walk(&archive).unwrap()), [b"a"]);
}

#[test]
fn sparse_maps_are_skipped_and_the_pax_form_has_its_own_name() {
    let mut sparse = raw_header(b"sparse", b'S', 3);
    sparse[257..265].copy_from_slice(b"ustar  \0");
    sparse[482] = 1;
    set_checksum(&mut sparse);
    let mut map = [0; 512];
    map[504] = 1;
    let pax = [
        pax_record("GNU.sparse.major", "1"),
        pax_record("GNU.sparse.name", "real/name"),
        pax_record("path", "GNUSparseFile.0/name"),
    ]
    .concat();
    let archive = padded(&[
        &sparse,
        &map,
        &[0; 512],
        b"abc",
        &raw_header(b"pax", b'x', pax.len() as u64),
        &pax,
        &raw_header(b"x", b'0', 0),
        &raw_header(b"next", b'0', 0),
        &[0; 1024],
    ]);
    let seen = walk(&archive).unwrap();
    assert_eq!(names(&seen), [&b"sparse"[..], b"real/name", b"next"]);
    assert_eq!(seen[0].content, b"abc");
}

#[test]
fn old_headers_prefixes_and_base_256_sizes_are_understood() {
    let mut old = raw_header(b"old/", 0, 0);
    old[257..265].fill(0);
    // What a v7 archive has here is no prefix.
    old[345..350].copy_from_slice(b"junk!");
    set_checksum(&mut old);
    let mut prefixed = raw_header(b"name", b'0', 0);
    prefixed[345..351].copy_from_slice(b"prefix");
    set_checksum(&mut prefixed);
    let mut big = raw_header(b"big", b'0', 0);
    big[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    set_checksum(&mut big);
    let directory_with_size = raw_header(b"dir", b'5', 999);
    let archive = padded(&[
        &old,
        &prefixed,
        &big,
        b"abc",
        &directory_with_size,
        &[0; 1024],
    ]);
    let seen = walk(&archive).unwrap();
    assert_eq!(names(&seen), [&b"old/"[..], b"prefix/name", b"big", b"dir"]);
    assert_eq!(seen[0].kind, TarKind::Directory);
    assert_eq!(seen[2].content, b"abc");
}

#[test]
fn an_archive_may_end_without_marks_or_with_more_behind_them() {
    let entry = raw_header(b"a", b'0', 3);
    let whole = padded(&[&entry, b"abc"]);
    for (name, archive) in [
        ("no marks", whole.clone()),
        ("one mark", padded(&[&whole, &[0; 512]])),
        ("no padding", [&entry[..], b"abc"].concat()),
        (
            "padding and garbage",
            padded(&[&whole, &[0; 10240], b"garbage"]),
        ),
    ] {
        assert_eq!(names(&walk(&archive).unwrap()), [b"a"], "{name}");
    }
}

#[test]
fn damaged_archives_are_corrupt() {
    let good = raw_header(b"a", b'0', 3);
    let mut sum = good;
    sum[0] = b'b';
    let mut size = good;
    size[124] = b'9';
    set_checksum(&mut size);
    let mut overflow = good;
    overflow[124..136].fill(0xff);
    overflow[124] = 0x80;
    set_checksum(&mut overflow);
    for (name, archive) in [
        ("cut header", good[..100].to_vec()),
        ("cut content", [&good[..], b"ab"].concat()),
        ("checksum", padded(&[&sum, b"abc"])),
        ("size", padded(&[&size, b"abc"])),
        ("overflow", padded(&[&overflow, b"abc"])),
        ("zeros inside", padded(&[&[0; 512], &good])),
        (
            "cut long name",
            padded(&[&raw_header(b"l", b'L', 1000), b"abc"]),
        ),
        (
            "bad pax",
            padded(&[&raw_header(b"x", b'x', 5), b"abcde", &good]),
        ),
        ("no tar at all", b"<html>".repeat(200)),
    ] {
        let result = walk(&archive);
        assert!(
            matches!(result, Err(Error::Corrupt { .. })),
            "{name}: {result:?}"
        );
    }
}

#[test]
fn what_is_declared_too_large_is_refused_before_it_is_read() {
    let limits = Limits::default().with_entries(2);
    let entry = raw_header(b"a", b'0', 0);
    let gibibyte = 1 << 30;
    for (name, archive) in [
        ("long name", padded(&[&raw_header(b"l", b'L', gibibyte)])),
        ("long link", padded(&[&raw_header(b"k", b'K', gibibyte)])),
        ("pax", padded(&[&raw_header(b"x", b'x', gibibyte)])),
        ("entries", padded(&[&entry, &entry, &entry])),
    ] {
        let result = walk_with(&archive, &limits);
        assert!(
            matches!(result, Err(Error::Limit { .. })),
            "{name}: {result:?}"
        );
    }
}

/// What the `tar` crate makes of an archive.
fn oracle(bytes: &[u8]) -> Vec<Seen> {
    let mut archive = ::tar::Archive::new(bytes);
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let kind = match entry.header().entry_type() {
                ::tar::EntryType::Regular => TarKind::File,
                ::tar::EntryType::Directory => TarKind::Directory,
                ::tar::EntryType::Symlink => TarKind::Symlink,
                ::tar::EntryType::Link => TarKind::HardLink,
                _ => TarKind::Other,
            };
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            Seen {
                name: entry.path_bytes().into_owned(),
                link: entry.link_name_bytes().unwrap_or_default().into_owned(),
                kind,
                content,
            }
        })
        .collect()
}

fn build(entries: &[(String, u8, String, Vec<u8>, bool)]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, kind, link, content, with_pax) in entries {
        if *with_pax {
            let records = [("mtime", b"1.5".as_slice()), ("path", name.as_bytes())];
            builder.append_pax_extensions(records).unwrap();
        }
        let mut header = ::tar::Header::new_gnu();
        header.set_mode(0o644);
        match kind {
            0 => {
                header.set_size(content.len() as u64);
                builder
                    .append_data(&mut header, name, content.as_slice())
                    .unwrap();
            }
            1 => {
                header.set_entry_type(::tar::EntryType::Directory);
                header.set_size(0);
                builder.append_data(&mut header, name, &[][..]).unwrap();
            }
            _ => {
                let is_hard = *kind == 2;
                header.set_entry_type(if is_hard {
                    ::tar::EntryType::Link
                } else {
                    ::tar::EntryType::Symlink
                });
                header.set_size(0);
                builder.append_link(&mut header, name, link).unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_what_the_tar_crate_reads(
        entries in proptest::collection::vec(
            ("[a-z]{1,60}(/[a-z]{1,80}){0,3}", 0..4_u8, "[a-z./]{1,150}",
             proptest::collection::vec(any::<u8>(), 0..1500), any::<bool>()),
            0..8,
        ),
    ) {
        let archive = build(&entries);
        prop_assert_eq!(walk(&archive).unwrap(), oracle(&archive));
    }

    #[test]
    fn damage_never_panics(
        entries in proptest::collection::vec(
            ("[a-z]{1,200}", 0..4_u8, "[a-z]{1,150}",
             proptest::collection::vec(any::<u8>(), 0..600), any::<bool>()),
            1..4,
        ),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut archive = build(&entries);
        for (at, value) in flips {
            let at = at.index(archive.len());
            archive[at] = value;
        }
        archive.truncate(keep.index(archive.len()) + 1);
        // Make the checksums right again, so that the damage gets further in.
        for block in archive.as_chunks_mut::<512>().0 {
            if block[257..262] == *b"ustar" {
                set_checksum(block);
            }
        }
        let _ = walk(&archive);
    }
}
