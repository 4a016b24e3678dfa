//! Turns a folder of code, or of a layer, into a package: its files, its dependencies, one deterministic zip.
//!
//! Dependencies come from the registries as `sam build` takes them (`requirements.txt`, `package.json`), by an installer that runs
//! strangers' code apart from this process. What was installed is kept per manifest and runtime, so that an edit of a handler packages
//! in milliseconds.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::install::{Install, InstallError, Language, Order};

/// Why a package could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    /// A file could not be read or written.
    #[error("cannot read or write `{path}`")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Its dependencies could not be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The zip could not be written.
    #[error("cannot write the package")]
    Zip(#[from] zip::result::ZipError),
    /// Another tool has to build it.
    #[error(
        "`BuildMethod: {0}` is not built here: run `sam build`, and deploy `.aws-sam/build/template.yaml`"
    )]
    Method(String),
    /// More files, bytes or levels than Lambda takes.
    #[error("`{0}` holds more than a Lambda package may: 250 MB, 50,000 files, 64 levels")]
    TooLarge(PathBuf),
}

const BYTES_MAX: u64 = 250 * 1024 * 1024;
const FILES_MAX: usize = 50_000;
const DEPTH_MAX: usize = 64;
/// Values of `BuildMethod` that stand for a tool, and not for a runtime.
const MADE_BY_OTHERS: [&str; 4] = ["esbuild", "makefile", "rust-cargolambda", "python-uv"];
const SKIPPED: [&str; 5] = ["__pycache__", ".git", ".fastness", ".aws-sam", ".venv"];

/// What makes a good package's first bytes.
const ZIP_MAGIC: [u8; 4] = *b"PK\x03\x04";

/// How a folder becomes a package.
#[derive(Clone, Copy)]
pub(super) struct Build<'a> {
    /// The runtime that its dependencies are for.
    pub(super) runtime: &'a str,
    /// Whether what its manifest names is installed.
    pub(super) installs: bool,
    /// The folder in the package that everything stands in; empty for none.
    pub(super) prefix: &'a str,
    /// Installed dependencies are kept here; no package holds any of it.
    pub(super) cache: &'a Path,
    /// Installs them.
    pub(super) installer: &'a dyn Install,
    /// Is told what is being done.
    pub(super) tell: &'a dyn Fn(&str),
}

/// The package that a file is: as it stands where it is a zip, and else with the file as the one thing in it.
pub(super) fn of_file(path: &Path) -> Result<Vec<u8>, BuildError> {
    let io = |source| BuildError::Io { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(io)?.len();
    if bytes > BYTES_MAX {
        return Err(BuildError::TooLarge(path.to_owned()));
    }
    let contents = std::fs::read(path).map_err(io)?;
    if contents.starts_with(&ZIP_MAGIC) {
        return Ok(contents);
    }
    let mut files = Files::default();
    let folder = path.parent().unwrap_or(path);
    files.add_file(folder, path.to_owned(), bytes)?;
    files.zip()
}

/// Builds the package of what is in `folder`.
pub(super) fn package(folder: &Path, build: Build<'_>) -> Result<Vec<u8>, BuildError> {
    if build.installs && MADE_BY_OTHERS.contains(&build.runtime) {
        return Err(BuildError::Method(build.runtime.to_owned()));
    }
    // SECURITY: the platform's own folder may lie in the code's; its keys are in no package.
    let except = build.cache.canonicalize().ok();
    let mut files = Files { except, prefix: build.prefix.into(), ..Files::default() };
    let folder =
        &folder.canonicalize().map_err(|source| BuildError::Io { path: folder.to_owned(), source })?;
    files.add_tree(folder, folder, 0)?;
    let installed = match build.installs {
        true => dependencies(folder, build, &files)?,
        false => None,
    };
    files.except = None;
    if let Some(installed) = &installed {
        files.add_tree(installed, installed, 0)?;
    }
    files.zip()
}

/// What the folder's manifest names, installed once for each content of it.
fn dependencies(folder: &Path, build: Build<'_>, files: &Files) -> Result<Option<PathBuf>, BuildError> {
    let Some(language) = Language::of(build.runtime) else { return Ok(None) };
    let brings_them = language == Language::Node && folder.join("node_modules").is_dir();
    if !folder.join(language.manifest()).is_file() || brings_them {
        return Ok(None);
    }
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::Io { path, source }
    };
    let kept = build.cache.join("build").join(key(folder, language, build.runtime, files)?);
    if kept.is_dir() {
        return Ok(Some(kept));
    }
    let scratch = kept.with_extension("partial");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).map_err(io(&scratch))?;
    }
    let (copy, target) = (scratch.join("copy"), scratch.join("out"));
    std::fs::create_dir_all(&target).map_err(io(&target))?;
    files.copy_to(folder, &copy)?;
    let order =
        Order { folder, copy: &copy, target: &target, language, runtime: build.runtime, tell: build.tell };
    let installed = build.installer.install(&order).map_err(BuildError::from);
    let installed = installed.and_then(|()| std::fs::rename(&target, &kept).map_err(io(&kept)));
    // What is left of it is of no use to anyone.
    let _ = std::fs::remove_dir_all(&scratch);
    installed.map(|()| Some(kept))
}

/// What an installation depends on: the runtime, every file that says what is installed, and all of the folder where that is
/// something in it.
fn key(folder: &Path, language: Language, runtime: &str, files: &Files) -> Result<String, BuildError> {
    let says = |name: &str| match language {
        Language::Python => {
            name.ends_with(".txt") && (name.starts_with("requirements") || name.starts_with("constraints"))
        }
        Language::Node => {
            ["package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc"].contains(&name)
        }
    };
    let mut digests = Vec::new();
    let mut is_local = false;
    for (name, path) in files.of(folder) {
        let said = says(name.to_string_lossy().as_ref());
        let contents = std::fs::read(path).map_err(|source| BuildError::Io { path: path.clone(), source })?;
        is_local |= said && names_files(&contents);
        digests.push((said, name, crypto::sha256(&contents)));
    }
    let mut bytes = runtime.as_bytes().to_vec();
    for (_, name, digest) in digests.iter().filter(|(said, ..)| *said || is_local) {
        bytes.extend_from_slice(name.as_os_str().as_encoded_bytes());
        bytes.extend_from_slice(digest);
    }
    Ok(hex::encode(crypto::sha256(&bytes)))
}

/// True where a manifest may name something beside it: a path in `requirements.txt`, `file:` in either.
fn names_files(manifest: &[u8]) -> bool {
    let text = String::from_utf8_lossy(manifest);
    let is_path =
        |line: &str| line.starts_with(['.', '/']) || line.starts_with("-e") || line.starts_with("--editable");
    text.contains("file:") || text.lines().any(|line| is_path(line.trim_start()))
}

/// The files of a package by their names in it; the first file of a name stays.
#[derive(Default)]
struct Files {
    by_name: BTreeMap<String, PathBuf>,
    /// A folder that is left out.
    except: Option<PathBuf>,
    /// The folder in the package that everything stands in.
    prefix: PathBuf,
    bytes: u64,
}

impl Files {
    fn add_tree(&mut self, root: &Path, folder: &Path, depth: usize) -> Result<(), BuildError> {
        let io = |source| BuildError::Io { path: folder.to_owned(), source };
        if self.except.as_deref() == Some(folder) {
            return Ok(());
        }
        if depth > DEPTH_MAX {
            return Err(BuildError::TooLarge(root.to_owned()));
        }
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path();
            // Follows links as `sam build` does: the package holds what they point at.
            let metadata = std::fs::metadata(&path).map_err(io)?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| SKIPPED.contains(&name)) || self.is_left_out(&entry)? {
                continue;
            }
            if metadata.is_dir() {
                self.add_tree(root, &path, depth + 1)?;
            } else if metadata.is_file() {
                self.add_file(root, path, metadata.len())?;
            }
        }
        Ok(())
    }

    /// True for a link into the folder that is left out.
    // SECURITY: under another name the platform's keys are in no package either.
    fn is_left_out(&self, entry: &std::fs::DirEntry) -> Result<bool, BuildError> {
        let io = |source| BuildError::Io { path: entry.path(), source };
        let Some(except) =
            self.except.as_deref().filter(|_| entry.file_type().is_ok_and(|kind| kind.is_symlink()))
        else {
            return Ok(false);
        };
        // One that leads to a folder above it would bring it along.
        let real = entry.path().canonicalize().map_err(io)?;
        Ok(real.starts_with(except) || except.starts_with(&real))
    }

    fn add_file(&mut self, root: &Path, path: PathBuf, bytes: u64) -> Result<(), BuildError> {
        let name = self.prefix.join(path.strip_prefix(root).unwrap_or(&path));
        let name = name.to_string_lossy().into_owned();
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > BYTES_MAX || self.by_name.len() >= FILES_MAX {
            return Err(BuildError::TooLarge(root.to_owned()));
        }
        self.by_name.entry(name).or_insert(path);
        Ok(())
    }

    /// Every file below a folder, by its path from there.
    fn of<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = (&'a Path, &'a PathBuf)> {
        self.by_name.values().filter_map(move |path| Some((path.strip_prefix(folder).ok()?, path)))
    }

    /// Copies everything below a folder, for anyone to read.
    fn copy_to(&self, folder: &Path, copy: &Path) -> Result<(), BuildError> {
        let opened = |path: &Path| {
            let io = |source| BuildError::Io { path: path.to_owned(), source };
            std::fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(io)
        };
        for (name, path) in self.of(folder) {
            let target = copy.join(name);
            let io = |source| BuildError::Io { path: target.clone(), source };
            let parent = target.parent().unwrap_or(copy);
            std::fs::create_dir_all(parent).map_err(io)?;
            std::fs::copy(path, &target).map_err(io)?;
            opened(&target)?;
            for folder in parent.ancestors().take_while(|folder| folder.starts_with(copy)) {
                opened(folder)?;
            }
        }
        Ok(())
    }

    /// The same files make the same bytes: sorted names, one date.
    fn zip(&self) -> Result<Vec<u8>, BuildError> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, path) in &self.by_name {
            let io = |source| BuildError::Io { path: path.clone(), source };
            let contents = std::fs::read(path).map_err(io)?;
            let mode = std::fs::metadata(path).map_err(io)?.permissions().mode();
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .last_modified_time(zip::DateTime::default())
                .unix_permissions(if mode & 0o111 == 0 { 0o644 } else { 0o755 });
            writer.start_file(name.as_str(), options)?;
            writer.write_all(&contents).map_err(io)?;
        }
        Ok(writer.finish()?.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::OnHost;

    fn python(cache: &Path) -> Build<'_> {
        Build { runtime: "python3.12", installs: true, prefix: "", cache, installer: &OnHost, tell: &|_| () }
    }

    fn names(zip: Vec<u8>) -> Vec<String> {
        let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        (0..archive.len()).map(|i| archive.by_index(i).unwrap().name().unwrap().into_owned()).collect()
    }

    #[test]
    fn the_same_files_make_the_same_package() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.py"), "b = 1").unwrap();
        std::fs::create_dir(folder.path().join("pkg")).unwrap();
        std::fs::write(folder.path().join("pkg/a.py"), "a = 1").unwrap();
        let cache = tempfile::tempdir().unwrap();
        let first = package(folder.path(), python(cache.path())).unwrap();
        let second = package(folder.path(), python(cache.path())).unwrap();
        assert_eq!(first, second);
        assert_eq!(names(first), ["b.py", "pkg/a.py"]);
        let layer = package(folder.path(), Build { prefix: "python", ..python(cache.path()) }).unwrap();
        assert_eq!(names(layer), ["python/b.py", "python/pkg/a.py"]);
    }

    #[test]
    fn a_file_is_a_package_or_in_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("index.js");
        std::fs::write(&file, "exports.handler = async () => 1").unwrap();
        let package = of_file(&file).unwrap();
        assert_eq!(names(package.clone()), ["index.js"]);
        let zip = folder.path().join("code.zip");
        std::fs::write(&zip, &package).unwrap();
        assert_eq!(of_file(&zip).unwrap(), package);
    }

    #[test]
    fn what_another_tool_has_to_build_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let build = Build { runtime: "esbuild", ..python(folder.path()) };
        let told = package(folder.path(), build).unwrap_err().to_string();
        assert!(told.contains("run `sam build`"), "{told}");
    }

    #[test]
    fn the_platforms_own_folder_is_in_no_package() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("state");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("root.key"), "secret").unwrap();
        std::fs::write(folder.path().join("a.py"), "a = 1").unwrap();
        assert_eq!(names(package(folder.path(), python(&data)).unwrap()), ["a.py"]);
        // By no other name either; links to what is the author's are followed, as `sam build` does.
        for (link, to) in [("folder", "state"), ("key", "state/root.key"), ("all", "."), ("b.py", "a.py")] {
            std::os::unix::fs::symlink(to, folder.path().join(link)).unwrap();
        }
        assert_eq!(names(package(folder.path(), python(&data)).unwrap()), ["a.py", "b.py"]);
    }

    #[test]
    fn what_was_installed_is_kept_and_stands_behind_the_own() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("requirements.txt", "x");
        write("own.py", "own");
        let cache = tempfile::tempdir().unwrap();
        let installer = Counting::default();
        let build = Build { installer: &installer, ..python(cache.path()) };
        for (prefix, expected) in [
            ("", ["lib/a.py", "own.py", "requirements.txt"]),
            ("python", ["python/lib/a.py", "python/own.py", "python/requirements.txt"]),
        ] {
            let zip = package(folder.path(), Build { prefix, ..build }).unwrap();
            assert_eq!(names(zip.clone()), expected);
            let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
            assert_eq!(std::io::read_to_string(archive.by_name(expected[1]).unwrap()).unwrap(), "own");
        }
        assert_eq!(installer.asked(), 1);
        // Code is no part of what was asked for, unless it is.
        write("own.py", "edited");
        package(folder.path(), build).unwrap();
        assert_eq!(installer.asked(), 1);
        for (name, text) in
            [("requirements-more.txt", "y"), ("requirements.txt", "./own"), ("own.py", "again")]
        {
            let before = installer.asked();
            write(name, text);
            package(folder.path(), build).unwrap();
            assert_eq!(installer.asked(), before + 1, "{name}");
        }
        let left = std::fs::read_dir(cache.path().join("build")).unwrap().flatten();
        assert!(left.into_iter().all(|entry| entry.path().extension().is_none()));
    }

    #[test]
    fn manifests_that_name_what_is_beside_them_are_known() {
        for (text, expected) in [
            ("boto3>=1\nrequests", false),
            ("requests # see ./notes", false),
            ("boto3\n ./mine", true),
            ("-e .", true),
            ("mine @ file:///x", true),
            ("{\"dependencies\": {\"mine\": \"file:../mine\"}}", true),
        ] {
            assert_eq!(names_files(text.as_bytes()), expected, "{text}");
        }
    }

    /// Installs the same twice: one module of its own, and one that the application has too.
    #[derive(Default)]
    struct Counting(std::sync::atomic::AtomicUsize);

    impl Counting {
        fn asked(&self) -> usize {
            self.0.load(std::sync::atomic::Ordering::Relaxed)
        }
    }

    impl Install for Counting {
        fn install(&self, order: &Order<'_>) -> Result<(), InstallError> {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            assert!(order.copy.join("requirements.txt").is_file());
            std::fs::create_dir(order.target.join("lib")).unwrap();
            for name in ["lib/a.py", "own.py"] {
                std::fs::write(order.target.join(name), "theirs").unwrap();
            }
            Ok(())
        }
    }
}
