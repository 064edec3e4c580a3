//! Python eggs that are one zip file: setuptools left them so until 2021.

use std::io::{BufReader, Read};

use super::zip::{Directory, Slice};
use super::{Unreadable, pypi};
use crate::analysis::Finding;
use crate::budget::Stored;
use crate::limits::Limits;

const RECORD: &[u8] = b"EGG-INFO/PKG-INFO";

pub(super) fn read(mut file: Stored, limits: &Limits) -> Result<Finding, Unreadable> {
    let mut slice = Slice::whole(&mut file);
    let Some(directory) = Directory::find(&mut slice)? else {
        return Err(Unreadable::new("not a zip file"));
    };
    let (mut record, mut entries) = (None, 0_u64);
    directory.for_each(&mut slice, &mut |name, entry| {
        entries += 1;
        if entries > limits.archive_entries {
            let limit = limits.archive_entries;
            return Err(Unreadable::new(format!("it has more than {limit} entries")));
        }
        if name == RECORD {
            record = Some(entry);
        }
        Ok(())
    })?;
    let record = record.ok_or_else(|| Unreadable::new("it does not say what it is"))?;
    let content = directory.open(&mut slice, &record)?;
    pypi::read(&mut BufReader::new(content.take(limits.record_bytes))).map(Finding::Package)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::zip::tests::{Builder, stored};

    #[test]
    fn the_record_inside_is_read() {
        let egg = Builder::default()
            .stored("a/__init__.py", b"")
            .deflated("EGG-INFO/PKG-INFO", b"Name: a\nVersion: 1.0\n\ntext\n")
            .finish();
        let Ok(Finding::Package(package)) = read(stored(&egg), &Limits::default()) else {
            panic!("no package");
        };
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("a", "1.0")
        );
        for bad in [Builder::default().finish(), b"text".to_vec(), Vec::new()] {
            assert!(read(stored(&bad), &Limits::default()).is_err());
        }
    }
}
