//! Checks the engine's lists of tables before the engine trusts them.
//!
//! For each keyspace the engine keeps a manifest, `v<number>`, and a file `current` with the number and a checksum of that manifest.
//! The engine does not compare them: a flipped bit in a manifest would drop tables without a word. It also makes room for as
//! many entries as an archive's table of contents claims, before it checks that table. Nothing is changed here. Knows the
//! engine's formats of version 3; what stands inside a table is checked block by block when it is read.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

const TRAILER_BYTES: u64 = 38;
const TRAILER_MAGIC: &[u8; 4] = b"SFA!";
const CONTENTS_MAGIC: &[u8; 4] = b"TOC!";
/// The least that an entry of a table of contents takes.
const ENTRY_BYTES: u64 = 18;
const CURRENT_BYTES: u64 = 64;
const MANIFEST_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Checks every keyspace; says which file is damaged, if one is. An engine that is not there yet is not damaged.
pub(crate) fn check(engine: &Path) -> io::Result<Result<(), String>> {
    let keyspaces = match fs::read_dir(engine.join("keyspaces")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(())),
        entries => entries?,
    };
    for keyspace in keyspaces {
        let keyspace = keyspace?;
        if !keyspace.file_type()?.is_dir() {
            continue;
        }
        let sound =
            is_manifest_sound(&keyspace.path())? && are_tables_sound(&keyspace.path().join("tables"))?;
        if !sound {
            return Ok(Err(format!(
                "the list of tables of keyspace {} is damaged",
                keyspace.file_name().display()
            )));
        }
    }
    Ok(Ok(()))
}

fn is_manifest_sound(keyspace: &Path) -> io::Result<bool> {
    let Some(current) = read_up_to(&keyspace.join("current"), CURRENT_BYTES)? else { return Ok(false) };
    let Some((number, checksum)) = parse_current(&current) else { return Ok(false) };
    let manifest = read_up_to(&keyspace.join(format!("v{number}")), MANIFEST_BYTES_MAX)?;
    Ok(manifest.is_some_and(|manifest| xxh3_128(&manifest) == checksum))
}

/// Number and checksum of the manifest; the last byte names the kind of checksum.
fn parse_current(bytes: &[u8]) -> Option<(u64, u128)> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    let (checksum, rest) = rest.split_first_chunk::<16>()?;
    (rest == [0]).then(|| (u64::from_le_bytes(*number), u128::from_le_bytes(*checksum)))
}

/// `None` where there is no such file, or one that is larger than it can be.
fn read_up_to(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(metadata) if metadata.len() > bytes_max => Ok(None),
        Ok(_) => fs::read(path).map(Some),
    }
}

fn are_tables_sound(tables: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(tables) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        entries => entries?,
    };
    for table in entries {
        let table = table?;
        // A table that was being written when the process died is shorter; no manifest names it.
        if table.file_type()?.is_file() && claims_too_much(&table.path())? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// True where an archive's table of contents claims more entries than the file has room for.
fn claims_too_much(archive: &Path) -> io::Result<bool> {
    let file = File::open(archive)?;
    let Some(trailer_at) = file.metadata()?.len().checked_sub(TRAILER_BYTES) else { return Ok(false) };
    let mut trailer = [0; TRAILER_BYTES as usize];
    file.read_exact_at(&mut trailer, trailer_at)?;
    let position = trailer.get(22..30).and_then(|bytes| bytes.first_chunk::<8>());
    let position = position.map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
    let Some(room) = trailer_at.checked_sub(position).and_then(|room| room.checked_sub(8)) else {
        return Ok(trailer.starts_with(TRAILER_MAGIC));
    };
    let mut head = [0; 8];
    file.read_exact_at(&mut head, position)?;
    let count = head.last_chunk::<4>().map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes));
    Ok(trailer.starts_with(TRAILER_MAGIC)
        && head.starts_with(CONTENTS_MAGIC)
        && u64::from(count) > room / ENTRY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_manifest_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path()).unwrap(), Ok(()), "nothing there yet");
        drop(fjall::Database::builder(folder.path()).open().unwrap());
        assert_eq!(check(folder.path()).unwrap(), Ok(()));
        let keyspace = folder.path().join("keyspaces/0");
        let manifest = fs::read_dir(&keyspace)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_name().unwrap().to_string_lossy().starts_with('v'))
            .unwrap();
        for path in [keyspace.join("current"), manifest] {
            let good = fs::read(&path).unwrap();
            for bit in 0..good.len() * 8 {
                let mut bad = good.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, &bad).unwrap();
                assert!(check(folder.path()).unwrap().is_err(), "{} bit {bit}", path.display());
            }
            fs::remove_file(&path).unwrap();
            assert!(check(folder.path()).unwrap().is_err(), "{} is missing", path.display());
            fs::write(&path, &good).unwrap();
            assert_eq!(check(folder.path()).unwrap(), Ok(()));
        }
    }

    #[test]
    fn an_archive_cannot_claim_more_entries_than_it_has_room_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0");
        let archive = |count: u32, position: u64| {
            let contents = [&CONTENTS_MAGIC[..], &count.to_le_bytes(), &[0; 36]].concat();
            let trailer = [&TRAILER_MAGIC[..], &[1, 0], &[0; 16], &position.to_le_bytes(), &[0; 8]].concat();
            fs::write(&path, [&[9; 50][..], &contents, &trailer].concat()).unwrap();
            claims_too_much(&path).unwrap()
        };
        assert!(!archive(2, 50));
        assert!(archive(3, 50));
        assert!(archive(u32::MAX, 50));
        assert!(archive(2, u64::MAX));
        fs::write(&path, b"short").unwrap();
        assert!(!claims_too_much(&path).unwrap());
    }
}
