//! Guards closed journals against being cut short.
//!
//! The engine reads a journal up to the first byte that it does not understand and cuts the file there: right for the newest
//! journal, whose last group may be half written, but a silent loss in a closed one, which was complete and synced. So
//! the extents of closed journals are noted before the engine opens, and compared after. The note stays until
//! they agree, so that a second start does not accept what the first one refused.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const CHUNK_BYTES: usize = 64 * 1_024;
const NOTE_BYTES_MAX: u64 = 1024 * 1024;

/// What closed journals held before the engine opened.
pub(crate) struct ClosedJournals {
    folder: PathBuf,
    note: PathBuf,
    /// File names, and the length up to the last byte that is not zero.
    extents: Vec<(String, u64)>,
}

impl ClosedJournals {
    /// Notes the extents of all journals but the newest. `folder` is the engine's, `beside` ours.
    pub(crate) fn note(folder: &Path, beside: &Path) -> io::Result<Self> {
        let note = beside.join("JOURNALS");
        let extents = match fs::metadata(&note) {
            Ok(metadata) if metadata.len() <= NOTE_BYTES_MAX => parse(&fs::read_to_string(&note)?),
            Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "the journal note is too large")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let extents = closed(folder)?;
                if !extents.is_empty() {
                    write(&note, &extents)?;
                }
                extents
            }
            Err(error) => return Err(error),
        };
        Ok(Self { folder: folder.to_owned(), note, extents })
    }

    /// After the engine opened: the name of a journal that lost something, if one did.
    pub(crate) fn damaged(&self) -> io::Result<Option<&str>> {
        for (name, extent) in &self.extents {
            let length = match fs::metadata(self.folder.join(name)) {
                Ok(metadata) => metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                Err(error) => return Err(error),
            };
            if length < *extent {
                return Ok(Some(name));
            }
        }
        match fs::remove_file(&self.note) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(None),
        }
    }
}

/// Every journal but the newest, with its extent.
fn closed(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut journals: Vec<(u64, String)> = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(number) = name.strip_suffix(".jnl").and_then(|number| number.parse::<u64>().ok()) {
            journals.push((number, name));
        }
    }
    journals.sort_unstable();
    journals.pop();
    journals.into_iter().map(|(_, name)| Ok((name.clone(), extent(&folder.join(&name))?))).collect()
}

/// The length up to the last byte that is not zero: journals are made larger than what is in them.
fn extent(journal: &Path) -> io::Result<u64> {
    let file = File::open(journal)?;
    let mut end = file.metadata()?.len();
    let mut chunk = vec![0; CHUNK_BYTES];
    while end > 0 {
        let start = end.saturating_sub(CHUNK_BYTES as u64);
        let length = usize::try_from(end - start).unwrap_or(CHUNK_BYTES);
        let part = chunk.get_mut(..length).unwrap_or_default();
        file.read_exact_at(part, start)?;
        if let Some(last) = part.iter().rposition(|byte| *byte != 0) {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn write(note: &Path, extents: &[(String, u64)]) -> io::Result<()> {
    let beside = note.with_extension("new");
    let mut file = File::create(&beside)?;
    for (name, extent) in extents {
        writeln!(file, "{extent} {name}")?;
    }
    file.sync_all()?;
    fs::rename(beside, note)
}

fn parse(text: &str) -> Vec<(String, u64)> {
    let line = |line: &str| {
        let (extent, name) = line.split_once(' ')?;
        // A name with a slash would lead out of the folder, so it is none of ours.
        (!name.contains('/')).then_some((name.to_owned(), extent.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_ends_at_the_last_byte_that_is_not_zero() {
        let folder = tempfile::tempdir().unwrap();
        for (bytes, expected) in [
            (vec![], 0),
            (vec![0; 200_000], 0),
            (vec![1], 1),
            ([vec![1; 70_000], vec![0; 200_000]].concat(), 70_000),
            ([vec![0; 70_000], vec![1]].concat(), 70_001),
        ] {
            let path = folder.path().join("0.jnl");
            fs::write(&path, bytes).unwrap();
            assert_eq!(extent(&path).unwrap(), expected);
        }
    }

    #[test]
    fn a_cut_is_refused_again_and_again() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["0.jnl", "1.jnl", "10.jnl"] {
            fs::write(folder.path().join(name), [vec![7; 100], vec![0; 50]].concat()).unwrap();
        }
        let beside = tempfile::tempdir().unwrap();
        let cut = |name: &str, length| {
            File::options().write(true).open(folder.path().join(name)).unwrap().set_len(length).unwrap();
        };

        let noted = ClosedJournals::note(folder.path(), beside.path()).unwrap();
        cut("0.jnl", 100); // only zeros went
        cut("10.jnl", 3); // the newest: not this module's to judge
        assert_eq!(noted.damaged().unwrap(), None);

        let noted = ClosedJournals::note(folder.path(), beside.path()).unwrap();
        cut("1.jnl", 99);
        assert_eq!(noted.damaged().unwrap(), Some("1.jnl"));
        let again = ClosedJournals::note(folder.path(), beside.path()).unwrap();
        assert_eq!(again.damaged().unwrap(), Some("1.jnl"), "the cut file itself no longer shows it");
    }
}
