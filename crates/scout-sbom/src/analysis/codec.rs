//! The stored form of an analysis:
//! `SCTL`, version (u32), length when decompressed (u64), first 16 bytes of the SHA-256 of what
//! follows, then a zstd frame. Little-endian.

use std::io::Read;

use scout_envs::license::License;
use scout_envs::{Certainty, Distribution, Gap, GapKind, Package, PackageType, SourcePackage};
use sha2::{Digest as _, Sha256};

use super::table::EntryTable;
use super::wire::{Reader, Writer};
use super::{
    ANALYSIS_VERSION, Evidence, Finding, LayerAnalysis, Part, Parts, PathList, Record, Records,
};
use crate::error::{Error, Result};
use crate::reader::Class;

const MAGIC: [u8; 4] = *b"SCTL";
const SUM_BYTES: usize = 16;
const HEADER_BYTES: usize = 4 + 4 + 8 + SUM_BYTES;
/// zstd's own default: analyses are written once and read often.
const LEVEL: i32 = 3;
/// Most bytes that a stored analysis may decompress to: 1 GiB, above what the limits on paths
/// and packages allow.
const MAX_BYTES: u64 = 1 << 30;

pub(super) fn encode(analysis: &LayerAnalysis) -> Vec<u8> {
    let mut raw = Vec::new();
    let mut writer = Writer::appending(&mut raw);
    writer.bytes(analysis.entries.bytes());
    writer.number(analysis.evidence.len() as u64);
    for evidence in &analysis.evidence {
        writer.byte(evidence.class.code());
        write_finding(&mut writer, &evidence.finding);
    }
    writer.number(analysis.gaps.len() as u64);
    for gap in &analysis.gaps {
        writer.byte(gap_code(gap.kind));
        writer.text(&gap.path);
        writer.text(&gap.reason);
    }
    // Compressing memory to memory has no way to fail; an empty frame would be found at once.
    let packed = zstd::stream::encode_all(raw.as_slice(), LEVEL).unwrap_or_default();
    let mut out = Vec::with_capacity(HEADER_BYTES + packed.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&ANALYSIS_VERSION.to_le_bytes());
    out.extend_from_slice(&(raw.len() as u64).to_le_bytes());
    out.extend_from_slice(&checksum(&packed));
    out.extend_from_slice(&packed);
    out
}

pub(super) fn decode(bytes: &[u8]) -> Result<LayerAnalysis> {
    let damaged = |reason| Error::DamagedAnalysis { reason };
    let rest = bytes
        .strip_prefix(&MAGIC)
        .ok_or_else(|| damaged("it does not start as one"))?;
    let (version, rest) = rest
        .split_first_chunk::<4>()
        .ok_or_else(|| damaged("it is cut off"))?;
    let found = u32::from_le_bytes(*version);
    if found != ANALYSIS_VERSION {
        return Err(Error::OtherVersion {
            found,
            expected: ANALYSIS_VERSION,
        });
    }
    let (length, rest) = rest
        .split_first_chunk::<8>()
        .ok_or_else(|| damaged("it is cut off"))?;
    let (sum, packed) = rest
        .split_first_chunk::<SUM_BYTES>()
        .ok_or_else(|| damaged("it is cut off"))?;
    if *sum != checksum(packed) {
        return Err(damaged("its checksum does not match"));
    }
    let length = u64::from_le_bytes(*length);
    let raw = unpack(packed, length).ok_or_else(|| damaged("it does not decompress"))?;
    let mut reader = Reader::new(&raw);
    let analysis = read_analysis(&mut reader).ok_or_else(|| damaged("its content is invalid"))?;
    if !reader.is_empty() {
        return Err(damaged("something follows it"));
    }
    Ok(analysis)
}

fn checksum(packed: &[u8]) -> [u8; SUM_BYTES] {
    let full: [u8; 32] = Sha256::digest(packed).into();
    full.first_chunk().copied().unwrap_or_default()
}

fn unpack(packed: &[u8], length: u64) -> Option<Vec<u8>> {
    if length > MAX_BYTES {
        return None;
    }
    let decoder = zstd::stream::read::Decoder::with_buffer(packed).ok()?;
    let mut raw = Vec::new();
    decoder.take(length + 1).read_to_end(&mut raw).ok()?;
    (raw.len() as u64 == length).then_some(raw)
}

fn read_analysis(reader: &mut Reader<'_>) -> Option<LayerAnalysis> {
    let table = reader.bytes()?.to_vec();
    let count = reader.number()?;
    let entries = EntryTable::checked(table, count)?;
    let mut evidence = Vec::new();
    for _ in 0..count {
        evidence.push(Evidence {
            class: Class::from_code(reader.byte()?)?,
            finding: read_finding(reader)?,
        });
    }
    let mut gaps = Vec::new();
    for _ in 0..reader.number()? {
        gaps.push(Gap {
            kind: read_gap_kind(reader.byte()?)?,
            path: reader.text()?,
            reason: reader.text()?,
        });
    }
    Some(LayerAnalysis {
        entries,
        evidence,
        gaps,
    })
}

/// Reads what is inside of the checksum, for tests of forged content.
#[cfg(test)]
pub(super) fn read_raw(raw: &[u8]) -> Option<LayerAnalysis> {
    read_analysis(&mut Reader::new(raw))
}

fn write_finding(writer: &mut Writer<'_>, finding: &Finding) {
    match finding {
        Finding::Nothing => writer.byte(0),
        Finding::Distribution(distribution) => {
            writer.byte(1);
            write_distribution(writer, distribution);
        }
        Finding::Database(records) => {
            writer.byte(2);
            writer.optional_text(records.incomplete.as_deref());
            writer.number(records.packages.len() as u64);
            for record in &records.packages {
                write_package(writer, &record.package);
                writer.bytes(record.files.bytes());
            }
        }
        Finding::FileList(files) => {
            writer.byte(3);
            writer.bytes(files.bytes());
        }
        Finding::Package(package) => {
            writer.byte(4);
            write_package(writer, package);
        }
        Finding::Unread => writer.byte(5),
        Finding::Damaged(reason) => {
            writer.byte(6);
            writer.text(reason);
        }
        Finding::License(license) => {
            writer.byte(8);
            writer.text(license.as_str());
        }
        Finding::Packages(parts) => {
            writer.byte(7);
            writer.optional_text(parts.incomplete.as_deref());
            writer.number(parts.packages.len() as u64);
            for part in &parts.packages {
                write_package(writer, &part.package);
                writer.optional_text(part.place.as_deref());
                writer.byte(certainty_code(part.certainty));
            }
        }
    }
}

fn read_finding(reader: &mut Reader<'_>) -> Option<Finding> {
    Some(match reader.byte()? {
        0 => Finding::Nothing,
        1 => Finding::Distribution(read_distribution(reader)?),
        2 => {
            let incomplete = reader.optional_text()?;
            let mut packages = Vec::new();
            for _ in 0..reader.number()? {
                packages.push(Record {
                    package: read_package(reader)?,
                    files: PathList::from_bytes(reader.bytes()?.to_vec()),
                });
            }
            Finding::Database(Records {
                packages,
                incomplete,
            })
        }
        3 => Finding::FileList(PathList::from_bytes(reader.bytes()?.to_vec())),
        4 => Finding::Package(read_package(reader)?),
        5 => Finding::Unread,
        6 => Finding::Damaged(reader.text()?),
        7 => {
            let incomplete = reader.optional_text()?;
            let mut packages = Vec::new();
            for _ in 0..reader.number()? {
                packages.push(Part {
                    package: read_package(reader)?,
                    place: reader.optional_text()?,
                    certainty: read_certainty(reader.byte()?)?,
                });
            }
            Finding::Packages(Parts {
                packages,
                incomplete,
            })
        }
        8 => Finding::License(License::recorded(reader.text()?)),
        _ => return None,
    })
}

fn write_package(writer: &mut Writer<'_>, package: &Package) {
    let kind = PackageType::ALL
        .iter()
        .position(|&kind| kind == package.package_type);
    writer.number(kind.map_or(u64::MAX, |kind| kind as u64));
    writer.text(&package.name);
    writer.text(&package.version);
    writer.optional_text(package.architecture.as_deref());
    writer.optional_text(package.source.as_ref().map(|source| source.name.as_str()));
    if let Some(source) = &package.source {
        writer.text(&source.version);
    }
    writer.optional_text(package.module.as_deref());
    writer.optional_text(package.license.as_ref().map(License::as_str));
}

fn read_package(reader: &mut Reader<'_>) -> Option<Package> {
    let kind = usize::try_from(reader.number()?).ok()?;
    let package_type = PackageType::ALL.get(kind).copied()?;
    let name = reader.text()?;
    let version = reader.text()?;
    let architecture = reader.optional_text()?;
    let source = match reader.optional_text()? {
        None => None,
        Some(name) => Some(SourcePackage {
            name,
            version: reader.text()?,
        }),
    };
    Some(Package {
        package_type,
        name,
        version,
        architecture,
        source,
        module: reader.optional_text()?,
        license: reader.optional_text()?.map(License::recorded),
    })
}

fn write_distribution(writer: &mut Writer<'_>, distribution: &Distribution) {
    writer.text(&distribution.id);
    writer.number(distribution.id_like.len() as u64);
    for id in &distribution.id_like {
        writer.text(id);
    }
    for field in [
        &distribution.version_id,
        &distribution.codename,
        &distribution.pretty_name,
        &distribution.cpe_name,
    ] {
        writer.optional_text(field.as_deref());
    }
}

fn read_distribution(reader: &mut Reader<'_>) -> Option<Distribution> {
    let id = reader.text()?;
    let mut id_like = Vec::new();
    for _ in 0..reader.number()? {
        id_like.push(reader.text()?);
    }
    Some(Distribution {
        id,
        id_like,
        version_id: reader.optional_text()?,
        codename: reader.optional_text()?,
        pretty_name: reader.optional_text()?,
        cpe_name: reader.optional_text()?,
    })
}

const CERTAINTIES: [Certainty; 4] = [
    Certainty::Stated,
    Certainty::Derived,
    Certainty::FileName,
    Certainty::Locked,
];

fn certainty_code(certainty: Certainty) -> u8 {
    let position = CERTAINTIES.iter().position(|&known| known == certainty);
    position.map_or(u8::MAX, |position| position as u8)
}

fn read_certainty(code: u8) -> Option<Certainty> {
    CERTAINTIES.get(usize::from(code)).copied()
}

/// The kinds that a layer's own gaps can have, and their stored codes.
const GAP_KINDS: [GapKind; 6] = [
    GapKind::PackageDatabase,
    GapKind::Archive,
    GapKind::Executable,
    GapKind::PackageRecord,
    GapKind::HardLink,
    GapKind::Layer,
];

fn gap_code(kind: GapKind) -> u8 {
    let position = GAP_KINDS.iter().position(|&known| known == kind);
    position.map_or(u8::MAX, |position| position as u8)
}

fn read_gap_kind(code: u8) -> Option<GapKind> {
    GAP_KINDS.get(usize::from(code)).copied()
}
