//! The root key: one file, mode 0600, from which the key of every purpose is derived.
//!
//! The file is text: a first line that names the format, then keys in hexadecimal, the current one first; those
//! after it were retired by a rotation and only open. The root key itself never seals anything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keyring::DataKey;
use crate::random;
use crate::seal::Sealer;

const FIRST_LINE: &str = "fastness root key v1";
const KEYS_MAX: usize = 64;
const FILE_BYTES_MAX: u64 = 8_192;

type Key = Zeroizing<[u8; 32]>;

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// The file could not be read or written.
    #[error("the root key file `{path}` cannot be used")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Someone else than its owner can read the file.
    #[error(
        "the root key file `{path}` has mode {mode:04o}; it must not be open to group or others (chmod 600)"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a root key.
    #[error("`{path}` is not a root key file")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The most rotations that one file can hold.
    #[error("the root key file `{path}` already holds {KEYS_MAX} keys")]
    Full {
        /// The file.
        path: PathBuf,
    },
}

/// The root of the key hierarchy.
pub struct RootKey {
    current: Key,
    retired: Vec<Key>,
}

impl std::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootKey(…)")
    }
}

impl RootKey {
    /// Reads the key file, or makes it where there is none.
    pub fn load_or_create(path: &Path) -> Result<Self, RootKeyError> {
        match Self::load(path) {
            Err(RootKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let fresh = Self::ephemeral();
                match fresh.write(path, Placement::New) {
                    Ok(()) => Ok(fresh),
                    // Another process was quicker: its key is the one.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
                    Err(source) => Err(RootKeyError::Io { path: path.to_owned(), source }),
                }
            }
            outcome => outcome,
        }
    }

    /// A key that lives only in this process.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self { current: Zeroizing::new(random::bytes()), retired: Vec::new() }
    }

    /// Makes a new current key and keeps the old ones for opening; the file is replaced in one step.
    pub fn rotate(path: &Path) -> Result<Self, RootKeyError> {
        let old = Self::load(path)?;
        if old.retired.len() + 2 > KEYS_MAX {
            return Err(RootKeyError::Full { path: path.to_owned() });
        }
        let mut retired = vec![old.current];
        retired.extend(old.retired);
        let rotated = Self { current: Zeroizing::new(random::bytes()), retired };
        rotated
            .write(path, Placement::Replace)
            .map_err(|source| RootKeyError::Io { path: path.to_owned(), source })?;
        Ok(rotated)
    }

    /// The sealer of one purpose. Purposes are fixed words in the code, such as `store`; they share no key.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Sealer {
        let data_key = |root: &Key| DataKey::derive(root, purpose);
        loop {
            // A 32-byte key always has the size that AES-256 wants, so the first turn is the last.
            if let Some(current) = data_key(&self.current) {
                return Sealer::new(current, self.retired.iter().filter_map(data_key).collect());
            }
        }
    }

    fn load(path: &Path) -> Result<Self, RootKeyError> {
        let failed = |source| RootKeyError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        // SECURITY: the mode is read from the open file, not from the path, so that what was checked is what is read.
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(RootKeyError::Exposed { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize));
        Read::by_ref(&mut file).take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(failed)?;
        parse(&text).ok_or_else(|| RootKeyError::Malformed { path: path.to_owned() })
    }

    /// Writes a complete, synced file beside the target and then gives it the target's name.
    fn write(&self, path: &Path, placement: Placement) -> io::Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.new", random::hex(8)));
        let beside = PathBuf::from(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        let placed = file.write_all(self.text().as_bytes()).and_then(|()| file.sync_all()).and_then(|()| {
            match placement {
                // A link fails where the name is taken: a key that exists is never overwritten.
                Placement::New => fs::hard_link(&beside, path),
                Placement::Replace => fs::rename(&beside, path),
            }
        });
        if !matches!((placement, &placed), (Placement::Replace, Ok(()))) {
            fs::remove_file(&beside)?;
        }
        placed?;
        match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize));
        text.push_str(FIRST_LINE);
        text.push('\n');
        for key in std::iter::once(&self.current).chain(&self.retired) {
            for byte in key.iter() {
                for digit in [byte >> 4, byte & 15] {
                    text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
                }
            }
            text.push('\n');
        }
        text
    }
}

#[derive(Clone, Copy)]
enum Placement {
    New,
    Replace,
}

/// Reads the file's text. `None` where it is anything but the format above.
pub(crate) fn parse(text: &[u8]) -> Option<RootKey> {
    let text = std::str::from_utf8(text).ok()?;
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next()? != FIRST_LINE {
        return None;
    }
    let mut keys = lines.map(parse_key).collect::<Option<Vec<Key>>>()?.into_iter();
    let current = keys.next()?;
    let retired: Vec<Key> = keys.collect();
    (retired.len() < KEYS_MAX).then_some(RootKey { current, retired })
}

fn parse_key(line: &str) -> Option<Key> {
    if line.len() != 64 {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    for (byte, digits) in key.iter_mut().zip(line.as_bytes().chunks_exact(2)) {
        for digit in digits {
            let value = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(value).ok()?;
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("fastness-root-key-{}", random::hex(8)));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn key(&self) -> PathBuf {
            self.0.join("root.key")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_file_is_made_once_and_private() {
        let folder = Folder::new();
        let sealed = RootKey::load_or_create(&folder.key()).unwrap().derive("x").seal(b"", b"value");
        let mode = fs::metadata(folder.key()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is left beside it");
        let again = RootKey::load_or_create(&folder.key()).unwrap();
        assert_eq!(again.derive("x").open(b"", &sealed).unwrap(), b"value");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = Folder::new();
        RootKey::load_or_create(&folder.key()).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o666] {
            fs::set_permissions(folder.key(), fs::Permissions::from_mode(mode)).unwrap();
            let error = RootKey::load_or_create(&folder.key()).unwrap_err();
            assert!(matches!(error, RootKeyError::Exposed { .. }), "{mode:o}");
        }
    }

    #[test]
    fn a_damaged_file_is_refused_and_never_replaced() {
        let good = RootKey::ephemeral().text();
        let bad = [
            String::new(),
            "key".into(),
            good.replace("v1", "v2"),
            good.chars().take(60).collect(),
            format!("{}\n", *good),
        ];
        for text in bad {
            let folder = Folder::new();
            fs::write(folder.key(), &text).unwrap();
            fs::set_permissions(folder.key(), fs::Permissions::from_mode(0o600)).unwrap();
            let error = RootKey::load_or_create(&folder.key()).unwrap_err();
            assert!(matches!(error, RootKeyError::Malformed { .. }), "{error}");
            assert_eq!(fs::read_to_string(folder.key()).unwrap(), text);
        }
    }

    #[test]
    fn a_rotation_opens_the_old_and_seals_with_the_new() {
        let folder = Folder::new();
        let old = RootKey::load_or_create(&folder.key()).unwrap().derive("x").seal(b"", b"old");
        let rotated = RootKey::rotate(&folder.key()).unwrap().derive("x");
        assert_eq!(rotated.open(b"", &old).unwrap(), b"old");
        assert!(rotated.is_stale(&old));
        let new = rotated.seal(b"", b"new");
        assert!(!rotated.is_stale(&new));
        let reloaded = RootKey::load_or_create(&folder.key()).unwrap().derive("x");
        assert_eq!(reloaded.open(b"", &new).unwrap(), b"new");
        assert_eq!(reloaded.open(b"", &old).unwrap(), b"old");
    }

    #[test]
    fn debug_says_nothing() {
        let root = RootKey::ephemeral();
        assert_eq!(format!("{root:?} {:?}", root.derive("x")), "RootKey(…) Sealer(…)");
    }
}
