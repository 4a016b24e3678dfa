//! Root file systems for functions that were brought from elsewhere: an OCI image layout or a folder, kept in the data folder
//! under the name of the runtime that they are.
//!
//! Nothing of a root is executed but in a sandbox. One that is imported is there as a whole, or not at all.

mod layout;
mod run;
mod source;
mod tarball;
mod tree;
mod write;

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base::Timestamp;
use sandbox::{HostRuntime, ImportedRoot, RuntimeKind};
use serde::{Deserialize, Serialize};

use self::layout::Process;
use self::source::Origin;
use self::tree::Tree;
use crate::package::write_durably;

pub(crate) use self::run::Command;

/// The longest name of a runtime.
const NAME_BYTES_MAX: usize = 32;
const RECORD: &str = "runtime.json";
const ROOT: &str = "root";

/// A root was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No runtime can have this name.
    #[error(
        "a runtime's name is 1 to {NAME_BYTES_MAX} lower-case letters, digits and dots, and begins with a letter"
    )]
    Name,
    /// Another root has the name.
    #[error("a runtime of this name was imported already; remove it first")]
    Exists,
    /// None was imported under this name.
    #[error("no runtime of this name was imported")]
    Unknown,
    /// The image layout is not as it should be.
    #[error("the image layout is refused: {0}")]
    Layout(String),
    /// A layer is damaged.
    #[error("a layer is refused: {0}")]
    Layer(&'static str),
    /// A device, a pipe or a socket.
    #[error("`{0}` is a device or another special file")]
    Special(String),
    /// A path that cannot be one here.
    #[error("`{0}` has a path or a target that is not allowed")]
    Path(String),
    /// Too many entries or bytes.
    #[error("the root is too large: at most {} entries and {} bytes", tree::ENTRIES_MAX, tree::BYTES_MAX)]
    TooLarge,
    /// The source changed while it was read.
    #[error("the source changed while it was read")]
    Changed,
    /// Nothing in it runs functions.
    #[error("{0}")]
    NoRuntime(String),
    /// The disk failed.
    #[error("it cannot be read or written")]
    Disk(#[from] io::Error),
}

/// What is kept of an imported root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedRuntime {
    /// The runtime's name.
    pub name: String,
    /// The manifest's digest, where it was an image.
    pub digest: Option<String>,
    /// Files, folders and links.
    pub entries: usize,
    /// Bytes of its files.
    pub bytes: u64,
    /// When it was imported, in milliseconds since 1970.
    pub imported_at: Timestamp,
    pub(crate) command: Command,
    /// Where its root stands.
    #[serde(skip)]
    pub(crate) root: PathBuf,
}

impl ImportedRuntime {
    /// As an interpreter that functions of its name run on.
    pub fn host_runtime(&self) -> HostRuntime {
        let kind = match self.name.as_str() {
            _ if self.command.brings_runtime => RuntimeKind::Provided,
            name if name.starts_with("python") => RuntimeKind::Python,
            name if name.starts_with("nodejs") => RuntimeKind::Node,
            _ => RuntimeKind::Provided,
        };
        let root = ImportedRoot {
            name: self.name.clone(),
            folder: self.root.clone(),
            brings_runtime: self.command.brings_runtime,
            variables: self.command.variables.clone(),
        };
        HostRuntime {
            kind,
            version: String::new(),
            binds: Vec::new(),
            argv: self.command.argv.clone(),
            sdk: None,
            root: Some(root),
        }
    }
}

/// The roots of one data folder.
pub struct RuntimeRoots(PathBuf);

impl RuntimeRoots {
    /// Those in this folder, which need not be there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// All of them, in the order of their names. One that cannot be read is passed over, and told.
    pub fn list(&self) -> Vec<ImportedRuntime> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<ImportedRuntime> = names.filter_map(|name| self.get(&name)).collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    fn get(&self, name: &str) -> Option<ImportedRuntime> {
        let folder = self.0.join(name);
        if !is_name(name) {
            return None;
        }
        let bytes = fs::read(folder.join(RECORD)).ok()?;
        match serde_json::from_slice::<ImportedRuntime>(&bytes) {
            Ok(record) if record.name == name => Some(ImportedRuntime { root: folder.join(ROOT), ..record }),
            _ => {
                tracing::warn!(name, "an imported runtime cannot be read");
                None
            }
        }
    }

    /// Imports the root of an OCI image layout or a folder. Takes as long as it takes to write.
    ///
    /// # Errors
    /// Where the name is taken or none, or what is imported is refused; nothing is left behind then.
    pub fn import(&self, name: &str, path: &Path, now: Timestamp) -> Result<ImportedRuntime, ImportError> {
        if !is_name(name) {
            return Err(ImportError::Name);
        }
        if self.0.join(name).exists() {
            return Err(ImportError::Exists);
        }
        let path = path.canonicalize()?;
        let (origin, process, digest) = if layout::is_layout(&path) {
            let image = layout::read(&path, ARCHITECTURE)?;
            let (process, digest) = (image.process.clone(), image.digest.clone());
            (Origin::Image(image), process, Some(digest))
        } else {
            (Origin::Folder(path), Process::default(), None)
        };
        let mut tree = Tree::default();
        for layer in 0..origin.layers() {
            tree.add_layer(layer, &origin.entries(layer)?)?;
        }
        let command = run::command(name, &tree, &process)?;
        let making = self.0.join(format!(".making-{}", crypto::random::hex(8)));
        let root = self.0.join(name).join(ROOT);
        let record = ImportedRuntime {
            name: name.to_owned(),
            digest,
            entries: tree.count(),
            bytes: tree.bytes(),
            imported_at: now,
            command,
            root,
        };
        let made = make(&making, &tree, &origin, &record).and_then(|()| {
            fs::rename(&making, self.0.join(name))?;
            Ok(fs::File::open(&self.0)?.sync_all()?)
        });
        if made.is_err() {
            let _ = fs::remove_dir_all(&making);
        }
        made.map(|()| record)
    }

    /// Removes a root. Functions of the runtime find none until another is imported.
    ///
    /// # Errors
    /// Where there is none of this name, or the disk fails.
    pub fn remove(&self, name: &str) -> Result<(), ImportError> {
        if self.get(name).is_none() {
            return Err(ImportError::Unknown);
        }
        let gone = self.0.join(format!(".gone-{}", crypto::random::hex(8)));
        fs::rename(self.0.join(name), &gone)?;
        Ok(fs::remove_dir_all(gone)?)
    }
}

/// The architecture of this machine, in the words of images.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

fn make(folder: &Path, tree: &Tree, origin: &Origin, record: &ImportedRuntime) -> Result<(), ImportError> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let root = folder.join(ROOT);
    fs::create_dir(&root)?;
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755))?;
    write::write(tree, origin, &root)?;
    let text = serde_json::to_vec_pretty(record).map_err(io::Error::from)?;
    Ok(write_durably(&folder.join(RECORD), &text)?)
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.';
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(allowed)
        && !name.contains("..")
}

/// Whatever the bytes, a layer is refused or read, and nothing is written.
#[doc(hidden)]
pub(crate) fn fuzz_layer(data: &[u8]) {
    let mut tarball = tarball::Tarball::new(data);
    let mut entries = Vec::new();
    while let Ok(Some(entry)) = tarball.next() {
        entries.push(entry);
    }
    let mut tree = Tree::default();
    if tree.add_layer(0, &entries).is_ok() {
        let _ = tree.add_layer(1, &entries);
        assert!(
            tree.nodes()
                .all(|(path, _)| !path.is_empty()
                    && path.split('/').all(|part| !matches!(part, "" | "." | ".."))),
            "a path that leads elsewhere"
        );
    }
}

#[cfg(test)]
mod tests;
