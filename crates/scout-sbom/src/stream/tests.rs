use std::io::{self, Read};

use super::*;
use crate::testing::gzip;

/// A zstd frame with this window byte that repeats one byte.
fn zstd_frame(window: u8, count: u32) -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, window];
    let mut left = count;
    loop {
        let size = left.min(BLOCK);
        left -= size;
        let is_last = u32::from(left == 0);
        frame.extend_from_slice(&(size << 3 | 1 << 1 | is_last).to_le_bytes()[..3]);
        frame.push(b'z');
        if left == 0 {
            return frame;
        }
    }
}

const WINDOW_128_KIB: u8 = 7 << 3;
const WINDOW_16_MIB: u8 = 14 << 3;
const WINDOW_128_MIB: u8 = 17 << 3;

fn read(input: &[u8], limits: &Limits) -> Result<Totals> {
    let dir = tempfile::tempdir().unwrap();
    let budget = Budget::new(dir.path());
    let mut input = input;
    let stream = LayerStream::open(&mut input, limits, &budget).map_err(|(_, error)| error)?;
    stream.finish().map_err(|(_, error)| error)
}

fn check(name: &str, input: &[u8], expected: &[u8]) {
    let totals = read(input, &Limits::default()).unwrap();
    let digest = Digest::sha256(&Sha256::digest(expected).into());
    assert_eq!(totals.diff_id, digest, "{name}");
    assert_eq!(totals.uncompressed_bytes, expected.len() as u64, "{name}");
    assert_eq!(totals.compressed_bytes, input.len() as u64, "{name}");
}

#[test]
fn every_compression_gives_the_same_bytes() {
    let text: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let (front, back) = text.split_at(777_777);
    let zstd = |bytes: &[u8]| ::zstd::stream::encode_all(bytes, 3).unwrap();
    let skippable = [&[0x5A, 0x2A, 0x4D, 0x18, 5, 0, 0, 0][..], b"12345"].concat();
    for (name, input) in [
        ("plain", text.clone()),
        ("gzip", gzip(&text)),
        ("two members", [gzip(front), gzip(back)].concat()),
        (
            "an empty member",
            [gzip(front), gzip(b""), gzip(back)].concat(),
        ),
        ("zeros behind", [gzip(&text), vec![0; 5000]].concat()),
        (
            "garbage behind",
            [gzip(&text), b"garbage".to_vec()].concat(),
        ),
        ("zstd", zstd(&text)),
        ("two frames", [zstd(front), zstd(back)].concat()),
        (
            "skippable frames",
            [
                skippable.clone(),
                zstd(front),
                skippable.clone(),
                zstd(back),
                skippable,
            ]
            .concat(),
        ),
        ("zeros behind zstd", [zstd(&text), vec![0; 100]].concat()),
    ] {
        check(name, &input, &text);
    }
    check("nothing", b"", b"");
    check("one byte", b"\x1f", b"\x1f");
}

#[test]
fn cut_off_and_damaged_streams_are_corrupt() {
    let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let gz = gzip(&text);
    let zst = ::zstd::stream::encode_all(text.as_slice(), 3).unwrap();
    let mut flipped = gz.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    let mut wrong_sum = gz.clone();
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    for (name, input) in [
        ("gzip cut", &gz[..gz.len() - 9]),
        ("gzip without its end", &gz[..gz.len() - 1]),
        ("gzip header only", &gz[..5]),
        ("gzip flipped", &flipped),
        ("gzip with a wrong sum", &wrong_sum),
        ("zstd cut", &zst[..zst.len() - 3]),
        ("zstd header only", &zst[..4]),
        ("skippable cut", &[0x50, 0x2A, 0x4D, 0x18, 255, 0, 0, 0, 1]),
    ] {
        let result = read(input, &Limits::default());
        assert!(
            matches!(result, Err(Error::Corrupt { .. })),
            "{name}: {result:?}"
        );
    }
}

#[test]
fn a_bomb_is_stopped_by_its_ratio_or_its_size() {
    let limits = Limits::default().with_ratio_after_bytes(1 << 20);
    let zeros = vec![0; 4 << 20];
    let result = read(&gzip(&zeros), &limits);
    assert!(
        matches!(result, Err(Error::Limit { limit: 200, .. })),
        "{result:?}"
    );
    // As small as the default forgives.
    check("zeros", &gzip(&zeros), &zeros);

    let frame = zstd_frame(WINDOW_128_KIB, 64 << 20);
    assert!(frame.len() < 4096);
    let result = read(&frame, &limits);
    assert!(
        matches!(result, Err(Error::Limit { limit: 200, .. })),
        "{result:?}"
    );

    let limits = Limits::default().with_uncompressed_bytes(1 << 20);
    let result = read(&frame, &limits);
    assert!(
        matches!(
            result,
            Err(Error::Limit {
                limit: 0x10_0000,
                ..
            })
        ),
        "{result:?}"
    );
}

#[test]
fn a_window_over_the_limit_or_the_whole_budget_is_refused() {
    let frame = zstd_frame(WINDOW_128_MIB, 10);
    let result = read(&frame, &Limits::default());
    assert!(
        matches!(
            result,
            Err(Error::Limit {
                limit: Budget::MEMORY_BYTES,
                ..
            })
        ),
        "{result:?}"
    );
    let limits = Limits::default().with_zstd_window_log(20);
    let result = read(&zstd_frame(WINDOW_16_MIB, 10), &limits);
    assert!(
        matches!(
            result,
            Err(Error::Limit {
                limit: 0x10_0000,
                ..
            })
        ),
        "{result:?}"
    );
}

#[test]
fn a_large_window_waits_for_budget_and_a_growing_one_comes_back_later() {
    let dir = tempfile::tempdir().unwrap();
    let budget = Budget::with_sizes(dir.path(), 24 << 20, 0);
    let held = budget.wait_for_memory("test", 12 << 20).unwrap();
    let other = budget.clone();
    let waiter = std::thread::spawn(move || {
        let frame = zstd_frame(WINDOW_16_MIB, 1000);
        let mut input = frame.as_slice();
        let limits = Limits::default();
        let stream = LayerStream::open(&mut input, &limits, &other).ok().unwrap();
        assert_eq!(other.stats().memory_bytes, 16 << 20);
        stream.finish().ok().unwrap().uncompressed_bytes
    });
    drop(held);
    assert_eq!(waiter.join().unwrap(), 1000);

    let growing = [
        zstd_frame(WINDOW_128_KIB, 10),
        zstd_frame(WINDOW_16_MIB, 10),
    ]
    .concat();
    let limits = Limits::default();
    let mut input = growing.as_slice();
    let stream = LayerStream::open(&mut input, &limits, &budget)
        .ok()
        .unwrap();
    let held = budget.wait_for_memory("test", 12 << 20).unwrap();
    let error = stream.finish().map_err(|(_, error)| error).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }) && error.is_retryable());
    drop(held);
    let mut input = growing.as_slice();
    let stream = LayerStream::open(&mut input, &limits, &budget)
        .ok()
        .unwrap();
    assert_eq!(stream.finish().ok().unwrap().uncompressed_bytes, 20);
    assert_eq!(budget.stats().memory_bytes, 0);
}

/// Gives some bytes, then fails: a connection that breaks, or a digest that does not match.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::other("digest mismatch"));
        }
        self.0.read(buffer)
    }
}

#[test]
fn the_readers_own_error_wins_over_the_damage_it_explains() {
    let dir = tempfile::tempdir().unwrap();
    let budget = Budget::new(dir.path());
    let good = gzip(&[0; 1024]);
    let mut damaged = good.clone();
    damaged[12] ^= 0xff;
    let not_tar = vec![b'x'; 100_000];
    let refused = zstd_frame(WINDOW_128_MIB, 10);
    for input in [&good, &damaged, &not_tar, &refused] {
        let result = crate::analyze_layer(Failing(input), &Limits::default(), &budget);
        match result {
            Err(Error::Input(source)) => assert_eq!(source.to_string(), "digest mismatch"),
            other => panic!("{other:?}"),
        }
    }
}
