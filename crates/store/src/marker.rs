//! The marker file: the store's format, and the number of the last group that was made durable.
//!
//! The number stands in two slots that are written in turn, each with a digest, so that a torn or rotten slot leaves
//! the other. It is written after a group's sync and never before, so it cannot promise what is not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const NAME: &str = "MARKER";
const FIRST_LINE: &[u8] = b"fastness store 1\n";
/// Slots stand in sectors of their own, so that one failing sector does not take both.
const SLOT_OFFSETS: [u64; 2] = [512, 1_024];
const FILE_BYTES: usize = 1_536;
const DIGEST_BYTES: usize = 8;

/// The open marker of a store in use.
pub(crate) struct Marker(File);

/// What a marker file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A store of this format whose last durable group has this number.
    Group(u64),
    /// A format that this version does not know.
    UnknownFormat,
    /// This format, but no slot can be trusted.
    Unreadable,
}

impl Marker {
    /// What the folder's marker says; `None` where there is no marker.
    pub(crate) fn read(folder: &Path) -> io::Result<Option<Content>> {
        match File::open(folder.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(file) => {
                let mut bytes = Vec::with_capacity(FILE_BYTES);
                file.take(FILE_BYTES as u64).read_to_end(&mut bytes)?;
                Ok(Some(parse(&bytes)))
            }
        }
    }

    /// Makes the marker of a new store, durable before this returns.
    pub(crate) fn create(folder: &Path, group: u64) -> io::Result<()> {
        let mut bytes = vec![0; FILE_BYTES];
        put(&mut bytes, 0, FIRST_LINE);
        for offset in SLOT_OFFSETS {
            put(&mut bytes, offset as usize, &slot(group));
        }
        let beside = folder.join("MARKER.new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&beside, folder.join(NAME))?;
        File::open(folder)?.sync_all()
    }

    /// Opens an existing marker for writing.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        OpenOptions::new().write(true).open(folder.join(NAME)).map(Self)
    }

    /// Notes that this group is durable. Not synced: after a power failure the number may be older than the
    /// journal, which only makes the guard weaker for that one start.
    pub(crate) fn record(&self, group: u64) -> io::Result<()> {
        let offset = if group.is_multiple_of(2) { SLOT_OFFSETS[0] } else { SLOT_OFFSETS[1] };
        self.0.write_all_at(&slot(group), offset)
    }

    /// Makes the last number durable, for an orderly end.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Reads a marker's bytes.
pub(crate) fn parse(bytes: &[u8]) -> Content {
    if !bytes.starts_with(FIRST_LINE) {
        return Content::UnknownFormat;
    }
    let groups = SLOT_OFFSETS.iter().filter_map(|offset| read_slot(bytes.get(*offset as usize..)?));
    groups.max().map_or(Content::Unreadable, Content::Group)
}

fn read_slot(bytes: &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    let group = u64::from_be_bytes(*number);
    (rest.first_chunk::<DIGEST_BYTES>()? == &digest(group)).then_some(group)
}

fn slot(group: u64) -> [u8; 8 + DIGEST_BYTES] {
    let mut bytes = [0; 8 + DIGEST_BYTES];
    put(&mut bytes, 0, &group.to_be_bytes());
    put(&mut bytes, 8, &digest(group));
    bytes
}

fn digest(group: u64) -> [u8; DIGEST_BYTES] {
    let mut input = *b"store marker....";
    put(&mut input, 8, &group.to_be_bytes());
    let mut digest = [0; DIGEST_BYTES];
    put(&mut digest, 0, &crypto::sha256(&input));
    digest
}

/// Copies as much of `from` as fits.
fn put(to: &mut [u8], at: usize, from: &[u8]) {
    to.iter_mut().skip(at).zip(from).for_each(|(to, from)| *to = *from);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn the_last_group_is_remembered() {
        let folder = folder();
        assert_eq!(Marker::read(folder.path()).unwrap(), None);
        Marker::create(folder.path(), 1).unwrap();
        let marker = Marker::open(folder.path()).unwrap();
        for group in 1..10 {
            marker.record(group).unwrap();
            assert_eq!(Marker::read(folder.path()).unwrap(), Some(Content::Group(group)));
        }
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let folder = folder();
        Marker::create(folder.path(), 1).unwrap();
        let marker = Marker::open(folder.path()).unwrap();
        marker.record(6).unwrap();
        marker.record(7).unwrap();
        marker.0.write_all_at(&[0xee; 3], SLOT_OFFSETS[1]).unwrap();
        assert_eq!(Marker::read(folder.path()).unwrap(), Some(Content::Group(6)));
        marker.0.write_all_at(&[0xee; 3], SLOT_OFFSETS[0]).unwrap();
        assert_eq!(Marker::read(folder.path()).unwrap(), Some(Content::Unreadable));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let folder = folder();
        Marker::create(folder.path(), 41).unwrap();
        let good = fs::read(folder.path().join(NAME)).unwrap();
        for at in (0..FIRST_LINE.len() * 8).chain(512 * 8..528 * 8) {
            let mut bad = good.clone();
            bad[at / 8] ^= 1 << (at % 8);
            // One slot was hit: the other answers. The first line was hit: nothing is trusted.
            let expected = if at < 512 { Content::UnknownFormat } else { Content::Group(41) };
            assert_eq!(parse(&bad), expected, "bit {at}");
        }
        assert_eq!(parse(&good[..600]), Content::Group(41));
        assert_eq!(parse(&good[..400]), Content::Unreadable);
        assert_eq!(parse(b""), Content::UnknownFormat);
    }
}
