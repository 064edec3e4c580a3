use proptest::prelude::*;

use super::*;
use crate::budget::Budget;

const DATABASE: &[u8] = include_bytes!("../../../tests/data/rpmdb.sqlite");

fn read(bytes: &[u8]) -> Result<Records, Unreadable> {
    let budget = Budget::new("unused");
    let mut input = bytes;
    let stored = budget.store(bytes.len() as u64, &mut input);
    read_database(&mut stored.unwrap().unwrap(), &Limits::default())
}

/// A header with texts and numbers.
fn header(texts: &[(u32, &str)], numbers: &[(u32, u32)]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, number) in numbers {
        for value in [*tag, 4, data.len() as u32, 1] {
            index.extend_from_slice(&value.to_be_bytes());
        }
        data.extend_from_slice(&number.to_be_bytes());
    }
    for (tag, text) in texts {
        let kind = if [header::BASE_NAMES, header::DIR_NAMES].contains(tag) {
            8
        } else {
            6
        };
        for value in [*tag, kind, data.len() as u32, 1] {
            index.extend_from_slice(&value.to_be_bytes());
        }
        data.extend_from_slice(text.as_bytes());
        data.push(0);
    }
    let tags = (texts.len() + numbers.len()) as u32;
    [
        &tags.to_be_bytes(),
        &(data.len() as u32).to_be_bytes(),
        &index[..],
        &data[..],
    ]
    .concat()
}

#[test]
fn reads_a_real_database() {
    let records = read(DATABASE).unwrap();
    assert_eq!(records.incomplete, None);
    assert_eq!(records.packages.len(), 23);
    let find = |name: &str| {
        let mut packages = records.packages.iter().map(|record| &record.package);
        packages.find(|package| package.name == name).unwrap()
    };
    assert_eq!(find("bash").version, "5.1.8-4.el9");
    assert_eq!(find("vim-minimal").version, "2:8.2.2637-15.el9");
    assert_eq!(find("bash").architecture.as_deref(), Some("x86_64"));
    assert_eq!(
        find("nodejs").module.as_deref(),
        Some("nodejs:16:9000020220506091402:rhel9")
    );
    let mut files = Vec::new();
    for record in &records.packages {
        record.files.for_each(|path| files.push(path.to_vec()));
    }
    assert!(!files.is_empty());
    assert!(
        files.iter().all(|path| path.starts_with(b"usr/")),
        "{files:?}"
    );
}

#[test]
fn headers_give_names_sources_and_files() {
    let blob = header(
        &[
            (header::NAME, "libcurl"),
            (header::VERSION, "7.76.1"),
            (header::RELEASE, "14.el9"),
            (header::SOURCE_RPM, "curl-7.76.1-14.el9.src.rpm"),
            (header::BASE_NAMES, "libcurl.so.4"),
            (header::DIR_NAMES, "/usr/lib64/"),
        ],
        &[(header::EPOCH, 1), (header::DIR_INDEXES, 0)],
    );
    let record = read_record(&blob).unwrap().unwrap();
    assert_eq!(record.package.version, "1:7.76.1-14.el9");
    let source = record.package.source.unwrap();
    assert_eq!(
        (source.name.as_str(), source.version.as_str()),
        ("curl", "1:7.76.1-14.el9")
    );
    let mut files = Vec::new();
    record.files.for_each(|path| files.push(path.to_vec()));
    assert_eq!(files, [b"usr/lib64/libcurl.so.4"]);
}

#[test]
fn keys_are_left_out_and_an_epoch_of_zero_too() {
    let named = |name, epoch| {
        let texts = [
            (header::NAME, name),
            (header::VERSION, "1"),
            (header::RELEASE, "2"),
        ];
        read_record(&header(&texts, &[(header::EPOCH, epoch)])).unwrap()
    };
    assert!(named("gpg-pubkey", 0).is_none());
    assert_eq!(named("a", 0).unwrap().package.version, "1-2");
    assert!(read_record(&header(&[(header::NAME, "a")], &[])).is_err());
    assert!(read_record(b"").is_err());
    assert!(read_record(&[0xff; 64]).is_err());
}

#[test]
fn other_files_are_refused_and_an_empty_one_is_empty() {
    assert!(read(b"").unwrap().packages.is_empty());
    assert!(read(&[0; 4096]).is_err());
    assert!(read(&DATABASE[..99]).is_err());
    let other = [b"Packages", &b"Packaged"[..]];
    let at = memchr::memmem::find(DATABASE, other[0]).unwrap();
    let mut renamed = DATABASE.to_vec();
    renamed[at..at + 8].copy_from_slice(other[1]);
    assert!(read(&renamed).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics_or_loops(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        keep in 1..DATABASE.len(),
    ) {
        let mut bytes = DATABASE.to_vec();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read(&bytes);
        bytes.truncate(keep);
        let _ = read(&bytes);
    }

    #[test]
    fn headers_of_any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_record(&bytes);
    }
}
