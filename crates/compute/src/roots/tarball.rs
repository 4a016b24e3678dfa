//! Reads tar files (ustar with the extensions of pax and GNU) entry by entry.
//!
//! Believes nothing: checksums are checked, names and extension headers are bounded, what is neither file, folder nor link is
//! told as such. Writes nothing.

use std::io::{self, Read};

use super::ImportError;

const BLOCK_BYTES: usize = 512;
/// The longest name, link target or extension header.
const TEXT_BYTES_MAX: u64 = 64 * 1024;
/// Extension headers before one entry.
const EXTENSIONS_MAX: usize = 4;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link by name, with its target.
    Link(String),
    /// The same file as another entry's.
    HardLink(String),
    /// A device or a pipe.
    Special,
}

/// One entry, whose content follows in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) is_executable: bool,
    pub(super) bytes: u64,
}

/// A tar file that is being read.
pub(super) struct Tarball<R> {
    source: R,
    /// What is left of the present entry's content, and what fills its last block.
    left: u64,
    padding: u64,
}

fn damaged(why: &'static str) -> ImportError {
    ImportError::Layer(why)
}

impl<R: Read> Tarball<R> {
    pub(super) const fn new(source: R) -> Self {
        Self { source, left: 0, padding: 0 }
    }

    /// The next entry; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, ImportError> {
        let mut named = Named::default();
        for _ in 0..=EXTENSIONS_MAX {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            let bytes = number(part(&header, 124, 12)?)?;
            self.left = bytes;
            self.padding = (BLOCK_BYTES as u64 - bytes % BLOCK_BYTES as u64) % BLOCK_BYTES as u64;
            match header.get(156).copied() {
                Some(b'x') => named.pax(&self.text()?)?,
                Some(b'g') => {}
                Some(b'L') => named.path = Some(c_string(&self.text()?)?),
                Some(b'K') => named.link = Some(c_string(&self.text()?)?),
                kind => return self.entry(&header, kind.unwrap_or(0), named).map(Some),
            }
        }
        Err(damaged("too many extension headers"))
    }

    fn entry(&mut self, header: &[u8], kind: u8, named: Named) -> Result<Entry, ImportError> {
        if let Some(bytes) = named.bytes {
            self.left = bytes;
            self.padding = (BLOCK_BYTES as u64 - bytes % BLOCK_BYTES as u64) % BLOCK_BYTES as u64;
        }
        let path = match named.path {
            Some(path) => path,
            None => own_path(header)?,
        };
        let link = |named: Option<String>| named.map_or_else(|| c_string(part(header, 157, 100)?), Ok);
        let kind = match kind {
            b'0' | 0 | b'7' if path.ends_with('/') => Kind::Folder,
            b'0' | 0 | b'7' => Kind::File,
            b'1' => Kind::HardLink(link(named.link)?),
            b'2' => Kind::Link(link(named.link)?),
            b'5' => Kind::Folder,
            b'3' | b'4' | b'6' => Kind::Special,
            _ => return Err(damaged("an entry of a kind that is not known")),
        };
        if kind != Kind::File {
            self.skip()?;
        }
        let mode = number(part(header, 100, 8)?)?;
        let bytes = if kind == Kind::File { self.left } else { 0 };
        Ok(Entry { path, kind, is_executable: mode & 0o111 != 0, bytes })
    }

    /// Hands on the present entry's content.
    pub(super) fn copy(&mut self, target: &mut impl io::Write) -> Result<(), ImportError> {
        let copied = io::copy(&mut (&mut self.source).take(self.left), target)?;
        if copied != self.left {
            return Err(damaged("it ends in the middle of a file"));
        }
        self.left = 0;
        Ok(())
    }

    fn skip(&mut self) -> Result<(), ImportError> {
        let left = self.left.checked_add(self.padding).ok_or_else(|| damaged("an entry without end"))?;
        let skipped = io::copy(&mut (&mut self.source).take(left), &mut io::sink())?;
        (self.left, self.padding) = (0, 0);
        if skipped == left { Ok(()) } else { Err(damaged("it ends in the middle of an entry")) }
    }

    /// The next block, unless it is one that says that the archive ends.
    fn header(&mut self) -> Result<Option<[u8; BLOCK_BYTES]>, ImportError> {
        let mut block = [0; BLOCK_BYTES];
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest)? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(damaged("it ends in the middle of a header")),
                read => filled += read,
            }
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { u64::from(b' ') } else { u64::from(*byte) })
            .sum();
        if number(part(&block, 148, 8)?)? != sum {
            return Err(damaged("a header with a wrong checksum"));
        }
        Ok(Some(block))
    }

    /// The content of an extension header.
    fn text(&mut self) -> Result<Vec<u8>, ImportError> {
        if self.left > TEXT_BYTES_MAX {
            return Err(damaged("a name that is too long"));
        }
        let mut text = Vec::new();
        self.copy(&mut text)?;
        Ok(text)
    }
}

/// What extension headers say of the entry that follows.
#[derive(Default)]
struct Named {
    path: Option<String>,
    link: Option<String>,
    bytes: Option<u64>,
}

impl Named {
    /// Records `LENGTH KEY=VALUE\n`.
    fn pax(&mut self, mut text: &[u8]) -> Result<(), ImportError> {
        let bad = || damaged("an extension header that cannot be read");
        while !text.is_empty() {
            let space = text.iter().position(|byte| *byte == b' ').ok_or_else(bad)?;
            let length = text.get(..space).and_then(|digits| std::str::from_utf8(digits).ok());
            let length: usize = length.and_then(|digits| digits.parse().ok()).ok_or_else(bad)?;
            let record =
                text.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(bad)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(bad)?;
            let (key, value) = record.split_at_checked(equals).ok_or_else(bad)?;
            let value = std::str::from_utf8(value.get(1..).unwrap_or_default());
            match key {
                b"path" => self.path = Some(value.map_err(|_| bad())?.to_owned()),
                b"linkpath" => self.link = Some(value.map_err(|_| bad())?.to_owned()),
                b"size" => {
                    self.bytes = Some(value.ok().and_then(|digits| digits.parse().ok()).ok_or_else(bad)?)
                }
                _ if key.starts_with(b"GNU.sparse.") => return Err(damaged("a sparse file")),
                _ => {}
            }
            text = text.get(length..).ok_or_else(bad)?;
        }
        Ok(())
    }
}

fn part(header: &[u8], at: usize, length: usize) -> Result<&[u8], ImportError> {
    header.get(at..at + length).ok_or_else(|| damaged("a short header"))
}

fn own_path(header: &[u8]) -> Result<String, ImportError> {
    let name = c_string(part(header, 0, 100)?)?;
    let prefix =
        if part(header, 257, 6)? == b"ustar\0" { c_string(part(header, 345, 155)?)? } else { String::new() };
    Ok(if prefix.is_empty() { name } else { format!("{prefix}/{name}") })
}

fn c_string(bytes: &[u8]) -> Result<String, ImportError> {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    std::str::from_utf8(text).map(str::to_owned).map_err(|_| damaged("a name that is no UTF-8"))
}

/// A number in octal digits, or in base 256 where its first bit says so.
fn number(field: &[u8]) -> Result<u64, ImportError> {
    let bad = || damaged("a number that cannot be read");
    if let Some((first, rest)) = field.split_first().filter(|(first, _)| **first & 0x80 != 0) {
        let fold = |sum: Option<u64>, byte: &u8| sum?.checked_mul(256)?.checked_add(u64::from(*byte));
        return rest.iter().fold(Some(u64::from(first & 0x7f)), fold).ok_or_else(bad);
    }
    let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| bad())?.trim();
    if text.is_empty() { Ok(0) } else { u64::from_str_radix(text, 8).map_err(|_| bad()) }
}

/// A name as it may appear in a message.
pub(super) fn printable(name: &str) -> String {
    name.chars().take(128).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One entry, as tar writes it.
    pub(in super::super) fn entry(path: &str, kind: u8, mode: u32, link: &str, content: &[u8]) -> Vec<u8> {
        let mut header = vec![0; BLOCK_BYTES];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = kind;
        header[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        header.extend_from_slice(content);
        header.resize(header.len().div_ceil(BLOCK_BYTES) * BLOCK_BYTES, 0);
        header
    }

    fn all(bytes: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, ImportError> {
        let mut tarball = Tarball::new(bytes);
        let mut found = Vec::new();
        while let Some(entry) = tarball.next()? {
            let mut content = Vec::new();
            if entry.kind == Kind::File {
                tarball.copy(&mut content)?;
            }
            found.push((entry, content));
        }
        Ok(found)
    }

    #[test]
    fn files_folders_links_and_long_names_are_read() {
        let long = "d/".repeat(80) + "end";
        let pax = format!("{} path={long}\n", long.len() + 10);
        let archive = [
            entry("bin/", b'5', 0o755, "", b""),
            entry("bin/run", b'0', 0o4755, "", &[7; 600]),
            entry("sh", b'2', 0o777, "/bin/run", b""),
            entry("again", b'1', 0o644, "bin/run", b""),
            entry("x", b'x', 0o644, "", pax.as_bytes()),
            entry("short", b'0', 0o644, "", b"a"),
            entry("././@LongLink", b'L', 0o644, "", format!("{long}2\0").as_bytes()),
            entry("short", b'0', 0o644, "", b"b"),
            vec![0; 1024],
        ]
        .concat();
        let found = all(&archive).unwrap();
        let paths: Vec<&str> = found.iter().map(|(entry, _)| entry.path.as_str()).collect();
        assert_eq!(paths, ["bin/", "bin/run", "sh", "again", &long, &format!("{long}2")]);
        assert_eq!(
            (found[1].1.len(), found[1].0.is_executable, found[4].0.is_executable),
            (600, true, false)
        );
        assert_eq!(found[2].0.kind, Kind::Link("/bin/run".into()));
        assert_eq!(found[3].0.kind, Kind::HardLink("bin/run".into()));
        assert_eq!((found[4].1.as_slice(), found[5].1.as_slice()), (b"a".as_slice(), b"b".as_slice()));
    }

    #[test]
    fn what_is_special_is_told_and_what_is_damaged_refused() {
        for kind in [b'3', b'4', b'6'] {
            assert_eq!(all(&entry("dev/x", kind, 0o644, "", b"")).unwrap()[0].0.kind, Kind::Special);
        }
        let whole = entry("a", b'0', 0o644, "", b"content");
        let mut changed = whole.clone();
        changed[0] = b'b';
        assert!(all(&changed).is_err() && all(&whole[..700]).is_err() && all(&whole[..515]).is_err());
        let sparse = entry("x", b'x', 0o644, "", b"22 GNU.sparse.major=1\n");
        assert!(all(&[sparse, whole].concat()).is_err());
        assert!(all(&entry("x", b'S', 0o644, "", b"")).is_err());
    }
}
