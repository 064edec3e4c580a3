use std::io::Write;

use super::*;

const LIST_START: &[u8] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const LIST_END: &[u8] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
const GO_MAGIC: &[u8] = b"\xff Go buildinf:";
const SECTION: &[u8] = b"\0.shstrtab\0.dep-v0\0.text\0";
const MODULES: &str = "path\tx\nmod\texample.com/x\tv1.0.0\th1:a=\ndep\texample.com/y\tv2.0.0\n";
const CRATES: &str = r#"{"packages":[{"name":"a","version":"1.0.0","source":"crates.io","kind":"build"},{"name":"b","version":"2.0.0","source":"local","dependencies":[0],"root":true},{"name":"c","version":"3.0.0+x","source":"git"}]}"#;

fn scan(bytes: &[u8], piece: usize) -> Option<(Class, Finding)> {
    let limits = Limits::default();
    let mut scan = ExecutableScan::new(&limits);
    for part in bytes.chunks(piece) {
        if !scan.push(part) {
            break;
        }
    }
    scan.finish(&limits)
}

/// Says what a program holds: `a 1, b 2`, behind a `!` why not all.
#[track_caller]
fn check(bytes: &[u8], class: Option<Class>, expected: &str) {
    for piece in [1, 7, 100, 4096, 5000, 1 << 20] {
        let found = scan(bytes, piece);
        assert_eq!(found.as_ref().map(|(class, _)| *class), class, "{piece}");
        let text = match found.map(|(_, finding)| finding) {
            Some(Finding::Packages(parts)) => {
                let names = parts.packages.iter();
                let names: Vec<String> = names
                    .map(|part| format!("{} {}", part.package.name, part.package.version))
                    .collect();
                let rest = parts.incomplete.map(|reason| format!("! {reason}"));
                names.join(", ") + &rest.unwrap_or_default()
            }
            Some(Finding::Damaged(reason)) => format!("! {reason}"),
            _ => String::new(),
        };
        assert_eq!(text, expected, "{piece}");
    }
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    let mut length = bytes.len();
    let mut out = Vec::new();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

/// A program of Go 1.18 or later with its build information at this position.
fn go(at: usize, version: &str, modules: &str) -> Vec<u8> {
    let mut bytes = b"\x7fELF".to_vec();
    bytes.resize(at, 0);
    bytes.extend_from_slice(GO_MAGIC);
    bytes.extend_from_slice(&[8, 2]);
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend(counted(version.as_bytes()));
    bytes.extend(counted(
        &[LIST_START, modules.as_bytes(), LIST_END].concat(),
    ));
    bytes
}

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn rust(before: usize, packed: &[u8], names: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x7fELF".to_vec();
    // Something that looks like the start of what zlib writes comes often.
    bytes.resize(before, b'x');
    bytes.extend_from_slice(b"x\x9cx\x01x\xda");
    bytes.extend_from_slice(packed);
    bytes.extend_from_slice(&[b'x'; 9000]);
    bytes.extend_from_slice(names);
    bytes
}

#[test]
fn programs_of_go_are_read_wherever_the_list_lies() {
    let expected = "example.com/x v1.0.0, example.com/y v2.0.0, stdlib 1.22.3";
    for at in [16, 4096, 8192 - 16, 70_000 / 16 * 16] {
        let bytes = go(at, "go1.22.3", MODULES);
        check(&bytes, Some(Class::GoProgram), expected);
    }
    let long: String = (0..3000).map(|n| format!("dep\tm/{n}\tv1\n")).collect();
    let Some((_, Finding::Packages(parts))) = scan(&go(64, "go1.22.3", &long), 4096) else {
        panic!("no packages");
    };
    assert_eq!(parts.packages.len(), 3001);
}

#[test]
fn what_only_mentions_the_mark_is_no_program_of_go() {
    check(&go(65, "go1.22.3", MODULES), None, "");
    let mut other = go(64, "go1.22.3", MODULES);
    other[64 + 32 + 1] = b'x';
    check(&other, None, "");
    // It hides no program that has the mark too.
    other.resize(other.len().next_multiple_of(16), 0);
    other.extend(go(16, "go1.22.3", MODULES));
    let expected = "example.com/x v1.0.0, example.com/y v2.0.0, stdlib 1.22.3";
    check(&other, Some(Class::GoProgram), expected);
}

#[test]
fn a_list_that_is_cut_off_is_told() {
    let whole = go(64, "go1.22.3", MODULES);
    for length in [
        64 + GO_MAGIC.len(),
        64 + 20,
        64 + 33,
        64 + 40,
        whole.len() - 1,
    ] {
        let reason = "! its Go build information is cut off";
        check(&whole[..length], Some(Class::GoProgram), reason);
    }
    let mut long = go(64, "go1.22.3", "");
    long.truncate(64 + 32 + 9);
    long.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    check(
        &long,
        Some(Class::GoProgram),
        "! its list of Go modules has more than 4194304 bytes",
    );
}

/// A program of Go 1.17 for a machine of 64 bits: header, note, texts, mark, pointers.
fn old_go(version_at: u64) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    let mut bytes = vec![0; 20_000];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    put(0, b"\x7fELF\x02\x01\x01");
    put(32, &64_u64.to_le_bytes());
    put(54, &56_u16.to_le_bytes());
    put(56, &1_u16.to_le_bytes());
    put(64, &1_u32.to_le_bytes());
    put(64 + 16, &BASE.to_le_bytes());
    put(64 + 32, &20_000_u64.to_le_bytes());
    put(3900, b"\x04\0\0\0Go\0\0");
    put(5000, b"xgo1.16go1.17.5go1.9");
    put(6000, &[LIST_START, MODULES.as_bytes(), LIST_END].concat());
    put(9008, GO_MAGIC);
    put(9008 + 14, &[8, 0]);
    put(9008 + 16, &(BASE + version_at).to_le_bytes());
    put(15_000, &(BASE + 5007).to_le_bytes());
    put(15_008, &8_u64.to_le_bytes());
    bytes
}

#[test]
fn pointers_of_old_programs_are_followed() {
    let expected = "example.com/x v1.0.0, example.com/y v2.0.0, stdlib 1.17.5";
    check(&old_go(15_000), Some(Class::GoProgram), expected);
    for nowhere in [0, 5000, 15_008, 1 << 40] {
        let reason = format!("! {}", old_go::NOT_FOUND);
        check(&old_go(nowhere), Some(Class::GoProgram), &reason);
    }
    check(
        &old_go(15_000)[..12_000],
        Some(Class::GoProgram),
        &format!("! {}", old_go::NOT_FOUND),
    );
}

#[test]
fn crates_are_listed_without_those_that_only_build() {
    for before in [4, 500, 4095, 70_000] {
        let bytes = rust(before, &zlib(CRATES), SECTION);
        check(&bytes, Some(Class::AuditableProgram), "b 2.0.0, c 3.0.0+x");
    }
    let spaced = CRATES.replace('{', "{\n ");
    let bytes = rust(4, &zlib(&spaced), SECTION);
    check(&bytes, Some(Class::AuditableProgram), "b 2.0.0, c 3.0.0+x");
}

#[test]
fn without_the_section_a_list_is_no_list_and_without_the_list_it_is_told() {
    check(&rust(4, &zlib(CRATES), b"a .dep-v0 b"), None, "");
    let reason = "! its list of Rust crates is damaged, too long or not where it should be";
    let packed = zlib(CRATES);
    for bad in [&packed[..40], b"", &zlib("{\"a\":1}"), &zlib("[]")] {
        check(
            &rust(4, bad, SECTION),
            Some(Class::AuditableProgram),
            reason,
        );
    }
    // A bomb, and a program that is made of what looks like starts.
    let bomb = format!("{{\"packages\":[{}]}}", " ".repeat(3 << 20));
    let bytes = rust(4, &zlib(&bomb), SECTION);
    let found = scan(&bytes, 4096);
    assert!(matches!(found, Some((_, Finding::Damaged(_)))));
    let starts = b"x\x9c".repeat(100_000);
    let found = scan(&rust(4, &starts, SECTION), 4096);
    assert!(matches!(found, Some((_, Finding::Damaged(_)))));
}

#[test]
fn packed_programs_are_told() {
    let mut bytes = vec![0; 5000];
    bytes[..4].copy_from_slice(b"\x7fELF");
    bytes[236..240].copy_from_slice(b"UPX!");
    let (class, finding) = scan(&bytes, 100).unwrap();
    assert_eq!((class, finding), (Class::PackedProgram, Finding::Unread));
    bytes[236] = 0;
    bytes[3000..3004].copy_from_slice(b"UPX!");
    assert_eq!(scan(&bytes, 100), None);
}

mod any_bytes {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_panic(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just(GO_MAGIC.to_vec()),
                    Just(LIST_START.to_vec()),
                    Just(LIST_END.to_vec()),
                    Just(SECTION.to_vec()),
                    Just(b"x\x9c".to_vec()),
                    Just(b"go1.".to_vec()),
                    Just(zlib(CRATES)),
                    Just(old_go(15_000)),
                    proptest::collection::vec(any::<u8>(), 0..40),
                ],
                0..12,
            ),
            piece in 1_usize..9000,
        ) {
            let _ = scan(&parts.concat(), piece);
        }
    }
}
