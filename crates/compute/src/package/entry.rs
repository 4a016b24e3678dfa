//! Which entries of a zip file may become files, directories or links.
//!
//! It refuses by name and kind only, before a byte is written: absolute paths, `..`, odd characters, devices, names that
//! collide, files and links used as directories. Names that differ only in case are two, as on Linux.

use std::collections::HashMap;

use crate::limits::{ENTRY_DEPTH_MAX, ENTRY_NAME_BYTES_MAX, ENTRY_PATH_BYTES_MAX, PACKAGE_NAMES_MAX};

/// Why a package is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are not a zip file, or a damaged one.
    #[error("the file is not a valid zip file")]
    NotAZip,
    /// There are no files in it.
    #[error("the zip file is empty")]
    Empty,
    /// Too many entries.
    #[error("the zip file has more than {0} entries")]
    TooManyEntries(usize),
    /// Too many files, links and folders once unzipped.
    #[error("the zip file has more than {0} files and folders")]
    TooManyNames(usize),
    /// Too many bytes once unzipped.
    #[error("the unzipped size is over {0} bytes")]
    TooLarge(u64),
    /// The upload itself is too large.
    #[error("the zip file is over {0} bytes")]
    ZippedTooLarge(usize),
    /// Two entries share bytes of the file: a bomb.
    #[error("entries of the zip file overlap")]
    Overlapping,
    /// An entry is encrypted.
    #[error("entry `{0}` is encrypted")]
    Encrypted(String),
    /// An entry is compressed in a way other than stored and deflated.
    #[error("entry `{0}` uses a compression method that is not supported")]
    Compression(String),
    /// An entry is neither file, directory nor link.
    #[error("entry `{0}` is a device or another special file")]
    Special(String),
    /// A path that could leave the directory or cannot be a path here.
    #[error("entry `{0}` has a path that is not allowed")]
    Path(String),
    /// A link whose target no link may have here.
    #[error("entry `{0}` is a link with a target that is not allowed")]
    Link(String),
    /// Two entries with one name.
    #[error("entry `{0}` appears twice, or is both a file and a directory")]
    Duplicate(String),
    /// An entry's bytes do not match their checksum or length.
    #[error("entry `{0}` is damaged")]
    Damaged(String),
}

/// What an entry becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File { executable: bool },
    Link,
}

const TYPE_MASK: u32 = 0o170_000;
const TYPE_DIRECTORY: u32 = 0o040_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_LINK: u32 = 0o120_000;

impl Kind {
    /// The kind of an entry by its Unix mode, if it has one, and its name.
    pub(super) fn of(name: &str, unix_mode: Option<u32>) -> Result<Self, Refusal> {
        let mode = unix_mode.unwrap_or(0);
        let executable = mode & 0o111 != 0;
        match (mode & TYPE_MASK, name.ends_with('/')) {
            (TYPE_DIRECTORY | 0, true) => Ok(Self::Directory),
            (TYPE_DIRECTORY, false) => Err(Refusal::Path(printable(name))),
            (TYPE_FILE | 0, false) => Ok(Self::File { executable }),
            (TYPE_LINK, false) => Ok(Self::Link),
            _ => Err(Refusal::Special(printable(name))),
        }
    }
}

/// A name as it may appear in a message.
pub(super) fn printable(name: &str) -> String {
    name.chars().take(128).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The clean relative path of an entry, without a trailing slash, and without what says nothing: tools write `./a` and `a//b`.
/// Empty where the entry is the package's own directory.
pub(super) fn clean_path(name: &str) -> Result<String, Refusal> {
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let path = parts.join("/");
    let allowed = !name.starts_with('/')
        && (!path.is_empty() || name.ends_with('/'))
        && path.len() <= ENTRY_PATH_BYTES_MAX
        && parts.len() <= ENTRY_DEPTH_MAX
        && parts.iter().all(|part| is_allowed_component(part));
    if allowed { Ok(path) } else { Err(Refusal::Path(printable(name))) }
}

fn is_allowed_component(component: &str) -> bool {
    component != ".."
        && component.len() <= ENTRY_NAME_BYTES_MAX
        && !component.chars().any(|c| c.is_control() || c == '\\')
}

/// Where links may lead.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// Inside of the package, or to what a function has of its own besides: its code, its layers, its storage.
    // SECURITY: nothing but the function follows them, among its own mounts, where it could make the same. What reads the
    // unpacked tree on the host takes a link for what it is.
    OfFunctions,
    /// Not out of the tree, which is read by what follows them.
    Inside,
}

/// What is a function's own where it runs.
const OWN_ROOTS: [&str; 3] = ["/var/task", "/opt", "/tmp"];

impl Links {
    /// Whether a link at `path` may have this target. One with a line feed would be taken for lines of the manifest.
    pub(super) fn admit(self, path: &str, target: &str) -> bool {
        let leads_where_it_may = || match self {
            Self::OfFunctions => is_own(path, target),
            Self::Inside => is_inside(path, target),
        };
        !target.is_empty() && !target.chars().any(char::is_control) && leads_where_it_may()
    }
}

/// Whether a link at `path` with this target leads to what is a function's own, as it is written.
fn is_own(path: &str, target: &str) -> bool {
    let root = OWN_ROOTS.iter().find_map(|root| target.strip_prefix(root));
    let (above, below) = match root {
        Some(below) if below.is_empty() || below.starts_with('/') => (0, below),
        _ if target.starts_with('/') => return false,
        _ => (path.split('/').count().saturating_sub(1), target),
    };
    let step = |depth: usize, part: &str| match part {
        ".." => depth.checked_sub(1),
        "" | "." => Some(depth),
        _ => Some(depth + 1),
    };
    below.split('/').try_fold(above, step).is_some()
}

/// Whether a link at `path` with this target stays inside the package however its parts are followed.
// SECURITY: `..` may only lead the target. Behind a name it could be taken relative to another link's target, and
// then the text no longer says where it ends.
fn is_inside(path: &str, target: &str) -> bool {
    let depth = path.split('/').count().saturating_sub(1);
    let climbs = target.split('/').take_while(|part| *part == "..").count();
    let below = target.split('/').skip(climbs);
    climbs <= depth
        && below.clone().all(|part| part != "..")
        && !target.starts_with('/')
        && !target.contains('\\')
}

/// The names taken so far.
#[derive(Default)]
pub(super) struct Names(HashMap<String, Origin>);

#[derive(PartialEq, Eq)]
enum Origin {
    NotADirectory,
    Implied,
    Entry,
}

impl Names {
    /// Takes a path, and its ancestors as directories.
    pub(super) fn take(&mut self, path: &str, kind: Kind) -> Result<(), Refusal> {
        for (at, _) in path.match_indices('/') {
            if let Some(ancestor) = path.get(..at) {
                self.take_one(ancestor, Origin::Implied)?;
            }
        }
        let origin = if kind == Kind::Directory { Origin::Entry } else { Origin::NotADirectory };
        self.take_one(path, origin)
    }

    fn take_one(&mut self, path: &str, origin: Origin) -> Result<(), Refusal> {
        let Some(taken) = self.0.get_mut(path) else {
            if self.0.len() >= PACKAGE_NAMES_MAX {
                return Err(Refusal::TooManyNames(PACKAGE_NAMES_MAX));
            }
            self.0.insert(path.to_owned(), origin);
            return Ok(());
        };
        match (&*taken, origin) {
            (Origin::Implied | Origin::Entry, Origin::Implied) => Ok(()),
            (Origin::Implied, Origin::Entry) => {
                *taken = Origin::Entry;
                Ok(())
            }
            _ => Err(Refusal::Duplicate(printable(path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_paths_without_tricks_are_clean() {
        for good in ["a", "a/b.py", "ä/ö", "a..b", "..a", " "] {
            assert_eq!(clean_path(good).as_deref(), Ok(good));
        }
        for (same, path) in
            [("a/", "a"), ("./a", "a"), ("././a/./b", "a/b"), ("a//b", "a/b"), (".//a//", "a"), ("./", "")]
        {
            assert_eq!(clean_path(same).as_deref(), Ok(path), "{same}");
        }
        let long = "a".repeat(256);
        let deep = "a/".repeat(65);
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "a/../b",
            ".",
            "//",
            "/./a",
            "./..",
            "./../a",
            "a/./../../b",
            "a\\b",
            "a\0b",
            "a\nb",
            &long,
            &deep,
            "../x/",
        ] {
            assert!(clean_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn links_inside_may_only_climb_at_their_start_and_not_out() {
        for (path, target) in [("a", "b"), ("a/b", "../c"), ("a/b/c", "../../d/e"), ("a", "b/c")] {
            assert!(Links::Inside.admit(path, target), "{path} -> {target}");
        }
        for (path, target) in [
            ("a", ""),
            ("a", "/etc/passwd"),
            ("a", ".."),
            ("a", "../b"),
            ("a/b", "../../c"),
            ("a", "b/../c"),
            ("a/b", "../c/../../d"),
            ("a", "b\0"),
        ] {
            assert!(!Links::Inside.admit(path, target), "{path} -> {target}");
        }
    }

    #[test]
    fn links_of_functions_lead_to_what_is_theirs_in_one_line() {
        for (path, target) in [
            ("a", "/opt/nodejs/node_modules"),
            ("a", "/tmp/cache"),
            ("a", "/tmp"),
            ("a", "/var/task/b/../c"),
            ("a", "b/../m.py"),
            ("a/b", "../c/../m.py"),
            ("a", "missing"),
            ("a", "b\\c"),
        ] {
            assert!(Links::OfFunctions.admit(path, target), "{path} -> {target}");
        }
        for target in [
            "/etc/passwd",
            "/",
            "/var/lib",
            "/optional",
            "/opt/../etc",
            "/tmp/a/../../proc",
            "../../etc",
            "a/../../b",
            "..",
            "",
            "b\0",
            "b\nx\0f 644 1 0",
            "\u{7f}",
        ] {
            assert!(!Links::OfFunctions.admit("a", target), "{target:?}");
        }
    }

    #[test]
    fn kinds_come_from_the_mode_and_devices_are_none() {
        assert_eq!(Kind::of("a", None), Ok(Kind::File { executable: false }));
        assert_eq!(Kind::of("a", Some(0o100_755)), Ok(Kind::File { executable: true }));
        assert_eq!(Kind::of("a", Some(0o104_755)), Ok(Kind::File { executable: true }));
        assert_eq!(Kind::of("a/", Some(0o040_755)), Ok(Kind::Directory));
        assert_eq!(Kind::of("a/", None), Ok(Kind::Directory));
        assert_eq!(Kind::of("a", Some(0o120_777)), Ok(Kind::Link));
        for special in [0o020_666, 0o060_660, 0o010_644, 0o140_644] {
            assert_eq!(Kind::of("a", Some(special)), Err(Refusal::Special("a".into())), "{special:o}");
        }
        assert!(Kind::of("a", Some(0o040_755)).is_err());
        assert!(Kind::of("a/", Some(0o100_755)).is_err());
    }

    #[test]
    fn names_that_collide_are_refused() {
        const FILE: Kind = Kind::File { executable: false };
        let accept: &[&[(&str, Kind)]] = &[
            &[("a/b", FILE), ("a", Kind::Directory)],
            &[("a", Kind::Directory), ("a/b", FILE), ("a/c", FILE)],
            &[("a", FILE), ("A", FILE)],
            &[("a/x", FILE), ("A/x", FILE), ("A", Kind::Directory)],
        ];
        let refuse: &[&[(&str, Kind)]] = &[
            &[("a", FILE), ("a", FILE)],
            &[("a", FILE), ("A", FILE), ("A", FILE)],
            &[("a", FILE), ("A", FILE), ("A/y", FILE)],
            &[("a", FILE), ("a/b", FILE)],
            &[("a/b", FILE), ("a", FILE)],
            &[("a", Kind::Link), ("a/b", FILE)],
            &[("a", Kind::Directory), ("a", Kind::Directory)],
        ];
        let run = |paths: &[(&str, Kind)]| {
            let mut names = Names::default();
            paths.iter().try_for_each(|(path, kind)| names.take(path, *kind))
        };
        for paths in accept {
            assert_eq!(run(paths), Ok(()), "{paths:?}");
        }
        for paths in refuse {
            assert!(run(paths).is_err(), "{paths:?}");
        }
    }
}
