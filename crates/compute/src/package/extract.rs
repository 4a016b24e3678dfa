//! Unpacks a zip file into a fresh directory, or refuses it before and while it writes.
//!
//! Never writes through a link (links are made last), never trusts a declared size, never sets a bit beyond
//! `rwxr-xr-x`, and leaves nothing usable behind where it fails: the caller throws the directory away.

use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zip::ZipArchive;

use super::count;
use super::entry::{self, Kind, Links, Names, Refusal, printable};
use super::shelf::PackageError;
use crate::limits::{LINK_TARGET_BYTES_MAX, PACKAGE_ENTRIES_MAX, PACKAGE_UNZIPPED_BYTES_MAX};

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

struct Planned {
    index: usize,
    path: String,
    kind: Kind,
}

/// Reads the directory of a zip file and says whether every entry may be unpacked.
///
/// # Errors
/// The first reason not to.
pub(crate) fn check_archive(zip: &[u8]) -> Result<(), Refusal> {
    plan(&mut open(zip)?).map(drop)
}

/// Unpacks a package into `directory`, which exists and is empty. Its links lead to what a function sees: follow none.
///
/// # Errors
/// The zip file is none that a package may be, or the disk failed; the directory is of no use then.
pub(super) fn extract(zip: &[u8], directory: &Path) -> Result<(), PackageError> {
    write(zip, directory, Links::OfFunctions)
}

/// Unpacks `zip` into `directory`, which exists and is empty, for whoever follows links there: one that leads out is refused.
///
/// # Errors
/// The zip file is none that a package may be, or the disk failed; the directory is of no use then.
pub fn unpack(zip: &[u8], directory: &Path) -> Result<(), PackageError> {
    write(zip, directory, Links::Inside)
}

fn write(zip: &[u8], directory: &Path, links: Links) -> Result<(), PackageError> {
    let mut archive = open(zip)?;
    let entries = plan(&mut archive)?;
    let mut room = PACKAGE_UNZIPPED_BYTES_MAX;
    for entry in &entries {
        let target = directory.join(&entry.path);
        match entry.kind {
            Kind::Directory => make_directories(directory, &entry.path)?,
            Kind::File { executable } => {
                if let Some((parents, _)) = entry.path.rsplit_once('/') {
                    make_directories(directory, parents)?;
                }
                room = write_file(&mut archive, entry, &target, executable, room)?;
            }
            Kind::Link => {}
        }
    }
    // SECURITY: links come last, so that no file or directory above was written through one.
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Link) {
        if let Some((parents, _)) = entry.path.rsplit_once('/') {
            make_directories(directory, parents)?;
        }
        make_link(&mut archive, entry, &directory.join(&entry.path), links)?;
    }
    Ok(())
}

fn open(zip: &[u8]) -> Result<Archive<'_>, Refusal> {
    let too_many = Refusal::TooManyEntries(PACKAGE_ENTRIES_MAX);
    if count::says_more_than(zip, u64::try_from(PACKAGE_ENTRIES_MAX).unwrap_or(u64::MAX)) {
        return Err(too_many);
    }
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| Refusal::NotAZip)?;
    if archive.len() > PACKAGE_ENTRIES_MAX {
        return Err(too_many);
    }
    if archive.is_empty() {
        return Err(Refusal::Empty);
    }
    if archive.has_duplicate_names() {
        return Err(Refusal::Duplicate("(in the zip file's directory)".to_owned()));
    }
    if archive.has_overlapping_entries().map_err(|_| Refusal::NotAZip)? {
        return Err(Refusal::Overlapping);
    }
    Ok(archive)
}

fn plan(archive: &mut Archive<'_>) -> Result<Vec<Planned>, Refusal> {
    let mut names = Names::default();
    let mut declared_bytes: u64 = 0;
    let mut entries = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(|_| Refusal::NotAZip)?;
        let name = std::str::from_utf8(file.name_raw())
            .map_err(|_| Refusal::Path(printable(&String::from_utf8_lossy(file.name_raw()))))?
            .to_owned();
        if file.encrypted() {
            return Err(Refusal::Encrypted(printable(&name)));
        }
        if !matches!(file.compression(), zip::CompressionMethod::Stored | zip::CompressionMethod::Deflated) {
            return Err(Refusal::Compression(printable(&name)));
        }
        declared_bytes = declared_bytes.saturating_add(file.size());
        if declared_bytes > PACKAGE_UNZIPPED_BYTES_MAX {
            return Err(Refusal::TooLarge(PACKAGE_UNZIPPED_BYTES_MAX));
        }
        let kind = Kind::of(&name, file.unix_mode())?;
        let path = entry::clean_path(&name)?;
        if path.is_empty() {
            continue;
        }
        names.take(&path, kind)?;
        entries.push(Planned { index, path, kind });
    }
    if entries.iter().all(|entry| entry.kind == Kind::Directory) {
        return Err(Refusal::Empty);
    }
    Ok(entries)
}

fn make_directories(root: &Path, path: &str) -> io::Result<()> {
    let mut directory = root.to_path_buf();
    for component in path.split('/') {
        directory.push(component);
        match fs::create_dir(&directory) {
            Ok(()) => fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes one file and answers how much room is left for the others.
fn write_file(
    archive: &mut Archive<'_>,
    entry: &Planned,
    target: &Path,
    executable: bool,
    room: u64,
) -> Result<u64, PackageError> {
    let damaged = || Refusal::Damaged(printable(&entry.path));
    let source = archive.by_index(entry.index).map_err(|_| damaged())?;
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(target)?;
    let mut source = source.take(room.saturating_add(1));
    let mut written: u64 = 0;
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let length = source.read(&mut chunk).map_err(|_| damaged())?;
        let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        written = written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if written > room {
            return Err(Refusal::TooLarge(PACKAGE_UNZIPPED_BYTES_MAX).into());
        }
        file.write_all(bytes)?;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    Ok(room - written)
}

fn make_link(
    archive: &mut Archive<'_>,
    entry: &Planned,
    link: &Path,
    links: Links,
) -> Result<(), PackageError> {
    let refused = || Refusal::Link(printable(&entry.path));
    let source = archive.by_index(entry.index).map_err(|_| refused())?;
    let mut target = String::new();
    let length = source.take(LINK_TARGET_BYTES_MAX + 1).read_to_string(&mut target).map_err(|_| refused())?;
    if u64::try_from(length).unwrap_or(u64::MAX) > LINK_TARGET_BYTES_MAX || !links.admit(&entry.path, &target)
    {
        return Err(refused().into());
    }
    Ok(std::os::unix::fs::symlink(target, link)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    fn zip_of(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, mode, content) in entries {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .unix_permissions(*mode);
            if mode & 0o170_000 == 0o120_000 {
                writer.add_symlink(*name, std::str::from_utf8(content).unwrap(), options).unwrap();
            } else if name.ends_with('/') {
                writer.add_directory(*name, options).unwrap();
            } else {
                writer.start_file(*name, options).unwrap();
                writer.write_all(content).unwrap();
            }
        }
        writer.finish().unwrap().into_inner()
    }

    fn unpacked(zip: &[u8]) -> Result<tempfile::TempDir, PackageError> {
        let directory = tempfile::tempdir().unwrap();
        extract(zip, directory.path()).map(|()| directory)
    }

    fn refusal(zip: &[u8]) -> Refusal {
        match unpacked(zip) {
            Err(PackageError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn files_directories_and_links_inside_are_unpacked() {
        let zip = zip_of(&[
            ("bin/run", 0o755, b"#!"),
            ("lib/", 0o755, b""),
            ("lib/a.txt", 0o600, b"alpha"),
            ("lib/again", 0o120_777, b"../bin/run"),
        ]);
        let directory = unpacked(&zip).unwrap();
        let read = |path: &str| fs::read(directory.path().join(path)).unwrap();
        assert_eq!(read("lib/a.txt"), b"alpha");
        assert_eq!(read("lib/again"), b"#!");
        let mode =
            |path: &str| fs::metadata(directory.path().join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode("bin/run"), 0o755);
        assert_eq!(mode("lib/a.txt"), 0o644);
        assert_eq!(mode("lib"), 0o755);
    }

    #[test]
    fn names_that_differ_in_case_are_two_files() {
        let names = [
            ("LICENSE", 0o644, b"1" as &[u8]),
            ("license", 0o644, b"2"),
            ("t/N/x", 0o644, b"3"),
            ("t/n/x", 0o644, b"4"),
        ];
        let directory = unpacked(&zip_of(&names)).unwrap();
        for (name, _, text) in names {
            assert_eq!(fs::read(directory.path().join(name)).unwrap(), text, "{name}");
        }
    }

    #[test]
    fn links_lead_where_they_say_and_nothing_is_written_behind_them() {
        let link = 0o120_777;
        // A folder of the host's, of a name that links of functions may lead to.
        let outside = tempfile::tempdir_in("/tmp").unwrap();
        fs::write(outside.path().join("kept"), "theirs").unwrap();
        let target = outside.path().to_str().unwrap().as_bytes();
        let zip = zip_of(&[
            ("folder", link, target),
            ("file", link, b"/opt/nodejs"),
            ("up/over", link, b"a/../../m.py"),
            ("m.py", 0o644, b"pass"),
        ]);
        let directory = unpacked(&zip).unwrap();
        let leads = |path: &str| fs::read_link(directory.path().join(path)).unwrap();
        assert_eq!(leads("folder"), outside.path());
        assert_eq!([leads("file"), leads("up/over")], ["/opt/nodejs", "a/../../m.py"].map(Path::new));
        // A link is no folder, wherever it stands and whatever comes first.
        for entries in [
            [("folder", link, target), ("folder/kept", 0o644, b"mine" as &[u8])],
            [("folder/kept", 0o644, b"mine"), ("folder", link, target)],
            [("folder", link, target), ("./folder//kept", 0o644, b"mine")],
            [("folder", link, target), ("folder/new", link, b"x")],
            [("folder", link, target), ("folder/new/", 0o755, b"")],
            [("folder", link, target), ("./folder", 0o644, b"mine")],
        ] {
            assert_eq!(refusal(&zip_of(&entries)), Refusal::Duplicate("folder".into()), "{entries:?}");
        }
        drop(directory);
        assert_eq!(fs::read_to_string(outside.path().join("kept")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_unpacked_for_readers_that_follow_links_has_none_that_lead_out() {
        let link = 0o120_777;
        let unpacked = |target: &[u8]| {
            let directory = tempfile::tempdir().unwrap();
            unpack(&zip_of(&[("bin/a", link, target), ("b", 0o644, b"x")]), directory.path())
        };
        unpacked(b"../b").unwrap();
        for target in [b"/etc/passwd" as &[u8], b"../../etc/passwd", b"x/../../../b", b""] {
            let refused = unpacked(target);
            assert!(matches!(refused, Err(PackageError::Refused(Refusal::Link(_)))), "{refused:?}");
        }
    }

    #[test]
    fn names_as_other_tools_write_them_are_the_same_names() {
        let zip = zip_of(&[
            ("./", 0o755, b""),
            (".//", 0o755, b""),
            ("./m.py", 0o644, b"pass"),
            ("d//x", 0o644, b"1"),
            ("./d/./y", 0o644, b"2"),
        ]);
        let directory = unpacked(&zip).unwrap();
        for (name, text) in [("m.py", "pass"), ("d/x", "1"), ("d/y", "2")] {
            assert_eq!(fs::read_to_string(directory.path().join(name)).unwrap(), text, "{name}");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
        for twice in [["m.py", "./m.py"], ["d/x", "d//x"], ["d/x", "./d"]] {
            let refused = refusal(&zip_of(&twice.map(|name| (name, 0o644, b"x" as &[u8]))));
            assert!(matches!(refused, Refusal::Duplicate(_)), "{twice:?}: {refused}");
        }
        assert_eq!(refusal(&zip_of(&[("./", 0o755, b"")])), Refusal::Empty);
    }

    #[test]
    fn what_is_special_is_refused() {
        assert_eq!(refusal(b"PK not a zip"), Refusal::NotAZip);
        assert_eq!(refusal(&zip_of(&[])), Refusal::Empty);
        assert_eq!(refusal(&zip_of(&[("only/", 0o755, b"")])), Refusal::Empty);
    }

    /// The name of the first local and central header, replaced byte for byte.
    fn renamed(mut zip: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let mut at = 0;
        while let Some(found) = zip[at..].windows(from.len()).position(|w| w == from.as_bytes()) {
            zip[at + found..at + found + from.len()].copy_from_slice(to.as_bytes());
            at += found + from.len();
        }
        zip
    }

    #[test]
    fn hostile_names_written_by_hand_are_refused() {
        for hostile in ["/etc/passwd", "../../../x1", "a/../../../", "a\\..\\..\\x1", "a/b/c/d\0\0\0\0"] {
            let placeholder = "p".repeat(hostile.len());
            let zip = zip_of(&[(&placeholder, 0o644, b"x"), ("ok", 0o644, b"y")]);
            let zip = renamed(zip, &placeholder, hostile);
            let _ = refusal(&zip);
        }
        let twice = renamed(zip_of(&[("one", 0o644, b"x"), ("two", 0o644, b"y")]), "two", "one");
        assert!(matches!(refusal(&twice), Refusal::Duplicate(_)));
    }

    #[test]
    fn a_device_in_the_mode_bits_is_refused() {
        let mut zip = zip_of(&[("dev", 0o644, b"x")]);
        let central = zip.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        let mode: u32 = 0o020_666;
        zip[central + 38..central + 42].copy_from_slice(&(mode << 16).to_le_bytes());
        zip[central + 5] = 3;
        assert_eq!(refusal(&zip), Refusal::Special("dev".into()));
    }

    #[test]
    fn a_bomb_is_refused_by_what_it_writes_and_not_by_what_it_declares() {
        let zeros = vec![0; 1024 * 1024];
        let entries: Vec<String> = (0..251).map(|n| format!("f{n}")).collect();
        let parts: Vec<(&str, u32, &[u8])> =
            entries.iter().map(|name| (name.as_str(), 0o644, zeros.as_slice())).collect();
        let bomb = zip_of(&parts);
        assert!(bomb.len() < 1024 * 1024);
        assert!(matches!(refusal(&bomb), Refusal::TooLarge(_)));
        let mut lying = zip_of(&[("f", 0o644, &zeros)]);
        let central = lying.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        lying[central + 24..central + 28].copy_from_slice(&1_u32.to_le_bytes());
        let _ = refusal(&lying);
    }

    #[test]
    fn no_bytes_and_no_damage_make_the_check_panic() {
        use proptest::prelude::*;
        let seed = zip_of(&[("a/b.py", 0o644, b"pass"), ("c", 0o120_777, b"a/b.py"), ("d/", 0o755, b"")]);
        proptest!(|(bytes in proptest::collection::vec(any::<u8>(), 0..256), at in 0..seed.len(), byte in any::<u8>())| {
            crate::fuzz::fuzz_package(&bytes);
            let mut damaged = seed.clone();
            damaged[at] = byte;
            crate::fuzz::fuzz_package(&damaged);
            let directory = tempfile::tempdir().unwrap();
            drop(extract(&damaged, directory.path()));
        });
    }
}
