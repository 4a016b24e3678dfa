//! Turns a folder of code, or of a layer, into a package: its files, its dependencies, one deterministic zip.
//!
//! Dependencies come from the registries as `sam build` takes them (`requirements.txt`, `package.json`), but without
//! running anyone's code on this host: pip takes wheels only, npm runs no scripts. What was installed is kept per
//! manifest and runtime, so that an edit of a handler packages in milliseconds.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

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
    /// The package manager is not on this host.
    #[error("`{program}` is not installed, or not in PATH: it installs what `{manifest}` names")]
    Missing {
        /// The program.
        program: String,
        /// The file that asks for it.
        manifest: PathBuf,
    },
    /// The package manager failed.
    #[error("`{command}` failed for `{folder}`:\n{output}")]
    Install {
        /// What was run.
        command: String,
        /// The function's folder.
        folder: PathBuf,
        /// The end of what it printed.
        output: String,
    },
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

/// Builds the package of what is in `folder`; installed dependencies are kept below `data_dir`.
pub(super) fn package(folder: &Path, build: Build<'_>, data_dir: &Path) -> Result<Vec<u8>, BuildError> {
    if build.installs && MADE_BY_OTHERS.contains(&build.runtime) {
        return Err(BuildError::Method(build.runtime.to_owned()));
    }
    // SECURITY: the platform's own folder may lie in the code's; its keys are in no package.
    let except = data_dir.canonicalize().ok();
    let mut files = Files { except, prefix: build.prefix.into(), ..Files::default() };
    let folder =
        &folder.canonicalize().map_err(|source| BuildError::Io { path: folder.to_owned(), source })?;
    files.add_tree(folder, folder, 0)?;
    let installed = match build.installs {
        true => dependencies(folder, build.runtime, &data_dir.join("build"))?,
        false => None,
    };
    files.except = None;
    if let Some(installed) = &installed {
        files.add_tree(installed, installed, 0)?;
    }
    files.zip()
}

/// Installs what the folder's manifest names, once for each content of the manifest.
fn dependencies(folder: &Path, runtime: &str, cache: &Path) -> Result<Option<PathBuf>, BuildError> {
    let (manifest, is_node) = match runtime {
        python if python.starts_with("python") => (folder.join("requirements.txt"), false),
        node if node.starts_with("nodejs") => (folder.join("package.json"), true),
        _ => return Ok(None),
    };
    let Ok(text) = std::fs::read(&manifest) else { return Ok(None) };
    if is_node && folder.join("node_modules").is_dir() {
        return Ok(None);
    }
    let lock = std::fs::read(folder.join("package-lock.json")).unwrap_or_default();
    let key = hex::encode(crypto::sha256(&[runtime.as_bytes(), &text, &lock].concat()));
    let target = cache.join(key);
    if target.is_dir() {
        return Ok(Some(target));
    }
    let partial = target.with_extension("partial");
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::Io { path, source }
    };
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(io(&partial))?;
    }
    std::fs::create_dir_all(&partial).map_err(io(&partial))?;
    if is_node {
        npm(folder, &partial)?
    } else {
        pip(&manifest, folder, &partial)?
    }
    std::fs::rename(&partial, &target).map_err(io(&target))?;
    Ok(Some(target))
}

fn pip(manifest: &Path, folder: &Path, target: &Path) -> Result<(), BuildError> {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    // SECURITY: wheels only, so that no package's set-up code runs on the host.
    command.args(["--only-binary", ":all:", "--no-compile", "--requirement"]).arg(manifest);
    command.arg("--target").arg(target);
    run(command, folder, manifest)
}

fn npm(folder: &Path, target: &Path) -> Result<(), BuildError> {
    for name in ["package.json", "package-lock.json"] {
        let from = folder.join(name);
        if from.is_file() {
            let to = target.join(name);
            std::fs::copy(&from, &to).map_err(|source| BuildError::Io { path: to, source })?;
        }
    }
    let verb = if target.join("package-lock.json").is_file() { "ci" } else { "install" };
    let mut command = Command::new("npm");
    // SECURITY: no scripts, so that no package's set-up code runs on the host.
    command.args([verb, "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    command.current_dir(target);
    run(command, folder, &folder.join("package.json"))
}

fn run(mut command: Command, folder: &Path, manifest: &Path) -> Result<(), BuildError> {
    let shown = format!("{command:?}").replace('"', "");
    let failed =
        |output: String| BuildError::Install { command: shown.clone(), folder: folder.to_owned(), output };
    let output = command.stdin(std::process::Stdio::null()).output();
    let output = output.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BuildError::Missing {
            program: command.get_program().to_string_lossy().into_owned(),
            manifest: manifest.to_owned(),
        },
        _ => failed(error.to_string()),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = printed.lines().rev().take(15).collect();
    Err(failed(tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
}

/// The files of a package by their names in it; the first file of a name stays.
#[derive(Default)]
struct Files {
    by_name: std::collections::BTreeMap<String, PathBuf>,
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
            if name.to_str().is_some_and(|name| SKIPPED.contains(&name)) {
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

    /// The same files make the same bytes: sorted names, one date.
    fn zip(&self) -> Result<Vec<u8>, BuildError> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, path) in &self.by_name {
            let io = |source| BuildError::Io { path: path.clone(), source };
            let contents = std::fs::read(path).map_err(io)?;
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).map_err(io)?.permissions());
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

    const PYTHON: Build<'_> = Build { runtime: "python3.12", installs: true, prefix: "" };

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
        let first = package(folder.path(), PYTHON, cache.path()).unwrap();
        let second = package(folder.path(), PYTHON, cache.path()).unwrap();
        assert_eq!(first, second);
        assert_eq!(names(first), ["b.py", "pkg/a.py"]);
        let layer = package(folder.path(), Build { prefix: "python", ..PYTHON }, cache.path()).unwrap();
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
        let build = Build { runtime: "esbuild", ..PYTHON };
        let told = package(folder.path(), build, folder.path()).unwrap_err().to_string();
        assert!(told.contains("run `sam build`"), "{told}");
    }

    #[test]
    fn the_platforms_own_folder_is_in_no_package() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("state");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("root.key"), "secret").unwrap();
        std::fs::write(folder.path().join("a.py"), "a = 1").unwrap();
        assert_eq!(names(package(folder.path(), PYTHON, &data).unwrap()), ["a.py"]);
    }

    #[test]
    fn a_missing_package_manager_is_named_with_what_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("package.json");
        let error = run(Command::new("no-such-program"), folder.path(), &manifest).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("`no-such-program` is not installed") && told.contains("package.json"),
            "{told}"
        );
    }

    #[test]
    fn a_failing_install_says_what_failed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("requirements.txt"), "not a requirement !!").unwrap();
        let cache = tempfile::tempdir().unwrap();
        let error = package(folder.path(), PYTHON, cache.path()).unwrap_err();
        assert!(error.to_string().contains("pip install"), "{error}");
    }
}
