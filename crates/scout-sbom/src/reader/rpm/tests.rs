use proptest::prelude::*;

use super::*;
use crate::budget::Budget;

const DATABASE: &[u8] = include_bytes!("../../../tests/data/rpmdb.sqlite");

const BERKELEY: &[u8] = include_bytes!("../../../tests/data/Packages");
const BIG_ENDIAN: &[u8] = include_bytes!("../../../tests/data/Packages-big-endian");
const LOGGED: &[u8] = include_bytes!("../../../tests/data/logged.sqlite");
const LOG: &[u8] = include_bytes!("../../../tests/data/logged.sqlite-wal");
/// Where the second commit of the log begins.
const SECOND_COMMIT: usize = 8072;

fn store(bytes: &[u8]) -> Stored {
    let budget = Budget::new("unused");
    let mut input = bytes;
    let stored = budget.store(bytes.len() as u64, &mut input);
    stored.unwrap().unwrap()
}

fn read(bytes: &[u8]) -> Result<Records, Unreadable> {
    read_sqlite(&mut store(bytes), None, &Limits::default())
}

fn berkeley(bytes: &[u8]) -> Result<Records, Unreadable> {
    read_berkeley(&mut store(bytes), &Limits::default())
}

fn ndb(bytes: &[u8]) -> Result<Records, Unreadable> {
    read_ndb(&mut store(bytes), &Limits::default())
}

fn with_log(bytes: &[u8], log: &[u8]) -> Result<Records, Unreadable> {
    read_sqlite(&mut store(bytes), Some(&mut store(log)), &Limits::default())
}

fn names(records: &Records) -> Vec<String> {
    let mut names: Vec<String> = records
        .packages
        .iter()
        .map(|record| format!("{}-{}", record.package.name, record.package.version))
        .collect();
    names.sort();
    names
}

/// An ndb database of these headers, as rpm's `rpmpkg.c` lays it out.
fn make_ndb(blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut page = b"RpmP".to_vec();
    for number in [0, 1, 1, blobs.len() as u32 + 1, 0, 0, 0] {
        page.extend_from_slice(&u32::to_le_bytes(number));
    }
    let mut area = Vec::new();
    for (index, blob) in blobs.iter().enumerate() {
        let start = area.len();
        let number = index as u32 + 1;
        area.extend_from_slice(b"BlbS");
        for field in [number, 1, blob.len() as u32] {
            area.extend_from_slice(&field.to_le_bytes());
        }
        area.extend_from_slice(blob);
        // The checksum, the length again, and a mark end the last block.
        area.resize((area.len() + 12).next_multiple_of(16), 0);
        let end = area.len();
        area[end - 4..].copy_from_slice(b"BlbE");
        page.extend_from_slice(b"Slot");
        for field in [
            number,
            (4096 + start) as u32 / 16,
            (end - start) as u32 / 16,
        ] {
            page.extend_from_slice(&field.to_le_bytes());
        }
    }
    while page.len() < 4096 {
        page.extend_from_slice(b"Slot");
        page.extend_from_slice(&[0; 12]);
    }
    page.extend_from_slice(&area);
    page
}

/// The headers of the real database.
fn blobs() -> Vec<Vec<u8>> {
    let mut file = store(DATABASE);
    let mut database = sqlite::Database::open(&mut file, None, 1 << 20).unwrap();
    let root = database.find_table(TABLE).unwrap();
    let mut blobs = Vec::new();
    database
        .for_each_row(root, &mut |row| {
            blobs.push(sqlite::column(row?, COLUMN)?.to_vec());
            Ok(())
        })
        .unwrap();
    blobs
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
fn all_formats_say_the_same() {
    let expected = read(DATABASE).unwrap();
    for records in [
        berkeley(BERKELEY).unwrap(),
        ndb(&make_ndb(&blobs())).unwrap(),
    ] {
        assert_eq!(records.incomplete, None);
        assert_eq!(names(&records), names(&expected));
    }
    let some = berkeley(BIG_ENDIAN).unwrap();
    assert_eq!((some.packages.len(), some.incomplete), (5, None));
}

#[test]
fn a_log_counts_up_to_its_last_whole_commit() {
    let without = names(&read(LOGGED).unwrap());
    assert_eq!(without.len(), 3);
    let first = names(&with_log(LOGGED, &LOG[..SECOND_COMMIT]).unwrap());
    assert_eq!(first.len(), 6);
    let both = names(&with_log(LOGGED, LOG).unwrap());
    assert_eq!(both.len(), 5);
    assert!(both.iter().all(|name| first.contains(name)));
    // A commit that was cut off or damaged is none.
    for end in [SECOND_COMMIT + 1, LOG.len() - 1] {
        assert_eq!(names(&with_log(LOGGED, &LOG[..end]).unwrap()), first);
    }
    let mut damaged = LOG.to_vec();
    damaged[SECOND_COMMIT + 100] ^= 1;
    assert_eq!(names(&with_log(LOGGED, &damaged).unwrap()), first);
    damaged[8] ^= 1;
    assert_eq!(names(&with_log(LOGGED, &damaged).unwrap()), without);
    assert_eq!(names(&with_log(LOGGED, b"").unwrap()), without);
    assert!(with_log(b"", b"").unwrap().packages.is_empty());
}

#[test]
fn a_package_that_is_lost_in_another_format_is_said() {
    let mut blobs = blobs();
    blobs[0].truncate(20);
    let records = ndb(&make_ndb(&blobs)).unwrap();
    assert_eq!(records.packages.len(), 22);
    assert!(records.incomplete.is_some());
    let mut file = make_ndb(&blobs);
    // All slots name the same blob: more would be read than there is.
    let slot = file[48..64].to_vec();
    for at in (32..4096).step_by(16) {
        file[at..at + 16].copy_from_slice(&slot);
    }
    assert!(ndb(&file).unwrap().incomplete.is_some());
    for bad in [&b""[..], b"RpmP", &[0; 8192], DATABASE] {
        assert!(ndb(bad).is_err());
        assert!(berkeley(bad).is_err());
    }
    assert!(berkeley(&BERKELEY[..BERKELEY.len() - 1]).is_err());
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
    fn damage_in_other_formats_never_panics_or_loops(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        keep in any::<prop::sample::Index>(),
    ) {
        type Read = fn(&[u8]);
        let files: [(&[u8], Read); 4] = [
            (BERKELEY, |bytes| drop(berkeley(bytes))),
            (BIG_ENDIAN, |bytes| drop(berkeley(bytes))),
            (&make_ndb(&blobs()), |bytes| drop(ndb(bytes))),
            (LOG, |bytes| drop(with_log(LOGGED, bytes))),
        ];
        for (file, read) in files {
            let mut bytes = file.to_vec();
            for (at, value) in &flips {
                // Headers decide most.
                let at = if value % 2 == 0 { at.index(200) } else { at.index(bytes.len()) };
                bytes[at] = *value;
            }
            read(&bytes);
            bytes.truncate(keep.index(bytes.len()));
            read(&bytes);
        }
    }

    #[test]
    fn headers_of_any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_record(&bytes);
    }
}
