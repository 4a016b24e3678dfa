//! Where an imported root comes from: an image's layers, or a folder of this host. Lists entries, and hands on their contents.
//!
//! Follows no link of a folder, and reads nothing that is neither file, folder nor link.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::ImportError;
use super::layout::Image;
use super::tarball::{Entry, Kind, Tarball, printable};
use super::tree::ENTRIES_MAX;

/// Folders whose content is the host's own matter: every environment has its own.
const OWN_FOLDERS: [&str; 5] = ["dev", "proc", "sys", "run", "tmp"];

/// What a root is made from.
pub(super) enum Origin {
    Image(Image),
    /// A folder, and what is in it.
    Folder(PathBuf),
}

impl Origin {
    pub(super) fn layers(&self) -> usize {
        match self {
            Self::Image(image) => image.layers.len(),
            Self::Folder(_) => 1,
        }
    }

    /// A layer's entries, in their order.
    pub(super) fn entries(&self, layer: usize) -> Result<Vec<Entry>, ImportError> {
        let mut entries = Vec::new();
        self.each(layer, |entry, _| {
            if entries.len() >= ENTRIES_MAX {
                return Err(ImportError::TooLarge);
            }
            entries.push(entry.clone());
            Ok(())
        })?;
        Ok(entries)
    }

    /// Hands each entry of a layer on, in the same order every time, with a way to its content.
    pub(super) fn each(
        &self,
        layer: usize,
        mut take: impl FnMut(&Entry, &mut dyn Content) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        match self {
            Self::Image(image) => {
                let Some(layer) = image.layers.get(layer) else { return Ok(()) };
                let mut tarball = Tarball::new(layer.open()?);
                while let Some(entry) = tarball.next()? {
                    if !is_own(&entry.path) {
                        take(&entry, &mut tarball)?;
                    }
                }
                Ok(())
            }
            Self::Folder(folder) => walk(folder, "", &mut take),
        }
    }
}

/// A present entry's content.
pub(super) trait Content {
    fn copy_to(&mut self, target: &mut fs::File) -> Result<(), ImportError>;
}

impl<R: io::Read> Content for Tarball<R> {
    fn copy_to(&mut self, target: &mut fs::File) -> Result<(), ImportError> {
        self.copy(target)
    }
}

/// A file of a folder, with the length that it was listed with.
struct Listed(PathBuf, u64);

impl Content for Listed {
    fn copy_to(&mut self, target: &mut fs::File) -> Result<(), ImportError> {
        let file = fs::File::open(&self.0)?;
        io::copy(&mut io::Read::take(file, self.1), target)?;
        Ok(target.flush()?)
    }
}

fn is_own(path: &str) -> bool {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let (top, below) = path.split_once('/').unwrap_or((path, ""));
    OWN_FOLDERS.contains(&top) && !below.is_empty()
}

type Take<'t> = dyn FnMut(&Entry, &mut dyn Content) -> Result<(), ImportError> + 't;

fn walk(root: &Path, below: &str, take: &mut Take<'_>) -> Result<(), ImportError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(below))? {
        let name = entry?.file_name().into_string();
        names.push(name.map_err(|name| ImportError::Path(printable(&name.to_string_lossy())))?);
    }
    names.sort();
    for name in names {
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if is_own(&path) {
            continue;
        }
        let host = root.join(&path);
        let metadata = fs::symlink_metadata(&host)?;
        let kind = metadata.file_type();
        let kind = match kind {
            _ if kind.is_dir() => Kind::Folder,
            _ if kind.is_file() => Kind::File,
            _ if kind.is_symlink() => {
                let target = fs::read_link(&host)?.into_os_string().into_string();
                Kind::Link(target.map_err(|_| ImportError::Path(printable(&path)))?)
            }
            _ => Kind::Special,
        };
        let bytes = if kind == Kind::File { metadata.len() } else { 0 };
        let is_executable = metadata.permissions().mode() & 0o111 != 0;
        let is_folder = kind == Kind::Folder;
        let entry = Entry { path: path.clone(), kind, is_executable, bytes };
        take(&entry, &mut Listed(host, bytes))?;
        if is_folder {
            walk(root, &path, take)?;
        }
    }
    Ok(())
}
