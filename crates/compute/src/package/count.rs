//! How many entries a zip file says that it has, before anything makes room for them.
//!
//! Who reads a zip file holds all of its directory in memory before it tells how many entries that has. Files without a 64-bit
//! end record can say no more than 65,535.

use memchr::memmem;

const RECORD: &[u8] = b"PK\x06\x06";
const LOCATOR: &[u8] = b"PK\x06\x07";
const END: &[u8] = b"PK\x05\x06";
/// From a record's start: its length without what stands up to there, and the number of entries.
const LENGTH_AT: usize = 4;
const ENTRIES_AT: usize = 32;
const BEFORE_LENGTH_ENDS: u64 = 12;
const LOCATOR_BYTES: usize = 20;

/// True where an end record in this file says that there are more entries than `max`.
// SECURITY: a file may hold several, and readers differ in which one they take: none of them may say so.
pub(super) fn says_more_than(zip: &[u8], max: u64) -> bool {
    memmem::find_iter(zip, RECORD).filter_map(|at| entries(zip.get(at..)?)).any(|entries| entries > max)
}

/// What the record at the beginning of these bytes says, if it is one: behind it stand its locator and the end of the directory.
fn entries(record: &[u8]) -> Option<u64> {
    let length = number(record, LENGTH_AT)?.checked_add(BEFORE_LENGTH_ENDS)?;
    let locator = record.get(usize::try_from(length).ok()?..)?;
    let is_record = locator.starts_with(LOCATOR) && locator.get(LOCATOR_BYTES..)?.starts_with(END);
    if is_record { number(record, ENTRIES_AT) } else { None }
}

fn number(record: &[u8], at: usize) -> Option<u64> {
    record.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::entry::Refusal;
    use super::super::extract::check_archive;
    use super::*;
    use crate::limits::{PACKAGE_ENTRIES_MAX, PACKAGE_NAMES_MAX};

    fn of(names: impl Iterator<Item = String>) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn packages_have_so_many_entries_and_no_more() {
        let files = |count: usize| of((0..count).map(|n| n.to_string()));
        let most = files(PACKAGE_ENTRIES_MAX);
        assert_eq!(check_archive(&most), Ok(()));
        let more = files(PACKAGE_ENTRIES_MAX + 1);
        let too_many = Err(Refusal::TooManyEntries(PACKAGE_ENTRIES_MAX));
        assert_eq!(check_archive(&more), too_many);

        // Nothing of the directory is looked at: here it has none that one could read.
        let entries = u64::try_from(PACKAGE_ENTRIES_MAX).unwrap();
        let mut damaged = more.clone();
        let header = damaged.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        damaged[header] = 0;
        assert_eq!(check_archive(&damaged), too_many);
        // Nor does another end behind it hide what the file says.
        let mut hidden = more;
        hidden.extend(of(std::iter::once("a".to_owned())));
        assert_eq!(check_archive(&hidden), too_many);
        assert!(says_more_than(&hidden, entries) && !says_more_than(&hidden, entries + 1));

        // What only looks like such a record is none.
        let mut alike = ZipWriter::new(Cursor::new(Vec::new()));
        alike.start_file("a", SimpleFileOptions::default()).unwrap();
        alike.write_all(b"PK\x06\x06PK\x06\x07PK\x05\x06").unwrap();
        alike.write_all(&[[0xff; 64], [0; 64]].concat()).unwrap();
        assert_eq!(check_archive(&alike.finish().unwrap().into_inner()), Ok(()));
    }

    #[test]
    fn folders_that_no_entry_names_count_too() {
        // Each a file in folders of its own.
        const DEPTH: usize = 64;
        let path = |n: usize| format!("{n}{}/f", "/d".repeat(DEPTH - 2));
        let files = PACKAGE_NAMES_MAX / DEPTH;
        assert_eq!(files * DEPTH, PACKAGE_NAMES_MAX);
        assert_eq!(check_archive(&of((0..files).map(path))), Ok(()));
        let more = (0..files).map(path).chain(["one".to_owned()]);
        assert_eq!(check_archive(&of(more)), Err(Refusal::TooManyNames(PACKAGE_NAMES_MAX)));
    }
}
