//! Checks the engine's journals before the engine sees them.
//!
//! The engine reads a journal up to the first byte that it does not understand and cuts the file there, or gives up: right for a
//! last group that was being written, but a silent loss, or a panic, for anything else. So each journal is walked here first. A
//! closed one must be whole. The newest may end in a torn group that nobody was told of, which is cut off. All else is
//! refused, and nothing is touched, so that it is refused again. Knows the engine's journal format 3, without compression.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crypto::Sealer;
use xxhash_rust::xxh3::Xxh3;

use crate::engine::GROUP_KEY;
use crate::table::OWN;

const TAG_START: u8 = 1;
const TAG_ITEM: u8 = 2;
const TAG_END: u8 = 3;
const VALUE: u8 = 0;
const UNCOMPRESSED: u8 = 0;
const TRAILER: [u8; 4] = *b"FJL\x03";
const CHUNK_BYTES: usize = 1_024 * 1_024;
/// No batch is larger: a full pending group, one transaction more, and what the engine adds to each record.
const BATCH_BYTES_MAX: usize = 128 * 1_024 * 1_024;
/// Journals are made larger than what is in them. So many zeros behind a whole batch are the journal's end.
const ZEROS_AT_END: usize = 64 * 1_024;

/// Between two groups the engine counts on for its own changes of tables, but never by so much.
const SEQUENCE_STEP_MAX: u64 = 4_096;

/// What is wrong with the journals.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A closed journal is not whole.
    Closed(String),
    /// The newest journal stops being readable behind this group, which is not the last one that was acknowledged.
    Cut(Option<u64>),
}

/// Walks all journals. `acknowledged` is the last group that somebody may have been told of.
pub(crate) fn check(engine: &Path, sealer: &Sealer, acknowledged: u64) -> io::Result<Result<(), Flaw>> {
    let mut journals = list(engine)?;
    let newest = journals.pop();
    let mut last = None;
    for journal in journals {
        let walked = walk(&journal, sealer, last)?;
        if extent(&journal)? > walked.end {
            let name = journal.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Err(Flaw::Closed(name)));
        }
        last = walked.last;
    }
    let Some(newest) = newest else { return Ok(Ok(())) };
    let walked = walk(&newest, sealer, last)?;
    let group = walked.last.map(|last| last.group);
    if !walked.is_torn {
        return Ok(Ok(()));
    }
    // SECURITY: without a whole group before it, or with one that is too old, what does not read may be somebody's write.
    if group.is_none_or(|group| group < acknowledged) {
        return Ok(Err(Flaw::Cut(group)));
    }
    let file = File::options().write(true).open(&newest)?;
    file.set_len(walked.end)?;
    file.sync_all()?;
    tracing::warn!(end = walked.end, "a last group that was torn and never acknowledged is cut off");
    Ok(Ok(()))
}

/// The journals, oldest first.
fn list(engine: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(engine) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut journals: Vec<(u64, PathBuf)> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        journals.extend(number.map(|number| (number, path)));
    }
    journals.sort_unstable();
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

/// How far a journal reads.
struct Walked {
    /// Behind the last whole batch.
    end: u64,
    /// There is something behind it.
    is_torn: bool,
    /// The last group that was found, here or before.
    last: Option<Place>,
}

/// Where a group stands: its number, and the sequence number that the engine gave it.
#[derive(Clone, Copy)]
struct Place {
    group: u64,
    sequence: u64,
}

impl Place {
    /// The engine does not check its sequence numbers, yet they decide which of two values is the newer one. Ours stand sealed
    /// beside them and go up by one, so a number that was altered is out of step.
    fn is_followed_by(self, next: Self) -> bool {
        let step = next.sequence.wrapping_sub(self.sequence);
        self.group.checked_add(1) == Some(next.group) && (1..=SEQUENCE_STEP_MAX).contains(&step)
    }
}

fn walk(journal: &Path, sealer: &Sealer, mut last: Option<Place>) -> io::Result<Walked> {
    let file = File::open(journal)?;
    let length = file.metadata()?.len();
    let (mut end, mut read) = (0_u64, 0_u64);
    let mut held: Vec<u8> = Vec::new();
    loop {
        let before = held.len();
        let mut rest = held.as_slice();
        while let Some(batch) = take_next(&mut rest, sealer, last) {
            last = batch.or(last);
        }
        let left = rest.len();
        end += (before - left) as u64;
        held.drain(..before - left);
        let may_go_on = held.first().is_none_or(|tag| *tag == TAG_START) && held.len() < BATCH_BYTES_MAX;
        let enough = if may_go_on { CHUNK_BYTES } else { ZEROS_AT_END.saturating_sub(held.len()) };
        let wanted = usize::try_from(length - read).unwrap_or(usize::MAX).min(enough);
        if wanted == 0 {
            let is_torn = held.iter().take(ZEROS_AT_END.max(held.len())).any(|byte| *byte != 0);
            return Ok(Walked { end, is_torn, last });
        }
        held.resize(left + wanted, 0);
        file.read_exact_at(held.get_mut(left..).unwrap_or_default(), read)?;
        read += wanted as u64;
    }
}

/// The length up to the last byte that is not zero.
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

/// Takes a whole batch that follows the last one; its place is known where its group's number opens.
fn take_next(rest: &mut &[u8], sealer: &Sealer, last: Option<Place>) -> Option<Option<Place>> {
    let mut input = *rest;
    let batch = take_batch(&mut input)?;
    let place = batch.group(sealer).map(|group| Place { group, sequence: batch.sequence });
    if let (Some(last), Some(place)) = (last, place)
        && !last.is_followed_by(place)
    {
        return None;
    }
    *rest = input;
    Some(place)
}

/// A whole batch: only its sequence number and its record of the group's number are of interest.
pub(crate) struct Batch<'j> {
    sequence: u64,
    sealed_group: Option<&'j [u8]>,
}

impl Batch<'_> {
    fn group(&self, sealer: &Sealer) -> Option<u64> {
        let number = sealer.open(&OWN.engine_key(GROUP_KEY), self.sealed_group?).ok()?;
        number.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
    }
}

/// Takes a batch whose checksum is right, or leaves everything as it is.
pub(crate) fn take_batch<'j>(rest: &mut &'j [u8]) -> Option<Batch<'j>> {
    let mut input = *rest;
    let [TAG_START] = take::<1>(&mut input)? else { return None };
    let count = u32::from_le_bytes(take(&mut input)?);
    let sequence = u64::from_le_bytes(take(&mut input)?);
    let items = input;
    let group_key = OWN.engine_key(GROUP_KEY);
    let mut batch = Batch { sequence, sealed_group: None };
    for _ in 0..count {
        let (key, value) = take_item(&mut input)?;
        if key == group_key {
            batch.sealed_group = Some(value);
        }
    }
    let hashed = items.get(..items.len() - input.len())?;
    let [TAG_END] = take::<1>(&mut input)? else { return None };
    let checksum = u64::from_le_bytes(take(&mut input)?);
    let mut hasher = Xxh3::new();
    hasher.update(hashed);
    if take::<4>(&mut input)? != TRAILER || hasher.digest() != checksum {
        return None;
    }
    *rest = input;
    Some(batch)
}

fn take_item<'j>(input: &mut &'j [u8]) -> Option<(&'j [u8], &'j [u8])> {
    let [TAG_ITEM, kind, UNCOMPRESSED] = take::<3>(input)? else { return None };
    let _keyspace = take::<8>(input)?;
    let key_length = usize::from(u16::from_le_bytes(take(input)?));
    let value_length = take::<4>(input)?;
    let stored_length = take::<4>(input)?;
    if value_length != stored_length {
        return None;
    }
    let key = take_slice(input, key_length)?;
    let value = take_slice(input, u32::from_le_bytes(stored_length) as usize)?;
    Some((key, if kind == VALUE { value } else { &[] }))
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*taken)
}

fn take_slice<'j>(input: &mut &'j [u8], length: usize) -> Option<&'j [u8]> {
    let (taken, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::TABLE_BYTES;

    /// A batch as the engine writes it.
    fn batch(sequence: u64, items: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (key, value) in items {
            body.extend_from_slice(&[TAG_ITEM, VALUE, UNCOMPRESSED]);
            body.extend_from_slice(&1_u64.to_le_bytes());
            body.extend_from_slice(&(key.len() as u16).to_le_bytes());
            body.extend_from_slice(&(value.len() as u32).to_le_bytes());
            body.extend_from_slice(&(value.len() as u32).to_le_bytes());
            body.extend_from_slice(key);
            body.extend_from_slice(value);
        }
        let mut hasher = Xxh3::new();
        hasher.update(&body);
        let head = [&[TAG_START][..], &(items.len() as u32).to_le_bytes(), &sequence.to_le_bytes()].concat();
        [&head[..], &body, &[TAG_END], &hasher.digest().to_le_bytes(), &TRAILER].concat()
    }

    fn group(sealer: &Sealer, number: u64, padding: usize) -> Vec<u8> {
        let key = OWN.engine_key(GROUP_KEY);
        let filler = vec![9; padding];
        batch(
            number + 100,
            &[(&[1; TABLE_BYTES], &filler), (&key, &sealer.seal(&key, &number.to_be_bytes()))],
        )
    }

    struct Journals(tempfile::TempDir, Sealer);

    impl Journals {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap(), crypto::RootKey::ephemeral().derive("store"))
        }

        fn write(&self, name: &str, parts: &[&[u8]]) {
            fs::write(self.0.path().join(name), parts.concat()).unwrap();
        }

        fn check(&self, acknowledged: u64) -> Result<(), Flaw> {
            check(self.0.path(), &self.1, acknowledged).unwrap()
        }

        fn length(&self, name: &str) -> u64 {
            fs::metadata(self.0.path().join(name)).unwrap().len()
        }
    }

    #[test]
    fn whole_journals_pass_and_keep_their_length() {
        let journals = Journals::new();
        let (one, two) = (group(&journals.1, 1, 3_000_000), group(&journals.1, 2, 10));
        assert_eq!(journals.check(5), Ok(()), "no journal is the engine's to judge");
        journals.write("0.jnl", &[&one, &vec![0; 100_000]]);
        journals.write("1.jnl", &[&two, &vec![0; 5_000_000]]);
        journals.write("other", &[b"?"]);
        assert_eq!(journals.check(2), Ok(()));
        assert_eq!(journals.length("1.jnl"), two.len() as u64 + 5_000_000);
    }

    #[test]
    fn a_torn_end_is_cut_only_behind_what_was_acknowledged() {
        let journals = Journals::new();
        let (one, mut torn) = (group(&journals.1, 1, 10), group(&journals.1, 2, 100_000));
        torn[50_000..60_000].fill(0);
        for end in [&torn[..], &torn[..70_000], &torn[..3], b"\x7f", b"\x01"] {
            journals.write("0.jnl", &[&one, end, &vec![0; 200_000]]);
            assert_eq!(journals.check(2), Err(Flaw::Cut(Some(1))));
            assert_eq!(journals.check(2), Err(Flaw::Cut(Some(1))), "nothing was touched");
            assert_eq!(journals.check(1), Ok(()));
            assert_eq!(journals.length("0.jnl"), one.len() as u64);
        }
        journals.write("0.jnl", &[&torn]);
        assert_eq!(journals.check(1), Err(Flaw::Cut(None)), "with no group before it, nobody knows");
        journals.write("1.jnl", &[&torn]);
        journals.write("0.jnl", &[&one]);
        assert_eq!(journals.check(1), Ok(()), "the group before it stands in the closed journal");
    }

    #[test]
    fn any_flipped_bit_of_a_closed_journal_is_found() {
        let journals = Journals::new();
        let (one, two) = (group(&journals.1, 1, 10), group(&journals.1, 2, 10));
        journals.write("1.jnl", &[&group(&journals.1, 3, 10)]);
        for bit in 0..(one.len() + two.len()) * 8 {
            let mut bytes = [&one[..], &two].concat();
            bytes[bit / 8] ^= 1 << (bit % 8);
            journals.write("0.jnl", &[&bytes, &[0; 100]]);
            // The least bits of the very first sequence number have nothing before them to be out of step with.
            let unknowable = (5 * 8..5 * 8 + 12).contains(&bit) && bytes[5..7] < one[5..7];
            if !unknowable {
                assert!(journals.check(3).is_err(), "bit {bit}");
            }
        }
    }
}
