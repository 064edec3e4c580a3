//! Lists of paths, front-coded: each says how much it shares with the one before. Tar archives
//! are written directory by directory, so this takes about 20 bytes an entry in memory.

use super::wire::{Reader, Writer};

/// What an entry of a layer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EntryKind<'a> {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to this raw target.
    Symlink(&'a [u8]),
    /// A hard link to this raw target, named from the root.
    HardLink(&'a [u8]),
    /// A device, a pipe or something unknown.
    Other,
    /// A mark that hides the path from lower layers.
    Whiteout,
    /// A mark that hides what lower layers have in the directory.
    Opaque,
}

const EVIDENCE: u8 = 0x80;

impl EntryKind<'_> {
    fn code(self) -> u8 {
        match self {
            Self::File => 0,
            Self::Directory => 1,
            Self::Symlink(_) => 2,
            Self::HardLink(_) => 3,
            Self::Other => 4,
            Self::Whiteout => 5,
            Self::Opaque => 6,
        }
    }
}

/// All entries of a layer, in tar order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct EntryTable {
    bytes: Vec<u8>,
    len: u64,
    evidence: u64,
    has_whiteouts: bool,
}

/// One entry, borrowed from a cursor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryRef<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) kind: EntryKind<'a>,
    pub(crate) is_evidence: bool,
}

impl EntryTable {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn has_whiteouts(&self) -> bool {
        self.has_whiteouts
    }

    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor {
            reader: Reader::new(&self.bytes),
            path: Vec::new(),
        }
    }

    /// Checks stored bytes, so that a cursor over them never stops early. `None` if they are
    /// damaged or mark another number of evidence files.
    pub(super) fn checked(bytes: Vec<u8>, evidence: u64) -> Option<Self> {
        let mut table = Self {
            bytes,
            ..Self::default()
        };
        let (mut len, mut marked, mut has_whiteouts) = (0, 0, false);
        let mut cursor = table.cursor();
        while !cursor.reader.is_empty() {
            let entry = cursor.advance()?;
            len += 1;
            marked += u64::from(entry.is_evidence);
            has_whiteouts |= matches!(entry.kind, EntryKind::Whiteout | EntryKind::Opaque);
        }
        if marked != evidence {
            return None;
        }
        (table.len, table.evidence, table.has_whiteouts) = (len, marked, has_whiteouts);
        Some(table)
    }
}

/// Walks a table. An entry borrows from the cursor, so this is no iterator.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    reader: Reader<'a>,
    path: Vec<u8>,
}

impl Cursor<'_> {
    pub(crate) fn advance(&mut self) -> Option<EntryRef<'_>> {
        read_path(&mut self.reader, &mut self.path)?;
        let code = self.reader.byte()?;
        let kind = match code & !EVIDENCE {
            0 => EntryKind::File,
            1 => EntryKind::Directory,
            2 => EntryKind::Symlink(self.reader.bytes()?),
            3 => EntryKind::HardLink(self.reader.bytes()?),
            4 => EntryKind::Other,
            5 => EntryKind::Whiteout,
            6 => EntryKind::Opaque,
            _ => return None,
        };
        Some(EntryRef {
            path: &self.path,
            kind,
            is_evidence: code & EVIDENCE != 0,
        })
    }
}

/// Builds a table entry by entry.
#[derive(Debug, Default)]
pub(crate) struct TableBuilder {
    table: EntryTable,
    last: Vec<u8>,
}

impl TableBuilder {
    pub(crate) fn push(&mut self, path: &[u8], kind: EntryKind<'_>, is_evidence: bool) {
        let mut writer = Writer::appending(&mut self.table.bytes);
        write_path(&mut writer, &self.last, path);
        self.last.clear();
        self.last.extend_from_slice(path);
        writer.byte(kind.code() | if is_evidence { EVIDENCE } else { 0 });
        if let EntryKind::Symlink(target) | EntryKind::HardLink(target) = kind {
            writer.bytes(target);
        }
        self.table.len += 1;
        self.table.evidence += u64::from(is_evidence);
        self.table.has_whiteouts |= matches!(kind, EntryKind::Whiteout | EntryKind::Opaque);
    }

    /// Returns how many bytes the table takes so far.
    pub(crate) fn size(&self) -> u64 {
        self.table.bytes.len() as u64
    }

    pub(crate) fn finish(self) -> EntryTable {
        self.table
    }
}

/// The files of one package, clean paths in the order of their list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct PathList {
    bytes: Vec<u8>,
    last: Vec<u8>,
}

impl PathList {
    pub(crate) fn push(&mut self, path: &[u8]) {
        let mut writer = Writer::appending(&mut self.bytes);
        write_path(&mut writer, &self.last, path);
        self.last.clear();
        self.last.extend_from_slice(path);
    }

    /// Returns how many bytes the list takes.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Forgets what only building needs.
    #[must_use]
    pub(crate) fn finish(mut self) -> Self {
        self.last = Vec::new();
        self.bytes.shrink_to_fit();
        self
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            last: Vec::new(),
        }
    }

    /// Calls `visit` with each path; damaged bytes end the list.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        let mut reader = Reader::new(&self.bytes);
        let mut path = Vec::new();
        while !reader.is_empty() && read_path(&mut reader, &mut path).is_some() {
            visit(&path);
        }
    }
}

fn write_path(writer: &mut Writer<'_>, last: &[u8], path: &[u8]) {
    let shared = last.iter().zip(path).take_while(|(a, b)| a == b).count();
    writer.number(shared as u64);
    writer.bytes(path.get(shared..).unwrap_or_default());
}

fn read_path(reader: &mut Reader<'_>, path: &mut Vec<u8>) -> Option<()> {
    let shared = usize::try_from(reader.number()?).ok()?;
    if shared > path.len() {
        return None;
    }
    path.truncate(shared);
    path.extend_from_slice(reader.bytes()?);
    Some(())
}
